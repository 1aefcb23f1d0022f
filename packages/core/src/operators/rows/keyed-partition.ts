import type { Batch } from '../../batch/contract.ts';
import type { PartitionSpec } from '../../plan/steps/specs.ts';
import type { OperatorContext } from '../contract.ts';
import { BatchesByKey } from './batches-by-key.ts';

/**
 * Logical batches of exactly so many rows with one key, each as soon as it is full. What is left comes at the end of input, or after the
 * interval, in the order of each key's first row.
 *
 * Memory: the rows that wait, fewer than a batch for each key.
 */
export class KeyedPartition extends BatchesByKey<number[]> {
  readonly #size: number;
  #count = 0;

  constructor(spec: PartitionSpec & { rows: number }, context: OperatorContext) {
    super(spec, context);
    this.#size = spec.rows;
  }

  protected get count(): number {
    return this.#count;
  }

  protected *full(keys: readonly string[], first: number): Generator<Batch, void> {
    for (const [row, key] of keys.entries()) {
      const group = this.waiting.get(key) ?? [];
      if (group.length === 0) this.waiting.set(key, group);
      group.push(first + row);
      this.#count += 1;
      if (group.length === this.#size) yield this.#takeGroup(key, group);
    }
  }

  protected *left(): Generator<Batch, void> {
    for (const [key, group] of this.waiting) yield this.#takeGroup(key, group);
  }

  #takeGroup(key: string, group: readonly number[]): Batch {
    this.waiting.delete(key);
    this.#count -= group.length;
    return this.take(group);
  }

  protected numbers(): Uint32Array {
    return Uint32Array.from([...this.waiting.values()].flat());
  }

  protected renumber(placeOf: (row: number) => number): void {
    for (const [key, group] of this.waiting) this.waiting.set(key, group.map(placeOf));
  }

  protected wait(key: string, group: number[]): void {
    this.waiting.set(key, group);
    this.#count += group.length;
  }
}
