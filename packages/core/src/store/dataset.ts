/** One dataset of a store, as of one version: what it is made of, and reading its rows in order. */
import type { RecordBatch } from 'apache-arrow';

import { batchToArrowCopy } from '../batch/batch-to-arrow.ts';
import type { Batch } from '../batch/contract.ts';
import { makeBatch } from '../batch/make-batch.ts';
import { sliceBatch } from '../batch/slice-batch.ts';
import { toTemporal } from '../batch/write-values.ts';
import { PipelineError } from '../errors.ts';
import { compareOrdered, type OrderedValue, orderedValue } from '../formats/ordered-value.ts';
import type { Arena } from '../memory/contract.ts';
import { createArena } from '../memory/process-arena.ts';
import { fieldIndex } from '../schema/fields.ts';
import { loadArrow } from '../schema/load-arrow.ts';
import { parseType } from '../schema/parse-type.ts';
import type { Fields, TypeText } from '../schema/types.ts';
import { type DatasetFile, datasetFile } from './dataset-file.ts';
import type { Snapshot } from './delta-actions.ts';
import { fromSchemaString } from './delta-schema.ts';
import { fileBatches } from './file-batches.ts';
import { type DatasetKey, showKey } from './key-path.ts';
import type { VerifyResult } from './verify.ts';
import { PROPERTY } from './write-settings.ts';

/** Which rows to read. */
export interface DatasetReadOptions {
  /** Rows at or after this value of the ordered column. Times: a `Date`, ISO text, or a bigint in the column's unit. */
  from?: OrderedValue | Date;
  /** Rows before this value. */
  to?: OrderedValue | Date;
  /** Columns, in this order. Default: all. */
  columns?: readonly string[];
  /** Rows of a batch at most. Default 65,536. */
  batchRows?: number;
}

const OWNER = 0;
const BATCH_ROWS = 65_536;

function exact(value: OrderedValue | Date | undefined, type: TypeText, what: string): OrderedValue | undefined {
  if (value === undefined) return undefined;
  const parsed = parseType(type);
  if (parsed.domain === 'temporal') {
    const time = toTemporal(parsed, value);
    if (time !== undefined) return parsed.byteWidth === 8 ? time : Number(time);
  } else if (type === 'utf8' ? typeof value === 'string' : typeof value === 'bigint' || typeof value === 'number') {
    return value as OrderedValue;
  }
  throw new PipelineError('ERR_VALUE', `${what} is ${String(value)}, the dataset is ordered on a ${type}`, {
    value: String(value),
    expected: type,
    hint: 'give a value of the ordered column: times as a Date, ISO text, or a bigint in its unit',
  });
}

/** First row whose value is at or after `bound`. */
function lowerBound(arena: Arena, batch: Batch, index: number, bound: OrderedValue): number {
  const column = batch.columns[index];
  if (column === undefined) return 0;
  let [low, high] = [0, batch.rows];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareOrdered(orderedValue(arena, column, middle), bound) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function withoutLast(arena: Arena, batch: Batch, columns: number): Batch {
  const result = makeBatch(arena, OWNER, batch.fields.slice(0, columns), batch.columns.slice(0, columns), batch.rows);
  batch.release();
  return result;
}

/** A dataset as of the version at which it was opened. Writers that commit later do not change it. */
export class Dataset {
  readonly key: DatasetKey;
  /** Folder of the dataset, which is a Delta Lake table. */
  readonly path: string;
  readonly version: number;
  /** When the version was committed; undefined where the log no longer tells. */
  readonly committedAt: Date | undefined;
  readonly fields: Fields;
  /** Column that the rows ascend on. */
  readonly orderedOn: string;
  /** What its writer gave, as of this version. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly #snapshot: Snapshot;
  #files: readonly DatasetFile[] | undefined;

  /** @throws ERR_STORE_UNSUPPORTED for a table that names no ordered column */
  constructor(key: DatasetKey, path: string, snapshot: Snapshot) {
    this.key = key;
    this.path = path;
    this.version = snapshot.version;
    this.committedAt = snapshot.committedAt === undefined ? undefined : new Date(snapshot.committedAt);
    this.fields = fromSchemaString(snapshot.metaData.schemaString);
    const { [PROPERTY.orderedOn]: orderedOn, [PROPERTY.metadata]: metadata } = snapshot.metaData.configuration ?? {};
    if (orderedOn === undefined) {
      throw new PipelineError('ERR_STORE_UNSUPPORTED', `${path} is a Delta table without an order`, {
        file: path,
        hint: 'another program made it: read its files with readParquet',
      });
    }
    this.orderedOn = orderedOn;
    this.metadata = metadata === undefined ? {} : (JSON.parse(metadata) as Record<string, string>);
    this.#snapshot = snapshot;
  }

  /**
   * Its files in the order of their rows, with exact bounds and checksums.
   * @throws ERR_STORE_UNSUPPORTED when another program added files
   */
  files(): readonly DatasetFile[] {
    this.#files ??= [...this.#snapshot.files.values()]
      .map((action) => datasetFile(this.path, action, this.fields, this.orderedOn))
      .sort((a, b) => a.sequence - b.sequence);
    return this.#files;
  }

  get rows(): number {
    return this.files().reduce((sum, file) => sum + file.rows, 0);
  }

  /**
   * Rows in order, as batches of their own memory. Files outside the range are not opened; what is read is checked
   * against the checksums of the log.
   *
   * Memory: one file's encoded columns, and two batches.
   * @throws ERR_COLUMN_UNKNOWN, ERR_VALUE (a bound that is no value of the ordered column), ERR_STORE_CORRUPT, ERR_FILE_NOT_FOUND
   * @example
   * ```ts
   * for await (const batch of dataset.read({ from: '2001-02-01', to: '2001-03-01', columns: ['date', 'n'] })) console.table(batch.toArray());
   * ```
   */
  async *read(options: DatasetReadOptions = {}): AsyncGenerator<RecordBatch, void, undefined> {
    const arrow = await loadArrow();
    const arena = createArena();
    const type = this.fields[fieldIndex(this.fields, this.orderedOn)]?.type ?? 'int64';
    const range = { from: exact(options.from, type, 'from'), to: exact(options.to, type, 'to') };
    const names = options.columns ?? this.fields.map((field) => field.name);
    for (const name of names) fieldIndex(this.fields, name);
    for (const file of this.files()) {
      if (range.from !== undefined && compareOrdered(file.max, range.from) < 0) continue;
      if (range.to !== undefined && compareOrdered(file.min, range.to) >= 0) continue;
      for await (const batch of this.#batches(arena, file, names, range, options.batchRows ?? BATCH_ROWS)) {
        const copy = batchToArrowCopy(arrow, batch);
        batch.release();
        yield copy;
      }
    }
  }

  /** The rows of one file that are in the range. The batches are the caller's. */
  async *#batches(
    arena: Arena,
    file: DatasetFile,
    names: readonly string[],
    range: { from: OrderedValue | undefined; to: OrderedValue | undefined },
    batchRows: number,
  ): AsyncGenerator<Batch, void, undefined> {
    const isCut = range.from !== undefined || range.to !== undefined;
    // The ordered column comes along, last, when rows have to be found by it.
    const columns = isCut && !names.includes(this.orderedOn) ? [...names, this.orderedOn] : names;
    const source = { arena, owner: OWNER, fields: this.fields, columns, batchRows };
    for await (const batch of fileBatches(source, file)) {
      const rows = isCut ? this.#cut(arena, batch, columns.indexOf(this.orderedOn), names.length, range) : batch;
      if (rows !== undefined) yield rows;
    }
  }

  /** Takes over a batch; gives its rows in the range, without the column that came along. */
  #cut(
    arena: Arena,
    batch: Batch,
    ordered: number,
    columns: number,
    range: { from: OrderedValue | undefined; to: OrderedValue | undefined },
  ): Batch | undefined {
    const first = range.from === undefined ? 0 : lowerBound(arena, batch, ordered, range.from);
    const end = range.to === undefined ? batch.rows : lowerBound(arena, batch, ordered, range.to);
    try {
      if (first >= end) return undefined;
      const rows = sliceBatch(arena, OWNER, batch, first, end - first);
      return columns === rows.columns.length ? rows : withoutLast(arena, rows, columns);
    } finally {
      batch.release();
    }
  }

  /**
   * Versions that the log still has, oldest first. Those whose files were removed by `vacuum` cannot be read.
   * @throws ERR_STORE_CORRUPT, ERR_IO
   */
  async history(): Promise<{ version: number; committedAt: Date; operation: string | undefined }[]> {
    const { readHistory } = await import('./delta-log.ts');
    const entries = (await readHistory(this.path)) ?? [];
    return entries.map((entry) => ({ ...entry, committedAt: new Date(entry.committedAt) }));
  }

  /**
   * Reads every file of this version and compares it with what the log says: size, checksums, rows, order and bounds.
   * @throws ERR_STORE_UNSUPPORTED
   * @example
   * ```ts
   * const { ok, problems } = await dataset.verify();
   * ```
   */
  async verify(): Promise<VerifyResult> {
    return (await import('./verify.ts')).verifyDataset(this);
  }

  /** For people: `freq=1h symbol=AAPL, version 3`. */
  toString(): string {
    return `${showKey(this.key)}, version ${this.version}`;
  }
}
