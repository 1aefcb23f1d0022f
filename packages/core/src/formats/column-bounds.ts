/**
 * What a file's statistics say of a column: least and greatest value, nulls, NaN. Exact, in the column's own type; how a
 * table format rounds or cuts them is its own affair.
 */
import { countSetBits, isBitSet } from '../batch/bitmap.ts';
import type { Column } from '../batch/contract.ts';
import type { Arena } from '../memory/contract.ts';
import { isOrderable, isWide, numbers, type OrderedValue, orderedValue, textComparer } from './ordered-value.ts';

/** Plain data. `min` and `max` are undefined when all rows are null (or NaN), and for types without an order. */
export interface ColumnBounds {
  min: OrderedValue | undefined;
  max: OrderedValue | undefined;
  nullCount: number;
  /** NaN is in neither bound: with it, bounds must not be used to skip rows. */
  hasNaN: boolean;
}

export function emptyBounds(): ColumnBounds {
  return { min: undefined, max: undefined, nullCount: 0, hasNaN: false };
}

/** Bits of the rows that are there; undefined when all are. */
function validBits(arena: Arena, column: Column): Uint8Array | undefined {
  if (column.validity === 0) return undefined;
  return arena.u8.subarray(column.validity, column.validity + Math.ceil(column.length / 8));
}

function widen(bounds: ColumnBounds, value: OrderedValue): void {
  if (bounds.min === undefined || value < bounds.min) bounds.min = value;
  if (bounds.max === undefined || value > bounds.max) bounds.max = value;
}

/** Numbers, in one pass over the array. */
function addNumbers(bounds: ColumnBounds, arena: Arena, column: Column, from: number, to: number): void {
  const valid = validBits(arena, column);
  const values = numbers(arena, column);
  let min = Infinity;
  let max = -Infinity;
  let isAny = false;
  for (let row = from; row < to; row += 1) {
    if (valid !== undefined && !isBitSet(valid, row)) continue;
    const value = values[row] as number;
    if (Number.isNaN(value)) {
      bounds.hasNaN = true;
      continue;
    }
    isAny = true;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  if (!isAny) return;
  widen(bounds, min);
  widen(bounds, max);
}

/** 64-bit integers, as two words each: bigints for millions of rows cost twenty times as much. At least one is there. */
function addWide(bounds: ColumnBounds, arena: Arena, column: Column, from: number, to: number): void {
  const valid = validBits(arena, column);
  const flip = column.type === 'uint64' ? 0x8000_0000 | 0 : 0;
  const words = new Int32Array(arena.buffer, column.values, column.length * 2);
  let minHigh = 2 ** 31 - 1;
  let minLow = 2 ** 32 - 1;
  let maxHigh = -(2 ** 31);
  let maxLow = 0;
  for (let row = from; row < to; row += 1) {
    if (valid !== undefined && !isBitSet(valid, row)) continue;
    const low = (words[2 * row] as number) >>> 0;
    const high = (words[2 * row + 1] as number) ^ flip;
    if (high < minHigh || (high === minHigh && low < minLow)) {
      minHigh = high;
      minLow = low;
    }
    if (high > maxHigh || (high === maxHigh && low > maxLow)) {
      maxHigh = high;
      maxLow = low;
    }
  }
  const join = column.type === 'uint64' ? BigInt.asUintN : BigInt.asIntN;
  widen(bounds, join(64, (BigInt(minHigh ^ flip) << 32n) | BigInt(minLow)));
  widen(bounds, join(64, (BigInt(maxHigh ^ flip) << 32n) | BigInt(maxLow)));
}

/** Texts: compared in place, so that only the least and the greatest become JavaScript values. */
function addTexts(bounds: ColumnBounds, arena: Arena, column: Column, from: number, to: number): void {
  const valid = validBits(arena, column);
  const compare = textComparer(arena, column);
  const prefixOf = textPrefix(arena, column);
  let [least, greatest] = [-1, -1];
  let [leastPrefix, greatestPrefix] = [Infinity, -1];
  for (let row = from; row < to; row += 1) {
    if (valid !== undefined && !isBitSet(valid, row)) continue;
    const prefix = prefixOf(row);
    if (prefix < leastPrefix || (prefix === leastPrefix && compare(row, least) < 0)) {
      least = row;
      leastPrefix = prefix;
    }
    if (prefix > greatestPrefix || (prefix === greatestPrefix && compare(greatest, row) < 0)) {
      greatest = row;
      greatestPrefix = prefix;
    }
  }
  addText(bounds, orderedValue(arena, column, least) as string, orderedValue(arena, column, greatest) as string);
}

const PREFIX_BYTES = 4;

/** The first bytes as one number, short texts filled up with zeros: where two differ, the texts are in the same order. */
function textPrefix(arena: Arena, column: Column): (row: number) => number {
  const { u8 } = arena;
  const offsets = new Int32Array(arena.buffer, column.offsets, column.length + 1);
  return (row) => {
    const start = offsets[row] as number;
    const bytes = (offsets[row + 1] as number) - start;
    let prefix = 0;
    for (let i = 0; i < PREFIX_BYTES; i += 1)
      prefix = prefix * 256 + (i < bytes ? (u8[column.values + start + i] as number) : 0);
    return prefix;
  };
}

/** Texts compare by bytes, not by UTF-16 units. */
function addText(bounds: ColumnBounds, min: string, max: string): void {
  const isBefore = (a: string, b: unknown): boolean => Buffer.compare(Buffer.from(a), Buffer.from(String(b))) < 0;
  if (bounds.min === undefined || isBefore(min, bounds.min)) bounds.min = min;
  if (bounds.max === undefined || isBefore(String(bounds.max), max)) bounds.max = max;
}

/** Only dictionary entries that a row uses count. */
function addDictionary(bounds: ColumnBounds, arena: Arena, column: Column, from: number, to: number): void {
  const { child } = column;
  if (child === undefined) return;
  const valid = validBits(arena, column);
  const codes = new Int32Array(arena.buffer, column.values, column.length);
  const used = new Uint8Array(child.length);
  for (let row = from; row < to; row += 1)
    if (valid === undefined || isBitSet(valid, row)) used[codes[row] as number] = 1;
  used.forEach((isUsed, code) => {
    if (isUsed === 0) return;
    const text = orderedValue(arena, child, code) as string;
    addText(bounds, text, text);
  });
}

function addDecimal(bounds: ColumnBounds, arena: Arena, column: Column, from: number, to: number): void {
  const valid = validBits(arena, column);
  const low = new BigUint64Array(arena.buffer, column.values, column.length * 2);
  const high = new BigInt64Array(arena.buffer, column.values, column.length * 2);
  for (let row = from; row < to; row += 1) {
    if (valid !== undefined && !isBitSet(valid, row)) continue;
    widen(bounds, ((high[2 * row + 1] ?? 0n) << 64n) | (low[2 * row] ?? 0n));
  }
}

function nullsOf(arena: Arena, column: Column, from: number, rows: number): number {
  if (column.nullCount === 0 || rows === column.length) return column.nullCount;
  return rows - countSetBits(arena.u8.subarray(column.validity), from, rows);
}

/**
 * Adds rows `from` … `from + rows` of a column. Types without an order add to the null count only; decimals give
 * unscaled integers.
 */
export function addBounds(bounds: ColumnBounds, arena: Arena, column: Column, from: number, rows: number): void {
  const nulls = nullsOf(arena, column, from, rows);
  bounds.nullCount += nulls;
  if (nulls === rows) return;
  const add = chooseAdd(column);
  add?.(bounds, arena, column, from, from + rows);
}

function chooseAdd(column: Column): typeof addNumbers | undefined {
  if (column.type === 'dictionary<utf8>') return addDictionary;
  if (column.type.startsWith('decimal')) return addDecimal;
  if (isWide(column.type)) return addWide;
  if (column.type === 'utf8') return addTexts;
  return isOrderable(column.type) ? addNumbers : undefined;
}
