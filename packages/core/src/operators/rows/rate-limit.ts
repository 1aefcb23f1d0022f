import type { Batch } from '../../batch/contract.ts';
import { sliceBatch } from '../../batch/slice-batch.ts';
import type { RateLimitSpec } from '../../plan/steps/specs.ts';
import type { MaybePromise, Operator, OperatorContext, Output } from '../contract.ts';
import { pauseUntil } from './pause.ts';

/** Gives rows one by one, each no sooner than an interval after the one before. What is before it waits meanwhile: nothing is held. */
export class RateLimit implements Operator {
  readonly isStateless = true;
  readonly #intervalMs: number;
  readonly #context: OperatorContext;
  readonly #output: Output;
  #nextAtMs = 0;

  constructor({ intervalMs }: RateLimitSpec, context: OperatorContext) {
    this.#intervalMs = intervalMs;
    this.#context = context;
    this.#output = context.outputs['out'] as Output;
  }

  push(batch: Batch): MaybePromise {
    return batch.rows === 0 ? this.#output.push(batch) : this.#oneByOne(batch);
  }

  async #oneByOne(batch: Batch): Promise<void> {
    const { arena, owner, now } = this.#context;
    try {
      for (let row = 0; row < batch.rows; row++) {
        await pauseUntil(this.#context, this.#nextAtMs);
        this.#nextAtMs = now() + this.#intervalMs;
        const inputs = row === batch.rows - 1 ? batch.inputs : 0;
        await this.#output.push(sliceBatch(arena, owner, batch, row, 1, inputs));
      }
    } finally {
      batch.release();
    }
  }

  flush(): void {}

  end(): void {}

  close(): void {}
}
