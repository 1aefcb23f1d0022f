/**
 * Sorts the rows of a few batches by their key words, stably: digit by digit, lowest first, leaving out digits that all
 * rows share. Texts are first brought into an order of their own and replaced by their rank in it.
 */
import { type BatchKeys, compareKeys, isLongText, type KeyColumn, type KeyPlan, type KeyRow } from './key-words.ts';

/** From so many rows on, digits of 16 bits pay; below, counting 65,536 buckets costs more than a second pass. */
const WIDE_DIGITS_FROM = 16_384;

/** Rows of several batches: row i is row `rows[i]` of batch `slots[i]`. */
export interface RowRefs {
  count: number;
  slots: Uint32Array;
  rows: Uint32Array;
}

/** Arrays that are used again for every group: garbage of this size would be a batch's worth for each batch. */
export class SortScratch {
  #first = new Uint32Array(0);
  #second = new Uint32Array(0);
  #ranks = new Uint32Array(0);
  /** For digits of 8 bits, and of 16. */
  readonly #ends: [Uint32Array, Uint32Array | undefined] = [new Uint32Array(257), undefined];

  #grow(count: number): void {
    if (this.#first.length >= count) return;
    this.#first = new Uint32Array(count);
    this.#second = new Uint32Array(count);
    this.#ranks = new Uint32Array(count);
  }

  /** 0, 1, 2 …, and as much room again. */
  orders(count: number): [Uint32Array, Uint32Array] {
    this.#grow(count);
    for (let index = 0; index < count; index++) this.#first[index] = index;
    return [this.#first.subarray(0, count), this.#second.subarray(0, count)];
  }

  ranks(count: number): Uint32Array {
    this.#grow(count);
    return this.#ranks;
  }

  /** A place for each digit, and one more. */
  ends(count: number): Uint32Array {
    if (count < WIDE_DIGITS_FROM) return this.#ends[0];
    this.#ends[1] ??= new Uint32Array(65_537);
    return this.#ends[1];
  }
}

/** Keys of `refs`, loaded into one array. */
export class RowKeys {
  readonly words: Uint32Array;
  readonly #plan: KeyPlan;
  readonly #keys: readonly BatchKeys[];
  readonly #refs: RowRefs;
  readonly #scratch: SortScratch;

  /** `words` has room for the keys of all rows, which are there in the order of `refs`. */
  constructor(plan: KeyPlan, keys: readonly BatchKeys[], refs: RowRefs, words: Uint32Array, scratch: SortScratch) {
    this.#scratch = scratch;
    this.words = words;
    this.#plan = plan;
    this.#keys = keys;
    this.#refs = refs;
  }

  /** The key of the i-th row. */
  at(index: number): KeyRow {
    const { slots, rows } = this.#refs;
    const keys = this.#keys[slots[index] as number] as BatchKeys;
    return { words: this.words, at: index * this.#plan.width, keys, row: rows[index] as number };
  }

  isSorted(): boolean {
    const { count } = this.#refs;
    if (!this.#plan.hasLong) return areWordsSorted(this.words, this.#plan.width, count);
    for (let index = 1; index < count; index++) if (compareKeys(this.at(index - 1), this.at(index)) > 0) return false;
    return true;
  }

  /** Positions of the rows in their order, in an array of the scratch. Overwrites words. */
  sort(): Uint32Array {
    const { columns, width, hasLong } = this.#plan;
    const { count } = this.#refs;
    for (const [position, column] of columns.entries()) if (column.isText && hasLong) this.#rankTexts(position, column);
    return radixSort(this.#scratch, count, this.words, width, 0, width);
  }

  /** Replaces the words of a text column by the text's rank among these rows. */
  #rankTexts(position: number, column: KeyColumn): void {
    const { words } = this;
    const { width } = this.#plan;
    const { count } = this.#refs;
    const order = radixSort(this.#scratch, count, words, width, column.at, column.words);
    const compare = (a: number, b: number): number => this.#compareTexts(position, column, a, b);
    const ranks = this.#scratch.ranks(count);
    let rank = 0;
    for (let from = 0; from < count; ) {
      let to = from + 1;
      while (to < count && areEqual(words, width, column, order[from] as number, order[to] as number)) to++;
      const group = order.subarray(from, to);
      const isLong = isLongText(column, words, (group[0] as number) * width);
      if (isLong && !this.#isOneText(group, compare)) group.sort(compare);
      for (let index = 0; index < group.length; index++) {
        const isNext = index === 0 || (isLong && compare(group[index - 1] as number, group[index] as number) !== 0);
        if (isNext) rank++;
        ranks[group[index] as number] = rank;
      }
      from = to;
    }
    for (let index = 0; index < count; index++) {
      words[index * width + column.at + 1] = ranks[index] as number;
      words[index * width + column.at + 2] = 0;
      words[index * width + column.at + 3] = 0;
    }
  }

  #isOneText(group: Uint32Array, compare: (a: number, b: number) => number): boolean {
    for (let index = 1; index < group.length; index++)
      if (compare(group[0] as number, group[index] as number) !== 0) return false;
    return true;
  }

  #compareTexts(position: number, column: KeyColumn, a: number, b: number): number {
    const [left, right] = [this.at(a), this.at(b)];
    const difference = left.keys.compareText(position, left.row, right.keys, right.row);
    return column.isDescending ? -difference : difference;
  }
}

function areWordsSorted(words: Uint32Array, width: number, count: number): boolean {
  for (let row = 1; row < count; row++) {
    let [before, at] = [(row - 1) * width, row * width];
    const end = at;
    while (before < end && words[before] === words[at]) {
      before++;
      at++;
    }
    if (before < end && (words[before] as number) > (words[at] as number)) return false;
  }
  return true;
}

function areEqual(words: Uint32Array, width: number, column: KeyColumn, a: number, b: number): boolean {
  const [left, right] = [a * width + column.at, b * width + column.at];
  for (let word = 0; word < column.words; word++) if (words[left + word] !== words[right + word]) return false;
  return true;
}

/** Rows [0, rows) in the order of words [from, from + count) of each. */
function radixSort(
  scratch: SortScratch,
  rows: number,
  words: Uint32Array,
  width: number,
  from: number,
  count: number,
): Uint32Array {
  let [source, target] = scratch.orders(rows);
  const ends = scratch.ends(rows);
  const digitBits = ends.length > 257 ? 16 : 8;
  for (let word = from + count - 1; word >= from; word--) {
    const varying = varyingBits(words, width, word, rows);
    for (let shift = 0; shift < 32; shift += digitBits) {
      if (((varying >>> shift) & ((1 << digitBits) - 1)) === 0) continue;
      sortByDigit(source, target, words, width, word, shift, ends);
      [source, target] = [target, source];
    }
  }
  return source;
}

/** Bits of a word that are not the same in all rows. */
function varyingBits(words: Uint32Array, width: number, word: number, count: number): number {
  let [all, any] = [0xffff_ffff, 0];
  for (let row = 0, at = word; row < count; row++, at += width) {
    all &= words[at] as number;
    any |= words[at] as number;
  }
  return all ^ any;
}

/** One pass. `ends` has a place for each digit and one more. */
function sortByDigit(
  source: Uint32Array,
  target: Uint32Array,
  words: Uint32Array,
  width: number,
  word: number,
  shift: number,
  ends: Uint32Array,
): void {
  const mask = ends.length - 2;
  ends.fill(0);
  for (let row = 0, at = word; row < source.length; row++, at += width) {
    const place = (((words[at] as number) >>> shift) & mask) + 1;
    ends[place] = (ends[place] as number) + 1;
  }
  for (let digit = 1; digit <= mask; digit++) ends[digit] = (ends[digit] as number) + (ends[digit - 1] as number);
  for (let index = 0; index < source.length; index++) {
    const row = source[index] as number;
    const place = ((words[row * width + word] as number) >>> shift) & mask;
    target[ends[place] as number] = row;
    ends[place] = (ends[place] as number) + 1;
  }
}
