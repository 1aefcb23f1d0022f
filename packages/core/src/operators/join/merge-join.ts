/**
 * All pairs of a left and a right row with the same time and key: in the order of the left side, those of one left row in the order of
 * the right side; or left rows with and without a match. A kernel chains the right rows of each key that share the key's latest time; a left row of that time is paired with the
 * whole chain.
 *
 * Memory: right rows of one time, by whole batches, on disk beyond the share but for 4 bytes each; pairs of one piece. Keys are forgotten with
 * the rows of their time, when they are many: 16 bytes for each beside the key itself.
 */
import type { Batch } from '../../batch/contract.ts';
import { makeBatch } from '../../batch/make-batch.ts';
import { gatherColumns } from '../../kernels/gather.ts';
import { MERGE_CURSOR, MERGE_MODE, TAKE_NOTHING } from '../../kernels/vector-contract.ts';
import type { Ptr } from '../../memory/contract.ts';
import type { JoinSpec } from '../../plan/logical.ts';
import type { Fields } from '../../schema/types.ts';
import type { GrowingBuffer } from '../aggregate/arena-views.ts';
import type { OperatorContext } from '../contract.ts';
import { PIECE_ROWS } from '../held-batches.ts';
import { type LeftBatch, OrderedJoin, type RightBatch, type Step, type UsedBuffer } from './ordered-join.ts';

function modeOf(strategy: JoinSpec['strategy']): number {
  if (strategy === 'full' || strategy === 'left') return MERGE_MODE.left;
  return strategy === 'semi' || strategy === 'anti' ? MERGE_MODE[strategy] : MERGE_MODE.inner;
}

export interface SavedLinks {
  nextFrom: number;
  nextCount: number;
}

export class MergeJoin extends OrderedJoin {
  protected readonly leftFields: Fields;
  readonly #mode: number;
  /** By key: first and last place of its chain, and the time that the chain's rows share. */
  readonly #heads: GrowingBuffer;
  readonly #tails: GrowingBuffer;
  readonly #times: GrowingBuffer;
  /** By place from `#nextFrom` on: the place that follows in its chain. */
  readonly #next: GrowingBuffer;
  #nextFrom = 0;
  #nextCount = 0;
  readonly #leftPairs: GrowingBuffer;
  readonly #rightPairs: GrowingBuffer;
  readonly #cursor: GrowingBuffer;

  constructor(spec: JoinSpec, inputFields: readonly Fields[], context: OperatorContext) {
    super(spec, inputFields, context);
    this.leftFields = inputFields[0] ?? [];
    this.#mode = modeOf(spec.strategy);
    this.#heads = this.workspace.buffer();
    this.#tails = this.workspace.buffer();
    this.#times = this.workspace.buffer();
    this.#next = this.workspace.buffer();
    this.#leftPairs = this.workspace.buffer();
    this.#rightPairs = this.workspace.buffer();
    this.#leftPairs.reserve(4 * PIECE_ROWS);
    this.#rightPairs.reserve(4 * PIECE_ROWS);
    this.#cursor = this.workspace.buffer();
    const cursor = this.#cursor.reserve(MERGE_CURSOR.bytes);
    this.#word(MERGE_CURSOR.groupStart, 0);
    this.#word(MERGE_CURSOR.pairs, 0);
    this.workspace.views.data.setBigInt64(cursor + MERGE_CURSOR.groupTime, -(2n ** 63n), true);
  }

  /** Reads a word of the cursor, or writes it. */
  #word(offset: number, value?: number): number {
    const at = (this.#cursor.ptr + offset) >>> 2;
    const { u32 } = this.workspace.views;
    if (value !== undefined) u32[at] = value;
    return u32[at] as number;
  }

  protected growKeys(size: number): void {
    const heads = this.#heads.reserve(4 * size, 4 * this.keys) >>> 2;
    this.#tails.reserve(4 * size, 4 * this.keys);
    this.#times.reserve(8 * size, 8 * this.keys);
    this.workspace.views.u32.fill(TAKE_NOTHING, heads + this.keys, heads + size);
  }

  protected open(): void {
    this.#word(MERGE_CURSOR.chain, TAKE_NOTHING);
  }

  protected *match(left: LeftBatch, given: RightBatch | undefined): Generator<Step, void> {
    const right = given ?? { rows: 0, applied: 0, first: 0 };
    if (given !== undefined && right.applied === 0) this.makeRoom(right);
    for (;;) {
      this.#run(left, right, given === undefined);
      if (this.#word(MERGE_CURSOR.pairs) < PIECE_ROWS) return;
      yield* this.emit(left.batch, 0);
    }
  }

  #run(left: LeftBatch, right: RightBatch, isLast: boolean): void {
    const [lefts, rights] = this.sides;
    this.#word(MERGE_CURSOR.left, left.matched);
    this.#word(MERGE_CURSOR.right, right.applied);
    this.context.kernels.mergeMatch(
      this.#cursor.ptr,
      lefts.times,
      lefts.keys,
      left.batch.rows,
      rights.times,
      rights.keys,
      right.rows,
      isLast ? 1 : 0,
      right.first,
      this.#heads.ptr,
      this.#tails.ptr,
      this.#times.ptr,
      this.#next.ptr,
      this.#nextFrom,
      this.#leftPairs.ptr,
      this.#rightPairs.ptr,
      PIECE_ROWS,
      this.#mode,
    );
    left.matched = this.#word(MERGE_CURSOR.left);
    right.applied = this.#word(MERGE_CURSOR.right);
  }

  /** For the links of a batch that comes to work. */
  protected makeRoom({ first, rows }: RightBatch): void {
    this.#nextCount = first + rows - this.#nextFrom;
    this.#next.reserve(4 * this.#nextCount, 4 * (first - this.#nextFrom));
  }

  protected *finish({ batch }: LeftBatch): Generator<Batch, void> {
    const { inputs } = batch;
    if (batch.rows > 0 && this.#word(MERGE_CURSOR.pairs) > 0) yield* this.emit(batch, inputs);
    else if (inputs > 0) yield this.nothing(inputs);
  }

  /** The pairs so far, which are forgotten. */
  protected takePairs(): { count: number; lefts: Ptr; rights: Ptr } {
    const count = this.#word(MERGE_CURSOR.pairs);
    this.#word(MERGE_CURSOR.pairs, 0);
    return { count, lefts: this.#leftPairs.ptr, rights: this.#rightPairs.ptr };
  }

  /** The pairs so far, as batches of which the last ends logical inputs. */
  protected *emit(left: Batch, inputs: number): Generator<Batch, void> {
    yield this.#batchOf(left, inputs);
  }

  #batchOf(left: Batch, inputs: number): Batch {
    const { arena, owner } = this.context;
    const { count, lefts: indices, rights } = this.takePairs();
    const made: Batch[] = [];
    try {
      made.push(gatherColumns(this.context, left.columns, this.leftFields, { indices, count }, inputs));
      if (this.fields.length > this.leftFields.length) made.push(this.rightRows.gather(rights, count));
      const columns = made.flatMap((batch) => batch.columns);
      return makeBatch(arena, owner, this.fields, columns, count, inputs);
    } finally {
      for (const batch of made) batch.release();
    }
  }

  /** Rows before the next left row's time are done with. */
  protected *settle(left: LeftBatch): Generator<Step, void> {
    if (this.#word(MERGE_CURSOR.pairs) > 0) yield* this.emit(left.batch, 0);
    yield* this.beforeForgetting(left);
    const { data } = this.workspace.views;
    const now = data.getBigInt64(this.sides[0].times + 8 * left.matched, true);
    const isGroupDone = data.getBigInt64(this.#cursor.ptr + MERGE_CURSOR.groupTime, true) < now;
    if (isGroupDone) this.#forget();
    else {
      this.rightRows.dropBefore(this.#word(MERGE_CURSOR.groupStart));
      this.#shiftLinks(this.rightRows.start);
    }
  }

  /** Right rows before the next left row's time are about to be let go of. */
  protected *beforeForgetting(_left: LeftBatch): Generator<Step, void> {}

  /** Places from `kept + gone` on have become `kept` and those that follow. */
  protected placesMoved(_kept: number, _gone: number): void {}

  protected usedBuffers(_left: LeftBatch | undefined): UsedBuffer[] {
    const pairBytes = 4 * this.#word(MERGE_CURSOR.pairs);
    return [
      [this.#heads, 4 * this.keys],
      [this.#tails, 4 * this.keys],
      [this.#times, 8 * this.keys],
      [this.#next, 4 * this.#nextCount],
      [this.#leftPairs, pairBytes],
      [this.#rightPairs, pairBytes],
      [this.#cursor, MERGE_CURSOR.bytes],
    ];
  }

  protected saveOwn(): SavedLinks {
    return { nextFrom: this.#nextFrom, nextCount: this.#nextCount };
  }

  protected restoreOwn({ nextFrom, nextCount }: SavedLinks): void {
    this.#nextFrom = nextFrom;
    this.#nextCount = nextCount;
  }

  /** All of them, when no row is held. */
  protected forgetKeys(): boolean {
    if (this.rightRows.rows > 0) return false;
    this.index?.shrink();
    return true;
  }

  /** No right row is held any more: places count from 0 again, and no chain may be gone on with. */
  #forget(): void {
    const heads = this.#heads.ptr >>> 2;
    this.workspace.views.u32.fill(TAKE_NOTHING, heads, heads + this.keys);
    this.rightRows.dropBefore(this.rightRows.end);
    this.placesMoved(0, this.rightRows.rebase());
    this.#word(MERGE_CURSOR.groupStart, 0);
    this.#nextFrom = 0;
    this.#nextCount = 0;
  }

  #shiftLinks(start: number): void {
    const gone = start - this.#nextFrom;
    const { ptr } = this.#next;
    this.workspace.views.u8.copyWithin(ptr, ptr + 4 * gone, ptr + 4 * this.#nextCount);
    this.#nextFrom = start;
    this.#nextCount -= gone;
    this.placesMoved(start, 0);
  }
}
