/**
 * Which group each row of a batch belongs to, for bins that are not of one width. Without keys, and for bins over time, rows are cut
 * into segments inside which nothing changes: no window begins or ends, no snapshot is taken, no session or bin of rows is over. Bins that follow from the
 * rows of a key are dealt out row by row.
 */
import type { AggregateKernels } from '../../kernels/aggregate-contract.ts';
import type { Ptr } from '../../memory/contract.ts';
import type { ArenaViews, GrowingBuffer, Workspace } from '../aggregate/arena-views.ts';
import { type CutBins, type GroupedRows, type RowCounts, RowGroups } from '../aggregate/row-groups.ts';
import type { SavedBytes, SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import type { Grid, Points } from './grid.ts';
import { NONE } from './slot-map.ts';

/** The first value that lies in another segment than this one; undefined when none follows. */
export type NextCut = (value: bigint) => bigint | undefined;

/** Cuts by windows. `shift`: 1 where their right end belongs to them. */
export function windowCuts(grid: Grid, shift: bigint): NextCut {
  return (value) => {
    const at = value - shift;
    const last = grid.lastAt(at);
    const next = grid.at(last + 1n);
    let cut = next === undefined ? undefined : next.start;
    for (let index = last; ; index--) {
      const span = grid.at(index);
      if (span === undefined || span.end <= at) break;
      if (cut === undefined || span.end < cut) cut = span.end;
    }
    // Behind the last window lies one segment; its end is a cut all the same.
    return cut === undefined ? undefined : cut + shift;
  };
}

/** Cuts by snapshots. `shift`: 1 where rows at a point are in its snapshot. */
export function pointCuts(points: Points, shift: bigint): NextCut {
  return (value) => {
    const point = points.after(value - shift);
    return point === undefined ? undefined : point + shift;
  };
}

/** The nearest cut of either. */
export function eitherCut(one: NextCut, other: NextCut | undefined): NextCut {
  if (other === undefined) return one;
  return (value) => {
    const [a, b] = [one(value), other(value)];
    if (a === undefined || b === undefined) return a ?? b;
    return a < b ? a : b;
  };
}

/** First row from `from` on whose value is at least `cut`; rows ascend and the last one is. */
function firstAtLeast(values: BigInt64Array, base: number, from: number, rows: number, cut: bigint): number {
  let step = 1;
  let low = from;
  while (low + step < rows && (values[base + low + step] as bigint) < cut) {
    low += step;
    step *= 2;
  }
  let high = Math.min(low + step, rows - 1);
  while (low + 1 < high) {
    const middle = (low + high) >>> 1;
    if ((values[base + middle] as bigint) < cut) low = middle;
    else high = middle;
  }
  return high;
}

/** Segments that end at cuts. A segment's number follows from its first value; without `numberOf` it is that. */
export function cutSegments(
  { i64, u32 }: ArenaViews,
  nextCut: NextCut,
  numberOf: (value: bigint) => bigint = (value) => value,
): CutBins {
  return (values, rows, numbers, ends, capacity) => {
    const base = values / 8;
    let found = 0;
    for (let row = 0; row < rows; found++) {
      if (found === capacity) return -1;
      const value = i64[base + row] as bigint;
      const cut = nextCut(value);
      const isLast = cut === undefined || (i64[base + rows - 1] as bigint) < cut;
      const end = isLast ? rows : firstAtLeast(i64, base, row, rows, cut);
      i64[numbers / 8 + found] = numberOf(value);
      u32[(ends >>> 2) + found] = end;
      row = end;
    }
    return found;
  };
}

/** Segments that end where the next value is more than `gap` later. */
export function cutGaps({ i64, u32 }: ArenaViews, gap: bigint): CutBins {
  return (values, rows, numbers, ends, capacity) => {
    const base = values / 8;
    let found = 0;
    for (let row = 0; row < rows; found++) {
      if (found === capacity) return -1;
      const first = i64[base + row] as bigint;
      let last = first;
      let end = row + 1;
      for (; end < rows; end++) {
        const value = i64[base + end] as bigint;
        if (value - last > gap) break;
        last = value;
      }
      i64[numbers / 8 + found] = first;
      u32[(ends >>> 2) + found] = end;
      row = end;
    }
    return found;
  };
}

/** Segments of so many rows, counted over all batches, and cut at snapshots; a segment's number is that of its bin. */
export class CountCuts implements RowCounts {
  readonly #views: ArenaViews;
  readonly #size: number;
  readonly #nextCut: NextCut | undefined;
  #bin = 0n;
  #held = 0;

  constructor(views: ArenaViews, size: number, nextCut: NextCut | undefined) {
    this.#views = views;
    this.#size = size;
    this.#nextCut = nextCut;
  }

  readonly cut: CutBins = (values, rows, numbers, ends, capacity) => {
    const { i64, u32 } = this.#views;
    const base = values / 8;
    let [bin, held, found] = [this.#bin, this.#held, 0];
    for (let row = 0; row < rows; found++) {
      if (found === capacity) return -1;
      if (held === this.#size) [bin, held] = [bin + 1n, 0];
      let end = Math.min(rows, row + this.#size - held);
      const cut = this.#nextCut?.(i64[base + row] as bigint);
      if (cut !== undefined && (i64[base + end - 1] as bigint) >= cut) end = firstAtLeast(i64, base, row, end, cut);
      i64[numbers / 8 + found] = bin;
      u32[(ends >>> 2) + found] = end;
      held += end - row;
      row = end;
    }
    [this.#bin, this.#held] = [bin, held];
    return found;
  };

  async save(): Promise<SavedCount> {
    return { bin: this.#bin, held: this.#held };
  }

  restore({ bin, held }: SavedCount): void {
    this.#bin = bin;
    this.#held = held;
  }
}

interface SavedCount {
  bin: bigint;
  held: number;
}

/** What a key's next row joins: the group of its last row, while that lasts. */
export interface KeyRuns {
  /** Bins of so many rows; undefined: sessions. */
  rows?: number;
  /** Longest gap inside a session. */
  gap?: bigint;
  nextCut?: NextCut | undefined;
}

interface SavedCounts {
  known: number;
  held: SavedBytes;
  bin: SavedBytes;
}

/** Rows of keys, dealt out to bins of so many rows, or to stretches without a gap. Groups are numbered as they come. */
export class KeyRunGroups implements GroupedRows, RowCounts {
  groups = 0;
  readonly #runs: KeyRuns;
  readonly #views: ArenaViews;
  readonly #ids: GrowingBuffer;
  readonly #groupKeys: GrowingBuffer;
  readonly #numbers: GrowingBuffer;
  /** By key: its last group in this batch, its last value, rows in its bin and the number of that. */
  readonly #lastGroup: GrowingBuffer;
  readonly #lastValue: GrowingBuffer;
  readonly #held: GrowingBuffer;
  readonly #bin: GrowingBuffer;
  #known = 0;
  #values: Ptr = 0;

  constructor(runs: KeyRuns, workspace: Workspace) {
    this.#runs = runs;
    this.#views = workspace.views;
    this.#ids = workspace.buffer();
    this.#groupKeys = workspace.buffer();
    this.#numbers = workspace.buffer();
    this.#lastGroup = workspace.buffer();
    this.#lastValue = workspace.buffer();
    this.#held = workspace.buffer();
    this.#bin = workspace.buffer();
  }

  get binEnds(): Ptr {
    return 0;
  }

  get groupIds(): Ptr {
    return this.#ids.ptr;
  }

  cut(values: Ptr): void {
    this.#values = values;
  }

  split(keyIds: Ptr, rows: number, keys: number): void {
    this.#reserveKeys(keys);
    const { u32, i64 } = this.#views;
    const { nextCut } = this.#runs;
    const ids = this.#ids.reserve(4 * rows) >>> 2;
    const groupKeys = this.#groupKeys.reserve(4 * rows) >>> 2;
    const numbers = this.#numbers.reserve(8 * rows) / 8;
    const lastGroup = this.#lastGroup.ptr >>> 2;
    u32.fill(NONE, lastGroup, lastGroup + keys);
    this.groups = 0;
    let cut: bigint | undefined;
    for (let row = 0; row < rows; row++) {
      const value = i64[this.#values / 8 + row] as bigint;
      if (nextCut !== undefined && (row === 0 || (cut !== undefined && value >= cut))) {
        cut = nextCut(value);
        u32.fill(NONE, lastGroup, lastGroup + keys);
      }
      const key = u32[(keyIds >>> 2) + row] as number;
      if (!this.#joins(key, value)) {
        u32[lastGroup + key] = this.groups;
        u32[groupKeys + this.groups] = key;
        i64[numbers + this.groups] =
          this.#runs.rows === undefined ? value : BigInt(u32[(this.#bin.ptr >>> 2) + key] as number);
        this.groups += 1;
      }
      i64[this.#lastValue.ptr / 8 + key] = value;
      u32[ids + row] = u32[lastGroup + key] as number;
    }
  }

  /** Sessions are cut anew in every batch. */
  get counted(): RowCounts | undefined {
    return this.#runs.rows === undefined ? undefined : this;
  }

  async save(writer: SnapshotWriter): Promise<SavedCounts> {
    const bytes = 4 * this.#known;
    return {
      known: this.#known,
      held: await this.#held.save(bytes, writer),
      bin: await this.#bin.save(bytes, writer),
    };
  }

  restore({ known, held, bin }: SavedCounts, reader: SnapshotReader): void {
    this.#held.restore(held, reader);
    this.#bin.restore(bin, reader);
    this.#known = known;
  }

  describe(bins: Ptr, keys: Ptr): void {
    const { u8 } = this.#views;
    u8.copyWithin(bins, this.#numbers.ptr, this.#numbers.ptr + 8 * this.groups);
    u8.copyWithin(keys, this.#groupKeys.ptr, this.#groupKeys.ptr + 4 * this.groups);
  }

  /** Whether the next row of a key stays in the group of the one before; counts it. */
  #joins(key: number, value: bigint): boolean {
    const { u32, i64 } = this.#views;
    const { rows, gap } = this.#runs;
    const hasGroup = u32[(this.#lastGroup.ptr >>> 2) + key] !== NONE;
    if (rows === undefined)
      return hasGroup && value - (i64[this.#lastValue.ptr / 8 + key] as bigint) <= (gap as bigint);
    const held = (this.#held.ptr >>> 2) + key;
    if ((u32[held] as number) < rows) {
      u32[held] = (u32[held] as number) + 1;
      return hasGroup;
    }
    u32[held] = 1;
    u32[(this.#bin.ptr >>> 2) + key] = (u32[(this.#bin.ptr >>> 2) + key] as number) + 1;
    return false;
  }

  #reserveKeys(keys: number): void {
    const { u32 } = this.#views;
    this.#lastGroup.reserve(4 * keys);
    this.#lastValue.reserve(8 * keys);
    for (const buffer of [this.#held, this.#bin]) {
      const at = buffer.reserve(4 * keys, 4 * this.#known) >>> 2;
      u32.fill(0, at + this.#known, at + keys);
    }
    this.#known = keys;
  }
}

/** Groups of rows cut into segments. */
export function segmentGroups(
  kernels: AggregateKernels,
  workspace: Workspace,
  cut: CutBins,
  counted?: RowCounts,
): GroupedRows {
  return new RowGroups({ every: 1n, origin: 0n }, kernels, workspace, cut, counted);
}
