/**
 * Thrift's compact protocol with the types of its values kept, so that a struct can be changed in a few places and written
 * again. Values that nobody changes stay the bytes they were.
 */
import { type Cursor, readByte, readVarint, readZigzag, ThriftError } from './thrift-compact.ts';

export interface ThriftTree {
  /** By field number. */
  fields: Map<number, ThriftNode>;
}

export interface ThriftNode {
  /** Of the protocol; of booleans it is the value. */
  type: number;
  /** Of scalars: as they are written. */
  raw?: Uint8Array;
  /** Of structs. */
  struct?: ThriftTree;
  /** Of lists; `itemType` is that of all items. */
  items?: ThriftNode[];
  itemType?: number;
}

const MAX_DEPTH = 32;
const TYPE = { stop: 0, true: 1, false: 2, byte: 3, i16: 4, i32: 5, i64: 6, double: 7, binary: 8, list: 9, struct: 12 };

function nodeAt(cursor: Cursor, type: number, depth: number): ThriftNode {
  if (depth > MAX_DEPTH) throw new ThriftError(`nested more than ${MAX_DEPTH} deep`);
  if (type === TYPE.struct) return { type, struct: treeAt(cursor, depth + 1) };
  if (type === TYPE.list) return listAt(cursor, depth + 1);
  if (type === TYPE.true || type === TYPE.false) return { type };
  const from = cursor.at;
  if (type === TYPE.byte) readByte(cursor);
  else if (type >= TYPE.i16 && type <= TYPE.i64) readVarint(cursor);
  else if (type === TYPE.double) cursor.at += 8;
  else if (type === TYPE.binary) skipBinary(cursor);
  else throw new ThriftError(`type ${type} at byte ${from} is not one of a footer`);
  if (cursor.at > cursor.bytes.length) throw new ThriftError('ends inside a value');
  return { type, raw: cursor.bytes.subarray(from, cursor.at) };
}

function skipBinary(cursor: Cursor): void {
  const bytes = readVarint(cursor);
  cursor.at += bytes;
}

function listAt(cursor: Cursor, depth: number): ThriftNode {
  const head = readByte(cursor);
  const itemType = head & 0x0f;
  const length = head >> 4 === 15 ? readVarint(cursor) : head >> 4;
  if (length > cursor.bytes.length - cursor.at) throw new ThriftError(`list of ${length} runs past the end`);
  const isFlag = itemType === TYPE.true || itemType === TYPE.false;
  const items = Array.from({ length }, () => nodeAt(cursor, isFlag ? TYPE.byte : itemType, depth));
  return { type: TYPE.list, items, itemType };
}

function treeAt(cursor: Cursor, depth: number): ThriftTree {
  const fields = new Map<number, ThriftNode>();
  for (let id = 0; ; ) {
    const head = readByte(cursor);
    const type = head & 0x0f;
    if (type === TYPE.stop) return { fields };
    id = head >> 4 === 0 ? readZigzag(cursor) : id + (head >> 4);
    fields.set(id, nodeAt(cursor, type, depth));
  }
}

/** Reads one struct from the start of `bytes`. Values stay views into `bytes`. @throws ThriftError */
export function readThriftTree(bytes: Uint8Array): ThriftTree {
  return treeAt({ bytes, at: 0 }, 0);
}

function pushVarint(out: number[], value: number): void {
  let left = value;
  for (; left >= 128; left = Math.floor(left / 128)) out.push((left % 128) | 128);
  out.push(left);
}

function pushNode(out: number[], node: ThriftNode): void {
  if (node.struct !== undefined) return pushTree(out, node.struct);
  if (node.items !== undefined) {
    const { items, itemType = TYPE.struct } = node;
    out.push((Math.min(15, items.length) << 4) | itemType);
    if (items.length >= 15) pushVarint(out, items.length);
    for (const item of items) pushNode(out, item);
    return;
  }
  for (const byte of node.raw ?? []) out.push(byte);
}

function pushTree(out: number[], { fields }: ThriftTree): void {
  let before = 0;
  for (const [id, node] of [...fields].sort(([a], [b]) => a - b)) {
    const step = id - before;
    if (step > 0 && step <= 15) out.push((step << 4) | node.type);
    else {
      out.push(node.type);
      pushVarint(out, id * 2);
    }
    before = id;
    pushNode(out, node);
  }
  out.push(TYPE.stop);
}

/** The bytes of a struct. */
export function writeThriftTree(tree: ThriftTree): Uint8Array {
  const out: number[] = [];
  pushTree(out, tree);
  return Uint8Array.from(out);
}

/** A whole number of the same type as another. @param type as `ThriftNode.type` */
export function wholeNumber(type: number, value: number): ThriftNode {
  const out: number[] = [];
  pushVarint(out, value * 2);
  return { type, raw: Uint8Array.from(out) };
}

/** Value of a field that is a whole number; undefined where it is missing. */
export function wholeNumberOf({ fields }: ThriftTree, id: number): number | undefined {
  const raw = fields.get(id)?.raw;
  return raw === undefined ? undefined : readZigzag({ bytes: raw, at: 0 });
}
