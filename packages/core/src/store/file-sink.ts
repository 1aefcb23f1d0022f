/**
 * Sinks that write files, on a codec thread: they take batches to the end of their edge and leave staged files behind. The
 * main thread then commits all of them or discards them (`sink-commit.ts`), so that a run that fails leaves nothing.
 */
import type { Batch } from '../batch/contract.ts';
import { PipelineError } from '../errors.ts';
import { OrderCheck } from '../formats/order-check.ts';
import { isOrderable } from '../formats/ordered-value.ts';
import { ParquetWriter } from '../formats/parquet-writer.ts';
import { instantiateKernels } from '../kernels/compiled-kernels.ts';
import type { Arena } from '../memory/contract.ts';
import type { SinkSpec } from '../plan/logical.ts';
import { fieldIndex } from '../schema/fields.ts';
import type { Fields } from '../schema/types.ts';
import type { StagedFile } from './dataset-file.ts';
import { KeepLast } from './keep-last.ts';
import { RowGroupFiles } from './row-group-files.ts';
import { effectiveSettings } from './write-settings.ts';

export type FileSinkSpec = Extract<SinkSpec, { type: 'parquet' | 'store' }>;
export type StoreSpec = Extract<SinkSpec, { type: 'store' }>;

/** What a sink wrote and nothing refers to yet. Plain data. */
export interface StagedSink {
  spec: FileSinkSpec;
  fields: Fields;
  rows: number;
  bytes: number;
  /** Files of a store's dataset, in the order of their rows. A Parquet sink has one file, whose place is `staging`. */
  files: StagedFile[];
  staging: string;
  /** Logical bytes of a row group at most. */
  memoryLimitBytes?: number;
}

export interface FileSinkOptions {
  spec: FileSinkSpec;
  fields: Fields;
  arena: Arena;
  /** Whom copies of batches are charged to. Default 0. */
  owner?: number;
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

/** Files of one row group each, of rows in order, the last one of equal rows. */
class StoreSink implements FileSink {
  rows = 0;
  readonly #options: FileSinkOptions;
  readonly #spec: StoreSpec;
  readonly #order: OrderCheck;
  readonly #orderedIndex: number;
  readonly #files: RowGroupFiles;
  readonly #keeper: KeepLast | undefined;

  constructor(options: FileSinkOptions, spec: StoreSpec) {
    const { fields, arena, staging, memoryLimitBytes, owner = 0 } = options;
    const { orderedOn, duplicatesOn, target } = effectiveSettings(spec.orderedOn, fields, spec);
    this.#options = options;
    this.#spec = spec;
    this.#orderedIndex = fieldIndex(fields, orderedOn);
    const type = fields[this.#orderedIndex]?.type ?? 'int64';
    this.#order = new OrderCheck(arena, orderedOn, type);
    const limit = memoryLimitBytes === undefined ? {} : { memoryLimitBytes };
    this.#files = new RowGroupFiles({ arena, fields, orderedOn, target, folder: staging, ...limit });
    if (duplicatesOn === undefined) return;
    const kernels = instantiateKernels(arena);
    const emit = (batch: Batch): Promise<void> => this.#write(batch);
    this.#keeper = new KeepLast({ arena, kernels, owner, fields, orderedOn, duplicatesOn, emit });
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

/**
 * Refuses an order that rows cannot have.
 * @throws ERR_OPTIONS, ERR_COLUMN_UNKNOWN, ERR_TYPE_UNSUPPORTED
 */
export function checkOrder(spec: StoreSpec, fields: Fields): void {
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
 * Memory: the encoded pages of one row group and 4 MiB; batches are released as soon as they are encoded. With `duplicatesOn`
 * also a copy of a batch and the rows of one ordered value.
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
