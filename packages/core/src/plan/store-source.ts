/** Datasets of a store as sources of pipelines. */
import type { RecordBatch } from 'apache-arrow';

import type { Expression } from '../expressions/builder.ts';
import { col, lit } from '../expressions/col.ts';
import { type OrderedValue, showOrdered } from '../formats/ordered-value.ts';
import { fieldIndex, fieldsFromShape } from '../schema/fields.ts';
import { parseType } from '../schema/parse-type.ts';
import type { Shape, TypeText } from '../schema/types.ts';
import type { Dataset, DatasetReadOptions } from '../store/dataset.ts';
import { checksumsText } from '../store/files/checksum-text.ts';
import { IterableFeeder } from './feeders.ts';
import { BATCH_ROWS, fedSource, type ParquetShape, refuse, type Source } from './sources.ts';
import { checkCount, checkKeys, type StepOptions } from './stage-options.ts';

/** Options of `readStore`. */
export interface StoreSourceOptions extends StepOptions, Pick<DatasetReadOptions, 'from' | 'to'> {
  /** Columns to read; default all (or those of `schema`). */
  columns?: readonly string[];
  /** Columns and types that the dataset has to have; read are these only. Gives the stream its types. */
  schema?: Shape;
  /** Rows of a logical batch, counted from the first row. Default 65,536. */
  batchRows?: number;
}

/** A bound as a literal that compares with the column exactly. */
function literal(value: OrderedValue, type: TypeText): Expression {
  return lit(parseType(type).domain === 'temporal' ? showOrdered(value, type) : value) as Expression;
}

/**
 * Reads a dataset as of the version at which it was opened, in order, also while others write to it. Files outside the range
 * are not opened; what is read is checked against the checksums of the log. Where other programs have added files since the
 * last write, all rows are merged on the main thread, which takes some tens of MiB beside the run's limit: a write of no rows (`store.write(key, [])`)
 * sorts them in before.
 *
 * @throws ERR_OPTIONS, ERR_COLUMN_UNKNOWN, ERR_VALUE (a bound that is no value of the ordered column)
 * @example
 * ```ts
 * const trades = p.source(readStore(await store.dataset({ symbol: 'AAPL' }), { from: '2024-01-02', to: '2024-01-03' }));
 * ```
 */
export function readStore<const O extends StoreSourceOptions = Record<never, never>>(
  dataset: Dataset,
  options?: O,
): Source<ParquetShape<O>> {
  const given: StoreSourceOptions = options ?? {};
  checkKeys(given, 'readStore', ['from', 'to', 'columns', 'schema', 'batchRows'], 'step');
  if (typeof dataset?.plan !== 'function')
    throw refuse('readStore', 'the first argument is not a dataset', 'open one: await store.dataset({ symbol: … })');
  const expected = given.schema === undefined ? undefined : fieldsFromShape(given.schema);
  const columns = given.columns ?? expected?.map((field) => field.name) ?? dataset.fields.map((field) => field.name);
  for (const name of columns) fieldIndex(dataset.fields, name);
  const { files, foreign } = dataset.plan(given);
  const batchRows = checkCount(given.batchRows ?? BATCH_ROWS, 'batchRows', 'readStore');
  const label = given.name ?? 'readStore';
  const { orderedOn, fields } = dataset;
  if (files.length === 0 || foreign.length > 0) {
    const chosen = columns.map((name) => fields[fieldIndex(fields, name)] as (typeof fields)[number]);
    const order = columns.includes(orderedOn) ? { orderedOn } : {};
    const read: DatasetReadOptions & { batchRows: number } = { ...rangeGiven(given), columns, batchRows };
    const rows = foreign.length > 0 ? mergedRows(dataset, read) : [];
    return fedSource(new IterableFeeder(rows, chosen, label, batchRows), label, chosen, { ...given, ...order }, 0);
  }
  const where = rangeOf(dataset, given);
  const isOrderRead = where === undefined || columns.includes(orderedOn);
  return {
    label,
    options: given,
    spec: {
      type: 'parquet',
      paths: files.map((file) => file.path),
      orderedOn,
      columns: isOrderRead ? [...columns] : [...columns, orderedOn],
      ...(expected && { expected: expected.filter((field) => columns.includes(field.name)) }),
      batchRows,
      stored: {
        fields,
        checksums: Object.fromEntries(files.map((file) => [file.path, checksumsText(file.checksums)])),
      },
    },
    ...(where && { where }),
    ...(!isOrderRead && { columns }),
  };
}

function rangeGiven({ from, to }: StoreSourceOptions): Pick<DatasetReadOptions, 'from' | 'to'> {
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}

/** Rows with those of files that other programs added, put in order on the main thread. */
function mergedRows(dataset: Dataset, options: DatasetReadOptions & { batchRows: number }): AsyncIterable<RecordBatch> {
  return {
    async *[Symbol.asyncIterator]() {
      const { evenBatches } = await import('../store/even-batches.ts');
      yield* evenBatches(dataset, options);
    },
  };
}

/** The condition of a range, for the rows of files that are only partly in it. */
function rangeOf(dataset: Dataset, given: StoreSourceOptions): Expression | undefined {
  const { from, to } = dataset.range(given);
  const column = col(dataset.orderedOn);
  const type = dataset.fields[fieldIndex(dataset.fields, dataset.orderedOn)]?.type ?? 'int64';
  const isFrom = from === undefined ? undefined : (column.ge(literal(from, type)) as Expression);
  const isBefore = to === undefined ? undefined : (column.lt(literal(to, type)) as Expression);
  return isFrom !== undefined && isBefore !== undefined
    ? (isFrom.and(isBefore as never) as Expression)
    : (isFrom ?? isBefore);
}
