/** Where rows come from, as the user describes it. Files are opened when the plan is resolved, not here. */
import { PipelineError } from '../errors.ts';
import type { Expression } from '../expressions/builder.ts';
import type { Simplify } from '../expressions/types.ts';
import type { OptionsInput } from '../operators/op-options.ts';
import type { SourceDefinition } from '../operators/source-definition.ts';
import { fieldsFromShape } from '../schema/fields.ts';
import { nameHint } from '../schema/nearest-name.ts';
import type { Fields, Shape, TypeText } from '../schema/types.ts';
import { registerFeeder } from './endpoints.ts';
import { type AnyIterable, IterableFeeder } from './feeders.ts';
import type { SourceSpec } from './logical.ts';
import { checkCount, checkKeys, type StepOptions } from './stage-options.ts';

/** Rows of a logical batch of files and tables, unless said otherwise. */
export const BATCH_ROWS = 65_536;

/** A source before it is given to a pipeline. */
export interface Source<S extends Shape = Shape> {
  readonly label: string;
  readonly spec: SourceSpec;
  readonly options: StepOptions;
  /** The feeder or table that the spec names. */
  readonly endpoint?: object;
  /** Rows that it gives, of those that are read. */
  readonly where?: Expression;
  /** Columns that it gives, of those that are read. */
  readonly columns?: readonly string[];
  /** Types only. */
  readonly shape?: S;
}

/** Options of every source of files. */
export interface FileOptions extends StepOptions {
  /** Column that the rows ascend on, over all files in order; verified while reading. */
  orderedOn?: string;
  /**
   * What becomes of files whose rows overlap on `orderedOn`. Default `'refuse'`: files follow each other, in the order of their names, and it is
   * an error when one begins before the last has ended. `'merge'`: all files, 64 at most, are read side by side and merged; of equal rows
   * those of the file that comes first by name are first. Each file then takes threads and buffers of its own (`explain` shows them), and
   * logical batches are of 65,536 rows of the merged stream. A `resume` goes on only with the same files.
   */
  overlap?: 'refuse' | 'merge';
}

/** @throws ERR_OPTIONS */
export function overlapOf({ overlap = 'refuse', orderedOn }: FileOptions, step: string): { overlap?: 'merge' } {
  if (overlap === 'refuse') return {};
  if (overlap !== 'merge') throw refuse(step, `overlap is ${JSON.stringify(overlap)}`, "give 'refuse' or 'merge'");
  if (orderedOn === undefined)
    throw refuse(step, 'overlap is given without orderedOn', 'name the column that the rows of each file ascend on');
  return { overlap };
}

/** What to do about a file some columns of which cannot be read. */
export function readableHint(step: string, fields: Fields): string {
  if (fields.length === 0) return 'none of its columns can be read: write them as plain columns, of values or lists';
  const names = fields.slice(0, 3).map(({ name }) => name);
  return `name the columns to read: ${step}(…, { columns: ${JSON.stringify(names)} })`;
}

/** Options of `readParquet`. */
export interface ParquetOptions extends FileOptions {
  /** Columns to read; default all (or those of `schema`). */
  columns?: readonly string[];
  /** Columns and types that every file has to have; read are these only. Gives the stream its types. */
  schema?: Shape;
  /** Rows of a logical batch, counted from the first row. Default 65,536. */
  batchRows?: number;
}

/** Columns as far as the options of a source say their types. */
export type ParquetShape<O> = O extends { schema: infer S extends Shape; columns: readonly (infer C extends string)[] }
  ? Simplify<Pick<S, C & keyof S>>
  : O extends { schema: infer S extends Shape }
    ? S
    : Shape;

/** The refusal of what a user gave for a source. */
export function refuse(step: string, problem: string, hint: string, cause?: unknown): PipelineError {
  return new PipelineError('ERR_OPTIONS', `${step}: ${problem}`, { stage: step, hint, cause });
}

/** @throws ERR_COLUMN_UNKNOWN when the columns are known and `orderedOn` is not among them */
export function checkOrdered(orderedOn: string | undefined, fields: Fields | undefined, step: string): void {
  if (orderedOn === undefined || fields === undefined) return;
  const names = fields.map((field) => field.name);
  if (names.includes(orderedOn)) return;
  throw new PipelineError(
    'ERR_COLUMN_UNKNOWN',
    `${step}: orderedOn names the column "${orderedOn}", which is not there`,
    {
      column: orderedOn,
      hint: nameHint(orderedOn, names),
    },
  );
}

/**
 * Reads Parquet files: a path, a pattern with `*`, `?`, `**`, `{a,b}`, or several of these. The files of a pattern follow
 * each other by name; together they are one stream.
 *
 * @throws ERR_OPTIONS. Files are looked at when the plan is resolved: ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT, ERR_SCHEMA
 * @example
 * ```ts
 * p.source(readParquet('trades/*.parquet', { orderedOn: 'ts', schema: { ts: 'timestamp[us]', price: 'float64' } }));
 * ```
 */
export function readParquet<const O extends ParquetOptions = Record<never, never>>(
  paths: string | readonly string[],
  options?: O,
): Source<ParquetShape<O>> {
  const given: ParquetOptions = options ?? {};
  checkKeys(given, 'readParquet', ['orderedOn', 'overlap', 'columns', 'schema', 'batchRows'], 'step');
  const list = typeof paths === 'string' ? [paths] : [...paths];
  if (list.length === 0 || list.some((path) => typeof path !== 'string' || path === ''))
    throw refuse('readParquet', 'there are no paths', "write readParquet('trades/*.parquet')");
  const expected = given.schema === undefined ? undefined : fieldsFromShape(given.schema);
  const columns = given.columns ?? expected?.map((field) => field.name);
  if (columns?.length === 0)
    throw refuse('readParquet', 'columns is empty', 'name at least one column, or leave columns out');
  checkOrdered(given.orderedOn, expected, 'readParquet');
  return {
    label: 'readParquet',
    options: given,
    spec: {
      type: 'parquet',
      paths: list,
      ...(given.orderedOn !== undefined && { orderedOn: given.orderedOn }),
      ...(columns && { columns: [...columns] }),
      ...(expected && {
        expected:
          given.columns === undefined ? expected : expected.filter((field) => given.columns?.includes(field.name)),
      }),
      batchRows: checkCount(given.batchRows ?? BATCH_ROWS, 'batchRows', 'readParquet'),
      ...overlapOf(given, 'readParquet'),
    },
  };
}

/** Options of `fromIterable`. */
export interface IterableOptions<S extends Shape = Shape> extends StepOptions {
  /** Column that the rows ascend on. */
  orderedOn?: keyof S & string;
  /** For single rows: how many make a batch. Default 65,536. */
  batchRows?: number;
  /**
   * For runs with `resume`: rows of the whole before the first one that is given. Rows that an earlier run has taken are passed over.
   * Default 0: everything is given again.
   */
  position?: number;
}

/**
 * Rows from an array, a generator, an async iterable or a Node `Readable` in object mode. An item is a record batch, plain
 * columns, an array of rows, each a logical input of its own, or one row, of which `batchRows` make one. It is read on the main thread as the run has
 * room; a value that does not fit its column fails the run with ERR_VALUE, naming row and column.
 *
 * @throws ERR_OPTIONS, ERR_SCHEMA, ERR_COLUMN_UNKNOWN
 * @example
 * ```ts
 * p.source(fromIterable({ ts: 'timestamp[ms]', price: 'float64' }, rows, { orderedOn: 'ts' }));
 * ```
 */
export function fromIterable<const S extends Shape>(
  schema: S,
  items: AnyIterable,
  options: IterableOptions<S> = {},
): Source<S> {
  checkKeys(options, 'fromIterable', ['orderedOn', 'batchRows', 'position'], 'step');
  const fields = fieldsFromShape(schema);
  checkOrdered(options.orderedOn, fields, 'fromIterable');
  const isIterable =
    typeof items === 'object' && items !== null && (Symbol.iterator in items || Symbol.asyncIterator in items);
  if (!isIterable)
    throw refuse(
      'fromIterable',
      'the second argument cannot be iterated',
      'give an array, a generator, an async iterable or a Readable',
    );
  const label = options.name ?? 'fromIterable';
  const feeder = new IterableFeeder(
    items,
    fields,
    label,
    checkCount(options.batchRows ?? BATCH_ROWS, 'batchRows', 'fromIterable'),
  );
  return fedSource(feeder, label, fields, options, Array.isArray(items) ? 0 : (options.batchRows ?? BATCH_ROWS));
}

/** A source behind a feeder of this process. */
export function fedSource<S extends Shape>(
  feeder: IterableFeeder | { readonly fields: Fields },
  label: string,
  fields: Fields,
  options: StepOptions & { orderedOn?: string; position?: number },
  objectRows: number,
): Source<S> {
  const id = registerFeeder(feeder as IterableFeeder);
  const { orderedOn, position } = options;
  if (position !== undefined && (!Number.isSafeInteger(position) || position < 0))
    throw refuse(label, `position is ${String(position)}`, 'give a whole number of rows, from 0 on');
  return {
    label,
    options,
    endpoint: feeder,
    spec: {
      type: 'fed',
      id,
      label,
      ...(orderedOn !== undefined && { orderedOn }),
      fields,
      objectRows,
      ...(position !== undefined && { position }),
    },
  };
}

/** Options of a generated source, beside its own. */
export type GeneratedArguments<D> =
  Partial<OptionsInput<D>> extends OptionsInput<D>
    ? [options?: Simplify<OptionsInput<D> & StepOptions>]
    : [options: Simplify<OptionsInput<D> & StepOptions>];

/** A registered source with its options, ready for a pipeline. @throws ERR_OP_OPTIONS, ERR_OPTIONS */
export function generatedSource<S extends Shape>(
  source: SourceDefinition<S>,
  options: (StepOptions & { [option: string]: unknown }) | undefined,
): Source<S> {
  const { name, ownStage, ...own } = options ?? {};
  const label = name ?? source.ref.name;
  const parsed = source.parseOptions(own, label);
  const splits = source.splits(parsed);
  if (!Number.isSafeInteger(splits) || splits < 0) {
    throw new PipelineError('ERR_OP_OPTIONS', `source "${label}" gives ${String(splits)} as its number of splits`, {
      stage: label,
      hint: 'splits() has to give a whole number from 0',
    });
  }
  const fields = fieldsFromShape(source.schema as Readonly<Record<string, TypeText>>);
  checkOrdered(source.orderedOn, fields, label);
  return {
    label,
    options: { ...(name !== undefined && { name }), ...(ownStage !== undefined && { ownStage }) },
    spec: {
      type: 'generated',
      source: source.ref,
      options: parsed,
      splits,
      ...(source.orderedOn !== undefined && { orderedOn: source.orderedOn }),
      fields,
    },
  };
}
