/** Sorted numbers (codes of a key column, or ids of key tuples), added to from time to time, and the rank of each. */
import type { KeyTable } from '../../kernels/key-table.ts';
import { type ArenaViews, compareBytes, type GrowingBuffer, type Workspace } from './arena-views.ts';
import type { ValueType } from './value-type.ts';

/** How numbers are ordered. */
export interface NumberOrder {
  compare(a: number, b: number): number;
  /** Sorts numbers in place, faster than by comparing. */
  sort?(numbers: Uint32Array): void;
}

/** Sorts numbers in place. */
export function sortNumbers(numbers: Uint32Array, order: NumberOrder): void {
  if (order.sort === undefined) numbers.sort((a, b) => order.compare(a, b));
  else order.sort(numbers);
}

export class RankedList {
  readonly #order: NumberOrder;
  readonly #workspace: Workspace;
  readonly #sorted: GrowingBuffer;
  readonly #ranks: GrowingBuffer;
  /** Numbers below this are in the list. */
  size = 0;

  constructor(order: NumberOrder, workspace: Workspace) {
    this.#order = order;
    this.#workspace = workspace;
    this.#sorted = workspace.buffer();
    this.#ranks = workspace.buffer();
  }

  /** Takes in the numbers up to `size`. */
  update(size: number): void {
    if (size === this.size) return;
    const { u32 } = this.#workspace.views;
    const added = new Uint32Array(size - this.size);
    for (let index = 0; index < added.length; index++) added[index] = this.size + index;
    sortNumbers(added, this.#order);
    const sorted = this.#sorted.reserve(4 * size, 4 * this.size) >>> 2;
    if (added.length * Math.log2(size) < this.size) this.#insert(sorted, added);
    else this.#merge(sorted, added);
    const ranks = this.#ranks.reserve(4 * size) >>> 2;
    for (let rank = 0; rank < size; rank++) u32[ranks + (u32[sorted + rank] as number)] = rank;
    this.size = size;
  }

  /** Forgets all numbers. */
  clear(): void {
    this.size = 0;
    this.#sorted.close();
    this.#ranks.close();
  }

  rank(number: number): number {
    return this.#workspace.views.u32[(this.#ranks.ptr >>> 2) + number] as number;
  }

  /** Few among many: searches each place, and moves what lies between two places at once. */
  #insert(sorted: number, added: Uint32Array): void {
    const { u32 } = this.#workspace.views;
    let end = this.size;
    for (let index = added.length - 1; index >= 0; index--) {
      const value = added[index] as number;
      const at = this.#position(sorted, end, value);
      u32.copyWithin(sorted + at + index + 1, sorted + at, sorted + end);
      u32[sorted + at + index] = value;
      end = at;
    }
  }

  /** Many: merges from the back. */
  #merge(sorted: number, added: Uint32Array): void {
    const { u32 } = this.#workspace.views;
    let held = this.size - 1;
    for (let index = added.length - 1; index >= 0; ) {
      const value = added[index] as number;
      const other = held >= 0 ? (u32[sorted + held] as number) : -1;
      if (other >= 0 && this.#order.compare(other, value) > 0) {
        u32[sorted + held + index + 1] = other;
        held--;
      } else {
        u32[sorted + held + index + 1] = value;
        index--;
      }
    }
  }

  #position(sorted: number, end: number, value: number): number {
    const { u32 } = this.#workspace.views;
    let low = 0;
    let high = end;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#order.compare(u32[sorted + middle] as number, value) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The order of a key column's codes: texts by their bytes, integers by value, null last. */
export function orderOfTable(table: KeyTable, value: ValueType, views: ArenaViews): NumberOrder {
  const order = table.isText ? textOrder(table, views) : integerOrder(table, value, views);
  return {
    compare(a, b) {
      const { nullId } = table;
      if (a === nullId || b === nullId) return a === b ? 0 : a === nullId ? 1 : -1;
      return order.compare(a, b);
    },
    sort(numbers) {
      order.sort(moveToEnd(numbers, table.nullId));
    },
  };
}

/** Swaps the number, if it is there, to the end; returns what is before it. */
function moveToEnd(numbers: Uint32Array, number: number | undefined): Uint32Array {
  const at = number === undefined ? -1 : numbers.indexOf(number);
  if (at < 0) return numbers;
  numbers[at] = numbers.at(-1) as number;
  numbers[numbers.length - 1] = number as number;
  return numbers.subarray(0, -1);
}

const PREFIX_BYTES = 6;

/** The first six bytes as a number that orders as they do. */
function prefixOf(u8: Uint8Array, start: number, end: number): number {
  let prefix = 0;
  for (let i = 0; i < PREFIX_BYTES; i++) prefix = prefix * 256 + (start + i < end ? (u8[start + i] as number) : 0);
  return prefix;
}

function textOrder(table: KeyTable, { u8, u32 }: ArenaViews): Required<NumberOrder> {
  const compare = (a: number, b: number): number => {
    const offsets = table.keys >>> 2;
    const aStart = u32[offsets + a] as number;
    const bStart = u32[offsets + b] as number;
    const aLength = (u32[offsets + a + 1] as number) - aStart;
    return compareBytes(
      u8,
      table.bytes + aStart,
      aLength,
      table.bytes + bStart,
      (u32[offsets + b + 1] as number) - bStart,
    );
  };
  return {
    compare,
    sort(numbers) {
      const first = numbers.reduce((least, number) => Math.min(least, number), 0xffff_ffff);
      const last = numbers.reduce((most, number) => Math.max(most, number), 0);
      const prefixes = new Float64Array(numbers.length === 0 ? 0 : last - first + 1);
      for (const number of numbers) {
        const at = (table.keys >>> 2) + number;
        prefixes[number - first] = prefixOf(
          u8,
          table.bytes + (u32[at] as number),
          table.bytes + (u32[at + 1] as number),
        );
      }
      numbers.sort((a, b) => (prefixes[a - first] as number) - (prefixes[b - first] as number) || compare(a, b));
    },
  };
}

/** Below so many numbers, comparing is faster than counting digits. */
const LEAST_RADIX = 512;
const DIGIT_BITS = 11;
const DIGITS = 2 ** DIGIT_BITS;
const PLACES = Math.ceil(64 / DIGIT_BITS);

function integerOrder(table: KeyTable, value: ValueType, { i32, u32 }: ArenaViews): Required<NumberOrder> {
  const isU64 = value.kernel === 'u64';
  const highs = isU64 ? u32 : i32;
  const compare = (a: number, b: number): number => {
    const keys = table.keys >>> 2;
    const difference = (highs[keys + 2 * a + 1] as number) - (highs[keys + 2 * b + 1] as number);
    return difference !== 0 ? difference : (u32[keys + 2 * a] as number) - (u32[keys + 2 * b] as number);
  };
  return {
    compare,
    sort(numbers) {
      if (numbers.length < LEAST_RADIX) numbers.sort(compare);
      else radixSort(numbers, u32, table.keys >>> 2, isU64 ? 0 : 0x8000_0000);
    },
  };
}

/** How often each digit comes at each place. Between two sorts it means nothing. */
const digitCounts = new Uint32Array(PLACES * DIGITS);

/** Digit number `place` of a 64-bit key, from the lowest. */
function digitOf(low: number, high: number, place: number): number {
  const from = place * DIGIT_BITS;
  if (from >= 32) return (high >>> (from - 32)) & (DIGITS - 1);
  const part = low >>> from;
  return (from > 32 - DIGIT_BITS ? part | (high << (32 - from)) : part) & (DIGITS - 1);
}

/** By 11 bits at a time, lowest first; `signFlip` turns the highest word of signed integers into an order of its own. */
function radixSort(numbers: Uint32Array, u32: Uint32Array, keys: number, signFlip: number): void {
  const counts = digitCounts.fill(0);
  for (const number of numbers) {
    const low = u32[keys + 2 * number] as number;
    const high = (u32[keys + 2 * number + 1] as number) ^ signFlip;
    for (let place = 0; place < PLACES; place++) {
      const at = place * DIGITS + digitOf(low, high, place);
      counts[at] = (counts[at] as number) + 1;
    }
  }
  let from = numbers;
  let to: Uint32Array = new Uint32Array(numbers.length);
  for (let place = 0; place < PLACES; place++) {
    const ends = counts.subarray(place * DIGITS, (place + 1) * DIGITS);
    // All have one digit here.
    if (ends.includes(numbers.length)) continue;
    let end = 0;
    for (let digit = 0; digit < DIGITS; digit++) {
      const count = ends[digit] as number;
      ends[digit] = end;
      end += count;
    }
    for (const number of from) {
      const low = u32[keys + 2 * number] as number;
      const digit = digitOf(low, (u32[keys + 2 * number + 1] as number) ^ signFlip, place);
      const at = ends[digit] as number;
      to[at] = number;
      ends[digit] = at + 1;
    }
    [from, to] = [to, from];
  }
  if (from !== numbers) numbers.set(from);
}
