/**
 * Sinks that write files, on a codec thread: they take batches to the end of their edge and leave staged files behind. The
 * main thread then commits all of them or discards them (`sink-commit.ts`), so that a run that fails leaves nothing.
 */
import { join } from 'node:path';

import type { Batch } from '../batch/contract.ts';
import { PipelineError } from '../errors.ts';
import { OrderCheck } from '../formats/order-check.ts';
import { isOrderable } from '../formats/ordered-value.ts';
import { ParquetWriter } from '../formats/parquet-writer.ts';
import type { Arena } from '../memory/contract.ts';
import type { SinkSpec } from '../plan/logical.ts';
import { fieldIndex } from '../schema/fields.ts';
import type { Fields } from '../schema/types.ts';
import { type StagedFile, stagedFile } from './dataset-file.ts';
import { storedColumns } from './stored-types.ts';

export type FileSinkSpec = Extract<SinkSpec, { type: 'parquet' | 'store' }>;

/** What a sink wrote and nothing refers to yet. Plain data. */
export interface StagedSink {
  spec: FileSinkSpec;
  fields: Fields;
  rows: number;
  bytes: number;
  /** Files of a store's dataset, in the order of their rows. A Parquet sink has one file, whose place is `staging`. */
  files: StagedFile[];
  staging: string;
}

export interface FileSinkOptions {
  spec: FileSinkSpec;
  fields: Fields;
  arena: Arena;
  /** Where to write: what `stagingPath` gives. */
  staging: string;
  /** Uncompressed bytes of a row group after which it is closed, whatever its rows. */
  memoryLimitBytes?: number;
}

/** A sink of one run. Exactly one of `end` and `abort` is called. */
export interface FileSink {
  readonly rows: number;
  /** Takes over a batch. Resolves when it is encoded. @throws ERR_INPUT_UNORDERED, ERR_VALUE, ERR_IO */
  push(batch: Batch): Promise<void>;
  /** Writes what is left. */
  end(): Promise<StagedSink>;
  /** Removes what was written. */
  abort(): Promise<void>;
}

/** One file with many row groups. */
class ParquetSink implements FileSink {
  readonly #writer: ParquetWriter;
  readonly #options: FileSinkOptions;

  constructor(writer: ParquetWriter, options: FileSinkOptions) {
    this.#writer = writer;
    this.#options = options;
  }

  get rows(): number {
    return this.#writer.rows;
  }

  async push(batch: Batch): Promise<void> {
    try {
      await this.#writer.push(batch);
    } finally {
      batch.release();
    }
  }

  async end(): Promise<StagedSink> {
    const { spec, fields, staging } = this.#options;
    const { rows, bytes } = await this.#writer.end();
    return { spec, fields, rows, bytes, files: [], staging };
  }

  abort(): Promise<void> {
    return this.#writer.abort();
  }
}

/** Files of one row group each, cut at `rowGroupRows` or at the memory limit. */
class StoreSink implements FileSink {
  rows = 0;
  readonly #options: FileSinkOptions;
  readonly #spec: Extract<SinkSpec, { type: 'store' }>;
  readonly #stored: ReturnType<typeof storedColumns>;
  readonly #order: OrderCheck;
  readonly #orderedIndex: number;
  readonly #files: StagedFile[] = [];
  #writer: ParquetWriter | undefined;
  /** Logical bytes in the file being written. */
  #writerBytes = 0;

  constructor(options: FileSinkOptions, spec: Extract<SinkSpec, { type: 'store' }>) {
    this.#options = options;
    this.#spec = spec;
    this.#stored = storedColumns(options.fields);
    this.#orderedIndex = fieldIndex(options.fields, spec.orderedOn);
    const type = options.fields[this.#orderedIndex]?.type ?? 'int64';
    this.#order = new OrderCheck(options.arena, spec.orderedOn, type);
  }

  async push(batch: Batch): Promise<void> {
    try {
      const ordered = batch.columns[this.#orderedIndex];
      if (ordered !== undefined) this.#order.check(ordered, this.rows);
      for (let from = 0; from < batch.rows; ) from += await this.#pushSome(batch, from);
    } finally {
      batch.release();
    }
  }

  /** @returns rows taken: up to the end of the file at hand */
  async #pushSome(batch: Batch, from: number): Promise<number> {
    const writer = (this.#writer ??= await this.#open());
    const rows = Math.min(batch.rows - from, this.#spec.rowGroupRows - writer.rows);
    await writer.push(batch, from, rows);
    this.rows += rows;
    this.#writerBytes += (batch.logicalBytes / batch.rows) * rows;
    if (writer.rows >= this.#spec.rowGroupRows || this.#writerBytes >= (this.#options.memoryLimitBytes ?? Infinity))
      await this.#close();
    return rows;
  }

  #open(): Promise<ParquetWriter> {
    const { fields, arena, staging } = this.#options;
    this.#writerBytes = 0;
    return ParquetWriter.open({
      path: join(staging, `${String(this.#files.length).padStart(6, '0')}.parquet`),
      fields,
      stored: this.#stored,
      compression: 'none',
      rowGroupRows: this.#spec.rowGroupRows,
      arena,
      orderedOn: this.#spec.orderedOn,
    });
  }

  async #close(): Promise<void> {
    const writer = this.#writer;
    this.#writer = undefined;
    if (writer !== undefined)
      this.#files.push(stagedFile(await writer.end(), this.#options.fields, this.#spec.orderedOn));
  }

  async end(): Promise<StagedSink> {
    await this.#close();
    const { fields, staging } = this.#options;
    const bytes = this.#files.reduce((sum, file) => sum + file.bytes, 0);
    return { spec: this.#spec, fields, rows: this.rows, bytes, files: this.#files, staging };
  }

  async abort(): Promise<void> {
    await this.#writer?.abort();
  }
}

/**
 * Refuses an order that rows cannot have.
 * @throws ERR_OPTIONS, ERR_COLUMN_UNKNOWN, ERR_TYPE_UNSUPPORTED
 */
export function checkOrder(spec: Extract<SinkSpec, { type: 'store' }>, fields: Fields): void {
  if (spec.orderedOn === '') {
    throw new PipelineError('ERR_OPTIONS', 'toStore: the rows have no known order', {
      hint: "name the column that they ascend on: { orderedOn: 'ts' }",
    });
  }
  const type = fields[fieldIndex(fields, spec.orderedOn)]?.type ?? 'binary';
  if (isOrderable(type)) return;
  throw new PipelineError('ERR_TYPE_UNSUPPORTED', `rows cannot be ordered on "${spec.orderedOn}", which is ${type}`, {
    column: spec.orderedOn,
    expected: 'a timestamp, date, number or utf8 column',
    hint: 'choose another orderedOn column',
  });
}

/**
 * Opens a sink. What it leaves behind is under `staging` alone.
 *
 * Memory: the encoded pages of one row group and 4 MiB; batches are released as soon as they are encoded.
 * @throws ERR_IO, ERR_OPTIONS (no ordered column), ERR_COLUMN_UNKNOWN, ERR_TYPE_UNSUPPORTED
 */
export async function openFileSink(options: FileSinkOptions): Promise<FileSink> {
  const { spec, fields, arena, staging, memoryLimitBytes } = options;
  if (spec.type === 'store') {
    checkOrder(spec, fields);
    return new StoreSink(options, spec);
  }
  const { compression, rowGroupRows } = spec;
  const limit = memoryLimitBytes === undefined ? {} : { rowGroupBytes: memoryLimitBytes };
  return new ParquetSink(
    await ParquetWriter.open({ path: staging, fields, compression, rowGroupRows, arena, ...limit }),
    options,
  );
}
