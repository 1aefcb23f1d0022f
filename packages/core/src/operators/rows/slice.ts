import type { Batch } from '../../batch/contract.ts';
import { emptyBatch } from '../../batch/make-batch.ts';
import { sliceBatch } from '../../batch/slice-batch.ts';
import type { SliceSpec } from '../../plan/steps/specs.ts';
import type { MaybePromise, Operator, OperatorContext, Output } from '../contract.ts';
import { pickRows } from './pick-rows.ts';

/** Rows by their number in the stream. Logical inputs stay as they were, without rows where none is wanted. */
export class Slice implements Operator {
  readonly #spec: SliceSpec;
  readonly #context: OperatorContext;
  readonly #output: Output;
  /** Number of the next row. */
  #row = 0;
  #hasTold = false;

  constructor(spec: SliceSpec, context: OperatorContext) {
    this.#spec = spec;
    this.#context = context;
    this.#output = context.outputs['out'] as Output;
  }

  push(batch: Batch): MaybePromise {
    const first = this.#row;
    this.#row += batch.rows;
    let taken: Batch;
    try {
      taken = this.#take(batch, first);
    } finally {
      batch.release();
    }
    this.#tell();
    if (taken.rows > 0 || taken.inputs > 0) return this.#output.push(taken);
    taken.release();
  }

  #tell(): void {
    const { to = Infinity } = this.#spec;
    if (this.#hasTold || this.#row < to) return;
    this.#hasTold = true;
    this.#context.onEnough?.();
  }

  #take(batch: Batch, first: number): Batch {
    const { from, to = Infinity, step } = this.#spec;
    const { arena, owner } = this.#context;
    const low = Math.max(0, from - first);
    const high = Math.min(batch.rows, to - first);
    if (low >= high) return emptyBatch(arena, owner, batch.fields, batch.inputs);
    if (step === 1 && low === 0 && high === batch.rows) return batch.retain();
    if (step === 1) return sliceBatch(arena, owner, batch, low, high - low, batch.inputs);
    const rows: number[] = [];
    for (let row = low + ((step - ((first + low - from) % step)) % step); row < high; row += step) rows.push(row);
    return pickRows(this.#context, batch, rows, batch.inputs);
  }

  flush(): void {}

  end(): void {}

  snapshot(): number {
    return this.#row;
  }

  restore(row: number): void {
    this.#row = row;
  }

  close(): void {}
}
