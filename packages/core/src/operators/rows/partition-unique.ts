import type { Batch } from '../../batch/contract.ts';
import type { PartitionUniqueSpec } from '../../plan/steps/specs.ts';
import type { OperatorContext } from '../contract.ts';
import { BatchesByKey } from './batches-by-key.ts';

/**
 * Logical batches of exactly so many rows with different keys, or of those that came within an interval. Of rows with one key the first
 * stays and the others are left out; or the last stays, in its own place.
 *
 * Memory: the rows of one batch.
 */
export class PartitionUnique extends BatchesByKey<number> {
  readonly #spec: PartitionUniqueSpec;

  constructor(spec: PartitionUniqueSpec, context: OperatorContext) {
    super(spec, context);
    this.#spec = spec;
  }

  protected get count(): number {
    return this.waiting.size;
  }

  protected *full(keys: readonly string[], first: number): Generator<Batch, void> {
    const { rows: size = Infinity, keep } = this.#spec;
    for (const [row, key] of keys.entries()) {
      if (keep === 'last') this.waiting.delete(key);
      else if (this.waiting.has(key)) continue;
      this.waiting.set(key, first + row);
      if (this.waiting.size === size) yield* this.left();
    }
  }

  protected *left(): Generator<Batch, void> {
    if (this.waiting.size === 0) return;
    const rows = [...this.waiting.values()];
    this.waiting.clear();
    this.clock.note(false);
    yield this.take(rows);
  }

  protected numbers(): Uint32Array {
    return Uint32Array.from(this.waiting.values());
  }

  protected renumber(placeOf: (row: number) => number): void {
    for (const [key, row] of this.waiting) this.waiting.set(key, placeOf(row));
  }

  protected wait(key: string, row: number): void {
    this.waiting.set(key, row);
  }
}
