/** Stores and keys as they are named on the command line. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type DatasetKey, openStore, PipelineError, type Store } from '@spillway/core';
import { nameHint, showKey } from '@spillway/core/words';
import { UsageError } from '../exit-codes.ts';

/** Of many keys. */
const MOST_SHOWN = 10;

/** Opens a store that has to be there. @throws ERR_STORE_NOT_FOUND, ERR_STORE_UNSUPPORTED, ERR_IO */
export async function openExisting(path: string, cwd: string): Promise<Store> {
  const root = resolve(cwd, path);
  try {
    await stat(root);
  } catch (cause) {
    const { neighbourHint } = await import('../neighbour-hint.ts');
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

/** A key as the command line takes it: `freq=1h,symbol=AAPL`. */
export function keyText(key: DatasetKey): string {
  return showKey(key).replaceAll(/ (?=[A-Za-z][\w-]*=)/g, ',');
}

/** Keys that a part of a key stands for; all without one. @throws ERR_STORE_NOT_FOUND when there are none */
export async function matchingKeys(
  store: Store,
  part: Readonly<Record<string, string>> | undefined,
): Promise<DatasetKey[]> {
  const wanted = part === undefined ? {} : typedKey(store, part);
  const keys = await store.datasets(wanted);
  if (keys.length > 0 || part === undefined) return keys;
  const known = (await store.datasets()).map(keyText);
  throw new PipelineError('ERR_STORE_NOT_FOUND', `${store.root} has no dataset ${keyText(wanted)}`, {
    file: store.root,
    hint: known.length === 0 ? 'there are none yet: spillway ingest writes some' : nameHint(keyText(wanted), known),
  });
}

/**
 * The one dataset that a key, or a part of it, stands for.
 * @throws ERR_STORE_NOT_FOUND; UsageError when there are several
 */
export async function oneKey(store: Store, part: Readonly<Record<string, string>>): Promise<DatasetKey> {
  const keys = await matchingKeys(store, part);
  const [first, ...others] = keys;
  const exact = keys.find((key) => Object.keys(key).length === Object.keys(part).length);
  if (first !== undefined && (others.length === 0 || exact !== undefined)) return exact ?? first;
  const shown = keys.slice(0, MOST_SHOWN).map(keyText).join('\n  ');
  const more = keys.length > MOST_SHOWN ? `\n  and ${keys.length - MOST_SHOWN} more` : '';
  throw new UsageError(`${keyText(part)} stands for ${keys.length} datasets: name one of\n  ${shown}${more}`);
}
