import type { Batch } from '../batch/contract.ts';
import type { FlushReason, Triggers } from '../plan/logical.ts';
import type { Fields } from '../schema/types.ts';
import type { HeldState, MaybePromise, Operator, OperatorContext, Output } from './contract.ts';
import { HeldBatches } from './held-batches.ts';
import { pushAll } from './outputs.ts';
import type { SavedList, SnapshotReader, SnapshotWriter } from './snapshot-contract.ts';
import { hasTriggers, type SavedTriggers, TriggerCounter } from './triggers.ts';

interface SavedBuffer {
  counted: SavedTriggers;
  held: SavedList;
}

/**
 * Holds batches until a trigger and hands them on as one logical input, in pieces. With `accumulate: false` every batch
 * goes straight on, and the triggers only count.
 *
 * Under pressure what is held goes on early, as pieces that end no logical input: the flush that is due later ends it. So
 * the count of inputs downstream does not depend on pressure; where cuts can be seen, nothing goes on early.
 */
export class MemoryBuffer implements Operator {
  readonly #context: OperatorContext;
  readonly #output: Output;
  readonly #counter: TriggerCounter;
  readonly #held: HeldBatches;
  readonly #accumulate: boolean;
  /** False for a buffer that neither holds nor counts: its end is no flush. */
  readonly #counts: boolean;

  constructor(spec: { triggers: Triggers; accumulate: boolean }, context: OperatorContext) {
    this.#context = context;
    this.#output = context.outputs['out'] as Output;
    this.#counter = new TriggerCounter(spec.triggers, context.autoLimit);
    this.#accumulate = spec.accumulate;
    this.#counts = spec.accumulate || hasTriggers(spec.triggers);
    const fields: Fields = context.outputFields['out'] ?? context.inputFields;
    this.#held = new HeldBatches(context.arena, context.owner, fields);
  }

  push(batch: Batch): MaybePromise {
    const { inputs } = batch;
    this.#counter.hold(batch.rows, batch.logicalBytes);
    this.#counter.take(inputs, this.#context.now);
    const reason = inputs > 0 ? this.#counter.due() : undefined;
    if (this.#accumulate) {
      this.#held.add(batch);
      return reason === undefined ? undefined : this.#flush(reason);
    }
    if (reason !== undefined) this.#context.onFlush(reason, this.#counter.reset());
    return this.#output.push(batch);
  }

  flush(reason: FlushReason): MaybePromise {
    if (reason !== 'pressure') return this.#counter.isEmpty || !this.#counts ? undefined : this.#flush(reason);
    if (this.#context.emissionsVisible || this.#held.rows === 0) return undefined;
    this.#context.onFlush(reason, this.held());
    return pushAll(this.#output, this.#held.takePieces(0));
  }

  #flush(reason: FlushReason): MaybePromise {
    this.#context.onFlush(reason, this.#counter.reset());
    return this.#accumulate ? pushAll(this.#output, this.#held.takePieces(1)) : undefined;
  }

  end(): MaybePromise {
    return this.flush('end');
  }

  held(): HeldState {
    return { inputs: this.#counter.held().inputs, rows: this.#held.rows, bytes: this.#held.bytes };
  }

  dueAt(): number | undefined {
    return this.#counter.dueAt();
  }

  async snapshot(writer: SnapshotWriter): Promise<SavedBuffer> {
    return { counted: this.#counter.save(), held: await this.#held.save(writer) };
  }

  restore(saved: SavedBuffer, reader: SnapshotReader): void {
    this.#counter.restore(saved.counted);
    this.#held.restore(saved.held, reader);
  }

  close(): void {
    this.#held.releaseAll();
  }
}
