import { concatBatches } from '../../batch/concat-batches.ts';
import type { Batch } from '../../batch/contract.ts';
import { cutBatch } from '../../batch/cut-batch.ts';
import { emptyBatch, withInputs } from '../../batch/make-batch.ts';
import { sliceBatch } from '../../batch/slice-batch.ts';
import type { FlushReason } from '../../plan/logical.ts';
import type { MergeOrderedSpec } from '../../plan/steps/specs.ts';
import type { Fields } from '../../schema/types.ts';
import { Workspace } from '../aggregate/arena-views.ts';
import type { SavedPlaces } from '../batch-files.ts';
import type { HeldState, MaybePromise, Operator, OperatorContext, Output } from '../contract.ts';
import { PIECE_ROWS } from '../held-batches.ts';
import { HeldRows } from '../join/held-rows.ts';
import { JoinInput, type SavedInput } from '../join/join-input.ts';
import { pushAll } from '../outputs.ts';
import type { SavedBatch, SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import { gatherRows, textBytes } from '../sort/gather-rows.ts';
import { Selection } from '../sort/selection.ts';
import { reordered } from './union.ts';

const DEFAULT_SHARE_BYTES = 64 * 2 ** 20;

/** One input: what waits, and the batch at work. */
class Head {
  batch: Batch | undefined;
  /** First row that has not gone on. */
  row = 0;
  hasEnded = false;
  readonly waiting: HeldRows;
  readonly #side: JoinInput;
  readonly #context: OperatorContext;
  #times: BigInt64Array = new BigInt64Array(0);

  constructor(waiting: HeldRows, side: JoinInput, context: OperatorContext) {
    this.waiting = waiting;
    this.#side = side;
    this.#context = context;
  }

  /** Takes the next batch to work. False when there is none. @throws ERR_INPUT_UNORDERED */
  open(): boolean {
    for (let batch = this.waiting.take(); batch !== undefined; batch = this.waiting.take()) {
      if (batch.rows === 0) {
        batch.release();
        continue;
      }
      this.batch = batch;
      this.row = 0;
      this.#side.prepare(batch);
      this.#times = new BigInt64Array(this.#context.arena.buffer, this.#side.times, batch.rows);
      return true;
    }
    return false;
  }

  get time(): bigint {
    return this.#times[this.row] as bigint;
  }

  /** The first row from `row` on whose time is past `time`, or at it when `isStrict`. */
  rowPast(time: bigint, isStrict: boolean): number {
    const isPast = (row: number): boolean => {
      const own = this.#times[row] as bigint;
      return isStrict ? own >= time : own > time;
    };
    // Mostly near: in steps that double, then by halves.
    let low = this.row;
    let high = low;
    for (let step = 1; high < this.#times.length && !isPast(high); step *= 2) {
      low = high + 1;
      high += step;
    }
    high = Math.min(high, this.#times.length);
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isPast(middle)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  async save(writer: SnapshotWriter): Promise<SavedHead> {
    return {
      waiting: await this.waiting.save(writer),
      batch: this.batch && (await writer.batch(this.batch)),
      row: this.row,
      side: this.#side.save(),
    };
  }

  restore({ waiting, batch, row, side }: SavedHead, fields: Fields, reader: SnapshotReader): void {
    this.waiting.restore(waiting, reader);
    this.#side.restore(side);
    if (batch === undefined) return;
    const { arena, owner } = this.#context;
    this.batch = reader.batch(batch, fields, owner);
    this.row = row;
    this.#side.prepareAgain(this.batch);
    this.#times = new BigInt64Array(arena.buffer, this.#side.times, this.batch.rows);
  }

  close(): void {
    this.batch?.release();
    this.batch = undefined;
    this.waiting.close();
  }
}

interface SavedHead {
  waiting: SavedPlaces;
  batch: SavedBatch | undefined;
  row: number;
  side: SavedInput;
}

interface SavedMerge {
  heads: SavedHead[];
  open: number;
}

/**
 * Several ordered streams as one, in order; of rows at one time those of the earlier input come first. Stretches of one input are copied
 * together; a batch that lies before everything else passes on as it is. Every 65,536 rows are one logical input.
 *
 * Memory: one batch of each input; what comes before its time is held in order, beyond the share on disk.
 */
export class MergeOrdered implements Operator {
  readonly #context: OperatorContext;
  readonly #output: Output;
  readonly #fields: Fields;
  readonly #heads: readonly Head[];
  readonly #workspace: Workspace;
  #open = 0;

  constructor(spec: MergeOrderedSpec, inputs: readonly Fields[], context: OperatorContext) {
    const { arena, owner, spill, name } = context;
    const fields = context.outputFields['out'] as Fields;
    const share = Math.min(spec.memoryLimitBytes ?? Infinity, context.shareBytes ?? DEFAULT_SHARE_BYTES);
    this.#context = context;
    this.#output = context.outputs['out'] as Output;
    this.#fields = fields;
    this.#workspace = new Workspace(arena, owner);
    this.#heads = inputs.map((_, index) => {
      const limitBytes = share / 2 / inputs.length;
      const side = { name: spec.names[index] ?? String(index), on: spec.on, by: [] };
      const waiting = new HeldRows({ arena, owner, fields, limitBytes, spill, name });
      return new Head(waiting, new JoinInput(side, fields, undefined, context, this.#workspace), context);
    });
  }

  push(batch: Batch, input = 0): MaybePromise {
    const held = this.#headOf(input).waiting.append(reordered(this.#context, batch, this.#fields));
    return held instanceof Promise ? held.then(() => this.#goOn()) : this.#goOn();
  }

  endInput(input: number): MaybePromise {
    this.#headOf(input).hasEnded = true;
    return this.#goOn();
  }

  wants(): number {
    const needed = this.#heads.findIndex((head) => head.batch === undefined && !head.hasEnded);
    return needed >= 0 ? needed : this.#heads.findIndex((head) => !head.hasEnded);
  }

  async flush(reason: FlushReason): Promise<void> {
    if (reason === 'pressure') for (const { waiting } of this.#heads) await waiting.spill();
  }

  end(): MaybePromise {
    if (this.#open === 0) return;
    this.#open = 0;
    return this.#output.push(emptyBatch(this.#context.arena, this.#context.owner, this.#fields, 1));
  }

  held(): HeldState {
    const waiting = this.#heads.map((head) => head.waiting);
    const rows = waiting.reduce((sum, part) => sum + part.rows, 0);
    return { inputs: 0, rows, bytes: waiting.reduce((sum, part) => sum + part.bytes, 0) };
  }

  async snapshot(writer: SnapshotWriter): Promise<SavedMerge> {
    const heads: SavedHead[] = [];
    for (const head of this.#heads) heads.push(await head.save(writer));
    return { heads, open: this.#open };
  }

  restore({ heads, open }: SavedMerge, reader: SnapshotReader): void {
    for (const [index, head] of this.#heads.entries()) head.restore(heads[index] as SavedHead, this.#fields, reader);
    this.#open = open;
  }

  close(): void {
    for (const head of this.#heads) head.close();
    this.#workspace.close();
  }

  #headOf(input: number): Head {
    return this.#heads[input] as Head;
  }

  #goOn(): MaybePromise {
    return pushAll(this.#output, this.#merged());
  }

  *#merged(): Generator<Batch, void> {
    for (;;) {
      for (const head of this.#heads) if (head.batch === undefined && !head.open() && !head.hasEnded) return;
      const live = this.#heads.filter((head) => head.batch !== undefined);
      if (live.length === 0) return;
      const piece = this.#mergeSome(live);
      for (const head of live) {
        if (head.row < (head.batch as Batch).rows) continue;
        head.batch?.release();
        head.batch = undefined;
      }
      yield* this.#counted(piece);
    }
  }

  /** Merges until the batch of one input is through. */
  #mergeSome(live: readonly Head[]): Batch {
    const { arena, owner } = this.#context;
    const slots: number[] = [];
    const rows: number[] = [];
    for (;;) {
      const slot = this.#first(live);
      const head = live[slot] as Head;
      const to = this.#endOfStretch(live, slot);
      const { rows: count } = head.batch as Batch;
      if (slots.length === 0 && to === count) {
        const from = head.row;
        head.row = to;
        return sliceBatch(arena, owner, head.batch as Batch, from, to - from, 0);
      }
      for (; head.row < to; head.row++) {
        slots.push(slot);
        rows.push(head.row);
      }
      if (to === count) break;
    }
    const refs = { slots: Uint32Array.from(slots), rows: Uint32Array.from(rows) };
    const selection = new Selection(refs, 0, slots.length, new Uint32Array(slots.length + 1));
    const batches = live.map((head) => head.batch as Batch);
    const texts = textBytes(arena, this.#fields, batches, selection);
    return gatherRows(this.#context, this.#fields, batches, selection, texts);
  }

  #first(live: readonly Head[]): number {
    let first = 0;
    for (let slot = 1; slot < live.length; slot++)
      if ((live[slot] as Head).time < (live[first] as Head).time) first = slot;
    return first;
  }

  /** How far one input goes before another has a row to come first. */
  #endOfStretch(live: readonly Head[], slot: number): number {
    const head = live[slot] as Head;
    let to = (head.batch as Batch).rows;
    for (const [other, { time }] of live.entries())
      if (other !== slot) to = Math.min(to, head.rowPast(time, other < slot));
    return to;
  }

  /** Pieces of which those end a logical input that have its last row. Takes over the batch. */
  *#counted(piece: Batch): Generator<Batch, void> {
    const { arena, owner } = this.#context;
    const whole = concatBatches(arena, owner, this.#fields, [piece], 0);
    piece.release();
    const left = PIECE_ROWS - this.#open;
    if (whole.rows < left) {
      this.#open += whole.rows;
      yield whole;
      return;
    }
    this.#open = 0;
    if (whole.rows === left) {
      yield withInputs(arena, owner, whole, 1);
      return;
    }
    let rest: Batch;
    let head: Batch;
    try {
      head = sliceBatch(arena, owner, whole, 0, left, 1);
      rest = sliceBatch(arena, owner, whole, left, whole.rows - left, 0);
    } finally {
      whole.release();
    }
    const parts = cutBatch(arena, owner, rest, PIECE_ROWS, Infinity);
    try {
      yield head;
      for (let part = parts.shift(); part !== undefined; part = parts.shift()) yield* this.#counted(part);
    } finally {
      for (const part of parts) part.release();
    }
  }
}
