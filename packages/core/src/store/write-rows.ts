/** Writing rows into a dataset without a pipeline: staged, merged and committed in the calling thread. */
import { randomUUID } from 'node:crypto';
import type { RecordBatch, Table } from 'apache-arrow';
import { arrowToBatches } from '../batch/arrow-to-batches.ts';
import type { Batch } from '../batch/contract.ts';
import { rowsToBatch } from '../batch/rows-to-batch.ts';
import { PipelineError } from '../errors.ts';
import type { Arena } from '../memory/contract.ts';
import { createArena } from '../memory/process-arena.ts';
import { fieldsFromArrow } from '../schema/arrow-schema.ts';
import { fieldsFromShape } from '../schema/fields.ts';
import { loadArrow } from '../schema/load-arrow.ts';
import { type Bytes, parseBytes } from '../schema/sizes.ts';
import type { ColumnsRecord, Fields, Shape } from '../schema/types.ts';
import type { CommitSummary, WriteMode } from './commit/commit-contract.ts';
import { checkSettings, type MetadataChange, PROPERTY, type WriteSettings } from './commit/write-settings.ts';
import { datasetError } from './dataset-error.ts';
import { showKey } from './keys/key-path.ts';
import type { Snapshot } from './log/delta-actions.ts';
import { readSnapshot } from './log/delta-log.ts';
import { fromSchemaString } from './log/delta-schema.ts';
import { checkProperties } from './log/table-properties.ts';
import type { FileSink, StoreSpec } from './sinks/contract.ts';
import { openFileSink } from './sinks/file-sink.ts';
import {
  checkFileSink,
  commitSink,
  datasetFolder,
  discardSink,
  folderBefore,
  stagingPath,
} from './sinks/sink-commit.ts';

/** Rows to write: a batch, a table, columns (`{ ts: […] }`), rows as objects, or any iterable of these. In order. */
export type WriteRows = WriteItem | Iterable<WriteItem> | AsyncIterable<WriteItem>;
type WriteItem = RecordBatch | Table | ColumnsRecord | readonly object[] | object;

/** Options of `Store.write`. */
export interface StoreWriteOptions extends WriteSettings {
  /** Column that the rows ascend on. Default: the dataset's. */
  orderedOn?: string;
  /** Types of the columns. Default: the dataset's, or those of the first record batch. */
  schema?: Shape;
  /** See `toStore`. Default `merge`. */
  mode?: WriteMode;
  /** Kept with the dataset, versioned with it: entries to set; `null` takes one back, others stay. */
  metadata?: MetadataChange;
  /** Properties of the Delta table, such as `{ 'delta.logRetentionDuration': 'interval 7 days' }`. */
  properties?: { readonly [name: string]: string };
  /** Uncompressed bytes after which a row group is closed, whatever its target. */
  memoryLimit?: Bytes;
}

const OPTIONS: readonly string[] = [
  'orderedOn',
  'schema',
  'mode',
  'duplicatesOn',
  'rowGroupTarget',
  'maxOffTargetRowGroups',
  'schemaChange',
  'metadata',
  'properties',
  'memoryLimit',
];
/** Rows that become a batch at a time. */
const BATCH_ROWS = 16_384;

function isArrow(item: unknown): item is RecordBatch | Table {
  return typeof item === 'object' && item !== null && 'numRows' in item && 'schema' in item && 'getChild' in item;
}

function isColumns(item: unknown): item is ColumnsRecord {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return false;
  const values = Object.values(item);
  const isList = (value: unknown): boolean => Array.isArray(value) || ArrayBuffer.isView(value);
  return values.length > 0 && values.every(isList);
}

/** One thing to write, or many. */
async function* itemsOf(rows: WriteRows): AsyncGenerator<WriteItem, void, undefined> {
  if (isArrow(rows) || isColumns(rows)) return yield rows;
  const isRow = (item: unknown): boolean => !isArrow(item) && !isColumns(item) && !Array.isArray(item);
  if (Array.isArray(rows) && rows.every(isRow)) return yield rows;
  if (typeof rows === 'object' && rows !== null && (Symbol.iterator in rows || Symbol.asyncIterator in rows))
    return yield* rows as AsyncIterable<WriteItem>;
  throw new PipelineError('ERR_VALUE', `write: ${String(rows)} is not rows`, {
    hint: 'give record batches, columns ({ ts: […] }), rows as objects, or an iterable of these',
  });
}

/** What the dataset is like before, as far as the write does not say itself. */
interface Known {
  /** By the caller. */
  given: Fields | undefined;
  stored: Fields | undefined;
  orderedOn: string | undefined;
  snapshot: Snapshot | undefined;
}

async function knownOf(table: string, options: StoreWriteOptions): Promise<Known> {
  const snapshot = await readSnapshot(table);
  const stored = snapshot?.metaData;
  const given = options.schema === undefined ? undefined : fieldsFromShape(options.schema);
  return {
    given,
    stored: stored && fromSchemaString(stored.schemaString),
    orderedOn: options.orderedOn ?? stored?.configuration[PROPERTY.orderedOn],
    snapshot,
  };
}

/** A replaced dataset gets the columns of a record batch; else a batch's columns are found among the dataset's by name. */
function fieldsOf({ given, stored }: Known, first: WriteItem | undefined, mode: WriteMode): Fields {
  if (given !== undefined) return given;
  if (isArrow(first) && (mode === 'overwrite' || stored === undefined)) return fieldsFromArrow(first.schema);
  if (stored !== undefined) return stored;
  throw new PipelineError('ERR_SCHEMA', 'write: nothing says which types the columns have', {
    hint: "say it: write(key, rows, { schema: { ts: 'timestamp[us]', price: 'float64' }, orderedOn: 'ts' })",
  });
}

async function* batchesOf(arena: Arena, fields: Fields, item: WriteItem): AsyncGenerator<Batch, void, undefined> {
  if (isArrow(item)) {
    const batches = arrowToBatches(await loadArrow(), arena, 0, item, fields, { maxRows: BATCH_ROWS });
    try {
      for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) yield batch;
    } finally {
      for (const batch of batches) batch.release();
    }
    return;
  }
  if (isColumns(item)) return yield rowsToBatch(arena, 0, fields, item as never);
  const rows = (Array.isArray(item) ? item : [item]) as Record<string, unknown>[];
  for (let from = 0; from < rows.length; from += BATCH_ROWS)
    yield rowsToBatch(arena, 0, fields, rows.slice(from, from + BATCH_ROWS));
}

function checkOptions(options: StoreWriteOptions): void {
  const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name));
  if (unknown !== undefined)
    throw new PipelineError('ERR_OPTIONS', `write: there is no option "${unknown}"`, {
      hint: `options are ${OPTIONS.join(', ')}`,
    });
  const { mode = 'merge' } = options;
  if (mode !== 'merge' && mode !== 'append' && mode !== 'overwrite')
    throw new PipelineError('ERR_SINK_MODE', `write: mode is ${JSON.stringify(mode)}`, {
      hint: "use 'merge', 'append' or 'overwrite'",
    });
  checkSettings(options);
  checkProperties(options.properties ?? {});
}

/** Single rows are put together, so that each does not become a batch. */
async function* packed(items: AsyncIterable<WriteItem>): AsyncGenerator<WriteItem, void, undefined> {
  let rows: object[] = [];
  for await (const item of items) {
    const isRow = !isArrow(item) && !isColumns(item) && !Array.isArray(item);
    if (isRow) rows.push(item);
    if (rows.length > 0 && (!isRow || rows.length === BATCH_ROWS)) {
      yield rows;
      rows = [];
    }
    if (!isRow) yield item;
  }
  if (rows.length > 0) yield rows;
}

/** See `Store.write`. */
export async function writeRows(
  place: Pick<StoreSpec, 'root' | 'key' | 'path'>,
  rows: WriteRows,
  options: StoreWriteOptions,
): Promise<CommitSummary> {
  checkOptions(options);
  const { schema: _, memoryLimit, mode = 'merge', orderedOn: __, properties, ...rest } = options;
  const known = await knownOf(datasetFolder(place.root, place.path), options);
  const items = packed(itemsOf(rows));
  const first = await items.next();
  const fields = fieldsOf(known, first.value ?? undefined, mode);
  const given: StoreSpec = { type: 'store', ...place, mode, orderedOn: known.orderedOn ?? '', ...rest };
  const spec = (await checkFileSink(given, fields, known)) as StoreSpec;
  const staging = stagingPath(spec, randomUUID());
  const before = folderBefore(spec, staging);
  const arena = createArena();
  const limit = memoryLimit === undefined ? {} : { memoryLimitBytes: parseBytes(memoryLimit, 'memoryLimit') };
  const sink = await openFileSink({ spec, fields, arena, staging, ...limit });
  try {
    if (first.done !== true) await pushItem(sink, arena, fields, first.value);
    for await (const item of items) await pushItem(sink, arena, fields, item);
    return await commitSink(await sink.end(), undefined, properties === undefined ? {} : { properties });
  } catch (error) {
    await sink.abort();
    await discardSink(spec, staging, before);
    // A refusal of the table's has its folder; one of rows says where they were to go.
    if (!(error instanceof PipelineError) || error.file !== undefined) throw error;
    throw datasetError(`dataset ${showKey(spec.key)}`, error, { file: datasetFolder(spec.root, spec.path) });
  }
}

async function pushItem(sink: FileSink, arena: Arena, fields: Fields, item: WriteItem): Promise<void> {
  for await (const batch of batchesOf(arena, fields, item)) await sink.push(batch);
}
