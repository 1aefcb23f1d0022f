/**
 * Columns of lines of JSON by the keys that lead to them. A column `a.b` is the value of `b` in the object `a`, and also that of the
 * key `a.b`, dots and all.
 */
import { JSON_KEY_BYTES } from '../../kernels/json-layout.ts';
import type { Fields } from '../../schema/types.ts';

/** Keys of an object. */
export type KeyTree = Map<string, KeyNode>;

export interface KeyNode {
  /** -1 when only what is below it is wanted. */
  column: number;
  keys: KeyTree;
}

const HEAD_BYTES = 8;

export function keyTree(fields: Fields): KeyTree {
  const root: KeyTree = new Map();
  fields.forEach(({ name }, column) => {
    addPath(root, [name], column);
    const path = name.split('.');
    if (path.length > 1) addPath(root, path, column);
  });
  return root;
}

function addPath(root: KeyTree, path: readonly string[], column: number): void {
  let keys = root;
  path.forEach((key, level) => {
    const node = keys.get(key) ?? { column: -1, keys: new Map() };
    keys.set(key, node);
    if (level === path.length - 1) node.column = column;
    keys = node.keys;
  });
}

function nameBytes(key: string): number {
  return 8 * Math.ceil((Buffer.byteLength(key) + 1) / 8);
}

/** Bytes of `writeKeyTree`. */
export function keyTreeBytes(tree: KeyTree): number {
  let bytes = HEAD_BYTES;
  for (const [key, { keys }] of tree)
    bytes += JSON_KEY_BYTES + nameBytes(key) + (keys.size === 0 ? 0 : keyTreeBytes(keys));
  return bytes;
}

/** Lays the tree out for the kernel, from `at` on, which is where the outermost keys then are. Returns where it ends. */
export function writeKeyTree(buffer: ArrayBufferLike, tree: KeyTree, at: number): number {
  const view = new DataView(buffer);
  view.setUint32(at, tree.size, true);
  let entry = at + HEAD_BYTES;
  let next = entry + tree.size * JSON_KEY_BYTES;
  for (const [key, { column, keys }] of tree) {
    const name = Buffer.from(key);
    new Uint8Array(buffer).set(name, next);
    view.setUint32(entry, next, true);
    view.setUint32(entry + 4, name.length, true);
    view.setInt32(entry + 8, column, true);
    next += nameBytes(key);
    view.setUint32(entry + 12, keys.size === 0 ? 0 : next, true);
    if (keys.size > 0) next = writeKeyTree(buffer, keys, next);
    entry += JSON_KEY_BYTES;
  }
  return next;
}
