import { isBitSet } from '../../batch/bitmap.ts';
import type { Batch, Column } from '../../batch/contract.ts';
import { cutBatch } from '../../batch/cut-batch.ts';
import { floorBytes } from '../../batch/largest-batch.ts';
import { emptyBatch, withInputs } from '../../batch/make-batch.ts';
import { PipelineError } from '../../errors.ts';
import type { FlushReason } from '../../plan/logical.ts';
import type { ReorderSpec } from '../../plan/steps/specs.ts';
import type { Fields, TypeText } from '../../schema/types.ts';
import { unitNsOf, valueTypeOf } from '../aggregate/value-type.ts';
import type { HeldState, MaybePromise, Operator, OperatorContext, Output } from '../contract.ts';
import { PIECE_ROWS } from '../held-batches.ts';
import { andThen, pushAll } from '../outputs.ts';
import type { SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import { pickRows } from './pick-rows.ts';
import { type SavedWaiting, WaitingRows } from './waiting-rows.ts';

/** Share of a step that nobody gave one. */
const DEFAULT_SHARE_BYTES = 64 * 2 ** 20;

interface SavedOrder extends SavedWaiting {
  latest: bigint | undefined;
  rowsBefore: number;
}

/**
 * Brings rows into order that lie up to so much behind the latest one before them. The watermark is the latest time less the lateness: what is
 * at or before it goes on, equal times as they came; a row that comes behind it is late. Which row is late follows from the rows before it
 * alone, not from how they are cut. Logical inputs stay as many, the end of input gives the rest as one.
 *
 * Memory: the rows that wait, twice at most; what is beyond the share lies on disk.
 */
export class Reorder implements Operator {
  readonly #spec: ReorderSpec;
  readonly #context: OperatorContext;
  readonly #output: Output;
  readonly #late: Output | undefined;
  readonly #fields: Fields;
  readonly #on: number;
  readonly #lateness: bigint;
  readonly #waiting: WaitingRows;
  #latest: bigint | undefined;
  #rowsBefore = 0;

  constructor(spec: ReorderSpec, context: OperatorContext) {
    this.#spec = spec;
    this.#context = context;
    this.#output = context.outputs['out'] as Output;
    this.#late = context.outputs['late'];
    this.#fields = context.inputFields;
    this.#on = this.#fields.findIndex((field) => field.name === spec.on);
    this.#lateness = stepsOf(spec.lateness, (this.#fields[this.#on] as Fields[number]).type);
    const share = Math.min(spec.memoryLimitBytes ?? Infinity, context.shareBytes ?? DEFAULT_SHARE_BYTES);
    this.#waiting = new WaitingRows(context, share, (batch) => this.#timesOf(batch));
  }

  push(batch: Batch): MaybePromise {
    const { inputs, rows } = batch;
    let late: Batch | undefined;
    try {
      const lateRows = rows === 0 ? [] : this.#take(batch);
      if (lateRows.length > 0 && this.#spec.lateRows === 'drop-and-count') this.#context.onLate?.(lateRows.length);
      if (this.#late !== undefined) late = pickRows(this.#context, batch, lateRows, inputs);
      this.#rowsBefore += rows;
    } finally {
      batch.release();
    }
    const passed = late === undefined ? undefined : this.#pushLate(late);
    return andThen(passed, () => andThen(pushAll(this.#output, this.#ready(inputs)), () => this.#spillRest()));
  }

  #spillRest(): MaybePromise {
    return this.#waiting.hasToSpill ? this.#waiting.spill() : undefined;
  }

  #pushLate(late: Batch): MaybePromise {
    if (late.rows > 0 || late.inputs > 0) return this.#late?.push(late);
    late.release();
  }

  /** Adds the rows of a batch to those that wait; gives the numbers of the late ones. */
  #take(batch: Batch): number[] {
    const times = this.#timesOf(batch);
    const late: number[] = [];
    const kept: number[] = [];
    let isInOrder = true;
    let bound = this.#latest === undefined ? undefined : this.#latest - this.#lateness;
    for (let row = 0; row < batch.rows; row++) {
      const time = times[row] as bigint;
      if (bound !== undefined && time < bound) {
        if (this.#spec.lateRows === 'error') throw this.#tooLate(row, time, this.#latest as bigint);
        late.push(row);
        continue;
      }
      if (this.#latest === undefined || time > this.#latest) {
        this.#latest = time;
        bound = time - this.#lateness;
      } else if (time < this.#latest) isInOrder = false;
      kept.push(row);
    }
    if (kept.length === 0) return late;
    if (!isInOrder) kept.sort((a, b) => compare(times[a] as bigint, times[b] as bigint) || a - b);
    this.#waiting.add(batch.retain(), times, kept);
    return late;
  }

  /** Times as int64. @throws ERR_INPUT_UNORDERED for a null */
  #timesOf(batch: Batch): BigInt64Array {
    const { arena, kernels, owner } = this.#context;
    const column = batch.columns[this.#on] as Column;
    if (column.nullCount > 0) {
      let row = 0;
      while (isBitSet(arena.u8, column.validity * 8 + row)) row++;
      throw this.#refuse(row, 'is null', 'null', 'a value in every row');
    }
    const { kernel, byteWidth } = valueTypeOf(column.type);
    if (byteWidth === 8) return new BigInt64Array(arena.buffer, column.values, batch.rows);
    const wide = arena.alloc(8 * batch.rows, owner);
    try {
      kernels.cast(kernel, 'i64', column.values, 0, batch.rows, wide);
      return new BigInt64Array(arena.buffer, wide, batch.rows).slice();
    } finally {
      arena.release(wide);
    }
  }

  /** Rows at or before the watermark, in pieces of which the last ends the inputs. */
  *#ready(inputs: number): Generator<Batch, void> {
    const { arena, owner } = this.#context;
    let before: Batch | undefined;
    try {
      if (this.#latest !== undefined)
        for (const batch of this.#pieces(this.#latest - this.#lateness)) {
          const ready = before;
          before = batch;
          if (ready !== undefined) yield ready;
        }
      const last = before ?? (inputs > 0 ? emptyBatch(arena, owner, this.#fields, 0) : undefined);
      before = undefined;
      if (last !== undefined) yield inputs === 0 ? last : withInputs(arena, owner, last, inputs);
    } finally {
      before?.release();
    }
  }

  *#pieces(bound: bigint | undefined): Generator<Batch, void> {
    const { arena, owner } = this.#context;
    const largestBytes = floorBytes(this.#fields, PIECE_ROWS);
    for (const taken of this.#waiting.take(bound)) {
      const pieces = cutBatch(arena, owner, taken, PIECE_ROWS, largestBytes);
      try {
        for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) yield piece;
      } finally {
        for (const piece of pieces) piece.release();
      }
    }
  }

  /** Only pressure asks for something before the end: memory, which the disk gives. */
  flush(reason: FlushReason): MaybePromise {
    return reason === 'pressure' ? this.#waiting.spill() : undefined;
  }

  end(): MaybePromise {
    if (this.#waiting.rows === 0) return undefined;
    return pushAll(this.#output, this.#rest());
  }

  *#rest(): Generator<Batch, void> {
    const { arena, owner } = this.#context;
    yield* this.#pieces(undefined);
    yield emptyBatch(arena, owner, this.#fields, 1);
  }

  held(): HeldState {
    return { inputs: 0, rows: this.#waiting.rows, bytes: this.#waiting.bytes };
  }

  /** The rows that wait, in order. */
  async snapshot(writer: SnapshotWriter): Promise<SavedOrder> {
    const waiting = await this.#waiting.save(writer);
    return { ...waiting, latest: this.#latest, rowsBefore: this.#rowsBefore };
  }

  restore(saved: SavedOrder, reader: SnapshotReader): void {
    this.#waiting.restore(saved, reader);
    this.#latest = saved.latest;
    this.#rowsBefore = saved.rowsBefore;
  }

  close(): void {
    this.#waiting.close();
  }

  #tooLate(row: number, time: bigint, latest: bigint): PipelineError {
    const { text } = this.#spec.lateness;
    return this.#refuse(
      row,
      `is ${time}, more than ${text} behind ${latest}`,
      String(time),
      `at least ${latest - this.#lateness}`,
    );
  }

  #refuse(row: number, problem: string, value: string, expected: string): PipelineError {
    const at = this.#rowsBefore + row;
    return new PipelineError('ERR_INPUT_UNORDERED', `"${this.#spec.on}" ${problem} at row ${at}`, {
      stage: this.#context.name,
      column: this.#spec.on,
      row: at,
      value,
      expected,
      hint: "allow more lateness, use sort, or say what becomes of late rows: { lateRows: 'drop-and-count' }",
    });
  }
}

/** A lateness in steps of a column: of plain numbers it is one as it stands. */
function stepsOf({ ns, text }: ReorderSpec['lateness'], type: TypeText): bigint {
  return /^u?int/.test(type) ? BigInt(text) : BigInt(ns) / (unitNsOf(type) ?? 1n);
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
