/**
 * Sort keys as words: 32-bit numbers that compare, one after the other, as the values do. A key column takes a flag (null
 * before, value, null behind) and the value's words, the highest first:
 *
 *     integers, times      top word with its sign turned, low word          (up to 32 bits: one word, then 0)
 *     floats               the bits, turned round where negative; -0 as 0; NaN above all
 *     decimals             four words
 *     texts, bytes         the first eight bytes, and how many there are, nine standing for more: only texts of more bytes
 *                          with equal beginnings have to be looked at
 *
 * Descending columns have the words (not the flag) inverted.
 */
import type { Batch, Column } from '../../batch/contract.ts';
import type { Arena, Ptr } from '../../memory/contract.ts';
import type { SortKey } from '../../plan/logical.ts';
import { fieldIndex } from '../../schema/fields.ts';
import { parseType } from '../../schema/parse-type.ts';
import type { Fields, TypeText } from '../../schema/types.ts';
import { compareBytes } from '../aggregate/arena-views.ts';

const NULL_FIRST = 0;
const VALUE = 1;
const NULL_LAST = 2;
/** Bytes of a text that are in its words. */
const PREFIX_BYTES = 8;
/** Stands for the length of all longer texts. */
const LONG = PREFIX_BYTES + 1;

/** One column of the key. */
export interface KeyColumn {
  index: number;
  isDescending: boolean;
  nullFlag: number;
  /** Its first word in a row's words. */
  at: number;
  words: number;
  isText: boolean;
  type: TypeText;
}

/** All columns of the key. */
export interface KeyPlan {
  columns: readonly KeyColumn[];
  /** Words of a row. */
  width: number;
  /** A text was seen of which the words do not tell everything. Set while keys are loaded. */
  hasLong: boolean;
}

export function keyPlan(by: readonly SortKey[], fields: Fields): KeyPlan {
  let width = 0;
  const columns = by.map(({ column, descending, nulls }): KeyColumn => {
    const index = fieldIndex(fields, column);
    const type = fields[index]?.type as TypeText;
    const { physical, precision } = parseType(type);
    const isText = physical === 'variable' || physical === 'dictionary';
    const words = isText ? 4 : precision === undefined ? 3 : 5;
    const at = width;
    width += words;
    const nullFlag = nulls === 'first' ? NULL_FIRST : NULL_LAST;
    return { index, isDescending: descending, nullFlag, at, words, isText, type };
  });
  return { columns, width, hasLong: false };
}

const double = new Float64Array(1);
const doubleWords = new Uint32Array(double.buffer);

/** Writes the words of a float at `at`. */
function floatWords(value: number, out: Uint32Array, at: number): void {
  if (Number.isNaN(value)) {
    out[at] = 0xffff_ffff;
    out[at + 1] = 0xffff_ffff;
    return;
  }
  double[0] = value === 0 ? 0 : value;
  const low = doubleWords[0] as number;
  const high = doubleWords[1] as number;
  const isNegative = high >= 0x8000_0000;
  out[at] = isNegative ? ~high : high ^ 0x8000_0000;
  out[at + 1] = isNegative ? ~low : low;
}

type Loader = (row: number, out: Uint32Array, at: number) => void;

/** The key columns of one batch. */
export class BatchKeys {
  readonly plan: KeyPlan;
  readonly #columns: readonly Column[];
  readonly #loaders: readonly Loader[];
  readonly #u8: Uint8Array;
  readonly #i32: Int32Array;
  readonly #u32: Uint32Array;
  readonly #arena: Arena;

  constructor(arena: Arena, plan: KeyPlan, batch: Batch) {
    this.plan = plan;
    this.#arena = arena;
    this.#u8 = arena.u8;
    this.#i32 = arena.i32;
    this.#u32 = arena.uint32At(0, arena.i32.length);
    this.#columns = plan.columns.map(({ index }) => batch.columns[index] as Column);
    this.#loaders = this.#columns.map((column) => this.#loader(column));
  }

  /** Writes the words of rows [from, from + count), one row after the other. */
  load(from: number, count: number, out: Uint32Array, at: number): void {
    const { columns, width } = this.plan;
    for (let position = 0; position < columns.length; position++) {
      const plan = columns[position] as KeyColumn;
      const column = this.#columns[position] as Column;
      const load = this.#loaders[position] as Loader;
      const flags = at + plan.at;
      for (let row = 0; row < count; row++) {
        const place = flags + row * width;
        if (column.nullCount > 0 && this.#isNull(column, from + row)) {
          out.fill(0, place + 1, place + plan.words);
          out[place] = plan.nullFlag;
          continue;
        }
        out[place] = VALUE;
        load(from + row, out, place + 1);
        if (plan.isDescending)
          for (let word = place + 1; word < place + plan.words; word++) out[word] = ~(out[word] as number);
      }
    }
  }

  #isNull(column: Column, row: number): boolean {
    return (((this.#u8[column.validity + (row >>> 3)] as number) >>> (row & 7)) & 1) === 0;
  }

  #loader(column: Column): Loader {
    const { physical, domain, precision } = parseType(column.type);
    if (physical === 'bits') return (row, out, at) => setWords(out, at, this.#isSet(column.values, row), 0);
    if (physical === 'variable' || physical === 'dictionary') return this.#textLoader(column);
    if (precision !== undefined) return this.#decimalLoader(column);
    if (domain === 'float') return this.#floatLoader(column);
    return this.#integerLoader(column);
  }

  #isSet(bits: Ptr, row: number): number {
    return ((this.#u8[bits + (row >>> 3)] as number) >>> (row & 7)) & 1;
  }

  #integerLoader(column: Column): Loader {
    const { domain, byteWidth } = parseType(column.type);
    const turn = domain === 'uint' ? 0 : 0x8000_0000;
    const { values } = column;
    const first = values >>> 2;
    const u32 = this.#u32;
    if (byteWidth === 8)
      return (row, out, at) =>
        setWords(out, at, (u32[first + 2 * row + 1] as number) ^ turn, u32[first + 2 * row] as number);
    if (byteWidth === 4) return (row, out, at) => setWords(out, at, (u32[first + row] as number) ^ turn, 0);
    const u8 = this.#u8;
    if (byteWidth === 2)
      return (row, out, at) => {
        const place = values + 2 * row;
        setWords(out, at, (((u8[place + 1] as number) << 24) | ((u8[place] as number) << 16)) ^ turn, 0);
      };
    return (row, out, at) => setWords(out, at, ((u8[values + row] as number) << 24) ^ turn, 0);
  }

  #floatLoader({ type, values, length }: Column): Loader {
    if (type === 'float64') {
      const numbers = this.#arena.float64At(values, length);
      return (row, out, at) => floatWords(numbers[row] as number, out, at);
    }
    const numbers = new Float32Array(this.#arena.buffer, values, length);
    return (row, out, at) => floatWords(numbers[row] as number, out, at);
  }

  #decimalLoader({ values }: Column): Loader {
    const first = values >>> 2;
    return (row, out, at) => {
      for (let word = 0; word < 4; word++) out[at + word] = this.#u32[first + 4 * row + 3 - word] as number;
      out[at] = (out[at] as number) ^ 0x8000_0000;
    };
  }

  #textLoader(column: Column): Loader {
    const u8 = this.#u8;
    return (row, out, at) => {
      const start = this.#textAt(column, row);
      const length = this.#textBytes(column, row);
      let [high, low] = [0, 0];
      for (let i = 0; i < 4; i++) high = (high << 8) | (i < length ? (u8[start + i] as number) : 0);
      for (let i = 4; i < PREFIX_BYTES; i++) low = (low << 8) | (i < length ? (u8[start + i] as number) : 0);
      setWords(out, at, high, low);
      out[at + 2] = Math.min(length, LONG);
      if (length >= LONG) this.plan.hasLong = true;
    };
  }

  #textAt(column: Column, row: number): Ptr {
    const { child } = column;
    if (child !== undefined) return this.#textAt(child, this.#i32[(column.values >>> 2) + row] as number);
    return column.values + (this.#i32[(column.offsets >>> 2) + row] as number);
  }

  #textBytes(column: Column, row: number): number {
    const { child } = column;
    if (child !== undefined) return this.#textBytes(child, this.#i32[(column.values >>> 2) + row] as number);
    const at = (column.offsets >>> 2) + row;
    return (this.#i32[at + 1] as number) - (this.#i32[at] as number);
  }

  /** Compares long texts (of two batches, maybe), ascending. `position`: of the column in the key. */
  compareText(position: number, row: number, other: BatchKeys, otherRow: number): number {
    const [mine, theirs] = [this.#columns[position] as Column, other.#columns[position] as Column];
    const length = this.#textBytes(mine, row);
    const otherLength = other.#textBytes(theirs, otherRow);
    return compareBytes(this.#u8, this.#textAt(mine, row), length, other.#textAt(theirs, otherRow), otherLength);
  }
}

function setWords(out: Uint32Array, at: number, high: number, low: number): void {
  out[at] = high;
  out[at + 1] = low;
}

/** A row's key: its words in an array, and where the texts behind them are. */
export interface KeyRow {
  words: Uint32Array;
  at: number;
  keys: BatchKeys;
  row: number;
}

/** The key of one row of a batch. */
export function keyOf(arena: Arena, plan: KeyPlan, batch: Batch, row: number): KeyRow {
  const words = new Uint32Array(plan.width);
  const keys = new BatchKeys(arena, plan, batch);
  keys.load(row, 1, words, 0);
  return { words, at: 0, keys, row };
}

/** Below 0 when the first key comes before the second; 0 for ties. */
export function compareKeys(a: KeyRow, b: KeyRow): number {
  const { columns, width, hasLong } = a.keys.plan;
  if (!hasLong) return compareWords(a.words, a.at, b.words, b.at, width);
  for (let position = 0; position < columns.length; position++) {
    const column = columns[position] as KeyColumn;
    const difference = compareWords(a.words, a.at + column.at, b.words, b.at + column.at, column.words);
    if (difference !== 0) return difference;
    if (!isLongText(column, a.words, a.at)) continue;
    const texts = a.keys.compareText(position, a.row, b.keys, b.row);
    if (texts !== 0) return column.isDescending ? -texts : texts;
  }
  return 0;
}

/** Whether a column of the row whose words begin at `at` is a text that its words do not tell. */
export function isLongText(column: KeyColumn, words: Uint32Array, at: number): boolean {
  const length = words[at + column.at + 3] as number;
  return column.isText && words[at + column.at] === VALUE && (column.isDescending ? ~length : length) === LONG;
}

function compareWords(a: Uint32Array, aAt: number, b: Uint32Array, bAt: number, count: number): number {
  for (let word = 0; word < count; word++) {
    const difference = (a[aAt + word] as number) - (b[bAt + word] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}
