/**
 * Thrift's compact protocol, read generically: a struct becomes a map from field number to value. Just enough for
 * Parquet footers, and safe on hostile bytes: every read is checked, nesting is bounded, nothing is allocated ahead
 * of the bytes that fill it.
 *
 * Protocol: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 */

export type ThriftValue = boolean | number | Uint8Array | ThriftValue[] | ThriftStruct;
export type ThriftStruct = Map<number, ThriftValue>;

/** The bytes are not the compact protocol. The caller names the file. */
export class ThriftError extends Error {
  override readonly name = 'ThriftError';
}

const MAX_DEPTH = 32;
const TYPE_STOP = 0;
const TYPE_TRUE = 1;
const TYPE_FALSE = 2;

/** A place in bytes that are read. */
export interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

/** @throws ThriftError at the end */
export function readByte(cursor: Cursor): number {
  const value = cursor.bytes[cursor.at];
  if (value === undefined) throw new ThriftError(`ends inside a value at byte ${cursor.at}`);
  cursor.at += 1;
  return value;
}

/** Unsigned LEB128. Exact to 2^53, which covers every size and offset that a file on this machine can have. */
export function readVarint(cursor: Cursor): number {
  let value = 0;
  let scale = 1;
  for (let i = 0; i < 10; i += 1) {
    const byte = readByte(cursor);
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value;
    scale *= 128;
  }
  throw new ThriftError(`number of more than ten bytes at byte ${cursor.at}`);
}

/** Signed, as `readVarint`. */
export function readZigzag(cursor: Cursor): number {
  const raw = readVarint(cursor);
  return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
}

function readBinary(cursor: Cursor): Uint8Array {
  const length = readVarint(cursor);
  if (length > cursor.bytes.length - cursor.at) throw new ThriftError(`text of ${length} bytes runs past the end`);
  const value = cursor.bytes.subarray(cursor.at, cursor.at + length);
  cursor.at += length;
  return value;
}

function readDouble(cursor: Cursor): number {
  if (cursor.at + 8 > cursor.bytes.length) throw new ThriftError('ends inside a double');
  const view = new DataView(cursor.bytes.buffer, cursor.bytes.byteOffset + cursor.at, 8);
  cursor.at += 8;
  return view.getFloat64(0, true);
}

function readList(cursor: Cursor, depth: number): ThriftValue[] {
  const head = readByte(cursor);
  const type = head & 0x0f;
  const length = head >> 4 === 15 ? readVarint(cursor) : head >> 4;
  // Every element takes at least one byte, so a longer list is a lie and must not be believed.
  if (length > cursor.bytes.length - cursor.at) throw new ThriftError(`list of ${length} runs past the end`);
  const list: ThriftValue[] = [];
  for (let i = 0; i < length; i += 1) {
    // Booleans in lists are bytes of their own; in fields they are part of the type.
    list.push(type === TYPE_TRUE || type === TYPE_FALSE ? readByte(cursor) === 1 : readValue(cursor, type, depth));
  }
  return list;
}

function skipMap(cursor: Cursor, depth: number): ThriftValue[] {
  const length = readVarint(cursor);
  if (length === 0) return [];
  if (length > cursor.bytes.length - cursor.at) throw new ThriftError(`map of ${length} runs past the end`);
  const types = readByte(cursor);
  for (let i = 0; i < length; i += 1) {
    readValue(cursor, types >> 4, depth);
    readValue(cursor, types & 0x0f, depth);
  }
  return [];
}

function readValue(cursor: Cursor, type: number, depth: number): ThriftValue {
  if (depth > MAX_DEPTH) throw new ThriftError(`nested more than ${MAX_DEPTH} deep`);
  switch (type) {
    case TYPE_TRUE:
      return true;
    case TYPE_FALSE:
      return false;
    case 3: {
      const byte = readByte(cursor);
      return byte > 127 ? byte - 256 : byte;
    }
    case 4:
    case 5:
    case 6:
      return readZigzag(cursor);
    case 7:
      return readDouble(cursor);
    case 8:
      return readBinary(cursor);
    case 9:
    case 10:
      return readList(cursor, depth + 1);
    case 11:
      return skipMap(cursor, depth + 1);
    case 12:
      return readStruct(cursor, depth + 1);
    default:
      throw new ThriftError(`unknown type ${type} at byte ${cursor.at}`);
  }
}

function readStruct(cursor: Cursor, depth: number): ThriftStruct {
  const fields: ThriftStruct = new Map();
  let id = 0;
  for (;;) {
    const head = readByte(cursor);
    const type = head & 0x0f;
    if (type === TYPE_STOP) return fields;
    id = head >> 4 === 0 ? readZigzag(cursor) : id + (head >> 4);
    fields.set(id, readValue(cursor, type, depth));
  }
}

/** Reads one struct from the start of `bytes`. Text stays as views into `bytes`. @throws ThriftError */
export function decodeThriftStruct(bytes: Uint8Array): ThriftStruct {
  return readStruct({ bytes, at: 0 }, 0);
}

/** As `decodeThriftStruct`, from byte `at` on, and where the struct ends. @throws ThriftError */
export function decodeThriftStructAt(bytes: Uint8Array, at: number): { fields: ThriftStruct; end: number } {
  const cursor: Cursor = { bytes, at };
  const fields = readStruct(cursor, 0);
  return { fields, end: cursor.at };
}

/** A number field. @throws ThriftError when it is of another type. */
export function numberField(fields: ThriftStruct, id: number): number | undefined {
  const value = fields.get(id);
  if (value === undefined || typeof value === 'number') return value;
  throw new ThriftError(`field ${id} is not a number`);
}

/** A text field. @throws ThriftError when it is of another type. */
export function textField(fields: ThriftStruct, id: number): string | undefined {
  const value = fields.get(id);
  if (value === undefined) return undefined;
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  throw new ThriftError(`field ${id} is not text`);
}

/** A field that is a list of numbers; absent is empty. @throws ThriftError when it is of another type. */
export function numberListField(fields: ThriftStruct, id: number): number[] {
  const value = fields.get(id);
  if (value === undefined) return [];
  if (Array.isArray(value) && value.every((item) => typeof item === 'number')) return value as number[];
  throw new ThriftError(`field ${id} is not a list of numbers`);
}

/** A field that is a struct. @throws ThriftError when it is of another type. */
export function structField(fields: ThriftStruct, id: number): ThriftStruct | undefined {
  const value = fields.get(id);
  if (value === undefined || value instanceof Map) return value;
  throw new ThriftError(`field ${id} is not a struct`);
}

/** A field that is a list of structs; absent is empty. @throws ThriftError when it is of another type. */
export function structListField(fields: ThriftStruct, id: number): ThriftStruct[] {
  const value = fields.get(id);
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new ThriftError(`field ${id} is not a list`);
  return value.map((item) => {
    if (item instanceof Map) return item;
    throw new ThriftError(`field ${id} holds something that is not a struct`);
  });
}
