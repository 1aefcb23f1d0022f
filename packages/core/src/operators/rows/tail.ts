/** The end of a stream, given when it has ended: what steps that look back need of a partition when they run in the one behind it. */
import type { Batch } from '../../batch/contract.ts';
import { withInputs } from '../../batch/make-batch.ts';
import type { RollingSpec, TailSpec } from '../../plan/steps/specs.ts';
import { Workspace } from '../aggregate/arena-views.ts';
import type { HeldState, MaybePromise, Operator, OperatorContext, Output } from '../contract.ts';
import { PIECE_ROWS } from '../held-batches.ts';
import { JoinInput } from '../join/join-input.ts';
import { pushAll } from '../outputs.ts';
import { KeptRows } from './kept-rows.ts';
import { KeyRings } from './key-rings.ts';
import { periodSteps } from './rolling.ts';
import { positionsOf } from './row-keys.ts';

/** The last so many rows of each key, in their order. Memory: twice these rows, or 1 MiB, and a batch. */
export class TailOfKeys implements Operator {
  readonly #output: Output;
  readonly #workspace: Workspace;
  readonly #rings: KeyRings;
  readonly #kept: KeptRows;

  constructor({ by }: TailSpec, rows: number, context: OperatorContext) {
    const { inputFields } = context;
    this.#output = context.outputs['out'] as Output;
    this.#workspace = new Workspace(context.arena, context.owner);
    this.#rings = new KeyRings(by, rows, context, this.#workspace);
    this.#kept = new KeptRows(context, positionsOf(inputFields, []), inputFields);
  }

  push(batch: Batch): void {
    if (batch.rows === 0) return batch.release();
    const first = this.#kept.add(batch.retain());
    try {
      this.#rings.add(batch, first, () => {});
    } finally {
      batch.release();
    }
    const placeOf = this.#kept.settle(() => this.#rings.numbers());
    if (placeOf !== undefined) this.#rings.renumber(placeOf);
  }

  flush(): void {}

  end(): MaybePromise {
    return pushAll(this.#output, this.#pieces(this.#rings.numbers().sort()));
  }

  *#pieces(numbers: Uint32Array): Generator<Batch, void> {
    for (let at = 0; at < numbers.length; at += PIECE_ROWS)
      yield this.#kept.take(numbers.subarray(at, at + PIECE_ROWS), 1);
  }

  held(): HeldState {
    return { inputs: 0, rows: 0, bytes: this.#kept.bytes };
  }

  close(): void {
    this.#kept.close();
    this.#workspace.close();
  }
}

interface Recent {
  batch: Batch;
  /** Time of the last row. */
  last: bigint;
}

/** The rows less than so long before the last one. Memory: these rows, and a batch. */
export class TailOfPeriod implements Operator {
  readonly #context: OperatorContext;
  readonly #output: Output;
  readonly #workspace: Workspace;
  readonly #clock: JoinInput;
  readonly #period: bigint;
  #recent: Recent[] = [];

  constructor({ on = '' }: TailSpec, period: NonNullable<RollingSpec['period']>, context: OperatorContext) {
    const { name, inputFields } = context;
    this.#context = context;
    this.#output = context.outputs['out'] as Output;
    this.#workspace = new Workspace(context.arena, context.owner);
    this.#clock = new JoinInput({ name, on, by: [] }, inputFields, undefined, context, this.#workspace);
    this.#period = periodSteps(period, inputFields.find((field) => field.name === on)?.type ?? 'int64');
  }

  push(batch: Batch): void {
    if (batch.rows === 0) return batch.release();
    let last: bigint;
    try {
      last = this.#times(batch)[batch.rows - 1] as bigint;
    } catch (error) {
      batch.release();
      throw error;
    }
    this.#recent.push({ batch, last });
    while (this.#isOver(this.#recent[0]?.last, last)) this.#recent.shift()?.batch.release();
  }

  #times(batch: Batch): BigInt64Array {
    this.#clock.prepare(batch);
    return new BigInt64Array(this.#context.arena.buffer, this.#clock.times, batch.rows);
  }

  #isOver(time: bigint | undefined, last: bigint): boolean {
    return time !== undefined && time <= last - this.#period;
  }

  flush(): void {}

  end(): MaybePromise {
    return pushAll(this.#output, this.#pieces());
  }

  /** Whole batches: who reads them looks at the times again. */
  *#pieces(): Generator<Batch, void> {
    const { arena, owner } = this.#context;
    for (let oldest = this.#recent.shift(); oldest !== undefined; oldest = this.#recent.shift())
      yield withInputs(arena, owner, oldest.batch, 1);
  }

  held(): HeldState {
    const rows = this.#recent.reduce((sum, { batch }) => sum + batch.rows, 0);
    const bytes = this.#recent.reduce((sum, { batch }) => sum + batch.logicalBytes, 0);
    return { inputs: 0, rows, bytes };
  }

  close(): void {
    for (const { batch } of this.#recent.splice(0)) batch.release();
    this.#workspace.close();
  }
}
