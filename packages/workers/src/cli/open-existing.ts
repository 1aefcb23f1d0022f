/** Stores and keys as they are named on the command line. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type DatasetKey, openStore, PipelineError, type Store } from '@spillway/core';
import { showKey } from '@spillway/core/words';

/** Opens a store that has to be there. @throws ERR_STORE_NOT_FOUND, ERR_STORE_UNSUPPORTED, ERR_IO */
export async function openExisting(path: string, cwd: string): Promise<Store> {
  const root = resolve(cwd, path);
  try {
    await stat(root);
  } catch (cause) {
    const { neighbourHint } = await import('./neighbour-hint.ts');
    throw new PipelineError('ERR_STORE_NOT_FOUND', `there is no store at ${root}`, {
      file: root,
      hint: await neighbourHint(root, cwd),
      cause,
    });
  }
  return openStore(root);
}

/** Values of a key as the store has them: numbers where its schema of keys says so. */
export function typedKey(store: Store, key: Readonly<Record<string, string>>): DatasetKey {
  const types = Object.assign({}, ...(store.keys?.levels ?? [])) as Readonly<Record<string, string>>;
  const typed = Object.entries(key).map(([field, value]) => {
    const isNumber = types[field] === 'integer' && /^-?\d+$/.test(value);
    return [field, isNumber ? Number(value) : value];
  });
  return Object.fromEntries(typed) as DatasetKey;
}

/** Keys that a part of a key stands for; all without one. @throws ERR_STORE_NOT_FOUND when there are none */
export async function matchingKeys(
  store: Store,
  part: Readonly<Record<string, string>> | undefined,
): Promise<DatasetKey[]> {
  const wanted = part === undefined ? {} : typedKey(store, part);
  const keys = await store.datasets(wanted);
  // The refusal of a dataset that is not there names the nearest key.
  if (keys.length === 0 && part !== undefined) await store.dataset(wanted);
  return keys;
}

/** A key as the command line takes it: `freq=1h,symbol=AAPL`. */
export function keyText(key: DatasetKey): string {
  return showKey(key).replaceAll(/ (?=[A-Za-z][\w-]*=)/g, ',');
}
