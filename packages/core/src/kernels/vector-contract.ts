/**
 * Kernels over whole columns: arithmetic, comparisons, masks, gathers, casts, bitmaps, keys.
 *
 * Conventions. All pointers are into the arena; values start at a multiple of their own width, bitmaps at a whole byte.
 * Bitmaps are Arrow's (bit i of byte i/8, lowest bit first); a *validity* pointer of 0 means that no row is null. Kernels
 * that write a bitmap write whole bytes, the bits behind the last row 0. `out` may be the same memory as an input of the same
 * width, never a part of it. Values under a null row are arbitrary, and never make a kernel refuse.
 * A kernel that can refuse returns the first offending row, or -1.
 */
import type { Ptr } from '../memory/contract.ts';
import type { AggregateKernels, KernelType } from './aggregate-contract.ts';

/** A column, or one value (at `ptr`) that stands for every row. */
export interface Operand {
  readonly ptr: Ptr;
  readonly isScalar: boolean;
}

export type ArithmeticFn = 'add' | 'sub' | 'mul' | 'div' | 'mod';
export type UnaryArithmeticFn = 'neg' | 'abs' | 'floor' | 'ceil' | 'round' | 'sqrt';
export type CompareFn = 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge';
export type BitmapFn = 'and' | 'or' | 'xor' | 'andNot';

/** Types that arithmetic is done in; narrower integers are cast to i32 or i64 first. */
export type ArithmeticType = 'i32' | 'i64' | 'u32' | 'u64' | 'f32' | 'f64';

/** An index that takes nothing: the result is zero, an unset bit, an empty text. */
export const TAKE_NOTHING = 0xffff_ffff;

/** Bytes of the header of a key table. */
export const KEY_TABLE_HEADER_BYTES = 64;

export interface VectorKernels {
  /**
   * `left fn right` for each row. `add sub mul mod` give the type of the operands, `div` always f64 (integers are converted
   * first; x/0 is ±∞ or NaN). `mod` has the sign of the dividend. Integers: returns the first row, among those that
   * are not null, that overflows or takes `mod` by zero, or -1. Floats never refuse.
   */
  arithmetic(
    fn: ArithmeticFn,
    type: ArithmeticType,
    left: Operand,
    right: Operand,
    validity: Ptr,
    rows: number,
    out: Ptr,
  ): number;

  /**
   * `fn` of each row, same type. `round` is half away from zero; `floor ceil round` leave integers as they are; `sqrt` is for
   * floats only (negative: NaN). Returns the first row that overflows (`neg` or `abs` of the smallest integer, `neg` of an
   * unsigned one other than 0), or -1.
   */
  unaryArithmetic(
    fn: UnaryArithmeticFn,
    type: ArithmeticType,
    values: Ptr,
    validity: Ptr,
    rows: number,
    out: Ptr,
  ): number;

  /** Bitmap of `left fn right`. Floats compare as IEEE 754 says (NaN equals nothing; `ne` of a column with itself finds NaN). */
  compare(fn: CompareFn, type: KernelType, left: Operand, right: Operand, rows: number, out: Ptr): void;

  /**
   * `left fn right` on bitmaps. 0 stands for all bits set.
   */
  bitmap(fn: BitmapFn, left: Ptr, right: Ptr, rows: number, out: Ptr): void;
  /** Inverts a bitmap. */
  bitmapNot(bits: Ptr, rows: number, out: Ptr): void;
  /**
   * Three-valued `and` / `or`: false and null is false, true or null is true, else a null makes null. `outValidity` may be
   * 0 when both validities are.
   */
  kleene(
    fn: 'and' | 'or',
    left: Ptr,
    leftValidity: Ptr,
    right: Ptr,
    rightValidity: Ptr,
    rows: number,
    out: Ptr,
    outValidity: Ptr,
  ): void;
  /** Number of set bits among bits [from, from + rows). */
  popcount(bits: Ptr, from: number, rows: number): number;
  /** Copies `rows` bits from bit `from` of `bits` (0: all set) to bit `to` of `out`; other bits of `out` stay. */
  copyBits(bits: Ptr, from: number, rows: number, out: Ptr, to: number): void;
  /** Sets bits [from, from + rows) of `out` to `bit`; other bits stay. */
  fillBits(out: Ptr, from: number, rows: number, bit: 0 | 1): void;

  /** Writes the rows (u32, ascending) where `bits` and `validity` are set to `out` (room for `rows`); returns how many. */
  selectIndices(bits: Ptr, validity: Ptr, rows: number, out: Ptr): number;
  /** out[i] = values[indices[i]] for values of `width` bytes (any width; 1, 2, 4, 8, 16, 40 fast). `TAKE_NOTHING` gives zeros. */
  take(width: number, values: Ptr, indices: Ptr, count: number, out: Ptr): void;
  /** As `take` on a bitmap (0: all set). Returns the number of set bits written. */
  takeBits(bits: Ptr, indices: Ptr, count: number, out: Ptr): number;
  /** Bytes that `takeVariable` would write. */
  takeVariableBytes(offsets: Ptr, indices: Ptr, count: number): number;
  /**
   * As `take` on int32 offsets and bytes: writes count + 1 offsets (from 0) and the bytes. The caller gives room for
   * `takeVariableBytes`, which must be below 2^31.
   */
  takeVariable(offsets: Ptr, values: Ptr, indices: Ptr, count: number, outOffsets: Ptr, outValues: Ptr): void;
  /** out[i] = bit i of `mask` set ? whenSet[i] : whenUnset[i], for values of 1, 2, 4, 8 or 16 bytes. */
  choose(width: number, mask: Ptr, whenSet: Operand, whenUnset: Operand, rows: number, out: Ptr): void;

  /**
   * Converts. Floats to integers cut towards zero; integers to floats round to nearest. Returns the first row, among those that
   * are not null, whose value the target type cannot hold (NaN included), or -1.
   */
  cast(from: KernelType, to: KernelType, values: Ptr, validity: Ptr, rows: number, out: Ptr): number;
  /** 0 or 1 of type `to` for each bit. */
  castBits(bits: Ptr, to: KernelType, rows: number, out: Ptr): void;
  /** floor(value · multiply / divide) of int64, one of the two being 1: time units. Returns the first overflowing row or -1. */
  scaleInt64(values: Ptr, validity: Ptr, rows: number, multiply: bigint, divide: bigint, out: Ptr): number;

  /** Writes the value of `width` bytes (1, 2, 4, 8, 16) at `value` `count` times. */
  fill(width: number, value: Ptr, count: number, out: Ptr): void;
  /** Writes start, start + 1, … as u32. */
  iota(start: number, count: number, out: Ptr): void;
  /** xxHash64 of memory (https://github.com/Cyan4973/xxHash). */
  checksum(ptr: Ptr, bytes: number, seed: bigint): bigint;

  /**
   * Makes an empty key table. `header` has KEY_TABLE_HEADER_BYTES; `slots` 8 bytes each, `slotCount` a power of two;
   * `keys` room for `keyCapacity` int64 keys, or for keyCapacity + 1 u32 offsets of texts whose bytes go to `bytes`.
   * `KeyTable` (key-table.ts) does this, growth included.
   */
  initKeyTable(
    header: Ptr,
    slots: Ptr,
    slotCount: number,
    keys: Ptr,
    keyCapacity: number,
    bytes: Ptr,
    byteCapacity: number,
  ): void;
  /** Puts the keys of a table into new, empty slots. The keys may have moved: their new place is given. */
  rehashKeyTable(header: Ptr, slots: Ptr, slotCount: number, keys: Ptr, keyCapacity: number): void;
  /**
   * Ids (u32, from 0 in order of first appearance; null is a key of its own) of int64 keys, for rows [from, rows).
   * Returns `rows`, or the first row for which the table has no room: grow it and go on from there.
   */
  encodeInt64(header: Ptr, values: Ptr, validity: Ptr, from: number, rows: number, ids: Ptr): number;
  /** As `encodeInt64` for int32 values, which are the same keys. */
  encodeInt32(header: Ptr, values: Ptr, validity: Ptr, from: number, rows: number, ids: Ptr): number;
  /** As `encodeInt64` for texts (int32 offsets and bytes). */
  encodeText(header: Ptr, offsets: Ptr, values: Ptr, validity: Ptr, from: number, rows: number, ids: Ptr): number;
  /** out[i] = left[i] + 2^32 · right[i] (int64 of two u32): a composite key for `encodeInt64`. */
  combineIds(left: Ptr, right: Ptr, rows: number, out: Ptr): void;
}

/**
 * Where `mergeMatch` is, in bytes: the next left row, the next right row, the place in its chain up to which a left row has been paired
 * (`TAKE_NOTHING` for none), pairs written; the place of the first right row that has the latest right time, and that time (int64).
 */
export const MERGE_CURSOR = {
  left: 0,
  right: 4,
  chain: 8,
  pairs: 12,
  groupStart: 16,
  groupTime: 24,
  bytes: 32,
} as const;

/**
 * What `mergeMatch` writes of a left row: all its pairs; these, or one without a right row (`TAKE_NOTHING`); one without, if it has a match;
 * the same, if it has none.
 */
export const MERGE_MODE = { inner: 0, left: 1, semi: 2, anti: 3 } as const;

/** Kernels of joins. */
export interface JoinKernels {
  /**
   * Places (u32) as rows of the segment that has places [first, end): `out` gets how far behind `first` each lies, and `TAKE_NOTHING` as it
   * is; gives how many of these there are. −1 where a place lies elsewhere, and then `out` means nothing. `out` does not overlap `places`.
   */
  rowsOfSegment(places: Ptr, count: number, first: number, end: number, out: Ptr): number;
  /**
   * Writes the values, of `width` bytes (1, 2, 4 or 8), at those places (u32) that lie in [first, end), of which `values` has the first, each to its row of
   * `out`, and 0 for `TAKE_NOTHING`; rows with other places stay as they are. Gives how many places lie there.
   */
  takePlaces(width: number, values: Ptr, places: Ptr, count: number, first: number, end: number, out: Ptr): number;
  /**
   * Deals places (u32) out to several segments, one behind the other: `bounds` (u32) are their first places, and the one behind the last. Of each segment `counts`
   * (u32, room for twice as many as segments) gets how many of the places it has, `chosen` these as rows of it, segment by segment, in the order of the places;
   * `order` gets where in `chosen` each place's row is, and `TAKE_NOTHING` as it is.
   */
  dealRows(places: Ptr, count: number, bounds: Ptr, segments: number, counts: Ptr, chosen: Ptr, order: Ptr): void;
  /**
   * Moves an as-of join on: left rows from `cursor` on get the place of the last right row of their key at or before them (`isStrict`: before them), until the left
   * rows are used up, or all right rows are applied and the next left row may still have an equal one to come.
   *
   * `cursor`: two u32, the next left and the next right row, read and written. Times are int64, ascending; keys u32, `TAKE_NOTHING` for
   * a row that equals nothing. `lastRows` (u32) and `lastTimes` (int64) have an element for each key: the place of its last right row,
   * `TAKE_NOTHING` for none, and its time; and one before these, for rows that equal nothing, which is `TAKE_NOTHING` in `lastRows`. Places of these
   * right rows count from `firstPlace`. `isLast` is 1 when no right row follows. A row further back than `tolerance` (taken as unsigned) is no match:
   * `out` (u32 by left row) gets `TAKE_NOTHING`. At −1, for any distance, `lastTimes` is not touched. What is in `out` from the next left row on means nothing.
   */
  asofMatch(
    cursor: Ptr,
    leftTimes: Ptr,
    leftKeys: Ptr,
    leftRows: number,
    rightTimes: Ptr,
    rightKeys: Ptr,
    rightRows: number,
    isLast: 0 | 1,
    firstPlace: number,
    lastRows: Ptr,
    lastTimes: Ptr,
    tolerance: bigint,
    isStrict: 0 | 1,
    out: Ptr,
  ): void;
  /**
   * Moves a merge join on, in the terms of `asofMatch`: writes the pairs that `mode` (`MERGE_MODE`) wants of each left row, until the
   * left rows are used up, `capacity` pairs are there, or all right rows are applied and the next left row may still have one to come.
   *
   * `cursor`: `MERGE_CURSOR`. Chains: `heads` and `tails` (u32 by key, `TAKE_NOTHING` for none) are the first and last place of the rows
   * that have the latest time of the key, which is in `times` (int64 by key); `next` (u32) links places, from `nextFrom` on.
   */
  mergeMatch(
    cursor: Ptr,
    leftTimes: Ptr,
    leftKeys: Ptr,
    leftRows: number,
    rightTimes: Ptr,
    rightKeys: Ptr,
    rightRows: number,
    isLast: 0 | 1,
    firstPlace: number,
    heads: Ptr,
    tails: Ptr,
    times: Ptr,
    next: Ptr,
    nextFrom: number,
    leftPairs: Ptr,
    rightPairs: Ptr,
    capacity: number,
    mode: number,
  ): void;
}

/** All kernels over one arena; one instance a thread. */
export type Kernels = AggregateKernels & VectorKernels & JoinKernels;
