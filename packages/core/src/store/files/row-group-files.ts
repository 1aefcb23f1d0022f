/**
 * Writes ordered rows as files of one row group each, cut at a number of rows, at the end of a period, or where a row group
 * would take too much memory.
 */
import { join } from 'node:path';

import type { Batch, Column } from '../../batch/contract.ts';
import { compareOrdered, orderedValue } from '../../formats/ordered-value.ts';
import { ParquetWriter } from '../../formats/parquet-writer.ts';
import type { Arena } from '../../memory/contract.ts';
import { fieldIndex } from '../../schema/fields.ts';
import type { Fields } from '../../schema/types.ts';
import { storedColumns } from '../log/stored-types.ts';
import { type StagedFile, stagedFile } from './dataset-file.ts';
import { type Periods, periodsOf, type RowGroupTarget } from './row-group-target.ts';

export interface RowGroupFilesOptions {
  arena: Arena;
  fields: Fields;
  orderedOn: string;
  target: RowGroupTarget;
  /** Folder of the files. */
  folder: string;
  /** Begins their names, so that several writers share a folder. */
  prefix?: string;
  /** Logical bytes of a row group after which it is closed, whatever its target. */
  memoryLimitBytes?: number;
  /** Something on the disk will name the files where they are, so they have to survive a power cut there. */
  isNamed?: boolean;
}

/** Rows of a row group at most where a period is its target. */
const MOST_ROWS = 16_777_216;

/** Files that are being put on the disk at once: the disk has always something to do, and a slow moment of it holds nobody back. */
const MOST_ENDING = 3;

/** Exactly one of `end` and `abort` is called. */
export class RowGroupFiles {
  rows = 0;
  readonly #options: RowGroupFilesOptions;
  readonly #stored: ReturnType<typeof storedColumns>;
  readonly #orderedIndex: number;
  readonly #targetRows: number;
  readonly #periods: Periods | undefined;
  readonly #files: StagedFile[];
  #writer: ParquetWriter | undefined;
  /** Those before, which are being put on the disk while rows of the next one are encoded. Never reject. */
  readonly #ending: Promise<{ file?: StagedFile; error?: unknown }>[] = [];
  /** Files begun so far: names are not given twice. */
  #count = 0;
  /** Logical bytes in the file being written. */
  #writerBytes = 0;
  /** Where the period of the file being written ends. */
  #periodEnd: bigint | undefined;

  /**
   * @param before what was written before: its rows are ahead of those that come
   * @throws ERR_COLUMN_UNKNOWN, ERR_TYPE_UNSUPPORTED, ERR_OPTIONS for a target that the column cannot have
   */
  constructor(options: RowGroupFilesOptions, before: readonly StagedFile[] = []) {
    const { fields, orderedOn, target } = options;
    this.#options = options;
    this.#files = [...before];
    this.#count = before.length;
    this.#stored = storedColumns(fields);
    this.#orderedIndex = fieldIndex(fields, orderedOn);
    this.#periods = periodsOf(target, fields[this.#orderedIndex]?.type ?? 'int64');
    this.#targetRows = typeof target === 'number' ? target : MOST_ROWS;
  }

  /** Encodes a batch, which stays the caller's and may be released when this resolves. @throws ERR_IO, ERR_VALUE */
  async push(batch: Batch): Promise<void> {
    for (let from = 0; from < batch.rows; ) from += await this.#pushSome(batch, from);
  }

  /** @returns rows taken: up to the end of the file at hand */
  async #pushSome(batch: Batch, from: number): Promise<number> {
    if (this.#periods !== undefined) await this.#enterPeriod(batch, from, this.#periods);
    const writer = (this.#writer ??= await this.#open());
    const rows = Math.min(this.#periodRows(batch, from), this.#targetRows - writer.rows);
    await writer.push(batch, from, rows);
    this.rows += rows;
    this.#writerBytes += (batch.logicalBytes / batch.rows) * rows;
    if (writer.rows >= this.#targetRows || this.#writerBytes >= (this.#options.memoryLimitBytes ?? Infinity))
      await this.#close();
    return rows;
  }

  /** Begins a new file where a row is behind the period of the file at hand. */
  async #enterPeriod(batch: Batch, from: number, periods: Periods): Promise<void> {
    const value = orderedValue(this.#options.arena, batch.columns[this.#orderedIndex] as Column, from);
    if (this.#periodEnd !== undefined && BigInt(value) < this.#periodEnd) return;
    await this.#close();
    this.#periodEnd = periods.endOf(value);
  }

  /** Rows from `from` on that are in the period at hand. */
  #periodRows(batch: Batch, from: number): number {
    const end = this.#periodEnd;
    if (end === undefined) return batch.rows - from;
    const column = batch.columns[this.#orderedIndex] as Column;
    let [low, high] = [from, batch.rows];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareOrdered(orderedValue(this.#options.arena, column, middle), end) < 0) low = middle + 1;
      else high = middle;
    }
    return low - from;
  }

  /** As `cut`; the files are the caller's, and later ones come without them. */
  async handOver(): Promise<StagedFile[]> {
    await this.#close(true);
    return this.#files.splice(0);
  }

  #open(): Promise<ParquetWriter> {
    const { fields, arena, folder, prefix = '', orderedOn, isNamed = false } = this.#options;
    this.#writerBytes = 0;
    return ParquetWriter.open({
      isPassing: !isNamed,
      path: join(folder, `${prefix}${String(this.#count++).padStart(6, '0')}.parquet`),
      fields,
      stored: this.#stored,
      compression: 'light',
      rowGroupRows: this.#targetRows,
      arena,
      orderedOn,
    });
  }

  async #close(isCut = false): Promise<void> {
    await this.#ended(MOST_ENDING - 1);
    const writer = this.#writer;
    this.#writer = undefined;
    if (writer !== undefined) this.#ending.push(this.#endFile(writer, isCut));
    if (isCut) await this.#ended();
  }

  async #endFile(writer: ParquetWriter, isCut: boolean): Promise<{ file?: StagedFile; error?: unknown }> {
    const { fields, orderedOn } = this.#options;
    try {
      return { file: { ...stagedFile(await writer.end(), fields, orderedOn), ...(isCut && { isCut }) } };
    } catch (error) {
      return { error };
    }
  }

  /** Waits, first for the first, until no more than so many are on their way. @throws what ending one of them threw */
  async #ended(most = 0): Promise<void> {
    while (this.#ending.length > most) {
      const { file, error } = (await this.#ending[0]) ?? {};
      this.#ending.shift();
      if (error !== undefined) throw error;
      if (file !== undefined) this.#files.push(file);
    }
  }

  /** A file that another has written comes next. */
  async adopt(file: StagedFile): Promise<void> {
    await this.#close(true);
    this.#files.push(file);
    this.rows += file.rows;
  }

  /** Ends the file at hand before its target. All files so far, in the order of their rows. */
  async cut(): Promise<StagedFile[]> {
    await this.#close(true);
    return [...this.#files];
  }

  /** Writes what is left. The files are in the order of their rows. */
  async end(): Promise<StagedFile[]> {
    await this.#close();
    await this.#ended();
    return this.#files;
  }

  /** Removes the file at hand; those that are finished stay. */
  async abort(): Promise<void> {
    await Promise.all(this.#ending);
    await this.#writer?.abort();
  }
}
