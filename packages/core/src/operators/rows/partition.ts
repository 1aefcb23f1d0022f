import type { Batch } from '../../batch/contract.ts';
import { emptyBatch } from '../../batch/make-batch.ts';
import { sliceBatch } from '../../batch/slice-batch.ts';
import type { FlushReason } from '../../plan/logical.ts';
import type { PartitionSpec } from '../../plan/steps/specs.ts';
import type { HeldState, MaybePromise, Operator, OperatorContext, Output } from '../contract.ts';
import { pushAll } from '../outputs.ts';
import { IntervalClock } from './interval-clock.ts';
import { keyReader, positionsOf } from './row-keys.ts';

interface SavedPartition {
  open: number;
  key: string | undefined;
  since: number | undefined;
}

/**
 * Cuts the stream into logical batches of exactly so many rows, or where a key changes. Nothing is held back: rows go on as they come, as
 * pieces of a batch that is not at its end. What is left at the end of input, or after the interval, is a batch of its own.
 */
export class Partition implements Operator {
  readonly #spec: PartitionSpec;
  readonly #context: OperatorContext;
  readonly #output: Output;
  readonly #keys: readonly number[] | undefined;
  readonly #clock: IntervalClock;
  /** Rows of the batch that is not at its end. */
  #open = 0;
  #key: string | undefined;

  constructor(spec: PartitionSpec, context: OperatorContext) {
    this.#spec = spec;
    this.#context = context;
    this.#output = context.outputs['out'] as Output;
    this.#keys = spec.by.length === 0 ? undefined : positionsOf(context.inputFields, spec.by);
    this.#clock = new IntervalClock(spec.intervalMs, () => context.now());
  }

  push(batch: Batch): MaybePromise {
    // Where nobody sees batches, and none has to be ended in time, rows go on as they come.
    if (!this.#context.emissionsVisible && this.#spec.intervalMs === undefined) return this.#output.push(batch);
    return pushAll(this.#output, this.#keys === undefined ? this.#byRows(batch) : this.#byKey(batch, this.#keys));
  }

  *#byRows(batch: Batch): Generator<Batch, void> {
    const { rows: size = Infinity } = this.#spec;
    try {
      for (let from = 0; from < batch.rows; ) {
        const rows = Math.min(size - this.#open, batch.rows - from);
        this.#open = (this.#open + rows) % size;
        this.#clock.note(this.#open > 0);
        yield this.#slice(batch, from, rows, this.#open === 0 ? 1 : 0);
        from += rows;
      }
    } finally {
      batch.release();
    }
  }

  *#byKey(batch: Batch, positions: readonly number[]): Generator<Batch, void> {
    try {
      const keyOf = keyReader(this.#context.arena, batch, positions);
      for (let from = 0; from < batch.rows; ) {
        const key = keyOf(from);
        if (this.#open > 0 && key !== this.#key) yield this.#ending();
        this.#key = key;
        let to = from + 1;
        while (to < batch.rows && keyOf(to) === key) to++;
        this.#open += to - from;
        this.#clock.note(this.#open > 0);
        const isWhole = to < batch.rows;
        if (isWhole) this.#open = 0;
        yield this.#slice(batch, from, to - from, isWhole ? 1 : 0);
        from = to;
      }
    } finally {
      batch.release();
    }
  }

  #slice(batch: Batch, from: number, rows: number, inputs: number): Batch {
    return sliceBatch(this.#context.arena, this.#context.owner, batch, from, rows, inputs);
  }

  /** Ends the batch whose rows have gone on already. */
  #ending(): Batch {
    this.#open = 0;
    this.#clock.note(false);
    return emptyBatch(this.#context.arena, this.#context.owner, this.#context.inputFields, 1);
  }

  flush(reason: FlushReason): MaybePromise {
    if (reason !== 'interval' || this.#open === 0) return;
    this.#context.onFlush(reason, this.held());
    return this.#output.push(this.#ending());
  }

  end(): MaybePromise {
    return this.#open === 0 ? undefined : this.#output.push(this.#ending());
  }

  held(): HeldState {
    return { inputs: 0, rows: this.#open, bytes: 0 };
  }

  dueAt(): number | undefined {
    return this.#clock.dueAt();
  }

  snapshot(): SavedPartition {
    return { open: this.#open, key: this.#key, since: this.#clock.save() };
  }

  restore({ open, key, since }: SavedPartition): void {
    this.#open = open;
    this.#key = key;
    this.#clock.restore(since);
  }

  close(): void {}
}
