import type { Batch } from '../../batch/contract.ts';
import { withInputs } from '../../batch/make-batch.ts';
import type { FlushReason } from '../../plan/logical.ts';
import type { CollectUntilFlushSpec } from '../../plan/steps/specs.ts';
import type { HeldState, MaybePromise, Operator, OperatorContext, Output } from '../contract.ts';
import { pushAll } from '../outputs.ts';
import type { SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import { OpenInputs } from './open-inputs.ts';
import { RowQueue, type SavedQueue } from './row-queue.ts';

const DEFAULT_SHARE_BYTES = 64 * 2 ** 20;

/**
 * Holds rows of the first input until the second has one, and gives them as one logical input; what is left at the end of input
 * comes too. Memory: the rows held, beyond the share on disk.
 */
export class CollectUntilFlush implements Operator {
  readonly #context: OperatorContext;
  readonly #output: Output;
  readonly #open: OpenInputs = new OpenInputs(2);
  readonly #rows: RowQueue;

  constructor(spec: CollectUntilFlushSpec, context: OperatorContext) {
    this.#context = context;
    this.#output = context.outputs['out'] as Output;
    const shareBytes = Math.min(spec.memoryLimitBytes ?? Infinity, context.shareBytes ?? DEFAULT_SHARE_BYTES);
    this.#rows = new RowQueue(context, context.inputFields, shareBytes);
  }

  push(batch: Batch, input = 0): MaybePromise {
    if (input === 0) return this.#rows.append(batch);
    const isFlush = batch.rows > 0;
    batch.release();
    return isFlush ? this.#emit('rows') : undefined;
  }

  endInput(input: number): void {
    this.#open.end(input);
  }

  wants(): number {
    return this.#open.next();
  }

  flush(reason: FlushReason): MaybePromise {
    return reason === 'pressure' ? this.#rows.spill() : undefined;
  }

  end(): MaybePromise {
    return this.#emit('end');
  }

  held(): HeldState {
    return { inputs: 0, rows: this.#rows.end - this.#rows.start, bytes: this.#rows.bytes };
  }

  snapshot(writer: SnapshotWriter): Promise<SavedQueue> {
    return this.#rows.save(writer);
  }

  restore(rows: SavedQueue, reader: SnapshotReader): void {
    this.#rows.restore(rows, reader);
  }

  close(): void {
    this.#rows.close();
  }

  #emit(reason: FlushReason): MaybePromise {
    if (this.#rows.start === this.#rows.end) return;
    this.#context.onFlush(reason, this.held());
    return pushAll(this.#output, this.#collected());
  }

  *#collected(): Generator<Batch, void> {
    const { arena, owner } = this.#context;
    let left = this.#rows.end - this.#rows.start;
    for (const slice of this.#rows.slices(this.#rows.start, this.#rows.end)) {
      left -= slice.rows;
      yield withInputs(arena, owner, slice, left === 0 ? 1 : 0);
    }
    this.#rows.dropBefore(this.#rows.end);
  }
}
