/**
 * Joins whose right rows may come after the left row: as-of forward and nearest, and pairs within an interval. Right rows are read ahead
 * until a left row can be decided, and chained by key. Each key has a place where it stands: the last of its rows that lies behind the left
 * rows, and the first that does not. Both only move forward, because left rows ascend.
 *
 * Memory: the right rows between the left row at work and what was read ahead for it, on disk beyond the share but for 12 bytes each;
 * `nearest`: besides, the last row of each key behind. Without `tolerance` a key that does not come again makes the join read to the end.
 */
import type { Batch } from '../../batch/contract.ts';
import { makeBatch } from '../../batch/make-batch.ts';
import { gatherColumns } from '../../kernels/gather.ts';
import { TAKE_NOTHING } from '../../kernels/vector-contract.ts';
import type { JoinSpec } from '../../plan/logical.ts';
import type { Fields } from '../../schema/types.ts';
import type { GrowingBuffer } from '../aggregate/arena-views.ts';
import type { OperatorContext } from '../contract.ts';
import { PIECE_ROWS } from '../held-batches.ts';
import { type LeftBatch, OrderedJoin, type RightBatch, type Step, type UsedBuffer } from './ordered-join.ts';

/** More right rows have to be known before a left row can be decided. */
const UNDECIDED = -1;

interface SavedWindow {
  linkedFrom: number;
  pairs: number;
  known: bigint | undefined;
  resume: number;
}

export class WindowJoin extends OrderedJoin {
  readonly #spec: JoinSpec;
  readonly #leftFields: Fields;
  /** By place: its time, and the next place of its key. */
  readonly #placeTimes: GrowingBuffer;
  readonly #next: GrowingBuffer;
  /** By key: the last place behind, with its time; the first place ahead; the last place. */
  readonly #back: GrowingBuffer;
  readonly #backTimes: GrowingBuffer;
  readonly #ahead: GrowingBuffer;
  readonly #tails: GrowingBuffer;
  readonly #leftPairs: GrowingBuffer;
  readonly #rightPairs: GrowingBuffer;
  /** Places before this one are last rows of their keys and nothing else: they have no times or links. */
  #linkedFrom = 0;
  #pairs = 0;
  /** Time of the last right row known. */
  #known: bigint | undefined;
  /** Pair of an interval that the left row at work goes on with. */
  #resume = TAKE_NOTHING;

  constructor(spec: JoinSpec, inputFields: readonly Fields[], context: OperatorContext) {
    super(spec, inputFields, context);
    const { workspace } = this;
    this.#spec = spec;
    this.#leftFields = inputFields[0] ?? [];
    this.#placeTimes = workspace.buffer();
    this.#next = workspace.buffer();
    this.#back = workspace.buffer();
    this.#backTimes = workspace.buffer();
    this.#ahead = workspace.buffer();
    this.#tails = workspace.buffer();
    this.#leftPairs = workspace.buffer();
    this.#rightPairs = workspace.buffer();
    this.#leftPairs.reserve(4 * PIECE_ROWS);
    this.#rightPairs.reserve(4 * PIECE_ROWS);
  }

  protected growKeys(size: number): void {
    const { u32 } = this.workspace.views;
    for (const buffer of [this.#back, this.#ahead, this.#tails]) {
      const at = buffer.reserve(4 * size, 4 * this.keys) >>> 2;
      u32.fill(TAKE_NOTHING, at + this.keys, at + size);
    }
    this.#backTimes.reserve(8 * size, 8 * this.keys);
  }

  protected open(): void {}

  protected *match(left: LeftBatch, right: RightBatch | undefined): Generator<Step, void> {
    if (right !== undefined) this.#link(right);
    if (right !== undefined) right.applied = right.rows;
    yield* this.#decide(left, right === undefined);
  }

  protected override matchKnown(left: LeftBatch): Iterable<Step> {
    return this.#decide(left, false);
  }

  *#decide(left: LeftBatch, isLast: boolean): Generator<Step, void> {
    while (left.matched < left.batch.rows) {
      const isDecided = this.#spec.strategy === 'interval' ? this.#pairUp(left, isLast) : this.#choose(left, isLast);
      if (this.#pairs === PIECE_ROWS) yield this.#emit(left.batch, 0);
      else if (!isDecided) return;
    }
  }

  protected *finish({ batch }: LeftBatch): Generator<Batch, void> {
    const { inputs } = batch;
    if (this.#pairs > 0) yield this.#emit(batch, inputs);
    else if (inputs > 0) yield this.nothing(inputs);
  }

  /** Chains the rows of a batch that comes to work. */
  #link({ first, rows }: RightBatch): void {
    const { u32, i64 } = this.workspace.views;
    const right = this.sides[1];
    const times = this.#placeTimes.reserve(8 * (first + rows), 8 * first) / 8;
    const next = this.#next.reserve(4 * (first + rows), 4 * first) >>> 2;
    const [ahead, tails] = [this.#ahead.ptr >>> 2, this.#tails.ptr >>> 2];
    for (let row = 0; row < rows; row++) {
      const place = first + row;
      i64[times + place] = i64[right.times / 8 + row] as bigint;
      u32[next + place] = TAKE_NOTHING;
      const key = u32[(right.keys >>> 2) + row] as number;
      if (key === TAKE_NOTHING) continue;
      if (u32[ahead + key] === TAKE_NOTHING) u32[ahead + key] = place;
      else u32[next + (u32[tails + key] as number)] = place;
      u32[tails + key] = place;
    }
    this.#known = i64[times + first + rows - 1] as bigint;
  }

  /** As-of: one row for each left row. Returns false where more right rows have to come. */
  #choose(left: LeftBatch, isLast: boolean): boolean {
    const { u32, i64 } = this.workspace.views;
    const { times, keys } = this.sides[0];
    const key = u32[(keys >>> 2) + left.matched] as number;
    const time = i64[times / 8 + left.matched] as bigint;
    const place = key === TAKE_NOTHING ? TAKE_NOTHING : this.#placeFor(key, time, isLast);
    if (place === UNDECIDED) return false;
    this.#put(left.matched, place);
    left.matched += 1;
    return true;
  }

  #placeFor(key: number, time: bigint, isLast: boolean): number {
    const { u32, i64 } = this.workspace.views;
    const { direction, strict = false } = this.#spec;
    const isNearest = direction === 'nearest';
    // What is behind a later left row too.
    this.#passBefore(key, isNearest ? strict === false : strict, time);
    const known = isLast ? undefined : (this.#known ?? time - 1n);
    const back = u32[(this.#back.ptr >>> 2) + key] as number;
    const distance = back === TAKE_NOTHING ? undefined : time - (i64[this.#backTimes.ptr / 8 + key] as bigint);
    const isBackNear = isNearest && distance !== undefined && this.#isNear(distance);
    // Another row at this time may still come, and of these the last is taken.
    if (isNearest && !strict && known !== undefined && known <= time) return UNDECIDED;
    if (isBackNear && distance === 0n) return back;
    let ahead = u32[(this.#ahead.ptr >>> 2) + key] as number;
    if (strict)
      while (ahead !== TAKE_NOTHING && i64[this.#placeTimes.ptr / 8 + ahead] === time) ahead = this.#after(ahead);
    const gap = ahead === TAKE_NOTHING ? undefined : (i64[this.#placeTimes.ptr / 8 + ahead] as bigint) - time;
    if (gap === undefined && known !== undefined && !this.#isBeyond(known - time, isBackNear ? distance : undefined))
      return UNDECIDED;
    const isAheadNear = gap !== undefined && this.#isNear(gap);
    if (isBackNear && (!isAheadNear || (distance as bigint) <= (gap as bigint))) return back;
    return isAheadNear ? ahead : TAKE_NOTHING;
  }

  /** No row that is so far ahead can be the match. */
  #isBeyond(gap: bigint, distance: bigint | undefined): boolean {
    return !this.#isNear(gap) || (distance !== undefined && gap >= distance);
  }

  #isNear(distance: bigint): boolean {
    const { tolerance } = this.times;
    return tolerance === undefined || distance <= tolerance;
  }

  #after(place: number): number {
    return this.workspace.views.u32[(this.#next.ptr >>> 2) + place] as number;
  }

  /** Moves a key on to the first row not before `time` (`orAt`: behind it). */
  #passBefore(key: number, orAt: boolean, time: bigint): void {
    const { u32, i64 } = this.workspace.views;
    const at = (this.#ahead.ptr >>> 2) + key;
    for (let place = u32[at] as number; place !== TAKE_NOTHING; place = u32[at] as number) {
      const placeTime = i64[this.#placeTimes.ptr / 8 + place] as bigint;
      if (placeTime > time || (placeTime === time && !orAt)) return;
      u32[(this.#back.ptr >>> 2) + key] = place;
      i64[this.#backTimes.ptr / 8 + key] = placeTime;
      u32[at] = this.#after(place);
    }
  }

  /** Interval: all pairs of a left row. Returns false where more right rows have to come, or no pair more has room. */
  #pairUp(left: LeftBatch, isLast: boolean): boolean {
    const { u32, i64 } = this.workspace.views;
    const { times, keys } = this.sides[0];
    const key = u32[(keys >>> 2) + left.matched] as number;
    const time = i64[times / 8 + left.matched] as bigint;
    const until = time + this.times.to;
    if (key !== TAKE_NOTHING) {
      if (!isLast && (this.#known === undefined || this.#known <= until)) return false;
      this.#passBefore(key, false, time + this.times.from);
      let place = this.#resume === TAKE_NOTHING ? (u32[(this.#ahead.ptr >>> 2) + key] as number) : this.#resume;
      for (; place !== TAKE_NOTHING; place = this.#after(place)) {
        if ((i64[this.#placeTimes.ptr / 8 + place] as bigint) > until) break;
        if (this.#pairs === PIECE_ROWS) {
          this.#resume = place;
          return false;
        }
        this.#put(left.matched, place);
      }
    }
    this.#resume = TAKE_NOTHING;
    left.matched += 1;
    return true;
  }

  #put(left: number, place: number): void {
    const { u32 } = this.workspace.views;
    u32[(this.#leftPairs.ptr >>> 2) + this.#pairs] = left;
    u32[(this.#rightPairs.ptr >>> 2) + this.#pairs] = place;
    this.#pairs += 1;
  }

  #emit(left: Batch, inputs: number): Batch {
    const { arena, owner } = this.context;
    const count = this.#pairs;
    this.#pairs = 0;
    const made: Batch[] = [];
    try {
      const indices = this.#leftPairs.ptr;
      made.push(gatherColumns(this.context, left.columns, this.#leftFields, { indices, count }, inputs));
      if (this.fields.length > this.#leftFields.length) made.push(this.rightRows.gather(this.#rightPairs.ptr, count));
      const columns = made.flatMap((batch) => batch.columns);
      return makeBatch(arena, owner, this.fields, columns, count, inputs);
    } finally {
      for (const batch of made) batch.release();
    }
  }

  /** Keeps what is ahead of the next left row, and for `nearest` the last row of each key behind it. */
  protected *settle(left: LeftBatch): Generator<Step, void> {
    if (this.#pairs > 0) yield this.#emit(left.batch, 0);
    const now = this.workspace.views.i64[this.sides[0].times / 8 + left.matched] as bigint;
    const isNearest = this.#spec.direction === 'nearest';
    const from = now + (this.#spec.strategy === 'interval' ? this.times.from : 0n);
    for (let key = 0; key < this.keys; key++) this.#passBefore(key, false, from);
    this.rightRows.dropBefore(isNearest ? 0 : this.#firstFrom(from));
    if (isNearest) yield* this.#keepBehind(now, this.#firstFrom(from));
    const gone = this.rightRows.rebase();
    if (gone > 0) this.#shift(gone);
  }

  /** The first place at or behind a time. */
  #firstFrom(time: bigint): number {
    const { i64 } = this.workspace.views;
    let low = Math.max(this.rightRows.start, this.#linkedFrom);
    let high = this.rightRows.end;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((i64[this.#placeTimes.ptr / 8 + middle] as bigint) < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Copies the last rows behind close together, up to the batch that `place` lies in. */
  *#keepBehind(now: bigint, place: number): Generator<Step, void> {
    const { u32, i64 } = this.workspace.views;
    const until = this.rightRows.batchAt(place);
    const back = this.#back.ptr >>> 2;
    const places: number[] = [];
    for (let key = 0; key < this.keys; key++) {
      const last = u32[back + key] as number;
      if (last === TAKE_NOTHING) continue;
      if (!this.#isNear(now - (i64[this.#backTimes.ptr / 8 + key] as bigint))) u32[back + key] = TAKE_NOTHING;
      else if (last < until) places.push(last);
    }
    const sorted = Uint32Array.from(places).sort();
    yield* this.rightRows.keep(sorted, until);
    this.#linkedFrom = until;
    const first = until - sorted.length;
    const ranks = new Map<number, number>();
    for (const [rank, old] of sorted.entries()) ranks.set(old, first + rank);
    for (let key = 0; key < this.keys; key++) {
      const moved = ranks.get(u32[back + key] as number);
      if (moved !== undefined) u32[back + key] = moved;
    }
  }

  /** Places count from a later one. */
  #shift(gone: number): void {
    const { u8, u32 } = this.workspace.views;
    const count = this.rightRows.end;
    const { ptr: times } = this.#placeTimes;
    const { ptr: next } = this.#next;
    u8.copyWithin(times, times + 8 * gone, times + 8 * (gone + count));
    u8.copyWithin(next, next + 4 * gone, next + 4 * (gone + count));
    const move = (from: number, to: number): void => {
      for (let at = from; at < to; at++)
        if (u32[at] !== TAKE_NOTHING) u32[at] = (u32[at] as number) < gone ? TAKE_NOTHING : (u32[at] as number) - gone;
    };
    move(next >>> 2, (next >>> 2) + count);
    for (const buffer of [this.#back, this.#ahead, this.#tails]) move(buffer.ptr >>> 2, (buffer.ptr >>> 2) + this.keys);
    if (this.#resume !== TAKE_NOTHING) this.#resume -= gone;
    this.#linkedFrom = Math.max(0, this.#linkedFrom - gone);
  }

  protected usedBuffers(_left: LeftBatch | undefined): UsedBuffer[] {
    const places = this.rightRows.end;
    return [
      [this.#placeTimes, 8 * places],
      [this.#next, 4 * places],
      [this.#back, 4 * this.keys],
      [this.#backTimes, 8 * this.keys],
      [this.#ahead, 4 * this.keys],
      [this.#tails, 4 * this.keys],
      [this.#leftPairs, 4 * this.#pairs],
      [this.#rightPairs, 4 * this.#pairs],
    ];
  }

  protected saveOwn(): SavedWindow {
    return { linkedFrom: this.#linkedFrom, pairs: this.#pairs, known: this.#known, resume: this.#resume };
  }

  protected restoreOwn({ linkedFrom, pairs, known, resume }: SavedWindow): void {
    this.#linkedFrom = linkedFrom;
    this.#pairs = pairs;
    this.#known = known;
    this.#resume = resume;
  }

  /** Those without a right row that is kept. */
  protected forgetKeys(): boolean {
    const { u32, i64 } = this.workspace.views;
    const buffers = [this.#back, this.#ahead, this.#tails];
    const times = this.#backTimes.ptr / 8;
    const ids = this.workspace.scratch(4 * this.keys);
    let count = 0;
    for (let key = 0; key < this.keys; key++) {
      const isKept = buffers.slice(0, 2).some(({ ptr }) => u32[(ptr >>> 2) + key] !== TAKE_NOTHING);
      if (!isKept) continue;
      u32[(ids >>> 2) + count] = key;
      for (const { ptr } of buffers) u32[(ptr >>> 2) + count] = u32[(ptr >>> 2) + key] as number;
      i64[times + count] = i64[times + key] as bigint;
      count += 1;
    }
    if (count === this.keys) return false;
    this.index?.keep(ids, count);
    return true;
  }
}
