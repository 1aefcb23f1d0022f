/** Views of a column's values, and casts of whole columns between numeric types. */
import type { Column } from '../batch/contract.ts';
import type { Ptr } from '../memory/contract.ts';
import { parseType } from '../schema/parse-type.ts';
import type { TypeText } from '../schema/types.ts';
import type { Frame } from './frame.ts';
import { isUnsigned, kernelTypeOf } from './step.ts';

/** 64-bit integers as pairs: low word of row i at 2i (read unsigned), high word at 2i + 1. */
export function wordView(frame: Frame, values: Ptr, rows: number): Int32Array<SharedArrayBuffer> {
  return new Int32Array(frame.arena.buffer, values, rows * 2);
}

/** Any column of numbers or of temporal values. */
export type NumberView =
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

export function numberView(frame: Frame, type: TypeText, values: Ptr, rows: number): NumberView {
  const { buffer } = frame.arena;
  switch (kernelTypeOf(type)) {
    case 'i8':
      return new Int8Array(buffer, values, rows);
    case 'i16':
      return new Int16Array(buffer, values, rows);
    case 'i32':
      return new Int32Array(buffer, values, rows);
    case 'i64':
      return new BigInt64Array(buffer, values, rows);
    case 'u8':
      return new Uint8Array(buffer, values, rows);
    case 'u16':
      return new Uint16Array(buffer, values, rows);
    case 'u32':
      return new Uint32Array(buffer, values, rows);
    case 'u64':
      return new BigUint64Array(buffer, values, rows);
    case 'f32':
      return new Float32Array(buffer, values, rows);
    case 'f64':
      return new Float64Array(buffer, values, rows);
  }
}

/** One value of a number or temporal column. */
export function numberAt(frame: Frame, column: Column, row: number): number | bigint {
  return numberView(frame, column.type, column.values, column.length)[row] as number | bigint;
}

/** The range of a 64-bit integer. */
export function inRange(value: bigint, unsigned: boolean): boolean {
  return unsigned ? value >= 0n && value < 1n << 64n : value >= -(1n << 63n) && value < 1n << 63n;
}

/** Room for a result of the same length and validity. Consumes nothing. */
export function resultLike(frame: Frame, column: Column, type: TypeText): ReturnType<Frame['allocate']> {
  const out = frame.allocate(type, column.length, column.length * parseType(type).byteWidth, column.validity !== 0);
  frame.copyValidity(out, column);
  return out;
}

/**
 * Converts to another numeric or temporal type by value (stored integers as they are); consumes the column.
 * @throws ERR_VALUE naming the first row that does not fit
 */
export function convert(frame: Frame, column: Column, type: TypeText): Column {
  const from = kernelTypeOf(column.type);
  const to = kernelTypeOf(type);
  if (from === to) return column.type === type ? column : frame.replace(column, { ...column, type });
  const out = resultLike(frame, column, type);
  const bad = frame.withRelevant(column.validity, (relevant) =>
    frame.kernels.cast(from, to, column.values, relevant, column.length, out.values),
  );
  if (bad >= 0) {
    const value = String(numberAt(frame, column, bad));
    throw frame.refuse('ERR_VALUE', bad, `${value} does not fit ${type}`, {
      value,
      expected: type,
      hint: 'use a wider type, or filter such rows',
    });
  }
  frame.drop(column);
  return out;
}

/** Integers as 64 bits of their own signedness, which always fits. */
export function widen(frame: Frame, column: Column): Column {
  return convert(frame, column, isUnsigned(column.type) ? 'uint64' : 'int64');
}
