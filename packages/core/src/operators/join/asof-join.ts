/**
 * Joins each left row with the last right row of its key at or before it (`strict`: before it). A kernel notes the last row of every key of the right side,
 * and the match of every left row, by places in `RightRows`.
 *
 * Memory: of right batches that are through, only the last row of each key matters. When the others outweigh them, these rows are copied
 * into one batch, and those are left out that lie too far back for any later left row. Of each key with such a row its number is kept, 12 bytes and
 * the key itself; others are forgotten when they are many.
 */
import type { Batch } from '../../batch/contract.ts';
import { makeBatch } from '../../batch/make-batch.ts';
import { sliceBatch } from '../../batch/slice-batch.ts';
import { TAKE_NOTHING } from '../../kernels/vector-contract.ts';
import type { Ptr } from '../../memory/contract.ts';
import type { JoinSpec } from '../../plan/logical.ts';
import type { Fields } from '../../schema/types.ts';
import type { GrowingBuffer } from '../aggregate/arena-views.ts';
import type { OperatorContext } from '../contract.ts';
import { type LeftBatch, OrderedJoin, type RightBatch, type Step, type UsedBuffer } from './ordered-join.ts';

/** Places and key numbers below this fit one double together. */
const PACKED_KEYS = 2 ** 21;

/** One element before the first key's, for rows without a key. */
const BEFORE = 1;

export class AsofJoin extends OrderedJoin {
  readonly #isStrict: boolean;
  /** By key, behind `BEFORE`: place of its last right row; and its time, where there is a tolerance. */
  readonly #lastRows: GrowingBuffer;
  readonly #lastTimes: GrowingBuffer;
  /** Place of the match, by row of the left batch at work. */
  readonly #matches: GrowingBuffer;
  readonly #cursor: GrowingBuffer;
  /** Rows of the left batch at work that have left. */
  #emitted = 0;

  constructor(spec: JoinSpec, inputFields: readonly Fields[], context: OperatorContext) {
    super(spec, inputFields, context);
    this.#isStrict = spec.strict === true;
    this.#lastRows = this.workspace.buffer();
    this.#lastTimes = this.workspace.buffer();
    this.#matches = this.workspace.buffer();
    this.#cursor = this.workspace.buffer();
    this.#cursor.reserve(8);
    this.growKeys(0);
  }

  /** Address of what the first key has. */
  get #rows(): Ptr {
    return this.#lastRows.ptr + 4 * BEFORE;
  }

  get #times(): Ptr {
    return this.#lastTimes.ptr + 8 * BEFORE;
  }

  protected growKeys(size: number): void {
    const { keys } = this;
    this.#lastRows.reserve(4 * (BEFORE + size), 4 * (BEFORE + keys));
    if (this.times.tolerance !== undefined) this.#lastTimes.reserve(8 * (BEFORE + size), 8 * (BEFORE + keys));
    const rows = this.#rows >>> 2;
    const from = keys === 0 ? -BEFORE : keys;
    this.workspace.views.u32.fill(TAKE_NOTHING, rows + from, rows + size);
  }

  protected open({ batch }: LeftBatch): void {
    this.#matches.reserve(4 * batch.rows);
    this.#emitted = 0;
  }

  protected match(left: LeftBatch, given: RightBatch | undefined): Iterable<Batch> {
    const { u32 } = this.workspace.views;
    const [lefts, rights] = this.sides;
    const cursor = this.#cursor.ptr >>> 2;
    const right = given ?? { rows: 0, applied: 0, first: 0 };
    u32[cursor] = left.matched;
    u32[cursor + 1] = right.applied;
    this.context.kernels.asofMatch(
      this.#cursor.ptr,
      lefts.times,
      lefts.keys,
      left.batch.rows,
      rights.times,
      rights.keys,
      right.rows,
      given === undefined ? 1 : 0,
      right.first,
      this.#rows,
      this.#times,
      this.times.tolerance ?? -1n,
      this.#isStrict ? 1 : 0,
      this.#matches.ptr,
    );
    left.matched = u32[cursor] as number;
    right.applied = u32[cursor + 1] as number;
    return [];
  }

  protected *finish(left: LeftBatch): Generator<Batch, void> {
    const { rows, inputs } = left.batch;
    if (rows > 0) yield this.#emit(left);
    else if (inputs > 0) yield this.nothing(inputs);
  }

  /** Rows that are matched and have not left. Left columns are not copied; the last rows of a batch end its logical inputs. */
  #emit({ batch: left, matched }: LeftBatch): Batch {
    const { arena, owner } = this.context;
    const from = this.#emitted;
    const count = matched - from;
    const inputs = matched === left.rows ? left.inputs : 0;
    this.#emitted = matched;
    const made: Batch[] = [];
    try {
      const rows = count === left.rows ? left : sliceBatch(arena, owner, left, from, count, inputs);
      if (rows !== left) made.push(rows);
      const right = this.rightRows.gather(this.#matches.ptr + 4 * from, count);
      made.push(right);
      return makeBatch(arena, owner, this.fields, [...rows.columns, ...right.columns], count, inputs);
    } finally {
      for (const batch of made) batch.release();
    }
  }

  /** Keeps the last right row of each key, where a later left row can still be near enough. */
  protected *settle(left: LeftBatch): Generator<Step, void> {
    if (this.#emitted < left.matched) yield this.#emit(left);
    const { u32, data } = this.workspace.views;
    const { tolerance } = this.times;
    const rows = this.#rows >>> 2;
    const now = data.getBigInt64(this.sides[0].times + 8 * left.matched, true);
    const isNear = (key: number): boolean =>
      tolerance === undefined || now - data.getBigInt64(this.#times + 8 * key, true) <= tolerance;
    const keys: number[] = [];
    for (let key = 0; key < this.keys; key++) {
      if (u32[rows + key] === TAKE_NOTHING) continue;
      if (isNear(key)) keys.push(key);
      else u32[rows + key] = TAKE_NOTHING;
    }
    const sorted = sortByPlace(keys, (key) => u32[rows + key] as number);
    const places = Uint32Array.from(sorted, (key) => u32[rows + key] as number);
    yield* this.rightRows.keep(places, this.rightRows.end);
    this.rightRows.rebase();
    sorted.forEach((key, place) => {
      u32[rows + key] = place;
    });
  }

  protected usedBuffers(left: LeftBatch | undefined): UsedBuffer[] {
    return [
      [this.#lastRows, 4 * (BEFORE + this.keys)],
      [this.#lastTimes, 8 * (BEFORE + this.keys)],
      [this.#matches, 4 * (left?.batch.rows ?? 0)],
    ];
  }

  protected saveOwn(): number {
    return this.#emitted;
  }

  protected restoreOwn(emitted: number): void {
    this.#emitted = emitted;
  }

  /** Those without a right row that is kept. */
  protected forgetKeys(): boolean {
    const { u32, i64 } = this.workspace.views;
    const rows = this.#rows >>> 2;
    const times = this.times.tolerance === undefined ? undefined : this.#times / 8;
    const ids = this.workspace.scratch(4 * this.keys);
    let count = 0;
    for (let key = 0; key < this.keys; key++) {
      if (u32[rows + key] === TAKE_NOTHING) continue;
      u32[(ids >>> 2) + count] = key;
      u32[rows + count] = u32[rows + key] as number;
      if (times !== undefined) i64[times + count] = i64[times + key] as bigint;
      count += 1;
    }
    if (count === this.keys) return false;
    this.index?.keep(ids, count);
    return true;
  }
}

function sortByPlace(keys: readonly number[], placeOf: (key: number) => number): number[] {
  if ((keys.at(-1) ?? 0) >= PACKED_KEYS) return [...keys].sort((left, right) => placeOf(left) - placeOf(right));
  const packed = Float64Array.from(keys, (key) => placeOf(key) * PACKED_KEYS + key).sort();
  return Array.from(packed, (word) => word % PACKED_KEYS);
}
