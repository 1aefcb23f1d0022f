/** A sink of a store: files of one row group each, of rows in order, the last one of equal rows. */
import { rm } from 'node:fs/promises';
import type { Batch } from '../../batch/contract.ts';
import { OrderCheck } from '../../formats/order-check.ts';
import { instantiateKernels } from '../../kernels/compiled-kernels.ts';
import type { WrittenFiles } from '../../plan/logical.ts';
import { fieldIndex } from '../../schema/fields.ts';
import { effectiveSettings } from '../commit/write-settings.ts';
import { parseChecksums } from '../files/checksum-text.ts';
import type { StagedFile } from '../files/dataset-file.ts';
import { fileBatches } from '../files/file-batches.ts';
import { RowGroupFiles, type RowGroupFilesOptions } from '../files/row-group-files.ts';
import { touchesCut } from '../merge/cut-files.ts';
import { KeepLast } from '../merge/keep-last.ts';
import type { FileSink, FileSinkOptions, StagedSink, StoreMark, StoreSpec } from './contract.ts';

/** Rows that are read at a time when waiting rows are taken up again. */
const BATCH_ROWS = 32_768;

export class StoreSink implements FileSink {
  rows = 0;
  readonly #options: FileSinkOptions;
  readonly #spec: StoreSpec;
  readonly #order: OrderCheck;
  readonly #orderedIndex: number;
  readonly #fileOptions: RowGroupFilesOptions;
  readonly #files: RowGroupFiles;
  readonly #keeper: KeepLast | undefined;
  /** Marks so far: no two keep rows under one name. */
  #marks = 0;
  #lastMark: StoreMark | undefined;
  /** Files of rows that wait, by the mark that they are of. */
  readonly #waiting: Map<number, StagedFile[]> = new Map();

  private constructor(options: FileSinkOptions, spec: StoreSpec, from: StoreMark | undefined) {
    const { fields, arena, staging, memoryLimitBytes, owner = 0 } = options;
    // Files that are left to somebody else are named by what he is told.
    const isNamed = options.isNamed === true || spec.left !== undefined;
    const { orderedOn, duplicatesOn, target } = effectiveSettings(spec.orderedOn, fields, spec);
    this.#options = options;
    this.#spec = spec;
    this.#orderedIndex = fieldIndex(fields, orderedOn);
    const type = fields[this.#orderedIndex]?.type ?? 'int64';
    this.#order = new OrderCheck(arena, orderedOn, type);
    const limit = memoryLimitBytes === undefined ? {} : { memoryLimitBytes };
    this.#fileOptions = { arena, fields, orderedOn, target, folder: staging, isNamed, ...limit };
    this.#files = new RowGroupFiles(this.#fileOptions, from?.files);
    if (from !== undefined) {
      this.rows = from.rows;
      this.#order.last = from.last;
      this.#marks = from.number;
      this.#lastMark = from;
      this.#waiting.set(from.number, from.waiting);
    }
    if (duplicatesOn === undefined) return;
    const kernels = instantiateKernels(arena);
    const emit = (batch: Batch): Promise<void> => this.#write(batch);
    this.#keeper = new KeepLast({ arena, kernels, owner, fields, orderedOn, duplicatesOn, emit });
  }

  /** @throws ERR_COLUMN_UNKNOWN, ERR_TYPE_UNSUPPORTED, ERR_OPTIONS, and what reading throws */
  static async open(options: FileSinkOptions, spec: StoreSpec, from: StoreMark | undefined): Promise<StoreSink> {
    const sink = new StoreSink(options, spec, from);
    for (const file of from?.waiting ?? []) await sink.#takeUp(file);
    if (from === undefined && spec.written !== undefined) await sink.#adopt(spec.written);
    return sink;
  }

  /** Files stay as they are, but where equal rows may lie in two that do not know of each other: their rows come again. */
  async #adopt({ rows, files }: WrittenFiles): Promise<void> {
    const comesAgain = this.#keeper === undefined ? () => false : touchesCut(files);
    for (const file of files) {
      if (comesAgain(file)) {
        await this.#takeUp(file);
        continue;
      }
      await this.#keeper?.end();
      await this.#files.adopt(file);
    }
    this.rows = rows;
    this.#order.last = files.at(-1)?.max;
  }

  async #takeUp(file: StagedFile): Promise<void> {
    const { arena, fields, owner = 0 } = this.#options;
    const columns = fields.map(({ name }) => name);
    const checked = { path: file.path, checksums: parseChecksums(file.checksums) };
    for await (const batch of fileBatches({ arena, owner, fields, columns, batchRows: BATCH_ROWS }, checked))
      await (this.#keeper as KeepLast).push(batch);
  }

  async push(batch: Batch): Promise<void> {
    let isOurs = true;
    try {
      const ordered = batch.columns[this.#orderedIndex];
      if (ordered !== undefined) this.#order.check(ordered, this.rows);
      this.rows += batch.rows;
      if (batch.rows === 0) return;
      isOurs = false;
    } finally {
      if (isOurs) batch.release();
    }
    await (this.#keeper === undefined ? this.#write(batch) : this.#keeper.push(batch));
  }

  async #write(batch: Batch): Promise<void> {
    try {
      await this.#files.push(batch);
    } finally {
      batch.release();
    }
  }

  /** Rows that may still be replaced are written to files of their own, which nothing but a restart reads. */
  async mark(needed: number, handsOver: boolean): Promise<StoreMark> {
    await this.#dropBefore(needed);
    const last = this.#lastMark;
    if (last?.rows === this.rows && !handsOver) return last;
    // What has been committed may be replaced by later rows too: it is merged.
    if (handsOver) await this.#keeper?.end();
    this.#marks += 1;
    const files = handsOver ? await this.#files.handOver() : await this.#files.cut();
    const waiting = await this.#saveWaiting();
    this.#waiting.set(this.#marks, waiting);
    const mark: StoreMark = {
      type: 'store',
      rows: this.rows,
      number: this.#marks,
      last: this.#order.last,
      files,
      waiting,
    };
    this.#lastMark = handsOver ? { ...mark, files: [] } : mark;
    return mark;
  }

  async #dropBefore(needed: number): Promise<void> {
    for (const [mark, files] of this.#waiting) {
      if (mark >= needed) continue;
      for (const { path } of files) await rm(path, { force: true });
      this.#waiting.delete(mark);
    }
  }

  async #saveWaiting(): Promise<StagedFile[]> {
    const held = this.#keeper?.held;
    if (held === undefined) return [];
    const waiting = new RowGroupFiles({ ...this.#fileOptions, prefix: `waiting-${this.#marks}-` });
    try {
      await waiting.push(held);
      return await waiting.end();
    } catch (error) {
      await waiting.abort();
      throw error;
    }
  }

  async end(): Promise<StagedSink> {
    await this.#keeper?.end();
    const files = await this.#files.end();
    const { fields, staging, memoryLimitBytes } = this.#options;
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    const limit = memoryLimitBytes === undefined ? {} : { memoryLimitBytes };
    return { spec: this.#spec, fields, rows: this.rows, bytes, files, staging, ...limit };
  }

  async abort(): Promise<void> {
    this.#keeper?.abort();
    await this.#files.abort();
  }
}
