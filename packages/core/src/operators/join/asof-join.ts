/**
 * Joins each left row with the last right row of its key at or before it. Both sides ascend on `on`; rows come out in the order and in
 * the batches of the left side.
 *
 * The operator holds at most one batch of each side at work. A kernel runs through both like a merge: it notes the last row of every key
 * of the right side, and the match of every left row, by places in `RightRows`. It stops when left rows are used up, or when the next left
 * row may still have a right row to come. So the operator always knows which side it needs; what comes of the other side before its
 * time is held in order (`HeldRows`).
 *
 * Memory: of right batches that are through, only the last row of each key matters. When the others outweigh them, these rows are copied
 * into one batch, and those are left out that lie too far back for any later left row. Keys are never forgotten: 20 bytes for each.
 */
import type { Batch } from '../../batch/contract.ts';
import { emptyBatch } from '../../batch/make-batch.ts';
import { TAKE_NOTHING } from '../../kernels/vector-contract.ts';
import { type JoinSpec, toleranceSteps } from '../../plan/join-fields.ts';
import type { JoinSide } from '../../plan/logical.ts';
import type { Fields } from '../../schema/types.ts';
import { type GrowingBuffer, Workspace } from '../aggregate/arena-views.ts';
import { KeyIndex } from '../aggregate/key-index.ts';
import type { HeldState, MaybePromise, Operator, OperatorContext, Output } from '../contract.ts';
import { pushAll } from '../outputs.ts';
import { HeldRows } from './held-rows.ts';
import { JoinInput, keyPlans } from './join-input.ts';
import { besideLeft } from './joined-rows.ts';
import { RightRows } from './right-rows.ts';

const LEFT = 0;
const RIGHT = 1;
/** Right rows that are through may take so many bytes before they are looked through, when no limit says otherwise. */
const SETTLED_BYTES = 8 * 2 ** 20;
/** And so many batches, however small. */
const SETTLED_BATCHES = 64;
/** Places and key numbers below this fit one double together. */
const PACKED_KEYS = 2 ** 21;

/** The left batch at work. */
interface LeftBatch {
  batch: Batch;
  /** Rows that have a match, or are known to have none. */
  matched: number;
  /** Rows that have left. */
  emitted: number;
}

export class AsofJoin implements Operator {
  readonly #context: OperatorContext;
  readonly #workspace: Workspace;
  readonly #fields: Fields;
  readonly #output: Output;
  readonly #index: KeyIndex | undefined;
  readonly #sides: readonly [JoinInput, JoinInput];
  readonly #waiting: readonly [HeldRows, HeldRows] = [new HeldRows(), new HeldRows()];
  readonly #hasEnded: [boolean, boolean] = [false, false];
  readonly #rightRows: RightRows;
  readonly #tolerance: bigint | undefined;
  readonly #settledBytes: number;
  /** By key: place and time of its last right row. */
  readonly #lastRows: GrowingBuffer;
  readonly #lastTimes: GrowingBuffer;
  #keys = 0;
  /** Place of the match, by row of the left batch at work. */
  readonly #matches: GrowingBuffer;
  readonly #cursor: GrowingBuffer;
  #left: LeftBatch | undefined;
  /** The right batch at work. It belongs to `#rightRows`. */
  #right: { rows: number; applied: number; first: number } | undefined;
  /** Bytes that were left when the right rows were last looked through. */
  #keptBytes = 0;

  constructor(spec: JoinSpec, inputFields: readonly Fields[], context: OperatorContext) {
    const [left, right] = spec.sides as [JoinSide, JoinSide];
    const [leftFields, rightFields] = inputFields as [Fields, Fields];
    const workspace = new Workspace(context.arena, context.owner);
    this.#context = context;
    this.#workspace = workspace;
    this.#fields = context.outputFields['out'] as Fields;
    this.#output = context.outputs['out'] as Output;
    this.#index =
      left.by.length === 0 ? undefined : new KeyIndex(keyPlans(left, leftFields), context.kernels, workspace);
    this.#sides = [
      new JoinInput(left, leftFields, this.#index, context, workspace),
      new JoinInput(right, rightFields, this.#index, context, workspace),
    ];
    this.#rightRows = rightRowsOf(spec, inputFields, context, workspace);
    this.#tolerance = toleranceSteps(spec, leftFields);
    this.#settledBytes = Math.min(SETTLED_BYTES, (spec.memoryLimitBytes ?? Number.POSITIVE_INFINITY) / 4);
    this.#lastRows = workspace.buffer();
    this.#lastTimes = workspace.buffer();
    this.#matches = workspace.buffer();
    this.#cursor = workspace.buffer();
    this.#cursor.reserve(8);
  }

  push(batch: Batch, input: number = LEFT): MaybePromise {
    // Right rows that come when no left row is left have nothing to be matched with.
    if (input === RIGHT && this.#isDone) return batch.release();
    const held = (this.#waiting[input] as HeldRows).append(batch);
    return held instanceof Promise ? held.then(() => this.#goOn()) : this.#goOn();
  }

  endInput(input: number): MaybePromise {
    this.#hasEnded[input as 0 | 1] = true;
    return this.#goOn();
  }

  wants(): number {
    if (this.#left !== undefined) return RIGHT;
    return this.#hasEnded[LEFT] ? RIGHT : LEFT;
  }

  flush(): void {}

  end(): void {}

  held(): HeldState {
    const rights = this.#waiting[RIGHT];
    const lefts = this.#waiting[LEFT];
    return {
      inputs: 0,
      rows: lefts.rows + rights.rows + this.#rightRows.rows,
      bytes: lefts.bytes + rights.bytes + this.#rightRows.bytes,
    };
  }

  close(): void {
    this.#left?.batch.release();
    this.#left = undefined;
    for (const rows of this.#waiting) rows.close();
    this.#rightRows.close();
    this.#workspace.close();
  }

  get #isDone(): boolean {
    return this.#hasEnded[LEFT] && this.#left === undefined && this.#waiting[LEFT].isEmpty;
  }

  #goOn(): MaybePromise {
    return pushAll(this.#output, this.#advance());
  }

  *#advance(): Generator<Batch, void> {
    for (;;) {
      if (this.#left === undefined) {
        const batch = this.#waiting[LEFT].take();
        if (batch === undefined) break;
        if (batch.rows === 0) yield this.#passEmpty(batch);
        else this.#open(batch);
        continue;
      }
      if (this.#right === undefined && !this.#openRight() && !this.#hasEnded[RIGHT]) return;
      this.#match(this.#left);
      if (this.#left.matched === this.#left.batch.rows) {
        yield this.#emit(this.#left);
        this.#left.batch.release();
        this.#left = undefined;
      } else if (this.#isCrowded) {
        if (this.#left.emitted < this.#left.matched) yield this.#emit(this.#left);
        this.#settle(this.#left);
      }
    }
    if (!this.#isDone) return;
    this.#waiting[RIGHT].close();
    this.#rightRows.close();
    this.#right = undefined;
  }

  #passEmpty(batch: Batch): Batch {
    const { arena, owner } = this.#context;
    const { inputs } = batch;
    batch.release();
    return emptyBatch(arena, owner, this.#fields, inputs);
  }

  #open(batch: Batch): void {
    this.#left = { batch, matched: 0, emitted: 0 };
    this.#sides[LEFT].prepare(batch);
    this.#matches.reserve(4 * batch.rows);
    this.#growKeys();
  }

  /** Takes the next right batch to work, when there is one. */
  #openRight(): boolean {
    const batch = this.#waiting[RIGHT].take();
    if (batch === undefined) return false;
    if (batch.rows === 0) {
      batch.release();
      return this.#openRight();
    }
    this.#right = { rows: batch.rows, applied: 0, first: this.#rightRows.add(batch) };
    this.#sides[RIGHT].prepare(batch);
    this.#growKeys();
    return true;
  }

  #growKeys(): void {
    const size = this.#index?.size ?? 1;
    if (size === this.#keys) return;
    const rows = this.#lastRows.reserve(4 * size, 4 * this.#keys) >>> 2;
    this.#lastTimes.reserve(8 * size, 8 * this.#keys);
    this.#workspace.views.u32.fill(TAKE_NOTHING, rows + this.#keys, rows + size);
    this.#keys = size;
  }

  #match(left: LeftBatch): void {
    const { u32 } = this.#workspace.views;
    const [lefts, rights] = this.#sides;
    const cursor = this.#cursor.ptr >>> 2;
    const right = this.#right ?? { rows: 0, applied: 0, first: 0 };
    u32[cursor] = left.matched;
    u32[cursor + 1] = right.applied;
    this.#context.kernels.asofMatch(
      this.#cursor.ptr,
      lefts.times,
      lefts.keys,
      left.batch.rows,
      rights.times,
      rights.keys,
      right.rows,
      this.#right === undefined ? 1 : 0,
      right.first,
      this.#lastRows.ptr,
      this.#lastTimes.ptr,
      this.#tolerance ?? -1n,
      this.#matches.ptr,
    );
    left.matched = u32[cursor] as number;
    right.applied = u32[cursor + 1] as number;
    if (right.applied === right.rows) this.#right = undefined;
  }

  #emit(left: LeftBatch): Batch {
    const { emitted, matched, batch } = left;
    left.emitted = matched;
    return besideLeft(
      this.#context,
      this.#fields,
      batch,
      [emitted, matched],
      this.#rightRows,
      this.#matches.ptr + 4 * emitted,
    );
  }

  /** Enough right rows are through that leaving most of them out pays. */
  get #isCrowded(): boolean {
    if (this.#right !== undefined) return false;
    const { bytes, batches } = this.#rightRows;
    return batches > SETTLED_BATCHES || bytes > Math.max(this.#settledBytes, 2 * this.#keptBytes);
  }

  /** Keeps the last right row of each key, where a later left row can still be near enough. All matches have left. */
  #settle(left: LeftBatch): void {
    const { u32, data } = this.#workspace.views;
    const rows = this.#lastRows.ptr >>> 2;
    const now = data.getBigInt64(this.#sides[LEFT].times + 8 * left.matched, true);
    const keys: number[] = [];
    for (let key = 0; key < this.#keys; key++) {
      if (u32[rows + key] === TAKE_NOTHING) continue;
      const isNear =
        this.#tolerance === undefined || now - data.getBigInt64(this.#lastTimes.ptr + 8 * key, true) <= this.#tolerance;
      if (isNear) keys.push(key);
      else u32[rows + key] = TAKE_NOTHING;
    }
    const sorted = sortByPlace(keys, (key) => u32[rows + key] as number);
    this.#rightRows.keep(Uint32Array.from(sorted, (key) => u32[rows + key] as number));
    sorted.forEach((key, place) => {
      u32[rows + key] = place;
    });
    this.#keptBytes = this.#rightRows.bytes;
  }
}

function sortByPlace(keys: readonly number[], placeOf: (key: number) => number): number[] {
  if (keys.length > PACKED_KEYS || (keys.at(-1) ?? 0) >= PACKED_KEYS)
    return [...keys].sort((left, right) => placeOf(left) - placeOf(right));
  const packed = Float64Array.from(keys, (key) => placeOf(key) * PACKED_KEYS + key).sort();
  return Array.from(packed, (word) => word % PACKED_KEYS);
}

/** Holds the right columns that the output has. */
function rightRowsOf(
  { rightColumns = [] }: JoinSpec,
  [leftFields, rightFields]: readonly Fields[],
  context: OperatorContext,
  workspace: Workspace,
): RightRows {
  const fields = (context.outputFields['out'] as Fields).slice(leftFields?.length);
  const inputs = fields.map(({ name }) => {
    const column = rightColumns.find(({ as }) => as === name)?.column;
    return (rightFields ?? []).findIndex((field) => field.name === column);
  });
  return new RightRows(inputs, fields, context, workspace);
}
