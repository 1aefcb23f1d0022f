import type { Batch } from '../../batch/contract.ts';
import type { MaybePromise } from '../contract.ts';

/**
 * Rows of one input that its operator cannot use yet: put in at the end, taken out from the start, each once, and counted. What
 * lies here is never looked at in between, so it may as well lie on disk.
 */
export class HeldRows {
  readonly #batches: Batch[] = [];
  #rows = 0;
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#batches.length === 0;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Logical Arrow bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes over a batch. One that has no rows and ends no logical input is dropped. */
  append(batch: Batch): MaybePromise {
    if (batch.rows === 0 && batch.inputs === 0) {
      batch.release();
      return;
    }
    this.#batches.push(batch);
    this.#rows += batch.rows;
    this.#bytes += batch.logicalBytes;
  }

  /** The first batch, now the caller's. */
  take(): Batch | undefined {
    const batch = this.#batches.shift();
    if (batch === undefined) return undefined;
    this.#rows -= batch.rows;
    this.#bytes -= batch.logicalBytes;
    return batch;
  }

  close(): void {
    for (let batch = this.take(); batch !== undefined; batch = this.take()) batch.release();
  }
}
