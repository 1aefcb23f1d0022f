/**
 * How columns are stored in a Delta table, which has fewer types than a batch: microseconds only, no unsigned integers, no
 * fixed-width bytes. A column is stored as the nearest type that any reader of the table understands, with the same value;
 * what it was stands in the field's metadata, and reading restores it.
 *
 * Types: https://github.com/delta-io/delta/blob/master/PROTOCOL.md#primitive-types
 */
import { isBitSet } from '../../batch/bitmap.ts';
import { PipelineError } from '../../errors.ts';
import type { IpcColumn } from '../../formats/ipc-columns.ts';
import { parseType } from '../../schema/parse-type.ts';
import type { Fields, TypeText } from '../../schema/types.ts';

/** A type of Delta's schema: a name, or an array of one. */
export type DeltaType = string | { type: 'array'; elementType: DeltaType; containsNull: boolean };

type Convert = (column: IpcColumn) => IpcColumn;

/** How one column is stored. */
export interface StoredType {
  delta: DeltaType;
  /** Type of the column in the file. */
  stored: TypeText;
  /** Turns a column into its stored form. Absent when that is the same. */
  convert?: Convert;
}

export function isThere(column: IpcColumn, row: number): boolean {
  return column.validity === undefined || isBitSet(column.validity, row);
}

/** A typed array over a column's bytes, copied where they do not lie at a multiple of their width. */
export function view<T>(
  array: { new (buffer: ArrayBufferLike, at: number, length: number): T; BYTES_PER_ELEMENT: number },
  bytes: Uint8Array,
): T {
  const width = array.BYTES_PER_ELEMENT;
  const aligned = bytes.byteOffset % width === 0 ? bytes : bytes.slice();
  return new array(aligned.buffer, aligned.byteOffset, Math.floor(aligned.length / width));
}

export function bytesOf(array: { buffer: ArrayBufferLike; byteOffset: number; byteLength: number }): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** Replaces the values, row by row. Rows that are null are not looked at: their bytes may be anything. */
function mapValues(column: IpcColumn, stored: TypeText, values: Uint8Array): IpcColumn {
  return { ...column, type: stored, values };
}

function reinterpret(stored: TypeText): Convert {
  return (column) => ({ ...column, type: stored });
}

function refuseValue(value: bigint, type: TypeText): PipelineError {
  return new PipelineError('ERR_VALUE', `the value ${value} of a ${type} column cannot be stored`, {
    value: String(value),
    hint: 'a stored time has microseconds in 64 bits, a stored date whole days: correct the value, or cast the column',
  });
}

/** Seconds or milliseconds to microseconds. */
function toMicroseconds(type: TypeText, stored: TypeText): Convert {
  const factor = parseType(type).unit === 's' ? 1_000_000n : 1_000n;
  return (column) => {
    const source = view(BigInt64Array, column.values);
    const out = new BigInt64Array(column.rows);
    for (let row = 0; row < column.rows; row += 1) {
      if (!isThere(column, row)) continue;
      const value = (source[row] ?? 0n) * factor;
      if (BigInt.asIntN(64, value) !== value) throw refuseValue(source[row] ?? 0n, type);
      out[row] = value;
    }
    return mapValues(column, stored, bytesOf(out));
  };
}

function toDays(column: IpcColumn): IpcColumn {
  const source = view(BigInt64Array, column.values);
  const out = new Int32Array(column.rows);
  for (let row = 0; row < column.rows; row += 1) {
    if (!isThere(column, row)) continue;
    const value = source[row] ?? 0n;
    if (value % 86_400_000n !== 0n) throw refuseValue(value, 'date64');
    out[row] = Number(value / 86_400_000n);
  }
  return mapValues(column, 'date32', bytesOf(out));
}

const WIDEN: Partial<Record<TypeText, (bytes: Uint8Array) => Uint8Array>> = {
  uint8: (bytes) => bytesOf(Int16Array.from(bytes)),
  uint16: (bytes) => bytesOf(Int32Array.from(view(Uint16Array, bytes))),
  uint32: (bytes) => bytesOf(BigInt64Array.from(view(Uint32Array, bytes), BigInt)),
  uint64: (bytes) => {
    const source = view(BigUint64Array, bytes);
    const out = new BigUint64Array(source.length * 2);
    for (let row = 0; row < source.length; row += 1) out[2 * row] = source[row] ?? 0n;
    return bytesOf(out);
  },
};

function widened(type: TypeText, delta: DeltaType, stored: TypeText): StoredType {
  return {
    delta,
    stored,
    convert: (column) => mapValues(column, stored, WIDEN[type]?.(column.values) ?? column.values),
  };
}

/** Fixed-width bytes as texts of bytes of that length each. */
export function toBinary(column: IpcColumn): IpcColumn {
  const width = parseType(column.type).byteWidth;
  const offsets = Int32Array.from({ length: column.rows + 1 }, (_, row) => row * width);
  return { ...column, type: 'binary', offsets: bytesOf(offsets) };
}

const SAME: Partial<Record<TypeText, DeltaType>> = {
  bool: 'boolean',
  int8: 'byte',
  int16: 'short',
  int32: 'integer',
  int64: 'long',
  float32: 'float',
  float64: 'double',
  utf8: 'string',
  'dictionary<utf8>': 'string',
  binary: 'binary',
  date32: 'date',
};

function timestampType(type: TypeText): StoredType {
  const { unit, timeZone } = parseType(type);
  if (unit === 'ns') return { delta: 'long', stored: 'int64', convert: reinterpret('int64') };
  const stored: TypeText = timeZone === undefined ? 'timestamp[us]' : 'timestamp[us, UTC]';
  const delta = timeZone === undefined ? 'timestamp_ntz' : 'timestamp';
  if (unit !== 'us') return { delta, stored, convert: toMicroseconds(type, stored) };
  return type === stored ? { delta, stored } : { delta, stored, convert: reinterpret(stored) };
}

function listType(of: TypeText): StoredType {
  const element = storedType(of);
  const stored: TypeText = `list<${element.stored}>`;
  const delta: DeltaType = { type: 'array', elementType: element.delta, containsNull: true };
  const { convert } = element;
  if (convert === undefined) return { delta, stored };
  return {
    delta,
    stored,
    convert: (column) => ({ ...column, type: stored, child: column.child && convert(column.child) }),
  };
}

/**
 * How a column of this type is stored.
 * @throws ERR_TYPE_UNSUPPORTED for a decimal whose scale Delta does not have
 */
export function storedType(type: TypeText): StoredType {
  const same = SAME[type];
  if (same !== undefined) return { delta: same, stored: type };
  const parsed = parseType(type);
  if (type === 'uint8') return widened(type, 'short', 'int16');
  if (type === 'uint16') return widened(type, 'integer', 'int32');
  if (type === 'uint32') return widened(type, 'long', 'int64');
  if (type === 'uint64') return widened(type, 'decimal(20,0)', 'decimal(20, 0)');
  if (type === 'date64') return { delta: 'date', stored: 'date32', convert: toDays };
  if (type.startsWith('timestamp')) return timestampType(type);
  if (type.startsWith('time32')) return { delta: 'integer', stored: 'int32', convert: reinterpret('int32') };
  if (type.startsWith('time64') || type.startsWith('duration'))
    return { delta: 'long', stored: 'int64', convert: reinterpret('int64') };
  if (type.startsWith('fixed')) return { delta: 'binary', stored: 'binary', convert: toBinary };
  if (parsed.of !== undefined) return listType(parsed.of);
  const { precision = 0, scale = 0 } = parsed;
  if (scale >= 0 && scale <= precision) return { delta: `decimal(${precision},${scale})`, stored: type };
  throw new PipelineError(
    'ERR_TYPE_UNSUPPORTED',
    `a column of type ${type} cannot be stored: its scale is not between 0 and ${precision}`,
    {
      value: type,
      hint: 'cast the column to a decimal with a scale between 0 and its precision',
    },
  );
}

/** The columns of a table's files, and how batches become them. */
export function storedColumns(fields: Fields): { fields: Fields; convert(columns: IpcColumn[]): IpcColumn[] } {
  const types = fields.map((field) => storedType(field.type));
  return {
    fields: fields.map(({ name, nullable }, i) => ({ name, nullable, type: types[i]?.stored ?? 'binary' })),
    convert: (columns) => columns.map((column, i) => types[i]?.convert?.(column) ?? column),
  };
}
