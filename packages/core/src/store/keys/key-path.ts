/**
 * Keys of datasets and the folders they live in, both ways. Where a store says nothing about its keys, names stand in the
 * folders: `{ symbol: 'AAPL', freq: '1h' }` is `freq=1h/symbol=AAPL`. Fields are in the order of their names, so that a key
 * has one path however it was written; values are encoded (`BTC/USD` is `BTC~2FUSD`), so that any text is a safe name.
 */
import { PipelineError } from '../../errors.ts';

/** Names a dataset, field by field. Numbers only where the store's schema of keys says so. */
export type DatasetKey = { readonly [field: string]: string | number };

/** How keys of a store and paths inside it become each other. */
export interface KeyLayout {
  /** Path of a dataset inside its store, with `/` between the levels. @throws ERR_KEY */
  toPath(key: DatasetKey): string;
  /** The key of a path, or undefined when it is not the path of a key. */
  toKey(path: string): DatasetKey | undefined;
  /** Whether a folder of this name, `depth` levels down, can lie on the way to a dataset. */
  isLevel(name: string, depth: number): boolean;
}

/** Bytes of a file name that common file systems take. */
export const NAME_BYTES = 255;
const FIELD = /^[A-Za-z][A-Za-z0-9_-]*$/;

export function refuseKey(problem: string, hint: string, detail: { value?: string } = {}): PipelineError {
  return new PipelineError('ERR_KEY', problem, { ...detail, hint });
}

/**
 * A text as part of a folder name: letters, digits and `-._` stand for themselves, other bytes for `~` and two hexadecimal
 * digits. As in URLs but for the sign: programs that take a path for a URL would decode a `%`.
 * @throws ERR_KEY
 */
export function encodeValue(value: string): string {
  try {
    return encodeURIComponent(value)
      .replaceAll(/[!'()*~]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`)
      .replaceAll('%', '~');
  } catch {
    throw refuseKey(
      `the value ${JSON.stringify(value)} is not well-formed text`,
      'it holds half of a surrogate pair: correct the text',
      { value },
    );
  }
}

/** The text behind `encodeValue`. Texts that it would not give may come back as anything, or throw. */
export function decodeValue(text: string): string {
  return decodeURIComponent(text.replaceAll('~', '%'));
}

function segmentOf(field: string, value: unknown): string {
  if (!FIELD.test(field))
    throw refuseKey(`"${field}" is not a name for a field of a key`, 'use a letter, then letters, digits, _ and -');
  if (value === undefined || value === null)
    throw refuseKey(`the key has nothing for "${field}": it is ${String(value)}`, `give it a text: { ${field}: '…' }`);
  if (typeof value !== 'string') {
    throw refuseKey(
      `field "${field}" of the key is ${String(value)}, not a text`,
      `write { ${field}: '${String(value)}' }`,
      { value: String(value) },
    );
  }
  const segment = `${field}=${encodeValue(value)}`;
  if (segment.length > NAME_BYTES) {
    throw refuseKey(
      `field "${field}" of the key takes ${segment.length} bytes as a folder name`,
      `use a value that takes at most ${NAME_BYTES - field.length - 1}`,
    );
  }
  return segment;
}

/**
 * Path of a dataset inside its store, with `/` between the levels.
 * @throws ERR_KEY
 */
export function keyToPath(key: DatasetKey): string {
  const fields = Object.keys(key).sort();
  if (fields.length === 0)
    throw refuseKey('the key has no fields', "give at least one field, each a text: { freq: '1h' }");
  return fields.map((field) => segmentOf(field, key[field])).join('/');
}

/** The field and value of one folder name, or undefined for a folder that is none of ours. */
function fieldOf(segment: string): [string, string] | undefined {
  const at = segment.indexOf('=');
  if (at < 0) return undefined;
  try {
    const [field, value] = [segment.slice(0, at), decodeValue(segment.slice(at + 1))];
    return segmentOf(field, value) === segment ? [field, value] : undefined;
  } catch {
    // Something else made this folder.
    return undefined;
  }
}

/** The key of a path inside a store, or undefined when it is not the path of a key. */
export function pathToKey(path: string): DatasetKey | undefined {
  const fields = path.split('/').map(fieldOf);
  if (!fields.every((field) => field !== undefined)) return undefined;
  const key = Object.fromEntries(fields);
  return Object.keys(key).length > 0 && keyToPath(key) === path ? key : undefined;
}

/** Keys with their names in the folders. */
export const NAMED_KEYS: KeyLayout = {
  toPath: keyToPath,
  toKey: pathToKey,
  isLevel: (name) => fieldOf(name) !== undefined,
};

/** A key in words, for messages: `freq=1h symbol=AAPL`. */
export function showKey(key: DatasetKey): string {
  return Object.keys(key)
    .sort()
    .map((field) => `${field}=${key[field]}`)
    .join(' ');
}
