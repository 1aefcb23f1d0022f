import type { Batch } from '../../batch/contract.ts';
import { sliceBatch } from '../../batch/slice-batch.ts';
import type { HeldState, MaybePromise, Operator, OperatorContext, Output } from '../contract.ts';

/**
 * Gives the latest row whenever what is behind has taken the one before, and leaves out those in between. The last row of the input always
 * comes. What is behind is another stage: its edge has room for one row, and a push that waits says that it is not taken yet.
 */
export class Latest implements Operator {
  readonly #context: OperatorContext;
  readonly #output: Output;
  #held: Batch | undefined;
  #sending: Promise<void> | undefined;
  #failure: { error: unknown } | undefined;

  constructor(context: OperatorContext) {
    this.#context = context;
    this.#output = context.outputs['out'] as Output;
  }

  push(batch: Batch): MaybePromise {
    if (this.#failure !== undefined) throw this.#failure.error;
    if (batch.rows > 0) {
      const { arena, owner } = this.#context;
      this.#held?.release();
      this.#held = undefined;
      this.#held = sliceBatch(arena, owner, batch, batch.rows - 1, 1, 1);
    }
    batch.release();
    this.#send();
  }

  /** Sends what is held, and what has come when that is taken, and so on. Not waited for: rows that come meanwhile replace each other. */
  #send(): void {
    if (this.#sending !== undefined || this.#held === undefined) return;
    const row = this.#held;
    this.#held = undefined;
    const pushed = this.#output.push(row);
    if (!(pushed instanceof Promise)) return;
    this.#sending = pushed.then(
      () => {
        this.#sending = undefined;
        this.#send();
      },
      (error: unknown) => {
        this.#sending = undefined;
        this.#failure = { error };
      },
    );
  }

  flush(): void {}

  async end(): Promise<void> {
    while (this.#sending !== undefined) await this.#sending;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** When what is behind has taken the last row, which it does while a barrier aligns, nothing is held. */
  snapshot(): Promise<void> {
    return this.end();
  }

  restore(): void {}

  held(): HeldState {
    return { inputs: 0, rows: this.#held?.rows ?? 0, bytes: this.#held?.logicalBytes ?? 0 };
  }

  close(): void {
    this.#held?.release();
    this.#held = undefined;
  }
}
