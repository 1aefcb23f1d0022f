/**
 * Aggregate states, and the kernels that make and merge them.
 *
 * States lie in memory as a struct of arrays: one array a state, one element a group. A group is a segment (rows
 * between two ends, for an aggregate without keys) or a group id (with keys). States of a morsel are *partial*: merged
 * in sequence order they give the same bits whatever the cuts, because every state is exact (sums) or
 * order-determined (first, last).
 *
 * Null rows never touch a state. What a NaN does: it makes sum NaN; `min`/`max` skip NaN unless the group has nothing else
 * (then the result is NaN); −0 < +0 in min and max.
 */
import type { Ptr } from '../memory/contract.ts';
import type { KernelType } from '../schema/number-types.ts';

/** Column types the kernels take. Temporal types, dates and bools are passed as the integer that stores them. */
export type { KernelType };

/**
 * Arrays of states, each 0 when not wanted, else the pointer of one element per group:
 *
 * | array | element |
 * |---|---|
 * | count | u64: rows that are not null |
 * | sum | integers: i128 little-endian (16 bytes). Floats: SumState (40 bytes) |
 * | sumSquares | integers up to 32 bits: i128. 64-bit integers and floats: SumState (40 bytes) |
 * | min, max | 8 bytes: i64, u64 or f64 (f32 widened). Meaningful where count > 0 |
 * | first, last | u32: row index in the morsel of the first / last row that is not null, 0xFFFFFFFF for none. Kernels over rows only |
 */
export interface StateArrays {
  count: Ptr;
  sum: Ptr;
  sumSquares: Ptr;
  min: Ptr;
  max: Ptr;
  first: Ptr;
  last: Ptr;
}

/**
 * SumState, 40 bytes, 8-byte aligned: an exact sum of doubles in canonical form.
 *
 * | offset | field |
 * |---|---|
 * | 0 | i32 `exponent`: weight of bit 0 of limb 0 is 2^exponent; a multiple of 32; 0 when the sum is zero |
 * | 4 | u32 `flags`: 1 NaN seen, 2 +∞ seen, 4 −∞ seen, 8 some value other than −0 seen, 16 a pair |
 * | 8 | i64 limb 0 (u64 digits below the top), 16 limb 1, 24 limb 2 |
 * | 32 | i64 limb 3, the top, signed: two's complement 256-bit integer in all |
 *
 * Canonical: the lowest 32-bit digit that is not zero lies in the low half of limb 0. A sum that spans more than
 * 256 bits does not fit; the state then holds a part of it
 * and *overflow records* hold the rest; state and records add up to the sum (see `sum-state.ts`). Flags are always in the
 * state. In a pair, which merging rows leaves, limbs 0 and 1 are finite doubles instead, and the sum is theirs, not rounded; it fits a SumState.
 * When kernels cut a sum that keeps fitting into parts, or into how many, is theirs: only the total is defined.
 */
export const SUM_STATE_BYTES = 40;

/** 48 bytes: u32 group, u32 which (0 sum, 1 sumSquares), SumState. A group can have several; all add up. */
export const OVERFLOW_RECORD_BYTES = 48;

export interface OverflowArea {
  /** Room for `capacity` records. */
  records: Ptr;
  capacity: number;
}

export interface AggregateKernels {
  /** Bytes of scratch that every call below may use; per thread. */
  readonly scratchBytes: number;

  /**
   * Index of the first row i with value[i] < value[i-1] (value[-1] = `previous`), or -1.
   * `type` is i32, i64, u32, u64 or f64.
   */
  firstUnordered(type: KernelType, values: Ptr, rows: number, previous: bigint | number | undefined): number;

  /**
   * Cuts ordered int64 values into bins [origin + k·every, origin + (k+1)·every). Writes for each bin that has rows its
   * k (i64) to `bins` and its exclusive end row (u32) to `ends`. Gallops: cost follows the number of bins.
   * Returns the number of bins, or -1 when `capacity` is too small.
   */
  binEnds(values: Ptr, rows: number, origin: bigint, every: bigint, bins: Ptr, ends: Ptr, capacity: number): number;

  /**
   * Numbers the groups of rows that lie in bins (exclusive ends, u32) and have keys (ids, u32): bin by bin, and within a bin the
   * keys in order of first sight. Writes the group (u32) of every row, the key id (u32) of every group, and for each bin the
   * first group behind it (u32); `groupIds` has room for all rows, `groupKeys` for as many groups.
   *
   * `lastGroups` holds for each key (i32) `stamp` + its last group, and is written on; a value below `stamp` means that this
   * batch has not seen the key. The next batch's stamp is `stamp` + the groups of this one. Returns the number of groups.
   */
  splitGroups(
    keyIds: Ptr,
    binEnds: Ptr,
    bins: number,
    lastGroups: Ptr,
    stamp: number,
    groupIds: Ptr,
    groupKeys: Ptr,
    groupEnds: Ptr,
  ): number;

  /**
   * Whether rows of one bin need no `splitGroups`: 1 when the first `rows` of them have all ids below `keys`; then the id of a row's key is its
   * group, and `groupKeys` is written so. `lastGroups` and `stamp` as for `splitGroups`; the next stamp is `stamp` + 1.
   */
  groupByKeys(keyIds: Ptr, rows: number, keys: number, lastGroups: Ptr, stamp: number, groupKeys: Ptr): 0 | 1;

  /**
   * Writes the slot (u32) of each key (u32) to `targets`: the one of slots [first, size) that has the key, else a new one behind them, which gets it.
   * `slotOf` (u32) says for each key where to look; what stands there of other keys, or of nothing, is told by `slotKeys` (u32), which has room for
   * `count` more. Returns the slots there are then.
   */
  placeKeys(keys: Ptr, count: number, slotOf: Ptr, slotKeys: Ptr, first: number, size: number, targets: Ptr): number;

  /**
   * Writes the slot (u32) of each bin (int64, ascending) to `targets`, where a slot is a bin: the last of slots [first, size) if it has the bin, else a
   * new one behind it. `slotBins` (int64) has the bins of slots, and room for `count` more. Bins are those of a finer grid: bin b lies in bin
   * floor(b / ratio) + whole of the slots', or in the next one where b mod ratio + rest is `ratio` or more (0 ≤ rest < ratio; 0 where `ratio` is 1).
   * Returns the slots there are then; −1 where a bin comes after a greater one.
   */
  placeBins(
    bins: Ptr,
    count: number,
    ratio: bigint,
    whole: bigint,
    rest: bigint,
    slotBins: Ptr,
    first: number,
    size: number,
    targets: Ptr,
  ): number;

  /** out[i] = bins[slots[i]] · every + origin, of int64 bins and u32 slots; what does not fit into int64 wraps. */
  binStarts(bins: Ptr, slots: Ptr, rows: number, every: bigint, origin: bigint, out: Ptr): void;

  /**
   * States of segments: rows [ends[s-1], ends[s]) (ends[-1] = 0) of one column. Writes all wanted arrays afresh.
   * Returns the number of overflow records written, or -1 when there was no room (call again with more;
   * 32 a segment are always enough).
   */
  segmentStates(
    type: KernelType,
    values: Ptr,
    validity: Ptr,
    ends: Ptr,
    segments: number,
    states: StateArrays,
    overflow: OverflowArea,
    scratch: Ptr,
  ): number;

  /**
   * As `segmentStates` with a group id (u32, < groups) for each row, in any order. Writes groups [0, groups) afresh.
   * Overflow records: 2 · rows are always enough.
   */
  groupStates(
    type: KernelType,
    values: Ptr,
    validity: Ptr,
    groupIds: Ptr,
    rows: number,
    groups: number,
    states: StateArrays,
    overflow: OverflowArea,
    scratch: Ptr,
  ): number;

  /** Puts neutral elements into groups [from, to) of all wanted arrays (first, last excepted). */
  initStates(type: KernelType, states: StateArrays, from: number, to: number): void;

  /**
   * Merges element i of `source` into element targets[i] (u32) of `target`, for i < count; count, sum, sumSquares, min and
   * max. Overflow records as above, with the group of the target: there has to be room for one of each element and sum that is a SumState.
   * Returns their number.
   */
  mergeStates(
    type: KernelType,
    source: StateArrays,
    targets: Ptr,
    count: number,
    target: StateArrays,
    overflow: OverflowArea,
    scratch: Ptr,
  ): number;

  /**
   * Merges row i of a column into element targets[i] (u32) of `target`, where it is not null: count, which is kept, sum, min and max, and first and
   * last, which are values of the column's width here. The rows of a target come in their order; `sumSquares` is 0. Overflow records as for
   * `mergeStates`. Where only rows are counted, values are not read.
   */
  mergeRows(
    type: KernelType,
    values: Ptr,
    validity: Ptr,
    targets: Ptr,
    rows: number,
    target: StateArrays,
    overflow: OverflowArea,
    scratch: Ptr,
  ): number;

  /**
   * First values, `width` bytes each: target targets[i], where it has none yet, gets element i, if that has one; of several the one with the
   * lowest i. Who has a value, the counts (u64) say, those of the targets before the elements are merged.
   */
  mergeFirst(width: number, counts: Ptr, values: Ptr, targets: Ptr, count: number, heldCounts: Ptr, held: Ptr): void;

  /** Last values, `width` bytes each: target targets[i] gets element i, if that has one; of several the one with the highest i. */
  mergeLast(width: number, counts: Ptr, values: Ptr, targets: Ptr, count: number, held: Ptr): void;

  /** out[i] (f64) = SumState i rounded to the nearest double, half to even; its flags make NaN, ±∞ or −0. */
  roundSums(states: Ptr, count: number, out: Ptr): void;
}
