import type { Batch } from '../../batch/contract.ts';
import type { FlushReason } from '../../plan/logical.ts';
import type { PartitionUniqueSpec } from '../../plan/steps/specs.ts';
import type { HeldState, MaybePromise, Operator, OperatorContext, Output } from '../contract.ts';
import { pushAll } from '../outputs.ts';
import type { SavedList, SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import { IntervalClock } from './interval-clock.ts';
import { KeptRows, type SavedKept } from './kept-rows.ts';
import { keysOf, positionsOf } from './row-keys.ts';

interface SavedUnique {
  /** Keys and the numbers of their rows. */
  keys: SavedList;
  rows: SavedKept;
  since: number | undefined;
}

/**
 * Logical batches of exactly so many rows with different keys, or of those that came within an interval. Of rows with one key the first
 * stays and the others are left out; or the last stays, in its own place.
 *
 * Memory: the rows of one batch.
 */
export class PartitionUnique implements Operator {
  readonly #spec: PartitionUniqueSpec;
  readonly #context: OperatorContext;
  readonly #output: Output;
  readonly #positions: readonly number[];
  readonly #rows: KeptRows;
  readonly #clock: IntervalClock;
  /** Number of each key's row, in order. */
  readonly #waiting: Map<string, number> = new Map();

  constructor(spec: PartitionUniqueSpec, context: OperatorContext) {
    this.#spec = spec;
    this.#context = context;
    this.#output = context.outputs['out'] as Output;
    this.#positions = positionsOf(context.inputFields, spec.by);
    this.#rows = new KeptRows(context, positionsOf(context.inputFields, []), context.inputFields);
    this.#clock = new IntervalClock(spec.intervalMs, () => context.now());
  }

  push(batch: Batch): MaybePromise {
    if (batch.rows === 0) return batch.release();
    const keys = keysOf(this.#context.arena, batch, this.#positions);
    return pushAll(this.#output, this.#full(keys, this.#rows.add(batch)));
  }

  *#full(keys: readonly string[], first: number): Generator<Batch, void> {
    const { rows: size = Infinity, keep } = this.#spec;
    for (const [row, key] of keys.entries()) {
      if (keep === 'last') this.#waiting.delete(key);
      else if (this.#waiting.has(key)) continue;
      this.#waiting.set(key, first + row);
      if (this.#waiting.size === size) yield this.#take();
    }
    this.#clock.note(this.#waiting.size > 0);
    if (this.#waiting.size === 0) this.#rows.clear();
    const placeOf = this.#rows.settle(() => Uint32Array.from(this.#waiting.values()));
    if (placeOf !== undefined) for (const [key, row] of this.#waiting) this.#waiting.set(key, placeOf(row));
  }

  #take(): Batch {
    const rows = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#clock.note(false);
    return this.#rows.take(rows, 1);
  }

  flush(reason: FlushReason): MaybePromise {
    if (reason !== 'interval' || this.#waiting.size === 0) return;
    this.#context.onFlush(reason, this.held());
    return this.#output.push(this.#take());
  }

  end(): MaybePromise {
    return this.#waiting.size === 0 ? undefined : this.#output.push(this.#take());
  }

  held(): HeldState {
    return { inputs: 0, rows: this.#waiting.size, bytes: this.#rows.bytes };
  }

  dueAt(): number | undefined {
    return this.#clock.dueAt();
  }

  async snapshot(writer: SnapshotWriter): Promise<SavedUnique> {
    return { keys: await writer.list(this.#waiting), rows: await this.#rows.save(writer), since: this.#clock.save() };
  }

  restore({ keys, rows, since }: SavedUnique, reader: SnapshotReader): void {
    this.#rows.restore(rows, reader);
    for (const [key, row] of reader.list<[string, number]>(keys)) this.#waiting.set(key, row);
    this.#clock.restore(since);
  }

  close(): void {
    this.#rows.close();
  }
}
