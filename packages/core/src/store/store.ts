/** Stores: folders of datasets under keys. */
import { randomBytes } from 'node:crypto';
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PipelineError } from '../errors.ts';
import { syncFolder } from '../formats/durable-file.ts';
import { fileError } from '../formats/file-error.ts';
import { nameHint } from '../schema/nearest-name.ts';
import type { CommitSummary } from './commit/commit-contract.ts';
import { Dataset } from './dataset.ts';
import type { Intersection, IntersectionOptions } from './intersections.ts';
import { type DatasetKey, type KeyLayout, showKey } from './keys/key-path.ts';
import { type KeySchema, SchemaKeys } from './keys/key-schema.ts';
import { listFolder } from './list-folder.ts';
import { newestVersion, readSnapshot, versionAt } from './log/delta-log.ts';
import { LOG_FOLDER } from './log/log-listing.ts';
import { datasetFolder, removeEmptyFolders } from './sinks/sink-commit.ts';
import type { VacuumOptions, VacuumSummary } from './vacuum.ts';
import type { VerifyResult } from './verify-result.ts';
import type { StoreWriteOptions, WriteRows } from './write-rows.ts';

/** Options of `Store.dataset`. */
export interface OpenDatasetOptions {
  /** Default: the newest. */
  version?: number;
  /** The version that was the newest at this time. */
  at?: Date | string;
  /** For tables of other programs, which say no order: the column to read them in order of. */
  orderedOn?: string;
}

/** How the folders of deleted datasets begin, until they are gone. */
const DELETED = '.deleted-';

/** A folder of datasets under keys. Made by `openStore`. */
export class Store {
  /** Absolute path of the folder. */
  readonly root: string;
  readonly #layout: KeyLayout;

  constructor(root: string, layout: KeyLayout) {
    this.root = root;
    this.#layout = layout;
  }

  /** The schema of its keys, or undefined when it has none. */
  get keys(): KeySchema | undefined {
    return this.#layout instanceof SchemaKeys ? this.#layout.schema : undefined;
  }

  /**
   * Keys of all datasets, in the order of their paths.
   * @param match only those with these values
   */
  async datasets(match: DatasetKey = {}): Promise<DatasetKey[]> {
    const keys: DatasetKey[] = [];
    await this.#collect([], keys);
    const wanted = Object.entries(match);
    return keys.filter((key) => wanted.every(([field, value]) => key[field] === value));
  }

  async #collect(levels: string[], keys: DatasetKey[]): Promise<void> {
    const listed = await listFolder(join(this.root, ...levels));
    const key = levels.length === 0 ? undefined : this.#layout.toKey(levels.join('/'));
    if (key !== undefined && listed?.folders.includes(LOG_FOLDER)) {
      keys.push(key);
      return;
    }
    for (const name of listed?.folders ?? []) {
      if (this.#layout.isLevel(name, levels.length)) await this.#collect([...levels, name], keys);
    }
  }

  /** Path of a dataset inside the store. @throws ERR_KEY */
  pathOf(key: DatasetKey): string {
    return this.#layout.toPath(key);
  }

  /** The key of a path inside the store, or undefined when it is not the path of a key. */
  keyOf(path: string): DatasetKey | undefined {
    return this.#layout.toKey(path);
  }

  /** Whether there is a dataset under a key. @throws ERR_KEY */
  async has(key: DatasetKey): Promise<boolean> {
    return (await readSnapshot(datasetFolder(this.root, this.pathOf(key)))) !== undefined;
  }

  /**
   * Opens a dataset at its newest version, or at an older one: by number, or as it was at a time.
   * @throws ERR_KEY, ERR_STORE_NOT_FOUND (with the nearest key), ERR_STORE_CORRUPT, ERR_STORE_UNSUPPORTED
   * @example
   * ```ts
   * const hourly = await store.dataset({ symbol: 'AAPL', freq: '1h' });
   * console.log(hourly.version, hourly.rows, hourly.fields);
   * ```
   */
  async dataset(key: DatasetKey, options: OpenDatasetOptions = {}): Promise<Dataset> {
    const path = datasetFolder(this.root, this.pathOf(key));
    const version = options.at === undefined ? options.version : await versionAt(path, timeOf(options.at));
    const snapshot = await readSnapshot(path, version);
    if (snapshot !== undefined) return new Dataset({ ...key }, path, snapshot, options.orderedOn);
    throw await this.#notFound(key, path);
  }

  async #notFound(key: DatasetKey, path: string): Promise<PipelineError> {
    const known = (await this.datasets()).map(showKey);
    return new PipelineError('ERR_STORE_NOT_FOUND', `${this.root} has no dataset ${showKey(key)}`, {
      file: path,
      hint: nameHint(showKey(key), known),
    });
  }

  /**
   * Writes rows into a dataset, which is made if it is not there: in one commit, merged with those stored. Existing rows come
   * before new ones of an equal ordered value; with `duplicatesOn` the last of equal rows stays. Only row groups that
   * overlap the new rows are written anew. It runs in this thread; large amounts are for pipelines (`toStore`).
   *
   * Memory: a stored and a new row group, decoded, and one encoded.
   * @param rows in order of the `orderedOn` column. None: row groups off their target are made whole
   * @throws ERR_INPUT_UNORDERED, ERR_SCHEMA, ERR_VALUE, ERR_OPTIONS, ERR_KEY, ERR_STORE_CONFLICT, ERR_STORE_CORRUPT, ERR_STORE_UNSUPPORTED, ERR_IO
   * @example
   * ```ts
   * await store.write({ symbol: 'AAPL' }, [{ ts: '2024-01-02T09:30:00Z', price: 187.2 }], {
   *   schema: { ts: 'timestamp[us, UTC]', price: 'float64' },
   *   orderedOn: 'ts',
   *   duplicatesOn: ['ts'],
   *   rowGroupTarget: '1d',
   * });
   * ```
   */
  async write(key: DatasetKey, rows: WriteRows, options: StoreWriteOptions = {}): Promise<CommitSummary> {
    const { writeRows } = await import('./write-rows.ts');
    return writeRows({ root: this.root, key: { ...key }, path: this.pathOf(key) }, rows, options);
  }

  /**
   * Walks several datasets in step, over shared intervals: each interval ends where one of them begins a new row group, so no
   * more than one row group of each is in memory. Datasets without rows in the range are left out.
   * @throws ERR_STORE_NOT_FOUND, ERR_SCHEMA (not ordered alike), and what reading throws
   * @example
   * ```ts
   * for await (const { end, chunks } of store.intersections([trades, quotes], { from: '2024-01-02', to: '2024-01-03' }))
   *   for (const { key, rows } of chunks) console.log(end, key, rows.numRows);
   * ```
   */
  async *intersections(
    keys: readonly DatasetKey[],
    options: IntersectionOptions = {},
  ): AsyncGenerator<Intersection, void, undefined> {
    const datasets: Dataset[] = [];
    for (const key of keys) datasets.push(await this.dataset(key));
    const { walkIntersections } = await import('./intersections.ts');
    yield* walkIntersections(datasets, options);
  }

  /**
   * Reads every file of a dataset and compares it with what the log says. Where the newest version cannot be opened, because its log is
   * damaged, this says why, and looks at the last one that can.
   * @throws ERR_KEY, ERR_STORE_NOT_FOUND, ERR_IO
   * @example
   * ```ts
   * const { ok, version, problems } = await store.verify({ symbol: 'AAPL' });
   * ```
   */
  async verify(key: DatasetKey): Promise<VerifyResult> {
    const path = datasetFolder(this.root, this.pathOf(key));
    const newest = await newestVersion(path);
    if (newest === undefined) throw await this.#notFound(key, path);
    const { verifyNewest } = await import('./verify.ts');
    return verifyNewest(path, (version) => this.dataset(key, { version }), newest);
  }

  /**
   * Removes files that no version within the retention has: replaced ones, and what writers that died have left.
   * @throws ERR_KEY, ERR_STORE_NOT_FOUND, ERR_STORE_CORRUPT, ERR_STORE_UNSUPPORTED, ERR_OPTIONS, ERR_IO
   * @example
   * ```ts
   * const { files, bytes } = await store.vacuum({ symbol: 'AAPL' }, { retention: '2d' });
   * ```
   */
  async vacuum(key: DatasetKey, options: VacuumOptions = {}): Promise<VacuumSummary> {
    const path = datasetFolder(this.root, this.pathOf(key));
    if (!(await this.has(key))) throw await this.#notFound(key, path);
    return (await import('./vacuum.ts')).vacuumTable(path, options);
  }

  /**
   * Removes a dataset with all its versions: at once for everybody who opens it from now on. Who is reading it meanwhile is
   * refused at the next file.
   * @throws ERR_KEY, ERR_STORE_NOT_FOUND, ERR_IO
   */
  async delete(key: DatasetKey): Promise<void> {
    const path = datasetFolder(this.root, this.pathOf(key));
    if (!(await listFolder(path))?.folders.includes(LOG_FOLDER)) throw await this.#notFound(key, path);
    // Hidden first, in one step: half a dataset is never seen.
    const hidden = join(this.root, `${DELETED}${randomBytes(8).toString('hex')}`);
    try {
      await rename(path, hidden);
      await syncFolder(join(path, '..'));
      // With what others did not come to remove.
      for (const name of await readdir(this.root))
        if (name.startsWith(DELETED)) await rm(join(this.root, name), { recursive: true, force: true });
    } catch (error) {
      throw await fileError(path, error);
    }
    await removeEmptyFolders(this.root, join(path, '..'));
  }
}

/** @throws ERR_VALUE */
function timeOf(at: Date | string): number {
  const time = new Date(at).getTime();
  if (!Number.isNaN(time)) return time;
  throw new PipelineError('ERR_VALUE', `at is ${String(at)}, which is no time`, {
    value: String(at),
    hint: "give a Date or ISO text: { at: '2024-01-31T12:00:00Z' }",
  });
}
