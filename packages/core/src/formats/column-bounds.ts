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

function isThere(arena: Arena, column: Column): (row: number) => boolean {
  if (column.validity === 0) return () => true;
  const bits = arena.u8.subarray(column.validity, column.validity + Math.ceil(column.length / 8));
  return (row) => isBitSet(bits, row);
}

function widen(bounds: ColumnBounds, value: OrderedValue): void {
  if (bounds.min === undefined || value < bounds.min) bounds.min = value;
  if (bounds.max === undefined || value > bounds.max) bounds.max = value;
}

/** Numbers, in one pass over the array. */
function addNumbers(bounds: ColumnBounds, arena: Arena, column: Column, from: number, to: number): void {
  const present = isThere(arena, column);
  const values = numbers(arena, column);
  let [min, max] = [Infinity, -Infinity];
  let isAny = false;
  for (let row = from; row < to; row += 1) {
    if (!present(row)) continue;
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

/** 64-bit integers and texts: compared in place, so that only the least and the greatest become JavaScript values. */
function addCompared(bounds: ColumnBounds, arena: Arena, column: Column, from: number, to: number): void {
  const present = isThere(arena, column);
  const compare = column.type === 'utf8' ? textComparer(arena, column) : wideComparer(arena, column);
  let [least, greatest] = [-1, -1];
  for (let row = from; row < to; row += 1) {
    if (!present(row)) continue;
    if (least < 0 || compare(row, least) < 0) least = row;
    if (greatest < 0 || compare(greatest, row) < 0) greatest = row;
  }
  if (least < 0) return;
  const [min, max] = [orderedValue(arena, column, least), orderedValue(arena, column, greatest)];
  if (typeof min === 'string') return addText(bounds, min, max as string);
  widen(bounds, min);
  widen(bounds, max);
}

/** Texts compare by bytes, not by UTF-16 units. */
function addText(bounds: ColumnBounds, min: string, max: string): void {
  const isBefore = (a: string, b: unknown): boolean => Buffer.compare(Buffer.from(a), Buffer.from(String(b))) < 0;
  if (bounds.min === undefined || isBefore(min, bounds.min)) bounds.min = min;
  if (bounds.max === undefined || isBefore(String(bounds.max), max)) bounds.max = max;
}

function wideComparer(arena: Arena, column: Column): (a: number, b: number) => number {
  const flip = column.type === 'uint64' ? 0x8000_0000 | 0 : 0;
  const words = new Int32Array(arena.buffer, column.values, column.length * 2);
  return (a, b) => {
    const [highA, highB] = [(words[2 * a + 1] as number) ^ flip, (words[2 * b + 1] as number) ^ flip];
    return highA === highB ? ((words[2 * a] as number) >>> 0) - ((words[2 * b] as number) >>> 0) : highA - highB;
  };
}

/** Only dictionary entries that a row uses count. */
function addDictionary(bounds: ColumnBounds, arena: Arena, column: Column, from: number, to: number): void {
  const { child } = column;
  if (child === undefined) return;
  const present = isThere(arena, column);
  const codes = new Int32Array(arena.buffer, column.values, column.length);
  const used = new Uint8Array(child.length);
  for (let row = from; row < to; row += 1) if (present(row)) used[codes[row] as number] = 1;
  used.forEach((isUsed, code) => {
    if (isUsed === 0) return;
    const text = orderedValue(arena, child, code) as string;
    addText(bounds, text, text);
  });
}

function addDecimal(bounds: ColumnBounds, arena: Arena, column: Column, from: number, to: number): void {
  const present = isThere(arena, column);
  const low = new BigUint64Array(arena.buffer, column.values, column.length * 2);
  const high = new BigInt64Array(arena.buffer, column.values, column.length * 2);
  for (let row = from; row < to; row += 1) {
    if (present(row)) widen(bounds, ((high[2 * row + 1] ?? 0n) << 64n) | (low[2 * row] ?? 0n));
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
  if (isWide(column.type) || column.type === 'utf8') return addCompared;
  return isOrderable(column.type) ? addNumbers : undefined;
}
