/**
 * CSV and NDJSON files written row by row. A file in gzip is a row of members, each of about a megabyte of text: it can be cut behind any of
 * them and written on.
 */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Batch } from '../batch/contract.ts';
import type { Arena } from '../memory/contract.ts';
import type { Fields } from '../schema/types.ts';
import { DurableFile } from './durable-file.ts';
import type { RowFile, RowFileMark } from './row-file.ts';
import { csvHeader, type RowTextFormat, rowWriter } from './row-text.ts';

export interface TextFileOptions {
  path: string;
  fields: Fields;
  arena: Arena;
  rows: RowTextFormat;
  hasHeader: boolean;
  compression: 'none' | 'gzip';
  /** How many such files are open together, which share what waits to be written. Default 1. */
  openFiles?: number | undefined;
}

/** Rows that become text together. */
const PIECE_ROWS = 1024;
/** Text that is written, or compressed, together. */
const BLOCK_LETTERS = 1 << 20;

const compressed = promisify(gzip);

export class TextFileWriter implements RowFile {
  rows: number;
  readonly #options: TextFileOptions;
  readonly #file: DurableFile;
  readonly #blockLetters: number;
  #parts: string[] = [];
  #letters = 0;

  private constructor(options: TextFileOptions, file: DurableFile, rows: number) {
    this.#options = options;
    this.#file = file;
    this.#blockLetters = Math.ceil(BLOCK_LETTERS / (options.openFiles ?? 1));
    this.rows = rows;
  }

  /** Creates the file, or goes on behind a mark: what was written later is cut off. @throws ERR_IO */
  static async open(options: TextFileOptions, from?: RowFileMark): Promise<TextFileWriter> {
    const writer = new TextFileWriter(
      options,
      await DurableFile.takeUp(options.path, from?.bytes ?? 0),
      from?.rows ?? 0,
    );
    const { fields, hasHeader, rows } = options;
    if (hasHeader && rows.syntax === 'csv' && writer.bytes === 0)
      writer.#add(
        csvHeader(
          fields.map(({ name }) => name),
          rows.delimiter,
        ),
      );
    return writer;
  }

  get bytes(): number {
    return this.#file.bytes;
  }

  async push(batch: Batch): Promise<void> {
    const textOf = rowWriter(this.#options.arena, batch, this.#options.rows);
    for (let row = 0; row < batch.rows; row += PIECE_ROWS) {
      this.#add(textOf(row, Math.min(batch.rows, row + PIECE_ROWS)));
      if (this.#letters >= this.#blockLetters) await this.#flush();
    }
    this.rows += batch.rows;
  }

  async mark(): Promise<RowFileMark> {
    await this.#flush();
    await this.#file.sync();
    return { rows: this.rows, bytes: this.bytes, places: [] };
  }

  async end(): Promise<{ rows: number; bytes: number }> {
    await this.#flush();
    await this.#file.seal();
    return { rows: this.rows, bytes: this.bytes };
  }

  abort(): Promise<void> {
    return this.#file.close();
  }

  #add(text: string): void {
    this.#parts.push(text);
    this.#letters += text.length;
  }

  async #flush(): Promise<void> {
    // A file of no rows in gzip is an empty member, not an empty file.
    const isEmpty = this.#letters === 0 && (this.bytes > 0 || this.#options.compression === 'none');
    if (isEmpty) return;
    const text = Buffer.from(this.#parts.join(''));
    this.#parts = [];
    this.#letters = 0;
    await this.#file.write(this.#options.compression === 'none' ? text : await compressed(text));
  }
}
