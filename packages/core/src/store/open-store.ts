import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { PipelineError } from '../errors.ts';
import { fileError } from '../formats/file-error.ts';
import { nameHint } from '../schema/nearest-name.ts';
import { Dataset } from './dataset.ts';
import { LOG_FOLDER, readSnapshot } from './delta-log.ts';
import { type DatasetKey, pathToKey, showKey } from './key-path.ts';
import { datasetFolder } from './sink-commit.ts';

async function listFolder(path: string): Promise<{ files: string[]; folders: string[] } | undefined> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    const visible = entries.filter((entry) => !entry.name.startsWith('.'));
    return {
      files: visible.filter((entry) => !entry.isDirectory()).map((entry) => entry.name),
      folders: visible
        .filter((entry) => entry.isDirectory())
        .map((entry) => entry.name)
        .sort(),
    };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    if (error instanceof Error && 'code' in error && error.code === 'ENOTDIR') {
      throw new PipelineError('ERR_STORE_UNSUPPORTED', `${path} is a file, not a store`, {
        file: path,
        hint: 'name a folder',
      });
    }
    throw await fileError(path, error);
  }
}

/** A folder of datasets under keys. Made by `openStore`. */
export class Store {
  /** Absolute path of the folder. */
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** Keys of all datasets, in the order of their paths. */
  async datasets(): Promise<DatasetKey[]> {
    const keys: DatasetKey[] = [];
    await this.#collect([], keys);
    return keys;
  }

  async #collect(levels: string[], keys: DatasetKey[]): Promise<void> {
    const listed = await listFolder(join(this.root, ...levels));
    const key = levels.length === 0 ? undefined : pathToKey(levels.join('/'));
    if (key !== undefined && listed?.folders.includes(LOG_FOLDER)) {
      keys.push(key);
      return;
    }
    for (const name of listed?.folders ?? []) {
      if (pathToKey(name) !== undefined) await this.#collect([...levels, name], keys);
    }
  }

  /** Whether there is a dataset under a key. @throws ERR_KEY */
  async has(key: DatasetKey): Promise<boolean> {
    return (await readSnapshot(datasetFolder(this.root, key))) !== undefined;
  }

  /**
   * Opens a dataset at its newest version, or at an older one.
   * @throws ERR_KEY, ERR_STORE_NOT_FOUND (with the nearest key), ERR_STORE_CORRUPT, ERR_STORE_UNSUPPORTED
   * @example
   * ```ts
   * const hourly = await store.dataset({ symbol: 'AAPL', freq: '1h' });
   * console.log(hourly.version, hourly.rows, hourly.fields);
   * ```
   */
  async dataset(key: DatasetKey, options: { version?: number } = {}): Promise<Dataset> {
    const path = datasetFolder(this.root, key);
    const snapshot = await readSnapshot(path, options.version);
    if (snapshot !== undefined) return new Dataset({ ...key }, path, snapshot);
    const known = (await this.datasets()).map(showKey);
    throw new PipelineError('ERR_STORE_NOT_FOUND', `${this.root} has no dataset ${showKey(key)}`, {
      file: path,
      hint: nameHint(showKey(key), known),
    });
  }
}

/** See `openStore` in `deferred.ts`. */
export async function openStore(root: string): Promise<Store> {
  if (typeof root !== 'string' || root === '') {
    throw new PipelineError('ERR_OPTIONS', `openStore: the path is ${JSON.stringify(root)}`, {
      hint: "write await openStore('./market')",
    });
  }
  const path = resolve(root);
  const listed = await listFolder(path);
  if (listed?.folders.includes(LOG_FOLDER)) {
    throw new PipelineError('ERR_STORE_UNSUPPORTED', `${path} is one table, not a store of datasets`, {
      file: path,
      hint: 'open the folder of the store, above it',
    });
  }
  const all = [...(listed?.folders ?? []), ...(listed?.files ?? [])];
  const isForeign = all.length > 0 && !all.some((name) => pathToKey(name) !== undefined);
  if (isForeign) {
    throw new PipelineError('ERR_STORE_UNSUPPORTED', `${path} is not a store: it holds "${all[0]}"`, {
      file: path,
      hint: 'name an empty folder, or one that is not there yet',
    });
  }
  return new Store(path);
}
