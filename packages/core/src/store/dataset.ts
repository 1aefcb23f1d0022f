/** One dataset of a store, as of one version: what it is made of, and reading its rows in order. */
import type { RecordBatch } from 'apache-arrow';
import type { Batch } from '../batch/contract.ts';
import { toTemporal } from '../batch/write-values.ts';
import { PipelineError } from '../errors.ts';
import type { Expression } from '../expressions/builder.ts';
import type { OrderedValue } from '../formats/ordered-value.ts';
import type { Arena } from '../memory/contract.ts';
import { createArena } from '../memory/process-arena.ts';
import { fieldIndex } from '../schema/fields.ts';
import { parseType } from '../schema/parse-type.ts';
import type { Fields, TypeText } from '../schema/types.ts';
import { arrowCopies } from './arrow-copies.ts';
import { PROPERTY } from './commit/write-settings.ts';
import { datasetError } from './dataset-error.ts';
import { boundedFile, type DatasetFile, type FileBounds, fileBounds, recordsOf } from './files/dataset-file.ts';
import { canMatch, overlaps, type ValueRange } from './files/file-pruning.ts';
import { type DatasetKey, showKey } from './keys/key-path.ts';
import type { AddAction, Snapshot } from './log/delta-actions.ts';
import { fromSchemaString } from './log/delta-schema.ts';
import { type ForeignFile, foreignFile } from './read/foreign-files.ts';
import type { VerifyResult } from './verify-result.ts';

/** A value of the ordered column. Times: a `Date`, ISO text, or a bigint in the column's unit. */
export type OrderedBound = OrderedValue | Date;

/** Which rows to read. */
export interface DatasetReadOptions {
  /** Rows at or after this value of the ordered column. */
  from?: OrderedBound;
  /** Rows before this value. */
  to?: OrderedBound;
  /** Rows for which this is true. Files that cannot have any by their statistics are not opened. */
  where?: Expression;
  /** Columns, in this order. Default: all. */
  columns?: readonly string[];
  /** Rows of a batch at most. Default 65,536. */
  batchRows?: number;
}

/** What a read opens. */
export interface ReadPlan {
  /** In order. */
  files: readonly DatasetFile[];
  /** Of other programs. */
  foreign: readonly ForeignFile[];
  /** Files that need not be opened. */
  skipped: number;
}

const OWNER = 0;
const BATCH_ROWS = 65_536;

/** A bound as a value of a column. @throws ERR_VALUE */
export function exactBound(value: OrderedBound | undefined, type: TypeText, what: string): OrderedValue | undefined {
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

/** A file that we wrote: all of it only once it is asked for. */
interface OwnFile {
  action: AddAction;
  file: FileBounds;
  whole: DatasetFile | undefined;
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
  /** What a read does not open is not taken apart either: datasets have thousands of files. */
  readonly #own: readonly OwnFile[];
  readonly #foreign: readonly { action: AddAction; file: ForeignFile }[];

  /**
   * @param orderedOn of a table that says none: another program made it
   * @throws ERR_STORE_UNSUPPORTED for a table without an ordered column, ERR_COLUMN_UNKNOWN
   */
  constructor(key: DatasetKey, path: string, snapshot: Snapshot, orderedOn?: string) {
    this.key = key;
    this.path = path;
    this.version = snapshot.version;
    this.committedAt = snapshot.committedAt === undefined ? undefined : new Date(snapshot.committedAt);
    this.fields = fromSchemaString(snapshot.metaData.schemaString);
    const { [PROPERTY.orderedOn]: stored, [PROPERTY.metadata]: metadata } = snapshot.metaData.configuration ?? {};
    const ordered = stored ?? orderedOn;
    if (ordered === undefined) {
      throw new PipelineError('ERR_STORE_UNSUPPORTED', `${path} is a Delta table without an order`, {
        file: path,
        hint: "another program made it: say on which column to read it in order, store.dataset(key, { orderedOn: 'ts' })",
      });
    }
    fieldIndex(this.fields, ordered);
    this.orderedOn = ordered;
    this.metadata = metadata === undefined ? {} : (JSON.parse(metadata) as Record<string, string>);
    const type = this.#orderedType();
    const own: OwnFile[] = [];
    const foreign: { action: AddAction; file: ForeignFile }[] = [];
    for (const action of snapshot.files.values()) {
      const file = fileBounds(action, type);
      if (file === undefined) foreign.push({ action, file: foreignFile(path, action, this.fields, ordered) });
      else own.push({ action, file, whole: undefined });
    }
    this.#own = own.sort((a, b) => a.file.sequence - b.file.sequence);
    this.#foreign = foreign;
  }

  /** Its files in the order of their rows, with exact bounds and checksums; without those of other programs. */
  files(): readonly DatasetFile[] {
    return this.#own.map((each) => this.#whole(each));
  }

  #whole(each: OwnFile): DatasetFile {
    each.whole ??= boundedFile(this.path, each.action, each.file);
    return each.whole;
  }

  /** Files that other programs added since the last write, which sorts them in. */
  foreignFiles(): readonly ForeignFile[] {
    return this.#foreign.map(({ file }) => file);
  }

  /** As the log says: files of other programs count as far as their statistics do. */
  get rows(): number {
    return [...this.#own, ...this.#foreign].reduce((sum, { action }) => sum + recordsOf(action), 0);
  }

  #orderedType(): TypeText {
    return this.fields[fieldIndex(this.fields, this.orderedOn)]?.type ?? 'int64';
  }

  /** Bounds as values of the ordered column. @throws ERR_VALUE */
  range(options: Pick<DatasetReadOptions, 'from' | 'to'>): ValueRange {
    const type = this.#orderedType();
    return { from: exactBound(options.from, type, 'from'), to: exactBound(options.to, type, 'to') };
  }

  /**
   * The files that a read of these rows opens, and how many it does not have to.
   * @throws ERR_VALUE (a bound that is no value of the ordered column)
   * @example
   * ```ts
   * dataset.plan({ from: '2001-02-01', to: '2001-02-02' }).skipped;
   * ```
   */
  plan(options: Pick<DatasetReadOptions, 'from' | 'to' | 'where'> = {}): ReadPlan {
    const range = this.range(options);
    const where = options.where?.node;
    const isWanted = (each: { action: AddAction; file: FileBounds | ForeignFile }): boolean =>
      overlaps(each.file, range) && (where === undefined || canMatch(where, each.action.stats, this.fields));
    const [own, others] = [this.#own.filter(isWanted), this.#foreign.filter(isWanted)];
    return {
      files: own.map((each) => this.#whole(each)),
      foreign: others.map(({ file }) => file),
      skipped: this.#own.length + this.#foreign.length - own.length - others.length,
    };
  }

  /**
   * Rows in order, as batches of their own memory. Files outside the range are not opened; what is read is checked
   * against the checksums of the log. Rows of files that other programs added are put where they belong.
   *
   * Memory: one file's encoded columns, and two batches; some tens of MiB to sort a foreign file that is not in order, on disk beyond that.
   * @throws ERR_COLUMN_UNKNOWN, ERR_VALUE (a bound that is no value of the ordered column), ERR_EXPRESSION, ERR_STORE_CORRUPT, ERR_FILE_NOT_FOUND
   * @example
   * ```ts
   * for await (const batch of dataset.read({ from: '2001-02-01', to: '2001-03-01', columns: ['date', 'n'] })) console.table(batch.toArray());
   * ```
   */
  async *read(options: DatasetReadOptions = {}): AsyncGenerator<RecordBatch, void, undefined> {
    yield* arrowCopies(this.batches(createArena(), options));
  }

  /** As `read`, in an arena. The batches are the caller's. */
  async *batches(arena: Arena, options: DatasetReadOptions): AsyncGenerator<Batch, void, undefined> {
    const { readRows } = await import('./read/read-rows.ts');
    const { files, foreign } = this.plan(options);
    const columns = options.columns ?? this.fields.map((field) => field.name);
    for (const name of columns) fieldIndex(this.fields, name);
    const rows = readRows({
      arena,
      owner: OWNER,
      fields: this.fields,
      orderedOn: this.orderedOn,
      files,
      foreign,
      columns,
      range: this.range(options),
      where: options.where?.node,
      batchRows: options.batchRows ?? BATCH_ROWS,
    });
    try {
      yield* rows;
    } catch (error) {
      throw error instanceof PipelineError && error.file !== undefined ? datasetError(`${this}`, error) : error;
    }
  }

  /**
   * Versions that the log still has, oldest first. Those whose files were removed by `vacuum` cannot be read.
   * @throws ERR_STORE_CORRUPT, ERR_IO
   */
  async history(): Promise<{ version: number; committedAt: Date; operation: string | undefined }[]> {
    const { readHistory } = await import('./log/delta-log.ts');
    const entries = (await readHistory(this.path)) ?? [];
    return entries.map((entry) => ({ ...entry, committedAt: new Date(entry.committedAt) }));
  }

  /**
   * Reads every file of this version and compares it with what the log says: size, checksums, rows, order and bounds.
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
