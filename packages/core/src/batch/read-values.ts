/**
 * Columns as JavaScript values. One file for all types, because the table that documents what each type is read as, and
 * the readers that have to agree with it, change together.
 */
import type { Arena, Ptr } from '../memory/contract.ts';
import { parseType } from '../schema/parse-type.ts';
import type { ParsedType } from '../schema/types.ts';
import { isBitSet } from './bitmap.ts';
import type { Batch, Column } from './contract.ts';
import { arenaOf } from './shared-batch.ts';
import { decodeUtf8 } from './utf8.ts';

/** Reads the value of one row; null when it is null. */
export type ValueReader = (row: number) => unknown;

type NumberView =
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | Float32Array
  | Float64Array;

function numberView(arena: Arena, type: string, ptr: Ptr, length: number): NumberView | undefined {
  const { buffer } = arena;
  switch (type) {
    case 'int8':
      return new Int8Array(buffer, ptr, length);
    case 'int16':
      return new Int16Array(buffer, ptr, length);
    case 'int32':
      return new Int32Array(buffer, ptr, length);
    case 'uint8':
      return new Uint8Array(buffer, ptr, length);
    case 'uint16':
      return new Uint16Array(buffer, ptr, length);
    case 'uint32':
      return new Uint32Array(buffer, ptr, length);
    case 'float32':
      return new Float32Array(buffer, ptr, length);
    case 'float64':
      return new Float64Array(buffer, ptr, length);
    default:
      return undefined;
  }
}

/** Decimal text of an unscaled integer: `1234` with scale 2 is `12.34`. */
export function decimalText(unscaled: bigint, scale: number): string {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString();
  const sign = unscaled < 0n ? '-' : '';
  if (scale <= 0) return sign + digits + (unscaled === 0n ? '' : '0'.repeat(-scale));
  const padded = digits.padStart(scale + 1, '0');
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`;
}

function fixedReader(arena: Arena, column: Column, parsed: ParsedType): ValueReader {
  const { values, length } = column;
  const numbers = numberView(arena, parsed.text, values, length);
  if (numbers !== undefined) return (row) => numbers[row];
  if (parsed.precision !== undefined) {
    const words = arena.uint64At(values, length * 2);
    const { scale = 0 } = parsed;
    return (row) =>
      decimalText((BigInt.asIntN(64, words[row * 2 + 1] as bigint) << 64n) | (words[row * 2] as bigint), scale);
  }
  if (parsed.domain === 'opaque') {
    const { byteWidth } = parsed;
    return (row) => Uint8Array.from(arena.bytesAt(values + row * byteWidth, byteWidth));
  }
  if (parsed.byteWidth === 4) {
    const words = arena.int32At(values, length);
    return (row) => words[row];
  }
  const words = parsed.domain === 'uint' ? arena.uint64At(values, length) : arena.int64At(values, length);
  return (row) => words[row];
}

function variableReader(arena: Arena, column: Column, parsed: ParsedType): ValueReader {
  if (parsed.domain === 'utf8') return (row) => decodeUtf8(arena, column, row);
  const offsets = column.offsets >>> 2;
  return (row) => {
    const from = arena.i32[offsets + row] as number;
    return Uint8Array.from(arena.bytesAt(column.values + from, (arena.i32[offsets + row + 1] as number) - from));
  };
}

function dictionaryReader(arena: Arena, column: Column): ValueReader {
  const dictionary = column.child as Column;
  const codes = arena.int32At(column.values, column.length);
  const texts: (string | undefined)[] = [];
  return (row) => {
    const code = codes[row] as number;
    return (texts[code] ??= decodeUtf8(arena, dictionary, code));
  };
}

function listReader(arena: Arena, column: Column): ValueReader {
  const element = columnReader(arena, column.child as Column);
  const offsets = column.offsets >>> 2;
  return (row) => {
    const from = arena.i32[offsets + row] as number;
    return Array.from({ length: (arena.i32[offsets + row + 1] as number) - from }, (_, index) => element(from + index));
  };
}

function presentReader(arena: Arena, column: Column): ValueReader {
  const parsed = parseType(column.type);
  switch (parsed.physical) {
    case 'bits':
      return (row) => isBitSet(arena.u8, column.values * 8 + row);
    case 'fixed':
      return fixedReader(arena, column, parsed);
    case 'variable':
      return variableReader(arena, column, parsed);
    case 'dictionary':
      return dictionaryReader(arena, column);
    case 'list':
      return listReader(arena, column);
  }
}

/**
 * Reads a column as JavaScript values, without apache-arrow. Valid as long as the batch is.
 *
 * | type | value |
 * |---|---|
 * | int8 … int32, uint8 … uint32, float32, float64 | number |
 * | int64, uint64 | bigint |
 * | timestamp, duration, time64, date64 | bigint, in the unit of the type (date64: ms) |
 * | date32, time32 | number, in days or in the unit of the type |
 * | bool | boolean |
 * | utf8, dictionary<utf8> | string |
 * | decimal | string such as `12.34` |
 * | binary, fixed | Uint8Array, a copy |
 * | list | array |
 */
export function columnReader(arena: Arena, column: Column): ValueReader {
  const read = presentReader(arena, column);
  if (column.nullCount === 0) return read;
  const first = column.validity * 8;
  return (row) => (isBitSet(arena.u8, first + row) ? read(row) : null);
}

/** All rows as objects, with the values of `columnReader`. For tests and small results: it makes an object a row. */
export function batchToRows(batch: Batch): Record<string, unknown>[] {
  const arena = arenaOf(batch);
  const readers = batch.fields.map((field, index) => ({
    name: field.name,
    read: columnReader(arena, batch.columns[index] as Column),
  }));
  return Array.from({ length: batch.rows }, (_, row) =>
    Object.fromEntries(readers.map(({ name, read }) => [name, read(row)])),
  );
}
