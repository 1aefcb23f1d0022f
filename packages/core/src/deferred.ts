/**
 * Functions of the public surface whose code is loaded at the first call. Every op module imports this package in every
 * worker, so what it loads at once is kept small.
 */
import type { SharedTable, TablePart } from './batch/shared-table.ts';
import type { ExplainOptions, Explanation } from './plan/explain.ts';
import type { Sink } from './plan/sinks.ts';
import type { Shape } from './schema/types.ts';
import type { OpenStoreOptions } from './store/open-store.ts';
import type { ExportOupsOptions, OupsTransfer } from './store/oups/export-oups.ts';
import type { ImportOupsOptions } from './store/oups/import-oups.ts';
import type { OpenOupsOptions, OupsStore } from './store/oups/oups-store.ts';
import type { Store } from './store/store.ts';

/**
 * Opens a store: a folder of ordered datasets, each a Delta Lake table. The folder is made at the first write. Nothing is
 * held open.
 * @throws ERR_STORE_UNSUPPORTED for a folder that holds something else, ERR_KEY for keys that are not the store's, ERR_IO
 * @example
 * ```ts
 * const store = await openStore('./market');
 * for (const key of await store.datasets()) console.log(key);
 * ```
 */
export async function openStore(root: string, options: OpenStoreOptions = {}): Promise<Store> {
  return (await import('./store/open-store.ts')).openStore(root, options);
}

/**
 * Opens a store of the Python library OUPS for reading.
 * @throws ERR_STORE_UNSUPPORTED for a folder that holds something else, ERR_FILE_NOT_FOUND, ERR_KEY for a schema of keys that is none, ERR_IO
 * @example
 * ```ts
 * const store = await openOupsStore('./old', { keys: { levels: [{ symbol: 'text', freq: 'text' }] } });
 * const hourly = await store.dataset({ symbol: 'AAPL', freq: '1h' });
 * for await (const batch of hourly.read({ from: '2024-01-02' })) console.table(batch.toArray());
 * ```
 */
export async function openOupsStore(path: string, options: OpenOupsOptions = {}): Promise<OupsStore> {
  return (await import('./store/oups/oups-store.ts')).openOupsStore(path, options);
}

/**
 * Takes the datasets of a store of the Python library OUPS over into a store: rows, order and metadata, each dataset as one
 * version. Metadata that is objects of Python is not read; the result names it.
 *
 * Memory: as `Store.write`.
 * @throws ERR_STORE_CONFLICT for datasets that are there already, and what reading and writing throw
 * @example
 * ```ts
 * const taken = await importOups('./old', await openStore('./market'));
 * ```
 */
export async function importOups(
  from: string | OupsStore,
  store: Store,
  options: ImportOupsOptions = {},
): Promise<OupsTransfer[]> {
  return (await import('./store/oups/import-oups.ts')).importOups(from, store, options);
}

/**
 * Writes the datasets of a store as a store of the Python library OUPS, which opens it, merges into it and reads it. Row groups
 * stay as they are; times become nanoseconds, dates times.
 *
 * Memory: a row group, decoded, and one encoded.
 * @throws ERR_STORE_CONFLICT for datasets that are there already, ERR_TYPE_UNSUPPORTED (a column that OUPS would not give back), ERR_KEY, ERR_VALUE, and what reading throws
 * @example
 * ```ts
 * await exportOups(store, './for-python', { keys: { levels: [{ symbol: 'text', freq: 'text' }] } });
 * ```
 */
export async function exportOups(store: Store, path: string, options: ExportOupsOptions = {}): Promise<OupsTransfer[]> {
  return (await import('./store/oups/export-oups.ts')).exportOups(store, path, options);
}

/**
 * Copies a table into shared memory, part by part, and keeps it there until `release`.
 *
 * @param options `batchRows`: rows of a logical batch. Default 65,536.
 * @throws ERR_VALUE, ERR_SCHEMA, ERR_COLUMN_UNKNOWN, ERR_MEMORY_EXHAUSTED. Nothing stays allocated then.
 * @example
 * ```ts
 * const table = await shareTable({ ts: 'timestamp[us]', price: 'float64' }, [{ ts: times, price: prices }]);
 * const job = run([p.source(fromShared(table, { orderedOn: 'ts' })).collect()]);
 * ```
 */
export async function shareTable<const S extends Shape>(
  schema: S,
  parts: Iterable<TablePart> | AsyncIterable<TablePart>,
  options: { batchRows?: number } = {},
): Promise<SharedTable<S>> {
  return (await import('./batch/shared-table.ts')).shareTable(schema, parts, options);
}

/**
 * How a run of these sinks would be laid out: stages and their lanes, what is fused, edges with their credits, the
 * smallest limit, order, and what depends on timing. Files are looked at, nothing is read.
 *
 * @throws as `run` before it starts; a limit below the minimum is reported in the text, not refused
 * @example
 * ```ts
 * console.log((await explain([hourly.toStore(store, { freq: '1h' })])).text);
 * ```
 */
export async function explain(sinks: Sink | readonly Sink[], options: ExplainOptions = {}): Promise<Explanation> {
  const explained = await (await import('./plan/explain.ts')).explain(sinks, options);
  if (options.dask !== true) return explained;
  return (await import('./partition/explain-cut.ts')).explainCut(explained);
}
