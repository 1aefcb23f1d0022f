/** Values of the column a batch is ordered on: reading, comparing and naming them. */
import type { Column } from '../batch/contract.ts';
import { PipelineError } from '../errors.ts';
import type { Arena } from '../memory/contract.ts';
import { parseType } from '../schema/parse-type.ts';
import type { TypeText } from '../schema/types.ts';

/** 64-bit integers and timestamps are bigints, texts are strings. Crosses threads as it is. */
export type OrderedValue = bigint | number | string;

type NumberArray =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array;
type NumberArrayType = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => NumberArray;

const ARRAYS: Record<string, NumberArrayType> = {
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  float32: Float32Array,
  float64: Float64Array,
  date32: Int32Array,
  'time32[s]': Int32Array,
  'time32[ms]': Int32Array,
};

/** Whether values are 64-bit integers, timestamps among them. */
export function isWide(type: TypeText): boolean {
  const parsed = parseType(type);
  return (
    parsed.byteWidth === 8 &&
    type !== 'float64' &&
    (parsed.domain === 'int' || parsed.domain === 'uint' || parsed.domain === 'temporal')
  );
}

/** Whether rows can be ordered on a column of this type. */
export function isOrderable(type: TypeText): boolean {
  return isWide(type) || type in ARRAYS || type === 'utf8';
}

/** Values of a type that JavaScript numbers hold. */
export function numbers(arena: Arena, column: Column): NumberArray {
  const array = ARRAYS[column.type] ?? Float64Array;
  return new array(arena.buffer, column.values, column.length);
}

/** The bytes of a text. */
function textOf(arena: Arena, column: Column, row: number): Uint8Array {
  const at = column.offsets / 4 + row;
  return arena.u8.subarray(column.values + (arena.i32[at] ?? 0), column.values + (arena.i32[at + 1] ?? 0));
}

/** Compares the texts of two rows by their bytes. In place: a view for each of millions of rows is megabytes of garbage. */
export function textComparer(arena: Arena, column: Column): (a: number, b: number) => number {
  const { u8 } = arena;
  const offsets = new Int32Array(arena.buffer, column.offsets, column.length + 1);
  return (a, b) => {
    const [startA, startB] = [offsets[a] as number, offsets[b] as number];
    const [bytesA, bytesB] = [(offsets[a + 1] as number) - startA, (offsets[b + 1] as number) - startB];
    const common = Math.min(bytesA, bytesB);
    for (let i = 0; i < common; i += 1) {
      const difference = (u8[column.values + startA + i] as number) - (u8[column.values + startB + i] as number);
      if (difference !== 0) return difference;
    }
    return bytesA - bytesB;
  };
}

/** The value of a row that is not null. */
export function orderedValue(arena: Arena, column: Column, row: number): OrderedValue {
  if (column.type === 'uint64') return new BigUint64Array(arena.buffer, column.values, column.length)[row] ?? 0n;
  if (isWide(column.type)) return new BigInt64Array(arena.buffer, column.values, column.length)[row] ?? 0n;
  // A decoder of shared memory needs a copy.
  if (column.type === 'utf8') return new TextDecoder().decode(textOf(arena, column, row).slice());
  return numbers(arena, column)[row] ?? 0;
}

/** Negative, 0 or positive. Texts compare by their bytes, which is by code point. NaN is after everything. */
export function compareOrdered(a: OrderedValue, b: OrderedValue): number {
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b));
  if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : 1;
  if (Number.isNaN(b)) return -1;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Compares rows of a column without nulls, in place: negative, 0 or positive. As `compareOrdered` of their values. */
export function rowComparer(arena: Arena, column: Column): (a: number, b: number) => number {
  if (column.type === 'utf8') return textComparer(arena, column);
  if (!isWide(column.type)) {
    const values = numbers(arena, column);
    return (a, b) => (values[a] as number) - (values[b] as number);
  }
  const flip = column.type === 'uint64' ? 0x8000_0000 | 0 : 0;
  const words = new Int32Array(arena.buffer, column.values, column.length * 2);
  return (a, b) => {
    const high = ((words[2 * a + 1] as number) ^ flip) - ((words[2 * b + 1] as number) ^ flip);
    return high === 0 ? ((words[2 * a] as number) >>> 0) - ((words[2 * b] as number) >>> 0) : high;
  };
}

const PER_SECOND: Record<string, bigint> = { s: 1n, ms: 1_000n, us: 1_000_000n, ns: 1_000_000_000n };

/** A value in words: timestamps as ISO 8601, with as many digits as the unit has. */
export function showOrdered(value: OrderedValue, type: TypeText): string {
  const parsed = parseType(type);
  const perSecond = PER_SECOND[parsed.unit ?? ''];
  if (type.startsWith('timestamp[') && typeof value === 'bigint' && perSecond !== undefined) {
    const fraction = ((value % perSecond) + perSecond) % perSecond;
    const seconds = (value - fraction) / perSecond;
    if (seconds < -62_135_596_800n || seconds > 253_402_300_799n) return `${value} ${parsed.unit}`;
    const digits = perSecond === 1n ? '' : `.${String(fraction).padStart(String(perSecond).length - 1, '0')}`;
    return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}${digits}${parsed.timeZone === undefined ? '' : 'Z'}`;
  }
  if (type === 'date32' && typeof value === 'number') return new Date(value * 86_400_000).toISOString().slice(0, 10);
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

/**
 * The refusal for two neighbours in the wrong order. Row numbers count from 0.
 * @param at `previousFile` where the one before is the last of another file
 */
export function disorderError(
  at: { file?: string; previousFile?: string; row: number; column: string; type: TypeText },
  before: OrderedValue,
  value: OrderedValue,
): PipelineError {
  const shown = showOrdered(value, at.type);
  const expected = `at least ${showOrdered(before, at.type)}`;
  const place = at.file === undefined ? `row ${at.row}` : `${at.file}, row ${at.row}`;
  const isBorder = at.previousFile !== undefined && at.previousFile !== at.file;
  return new PipelineError(
    'ERR_INPUT_UNORDERED',
    `${place}: "${at.column}" is ${shown} after ${showOrdered(before, at.type)}${isBorder ? `, with which ${at.previousFile} ends` : ''}`,
    {
      ...(at.file === undefined ? {} : { file: at.file }),
      row: at.row,
      column: at.column,
      value: shown,
      expected,
      hint:
        isBorder || (at.file !== undefined && at.row === 0)
          ? `the files overlap: read them with overlap: 'merge', or sort them on "${at.column}"`
          : `sort the input on "${at.column}", or order the pipeline on another column`,
    },
  );
}
