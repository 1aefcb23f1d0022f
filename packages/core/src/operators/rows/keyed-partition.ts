import type { Batch } from '../../batch/contract.ts';
import type { FlushReason } from '../../plan/logical.ts';
import type { PartitionSpec } from '../../plan/steps/specs.ts';
import type { HeldState, MaybePromise, Operator, OperatorContext, Output } from '../contract.ts';
import { pushAll } from '../outputs.ts';
import type { SavedList, SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import { IntervalClock } from './interval-clock.ts';
import { KeptRows, type SavedKept } from './kept-rows.ts';
import { keysOf, positionsOf } from './row-keys.ts';

interface SavedGroups {
  /** Keys and the numbers of the rows that wait of each. */
  groups: SavedList;
  rows: SavedKept;
  since: number | undefined;
}

/**
 * Logical batches of exactly so many rows with one key, each as soon as it is full. What is left comes at the end of input, or after the
 * interval, in the order of each key's first row.
 *
 * Memory: the rows that wait, fewer than a batch for each key.
 */
export class KeyedPartition implements Operator {
  readonly #size: number;
  readonly #context: OperatorContext;
  readonly #output: Output;
  readonly #positions: readonly number[];
  readonly #rows: KeptRows;
  readonly #clock: IntervalClock;
  /** Numbers of the rows that wait, by key. */
  readonly #waiting: Map<string, number[]> = new Map();
  #count = 0;

  constructor(spec: PartitionSpec & { rows: number }, context: OperatorContext) {
    this.#size = spec.rows;
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
    for (const [row, key] of keys.entries()) {
      const group = this.#waiting.get(key) ?? [];
      if (group.length === 0) this.#waiting.set(key, group);
      group.push(first + row);
      this.#count += 1;
      if (group.length < this.#size) continue;
      this.#waiting.delete(key);
      this.#count -= group.length;
      yield this.#rows.take(group, 1);
    }
    this.#clock.note(this.#count > 0);
    if (this.#count === 0) this.#rows.clear();
    const placeOf = this.#rows.settle(() => Uint32Array.from([...this.#waiting.values()].flat()));
    if (placeOf !== undefined) for (const [key, group] of this.#waiting) this.#waiting.set(key, group.map(placeOf));
  }

  *#left(): Generator<Batch, void> {
    for (const [key, group] of this.#waiting) {
      this.#waiting.delete(key);
      this.#count -= group.length;
      yield this.#rows.take(group, 1);
    }
    this.#clock.note(false);
    this.#rows.clear();
  }

  flush(reason: FlushReason): MaybePromise {
    if (reason !== 'interval' || this.#count === 0) return;
    this.#context.onFlush(reason, this.held());
    return pushAll(this.#output, this.#left());
  }

  end(): MaybePromise {
    return pushAll(this.#output, this.#left());
  }

  held(): HeldState {
    return { inputs: 0, rows: this.#count, bytes: this.#rows.bytes };
  }

  dueAt(): number | undefined {
    return this.#clock.dueAt();
  }

  async snapshot(writer: SnapshotWriter): Promise<SavedGroups> {
    return { groups: await writer.list(this.#waiting), rows: await this.#rows.save(writer), since: this.#clock.save() };
  }

  restore({ groups, rows, since }: SavedGroups, reader: SnapshotReader): void {
    this.#rows.restore(rows, reader);
    for (const [key, group] of reader.list<[string, number[]]>(groups)) {
      this.#waiting.set(key, group);
      this.#count += group.length;
    }
    this.#clock.restore(since);
  }

  close(): void {
    this.#rows.close();
  }
}
