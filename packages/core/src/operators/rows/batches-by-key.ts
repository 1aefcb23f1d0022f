import type { Batch } from '../../batch/contract.ts';
import type { FlushReason } from '../../plan/logical.ts';
import type { HeldState, MaybePromise, Operator, OperatorContext, Output } from '../contract.ts';
import { pushAll } from '../outputs.ts';
import type { SavedList, SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import { IntervalClock } from './interval-clock.ts';
import { KeptRows, type SavedKept } from './kept-rows.ts';
import { keysOf, positionsOf } from './row-keys.ts';

interface SavedBatches {
  /** Keys and what waits of each. */
  keys: SavedList;
  rows: SavedKept;
  since: number | undefined;
}

/** What steps have in common that hold rows by key, until there are enough of them for a logical batch, or for an interval. */
export abstract class BatchesByKey<W> implements Operator {
  protected readonly clock: IntervalClock;
  /** What waits of each key, in order: numbers of rows. */
  protected readonly waiting: Map<string, W> = new Map();
  readonly #context: OperatorContext;
  readonly #output: Output;
  readonly #positions: readonly number[];
  readonly #rows: KeptRows;

  constructor(spec: { by: readonly string[]; intervalMs?: number }, context: OperatorContext) {
    this.#context = context;
    this.#output = context.outputs['out'] as Output;
    this.#positions = positionsOf(context.inputFields, spec.by);
    this.#rows = new KeptRows(context, positionsOf(context.inputFields, []), context.inputFields);
    this.clock = new IntervalClock(spec.intervalMs, () => context.now());
  }

  /** How many rows wait. */
  protected abstract get count(): number;
  /** Takes rows by their keys, of which the first has this number; gives the batches that are full. */
  protected abstract full(keys: readonly string[], first: number): Iterable<Batch>;
  /** What is left, whose rows wait no more. */
  protected abstract left(): Iterable<Batch>;
  /** Has all rows that wait by the numbers that they get. */
  protected abstract renumber(placeOf: (row: number) => number): void;
  protected abstract numbers(): Uint32Array;
  /** What was saved waits again. */
  protected abstract wait(key: string, waiting: W): void;

  /** Rows by number, as one logical batch. */
  protected take(rows: readonly number[]): Batch {
    return this.#rows.take(rows, 1);
  }

  push(batch: Batch): MaybePromise {
    if (batch.rows === 0) return batch.release();
    const keys = keysOf(this.#context.arena, batch, this.#positions);
    return pushAll(this.#output, this.#full(keys, this.#rows.add(batch)));
  }

  *#full(keys: readonly string[], first: number): Generator<Batch, void> {
    yield* this.full(keys, first);
    this.clock.note(this.count > 0);
    if (this.count === 0) this.#rows.clear();
    const placeOf = this.#rows.settle(() => this.numbers());
    if (placeOf !== undefined) this.renumber(placeOf);
  }

  *#left(): Generator<Batch, void> {
    yield* this.left();
    this.clock.note(false);
    this.#rows.clear();
  }

  flush(reason: FlushReason): MaybePromise {
    if (reason !== 'interval' || this.count === 0) return;
    this.#context.onFlush(reason, this.held());
    return pushAll(this.#output, this.#left());
  }

  end(): MaybePromise {
    return pushAll(this.#output, this.#left());
  }

  held(): HeldState {
    return { inputs: 0, rows: this.count, bytes: this.#rows.bytes };
  }

  dueAt(): number | undefined {
    return this.clock.dueAt();
  }

  async snapshot(writer: SnapshotWriter): Promise<SavedBatches> {
    return { keys: await writer.list(this.waiting), rows: await this.#rows.save(writer), since: this.clock.save() };
  }

  restore({ keys, rows, since }: SavedBatches, reader: SnapshotReader): void {
    this.#rows.restore(rows, reader);
    for (const [key, waiting] of reader.list<[string, W]>(keys)) this.wait(key, waiting);
    this.clock.restore(since);
  }

  close(): void {
    this.#rows.close();
  }
}
