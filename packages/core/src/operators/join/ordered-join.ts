/**
 * What joins of two ordered streams have in common. The operator holds at most one batch of each side at work and runs through both like a
 * merge. It stops when the left rows are used up, or when the next left row may still have a right row to come; so it always knows which
 * side it needs. What comes of the other side before its time is held in order (`HeldRows`), on disk beyond a quarter of its share. Rows come out in the order and the logical
 * batches of the left side.
 *
 * Ownership: the left batch at work belongs to the join, the right one to `rightRows`.
 */
import type { Batch } from '../../batch/contract.ts';
import { emptyBatch } from '../../batch/make-batch.ts';
import type { FlushReason, JoinSide, JoinSpec } from '../../plan/logical.ts';
import type { Fields } from '../../schema/types.ts';
import { type GrowingBuffer, Workspace } from '../aggregate/arena-views.ts';
import { KeyIndex } from '../aggregate/key-index.ts';
import { restoreKeys, type SavedKeys, saveKeys } from '../aggregate/saved-keys.ts';
import type { SavedPlaces } from '../batch-files.ts';
import type { HeldState, MaybePromise, Operator, OperatorContext, Output } from '../contract.ts';
import type { SavedBatch, SavedBytes, SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import { HeldRows } from './held-rows.ts';
import { JoinInput, keyPlans, type SavedInput } from './join-input.ts';
import { type JoinTimes, joinTimes } from './join-times.ts';
import { RightRows, type SavedRightRows } from './right-rows.ts';

const LEFT = 0;
const RIGHT = 1;
/** Right rows that are through may take so many bytes before they are looked through, when no limit says otherwise. */
const SETTLED_BYTES = 8 * 2 ** 20;
/** And so many batches, however small. */
const SETTLED_BATCHES = 64;

/** Keys are numbered afresh when their table has grown to this part of the share, and to twice what was left before. */
const KEYS_PART = 1 / 8;
const LEAST_KEY_BYTES = 2 ** 18;

/** What a join does next: a batch goes out, or something is waited for. */
export type Step = Batch | Promise<void>;

/** The left batch at work. */
export interface LeftBatch {
  batch: Batch;
  /** Rows whose matches are known. */
  matched: number;
}

/** The right batch at work. */
export interface RightBatch {
  rows: number;
  /** Rows at or before the left rows that have been looked at. */
  applied: number;
  /** Place of its first row. */
  first: number;
}

/** A part of a buffer that is in use. */
export type UsedBuffer = readonly [buffer: GrowingBuffer, bytes: number];

/** A join as plain data. `own`: of the kind of join. */
interface SavedJoin {
  waiting: SavedPlaces[];
  left: { batch: SavedBatch; matched: number } | undefined;
  right: RightBatch | undefined;
  rightRows: SavedRightRows;
  inputs: SavedInput[];
  keys: SavedKeys | undefined;
  keyCount: number;
  keptBytes: number;
  keptKeyBytes: number;
  buffers: SavedBytes[];
  own: unknown;
}

export abstract class OrderedJoin implements Operator {
  protected readonly context: OperatorContext;
  protected readonly workspace: Workspace;
  protected readonly fields: Fields;
  protected readonly sides: readonly [JoinInput, JoinInput];
  protected readonly rightRows: RightRows;
  /** How times are compared. */
  protected readonly times: JoinTimes;
  /** Keys that both sides have had so far, and for which `growKeys` has made room. */
  protected keys = 0;
  /** Bytes that were left when the right rows were last looked through. */
  protected keptBytes = 0;
  protected readonly index: KeyIndex | undefined;
  readonly #inputFields: readonly [Fields, Fields];
  readonly #output: Output;
  readonly #waiting: readonly [HeldRows, HeldRows];
  readonly #hasEnded: [boolean, boolean] = [false, false];
  readonly #settledBytes: number;
  readonly #keyBytes: number;
  #keptKeyBytes = 0;
  #left: LeftBatch | undefined;
  #right: RightBatch | undefined;

  constructor(spec: JoinSpec, inputFields: readonly Fields[], context: OperatorContext) {
    const [left, right] = spec.sides as [JoinSide, JoinSide];
    const [leftFields, rightFields] = inputFields as [Fields, Fields];
    const workspace = new Workspace(context.arena, context.owner);
    this.context = context;
    this.#inputFields = [leftFields, rightFields];
    this.workspace = workspace;
    this.fields = context.outputFields['out'] as Fields;
    this.#output = context.outputs['out'] as Output;
    this.index =
      left.by.length === 0 ? undefined : new KeyIndex(keyPlans(left, leftFields), context.kernels, workspace);
    const times = joinTimes(spec, inputFields);
    this.times = times;
    this.sides = [
      new JoinInput(left, leftFields, this.index, context, workspace, times.scales[0]),
      new JoinInput(right, rightFields, this.index, context, workspace, times.scales[1]),
    ];
    const shareBytes = Math.min(spec.memoryLimitBytes ?? Infinity, context.shareBytes ?? Infinity);
    this.rightRows = rightRowsOf(spec, inputFields, context, workspace, shareBytes / 4);
    this.#settledBytes = Math.min(SETTLED_BYTES, shareBytes / 4);
    this.#keyBytes = Math.max(LEAST_KEY_BYTES, Math.min(SETTLED_BYTES, shareBytes * KEYS_PART));
    this.#waiting = [heldRows(context, leftFields, shareBytes / 4), heldRows(context, rightFields, shareBytes / 4)];
  }

  /** Makes room for what is kept of keys [this.keys, size). */
  protected abstract growKeys(size: number): void;
  /** A left batch comes to work. */
  protected abstract open(left: LeftBatch): void;
  /** Goes on as far as it can; `right` is undefined when no right row follows. Moves `left.matched` and `right.applied`. */
  protected abstract match(left: LeftBatch, right: RightBatch | undefined): Iterable<Step>;
  /** Goes on as far as it can without a further right row. */
  protected matchKnown(_left: LeftBatch): Iterable<Step> {
    return [];
  }
  /** All rows of the left batch are matched: what of them has not left yet. */
  protected abstract finish(left: LeftBatch): Iterable<Batch>;
  /** Lets go of right rows that no later left row can match; `left` has more rows. */
  protected abstract settle(left: LeftBatch): Iterable<Step>;
  /**
   * Forgets the keys of which nothing is kept, after `settle`. Returns whether any were: then the rows at work are numbered again.
   */
  protected abstract forgetKeys(): boolean;
  /** Right rows that come when no left row is left: what of them is in the output. Undefined where nothing ever is. */
  protected rest?(right: RightBatch): Iterable<Batch>;
  /** What it keeps in buffers from one batch to the next, beside what all joins do; always the same buffers. */
  protected abstract usedBuffers(left: LeftBatch | undefined): readonly UsedBuffer[];
  /** Numbers beside them, as plain data. */
  protected abstract saveOwn(): unknown;
  protected abstract restoreOwn(own: unknown): void;
  /** No row of any side is left. */
  protected *finishAll(): Generator<Batch, void> {}

  push(batch: Batch, input: number = LEFT): MaybePromise {
    // Right rows that come when no left row is left have nothing to be matched with.
    if (input === RIGHT && this.#isDone && this.rest === undefined) return batch.release();
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

  /** Only pressure asks for something: memory, which the disk gives. */
  flush(reason: FlushReason): MaybePromise {
    if (reason !== 'pressure') return;
    const [lefts, rights] = this.#waiting;
    return lefts
      .spill()
      .then(() => rights.spill())
      .then(() => this.rightRows.spill(0));
  }

  end(): void {}

  held(): HeldState {
    const parts = [...this.#waiting, this.rightRows];
    return {
      inputs: 0,
      rows: parts.reduce((sum, part) => sum + part.rows, 0),
      bytes: parts.reduce((sum, part) => sum + ('heldBytes' in part ? part.heldBytes : part.bytes), 0),
    };
  }

  async snapshot(writer: SnapshotWriter): Promise<SavedJoin> {
    const left = this.#left;
    const waiting: SavedPlaces[] = [];
    for (const rows of this.#waiting) waiting.push(await rows.save(writer));
    const buffers: SavedBytes[] = [];
    for (const [buffer, bytes] of this.usedBuffers(left)) buffers.push(await buffer.save(bytes, writer));
    return {
      waiting,
      left: left && { batch: await writer.batch(left.batch), matched: left.matched },
      right: this.#right && { ...this.#right },
      rightRows: await this.rightRows.save(writer, this.#right !== undefined),
      inputs: this.sides.map((side) => side.save()),
      keys: this.index && (await saveKeys(this.index, this.workspace, writer)),
      keyCount: this.keys,
      keptBytes: this.keptBytes,
      keptKeyBytes: this.#keptKeyBytes,
      buffers,
      own: this.saveOwn(),
    };
  }

  /** Inputs that had ended are told so again. */
  restore(saved: SavedJoin, reader: SnapshotReader): void {
    const { left, right } = saved;
    const [leftFields, rightFields] = this.#inputFields;
    for (const [side, rows] of this.#waiting.entries()) rows.restore(saved.waiting[side] as SavedPlaces, reader);
    for (const [side, input] of this.sides.entries()) input.restore(saved.inputs[side] as SavedInput);
    if (this.index !== undefined) restoreKeys(this.index, saved.keys as SavedKeys, this.workspace, reader);
    this.keys = saved.keyCount;
    this.keptBytes = saved.keptBytes;
    this.#keptKeyBytes = saved.keptKeyBytes;
    const atWork = this.rightRows.restore(saved.rightRows, rightFields, reader);
    this.#right = right;
    if (atWork !== undefined) this.sides[RIGHT].prepareAgain(atWork);
    for (const [index, [buffer]] of this.usedBuffers(undefined).entries())
      buffer.restore(saved.buffers[index] as SavedBytes, reader);
    this.restoreOwn(saved.own);
    if (left === undefined) return;
    this.#left = { batch: reader.batch(left.batch, leftFields, this.context.owner), matched: left.matched };
    if (this.#left.batch.rows > 0) this.sides[LEFT].prepareAgain(this.#left.batch);
  }

  close(): void {
    this.#left?.batch.release();
    this.#left = undefined;
    for (const rows of this.#waiting) rows.close();
    this.rightRows.close();
    this.workspace.close();
  }

  get #isDone(): boolean {
    return this.#hasEnded[LEFT] && this.#left === undefined && this.#waiting[LEFT].isEmpty;
  }

  #goOn(): MaybePromise {
    return this.#take(this.#advance());
  }

  /** Does one step after the other, waiting only where there is something to wait for. */
  #take(steps: Generator<Step, void>): MaybePromise {
    const stop = (error: unknown): never => {
      steps.return();
      throw error;
    };
    try {
      for (let next = steps.next(); next.done !== true; next = steps.next()) {
        const pending = next.value instanceof Promise ? next.value : this.#output.push(next.value);
        if (pending instanceof Promise) return pending.then(() => this.#take(steps), stop);
      }
    } catch (error) {
      return stop(error);
    }
  }

  *#advance(): Generator<Step, void> {
    for (;;) {
      const left = this.#left ?? this.#openLeft();
      if (left === undefined) break;
      if (this.#right === undefined) yield* this.matchKnown(left);
      if (left.matched < left.batch.rows) {
        if (this.#right === undefined && !this.#openRight() && !this.#hasEnded[RIGHT]) return;
        if (this.rightRows.hasToSpill) yield this.rightRows.spill();
        yield* this.match(left, this.#right);
        if (this.#right?.applied === this.#right?.rows) this.#right = undefined;
      }
      if (left.matched === left.batch.rows) {
        yield* this.finish(left);
        left.batch.release();
        this.#left = undefined;
      } else if (this.#isCrowded) {
        yield* this.settle(left);
        this.keptBytes = this.rightRows.bytes;
        if (this.#hasManyKeys) this.#numberAgain(left);
      }
    }
    if (!this.#isDone) return;
    if (this.rest !== undefined) yield* this.#takeRest();
    if (this.rest !== undefined && !this.#hasEnded[RIGHT]) return;
    yield* this.finishAll();
    this.#waiting[RIGHT].close();
    this.rightRows.close();
    this.#right = undefined;
  }

  /** Right rows behind the last left row. */
  *#takeRest(): Generator<Step, void> {
    while (this.#right !== undefined || this.#openRight()) {
      const right = this.#right as RightBatch;
      if (this.rightRows.hasToSpill) yield this.rightRows.spill();
      if (this.rest !== undefined) yield* this.rest(right);
      this.#right = undefined;
    }
  }

  get #hasManyKeys(): boolean {
    const bytes = this.index?.heldBytes ?? 0;
    return bytes > Math.max(this.#keyBytes, 2 * this.#keptKeyBytes);
  }

  #numberAgain(left: LeftBatch): void {
    const isLess = this.forgetKeys();
    this.#keptKeyBytes = this.index?.heldBytes ?? 0;
    if (!isLess) return;
    this.keys = this.index?.size ?? 0;
    this.sides[LEFT].number(left.batch);
    this.#growKeys();
  }

  #openLeft(): LeftBatch | undefined {
    const batch = this.#waiting[LEFT].take();
    if (batch === undefined) return undefined;
    const left = { batch, matched: 0 };
    this.#left = left;
    if (batch.rows === 0) return left;
    this.sides[LEFT].prepare(batch);
    this.#growKeys();
    this.open(left);
    return left;
  }

  /** Takes the next right batch to work, when there is one. */
  #openRight(): boolean {
    const batch = this.#waiting[RIGHT].take();
    if (batch === undefined) return false;
    if (batch.rows === 0) {
      batch.release();
      return this.#openRight();
    }
    this.#right = { rows: batch.rows, applied: 0, first: this.rightRows.add(batch) };
    this.sides[RIGHT].prepare(batch);
    this.#growKeys();
    return true;
  }

  #growKeys(): void {
    const size = this.index?.size ?? 1;
    if (size === this.keys) return;
    this.growKeys(size);
    this.keys = size;
  }

  /** Enough right rows are through that looking through them pays. */
  get #isCrowded(): boolean {
    if (this.#right !== undefined) return false;
    const { bytes, batches } = this.rightRows;
    return this.#hasManyKeys || batches > SETTLED_BATCHES || bytes > Math.max(this.#settledBytes, 2 * this.keptBytes);
  }

  /** A batch without rows that ends as many logical inputs as one of the left side. */
  protected nothing(inputs: number): Batch {
    return emptyBatch(this.context.arena, this.context.owner, this.fields, inputs);
  }
}

function heldRows(context: OperatorContext, fields: Fields, limitBytes: number): HeldRows {
  const { arena, owner, spill, name } = context;
  return new HeldRows({ arena, owner, fields, limitBytes, spill, name });
}

/** Holds the right columns that the output has, and behind them, for a `full` join, those that become left ones. */
function rightRowsOf(
  { strategy, sides, rightColumns = [] }: JoinSpec,
  [leftFields = [], rightFields = []]: readonly Fields[],
  context: OperatorContext,
  workspace: Workspace,
  limitBytes: number,
): RightRows {
  const positionOf = (column: string | undefined): number => rightFields.findIndex(({ name }) => name === column);
  const added = (context.outputFields['out'] as Fields).slice(leftFields.length);
  const inputs = added.map(({ name }) => positionOf(rightColumns.find(({ as }) => as === name)?.column));
  const keys = strategy === 'full' ? (sides[1]?.by ?? []).map(positionOf) : [];
  const keyFields = keys.map((input) => rightFields[input] as Fields[number]);
  return new RightRows([...inputs, ...keys], [...added, ...keyFields], context, workspace, limitBytes);
}
