/** Opening stores: what is in a folder, and what the keys of its datasets look like. */
import { resolve } from 'node:path';
import { PipelineError } from '../errors.ts';
import { KEYS_FILE, keepKeys, storedKeys } from './keys/kept-keys.ts';
import { type KeyLayout, NAMED_KEYS } from './keys/key-path.ts';
import { type KeySchema, SchemaKeys } from './keys/key-schema.ts';
import { listFolder } from './list-folder.ts';
import { LOG_FOLDER } from './log/log-listing.ts';
import { Store } from './store.ts';

/** Options of `openStore`. */
export interface OpenStoreOptions {
  /**
   * What keys of the store look like. Kept with it: a store that has a schema needs none to be opened. Without, any key is
   * taken, and the names of its fields stand in the folders.
   */
  keys?: KeySchema;
}

/** How keys of a store are laid out, kept there if it is new. @throws ERR_KEY when it is another way */
async function layoutOf(root: string, options: OpenStoreOptions, isEmpty: boolean): Promise<KeyLayout> {
  const stored = await storedKeys(root);
  if (options.keys === undefined) return stored ?? NAMED_KEYS;
  const asked = new SchemaKeys(options.keys);
  if (stored !== undefined) {
    if (JSON.stringify(stored.schema) === JSON.stringify(asked.schema)) return stored;
    throw new PipelineError('ERR_KEY', `${root} keeps its datasets under other keys`, {
      file: root,
      value: JSON.stringify(asked.schema),
      expected: JSON.stringify(stored.schema),
      hint: 'open it without keys: it knows its own',
    });
  }
  if (!isEmpty) {
    throw new PipelineError('ERR_KEY', `${root} has datasets already, whose keys have no schema`, {
      file: root,
      hint: 'open it without keys, or begin a store in another folder',
    });
  }
  await keepKeys(root, asked);
  return asked;
}

/** Where runs with `resume` keep their checkpoints: it may be there before the first dataset. */
export const RESUME_FOLDER = '_resume';

/** See `openStore` in `deferred.ts`. */
export async function openStore(root: string, options: OpenStoreOptions = {}): Promise<Store> {
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
  const all = [...(listed?.folders ?? []), ...(listed?.files ?? [])].filter((name) => name !== RESUME_FOLDER);
  const isOurs = all.length === 0 || all.includes(KEYS_FILE) || all.some((name) => NAMED_KEYS.isLevel(name, 0));
  if (!isOurs) {
    throw new PipelineError('ERR_STORE_UNSUPPORTED', `${path} is not a store: it holds "${all[0]}"`, {
      file: path,
      hint: 'name an empty folder, or one that is not there yet',
    });
  }
  return new Store(path, await layoutOf(path, options, all.length === 0));
}
