/**
 * Which group each row of a batch belongs to, for one root level: bins by galloping over the ordered column, and within a
 * bin the keys in order of first sight, or of their ids. Groups are numbered bin by bin.
 */
import type { AggregateKernels } from '../../kernels/aggregate-contract.ts';
import type { Ptr } from '../../memory/contract.ts';
import type { SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import type { GrowingBuffer, Workspace } from './arena-views.ts';

const FIRST_CAPACITY = 1024;
const STAMP_LIMIT = 2 ** 30;
/** One of so many rows is looked at to see whether all keys are there; so many more than keys, since some keys are rarer than others. */
const PROBED_ROWS = 1 / 16;
const ROWS_A_KEY = 16;

/** Rows counted over batches, for bins of so many rows. */
export interface RowCounts {
  save(writer: SnapshotWriter): Promise<unknown>;
  restore(saved: never, reader: SnapshotReader): void;
}

/** The groups of the rows of one batch. */
export interface GroupedRows {
  /** How many there are. */
  readonly groups: number;
  /** Without keys: the exclusive end row (u32) of every group. */
  readonly binEnds: Ptr;
  /** With keys: the group (u32) of every row. May be the ids of the keys, which stay the caller's. */
  readonly groupIds: Ptr;
  /** Cuts `rows` int64 values into bins; without keys these are the groups. */
  cut(values: Ptr, rows: number): void;
  /** Splits the bins by the key ids (u32) of the rows; there are `keys` ids. */
  split(keyIds: Ptr, rows: number, keys: number): void;
  /** What it counts from one batch to the next, where it does. */
  readonly counted?: RowCounts | undefined;
  /** Writes the bin (i64) and, with keys, the key id (u32) of every group. */
  describe(bins: Ptr, keys: Ptr): void;
}

/** Writes for each bin of ordered int64 values its number (i64) and exclusive end row (u32); -1 when `capacity` is too small. */
export type CutBins = (values: Ptr, rows: number, numbers: Ptr, ends: Ptr, capacity: number) => number;

/** Bins of one width, in steps of the ordered column. */
export interface BinWidth {
  every: bigint;
  origin: bigint;
}

export class RowGroups implements GroupedRows {
  groups = 0;
  /** Bins that have rows: i64 bin, u32 end row. Without keys a group is a bin. */
  bins = 0;
  readonly counted: RowCounts | undefined;
  readonly #cutBins: CutBins;
  readonly #kernels: AggregateKernels;
  readonly #workspace: Workspace;
  readonly #binNumbers: GrowingBuffer;
  readonly #binEnds: GrowingBuffer;
  readonly #groupIds: GrowingBuffer;
  readonly #groupKeys: GrowingBuffer;
  /** First group behind each bin. */
  readonly #groupEnds: GrowingBuffer;
  /** For each key, stamp + its last group; a value below the bin's first group means "not yet in this bin". */
  readonly #lastGroup: GrowingBuffer;
  #groupIdsAt: Ptr = 0;
  #stampedKeys = 0;
  #stamp = 0;

  constructor(
    { every, origin }: BinWidth,
    kernels: AggregateKernels,
    workspace: Workspace,
    cutBins: CutBins = (values, rows, numbers, ends, capacity) =>
      kernels.binEnds(values, rows, origin, every, numbers, ends, capacity),
    counted?: RowCounts,
  ) {
    this.counted = counted;
    this.#cutBins = cutBins;
    this.#kernels = kernels;
    this.#workspace = workspace;
    this.#binNumbers = workspace.buffer();
    this.#binEnds = workspace.buffer();
    this.#groupIds = workspace.buffer();
    this.#groupKeys = workspace.buffer();
    this.#groupEnds = workspace.buffer();
    this.#lastGroup = workspace.buffer();
  }

  get binEnds(): Ptr {
    return this.#binEnds.ptr;
  }

  get groupIds(): Ptr {
    return this.#groupIdsAt;
  }

  cut(values: Ptr, rows: number): void {
    let capacity = Math.min(Math.max(FIRST_CAPACITY, this.#binNumbers.bytes >>> 3), Math.max(rows, 1));
    for (;;) {
      const numbers = this.#binNumbers.reserve(8 * capacity);
      const ends = this.#binEnds.reserve(4 * capacity);
      const found = this.#cutBins(values, rows, numbers, ends, capacity);
      if (found >= 0) {
        this.bins = found;
        this.groups = found;
        return;
      }
      capacity = Math.min(capacity * 4, rows);
    }
  }

  split(keyIds: Ptr, rows: number, keys: number): void {
    if (this.#groupByKeys(keyIds, rows, keys)) return;
    this.#groupIdsAt = this.#groupIds.reserve(4 * rows);
    this.groups = this.#kernels.splitGroups(
      keyIds,
      this.#binEnds.ptr,
      this.bins,
      this.#reserveStamps(keys, rows),
      this.#stamp,
      this.#groupIdsAt,
      this.#groupKeys.reserve(4 * rows),
      this.#groupEnds.reserve(4 * this.bins),
    );
    this.#stamp += this.groups;
  }

  /** One bin where all of few keys are: the ids of keys are the groups. */
  #groupByKeys(keyIds: Ptr, rows: number, keys: number): boolean {
    const probed = Math.floor(rows * PROBED_ROWS);
    if (this.bins !== 1 || keys * ROWS_A_KEY > probed) return false;
    const last = this.#reserveStamps(keys, 1);
    const groupKeys = this.#groupKeys.reserve(4 * keys);
    const isWhole = this.#kernels.groupByKeys(keyIds, probed, keys, last, this.#stamp, groupKeys) === 1;
    this.#stamp += 1;
    if (!isWhole) return false;
    this.groups = keys;
    this.#groupIdsAt = keyIds;
    this.#workspace.views.u32[this.#groupEnds.reserve(4) >>> 2] = keys;
    return true;
  }

  describe(bins: Ptr, keys: Ptr): void {
    const { u8, u32, i64 } = this.#workspace.views;
    if (keys === 0) {
      u8.copyWithin(bins, this.#binNumbers.ptr, this.#binNumbers.ptr + 8 * this.groups);
      return;
    }
    u8.copyWithin(keys, this.#groupKeys.ptr, this.#groupKeys.ptr + 4 * this.groups);
    let from = 0;
    for (let bin = 0; bin < this.bins; bin++) {
      const to = u32[(this.#groupEnds.ptr >>> 2) + bin] as number;
      i64.fill(i64[this.#binNumbers.ptr / 8 + bin] as bigint, bins / 8 + from, bins / 8 + to);
      from = to;
    }
  }

  /** Writes the number (i64) and the exclusive end row (u32) of every bin. */
  describeBins(numbers: Ptr, ends: Ptr): void {
    const { u8 } = this.#workspace.views;
    u8.copyWithin(numbers, this.#binNumbers.ptr, this.#binNumbers.ptr + 8 * this.bins);
    u8.copyWithin(ends, this.#binEnds.ptr, this.#binEnds.ptr + 4 * this.bins);
  }

  #reserveStamps(keys: number, rows: number): Ptr {
    const { i32 } = this.#workspace.views;
    if (this.#stamp > STAMP_LIMIT - rows) {
      this.#stamp = 0;
      this.#stampedKeys = 0;
    }
    const last = this.#lastGroup.reserve(4 * keys, 4 * this.#stampedKeys);
    if (keys > this.#stampedKeys) {
      i32.fill(-1, (last >>> 2) + this.#stampedKeys, (last >>> 2) + keys);
      this.#stampedKeys = keys;
    }
    return last;
  }
}
