import { isBitSet } from '../../batch/bitmap.ts';
import type { Batch, Column } from '../../batch/contract.ts';
import { cutBatch } from '../../batch/cut-batch.ts';
import { floorBytes } from '../../batch/largest-batch.ts';
import { emptyBatch } from '../../batch/make-batch.ts';
import { PipelineError } from '../../errors.ts';
import type { ReorderSpec } from '../../plan/steps/specs.ts';
import { formatBytes } from '../../schema/sizes.ts';
import type { Fields, TypeText } from '../../schema/types.ts';
import { unitNsOf, valueTypeOf } from '../aggregate/value-type.ts';
import type { HeldState, MaybePromise, Operator, OperatorContext, Output } from '../contract.ts';
import { PIECE_ROWS } from '../held-batches.ts';
import { andThen, pushAll } from '../outputs.ts';
import type { SavedBatch, SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import { KeptRows } from './kept-rows.ts';
import { pickRows } from './pick-rows.ts';
import { positionsOf } from './row-keys.ts';

/** Rows that wait, in order: their times and numbers. */
interface Waiting {
  times: BigInt64Array;
  rows: Uint32Array;
}

interface SavedOrder {
  times: BigInt64Array;
  parts: SavedBatch[];
  latest: bigint | undefined;
  rowsBefore: number;
}

const NONE: Waiting = { times: new BigInt64Array(0), rows: new Uint32Array(0) };

/**
 * Brings rows into order that lie up to so much behind the latest one before them. The watermark is the latest time less the lateness: what is
 * at or before it goes on, equal times as they came; a row that comes behind it is late. Which row is late follows from the rows before it
 * alone, not from how they are cut. Logical inputs stay as many, the end of input gives the rest as one.
 *
 * Memory: the rows that wait, twice at most.
 */
export class Reorder implements Operator {
  readonly #spec: ReorderSpec;
  readonly #context: OperatorContext;
  readonly #output: Output;
  readonly #late: Output | undefined;
  readonly #fields: Fields;
  readonly #on: number;
  readonly #lateness: bigint;
  readonly #kept: KeptRows;
  #waiting: Waiting = NONE;
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
    this.#kept = new KeptRows(context, positionsOf(this.#fields, []), this.#fields);
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
    return andThen(passed, () => pushAll(this.#output, this.#ready(inputs)));
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
    const first = this.#kept.add(batch.retain());
    if (!isInOrder) kept.sort((a, b) => compare(times[a] as bigint, times[b] as bigint) || a - b);
    this.#waiting = merged(this.#waiting, times, kept, first);
    this.#checkLimit();
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
    const bound = this.#latest === undefined ? undefined : this.#latest - this.#lateness;
    const { times } = this.#waiting;
    let count = 0;
    while (bound !== undefined && count < times.length && (times[count] as bigint) <= bound) count++;
    yield* this.#release(count, inputs);
  }

  *#release(count: number, inputs: number): Generator<Batch, void> {
    const { arena, owner } = this.#context;
    const { times, rows } = this.#waiting;
    const largestBytes = floorBytes(this.#fields, PIECE_ROWS);
    let from = 0;
    while (from < count) {
      const to = Math.min(count, from + PIECE_ROWS);
      const taken = this.#kept.take(rows.subarray(from, to), to === count ? inputs : 0);
      from = to;
      const pieces = cutBatch(arena, owner, taken, PIECE_ROWS, largestBytes);
      try {
        for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) yield piece;
      } finally {
        for (const piece of pieces) piece.release();
      }
    }
    this.#waiting = { times: times.slice(count), rows: rows.slice(count) };
    if (count === times.length) this.#kept.clear();
    const placeOf = this.#kept.settle(() => this.#waiting.rows.slice());
    if (placeOf !== undefined) this.#waiting.rows = this.#waiting.rows.map(placeOf);
    if (count === 0 && inputs > 0) yield emptyBatch(arena, owner, this.#fields, inputs);
  }

  flush(): void {}

  end(): MaybePromise {
    const { length } = this.#waiting.rows;
    return length === 0 ? undefined : pushAll(this.#output, this.#release(length, 1));
  }

  held(): HeldState {
    return { inputs: 0, rows: this.#waiting.rows.length, bytes: this.#kept.bytes };
  }

  /** The rows that wait, in order. */
  async snapshot(writer: SnapshotWriter): Promise<SavedOrder> {
    const { rows, times } = this.#waiting;
    const parts: SavedBatch[] = [];
    for (let from = 0; from < rows.length; from += PIECE_ROWS) {
      const part = this.#kept.take(rows.subarray(from, from + PIECE_ROWS), 0);
      try {
        parts.push(await writer.batch(part));
      } finally {
        part.release();
      }
    }
    return { times: times.slice(), parts, latest: this.#latest, rowsBefore: this.#rowsBefore };
  }

  restore({ times, parts, latest, rowsBefore }: SavedOrder, reader: SnapshotReader): void {
    for (const part of parts) this.#kept.add(reader.batch(part, this.#fields, this.#context.owner));
    this.#waiting = { times, rows: Uint32Array.from(times, (_, row) => row) };
    this.#latest = latest;
    this.#rowsBefore = rowsBefore;
  }

  close(): void {
    this.#kept.close();
  }

  #checkLimit(): void {
    const { memoryLimitBytes = Infinity } = this.#spec;
    if (this.#kept.bytes <= memoryLimitBytes) return;
    const { name } = this.#context;
    throw new PipelineError(
      'ERR_MEMORY_EXHAUSTED',
      `${name} holds ${this.#waiting.rows.length} rows in ${formatBytes(this.#kept.bytes)}, its limit is ${formatBytes(memoryLimitBytes)}`,
      { stage: name, hint: 'allow less lateness, raise its memoryLimit, or use sort, which spills' },
    );
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

/** Two ordered lists as one; of equal times those that waited before come first. */
function merged(waiting: Waiting, times: BigInt64Array, order: readonly number[], first: number): Waiting {
  const size = waiting.rows.length + order.length;
  const result: Waiting = { times: new BigInt64Array(size), rows: new Uint32Array(size) };
  // What comes before all that is new stays in its place.
  const least = times[order[0] as number] as bigint;
  let old = waiting.rows.length;
  while (old > 0 && (waiting.times[old - 1] as bigint) > least) old--;
  result.times.set(waiting.times.subarray(0, old));
  result.rows.set(waiting.rows.subarray(0, old));
  let next = 0;
  for (let to = old; to < size; to++) {
    const own = next < order.length ? (times[order[next] as number] as bigint) : undefined;
    const isOld = old < waiting.rows.length && (own === undefined || (waiting.times[old] as bigint) <= own);
    result.times[to] = isOld ? (waiting.times[old] as bigint) : (own as bigint);
    result.rows[to] = isOld ? (waiting.rows[old++] as number) : first + (order[next++] as number);
  }
  return result;
}
