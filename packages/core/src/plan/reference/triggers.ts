/** When a buffer of the reference executor flushes: looked at after each logical input, in this order. */
import type { FlushReason, Triggers } from '../logical.ts';

export interface Held {
  inputs: number;
  rows: number;
  bytes: number;
}

export class ReferenceTriggers {
  readonly #triggers: Triggers;
  #held: Held = { inputs: 0, rows: 0, bytes: 0 };

  constructor(triggers: Triggers) {
    this.#triggers = triggers;
  }

  get any(): boolean {
    return Object.values(this.#triggers).some((trigger) => trigger !== undefined);
  }

  get isEmpty(): boolean {
    return this.#held.inputs === 0;
  }

  /** Counts one logical input and says whether it fires. `interval` never does: this executor has no clock. */
  take(rows: number, bytes: number): FlushReason | undefined {
    this.#held = { inputs: this.#held.inputs + 1, rows: this.#held.rows + rows, bytes: this.#held.bytes + bytes };
    const { iterMax, rows: rowLimit, memoryLimitBytes } = this.#triggers;
    if (iterMax !== undefined && this.#held.inputs >= iterMax) return 'iterations';
    if (rowLimit !== undefined && this.#held.rows >= rowLimit) return 'rows';
    return typeof memoryLimitBytes === 'number' && this.#held.bytes >= memoryLimitBytes ? 'memory' : undefined;
  }

  /** What was held; nothing is any more. */
  reset(): Held {
    const held = this.#held;
    this.#held = { inputs: 0, rows: 0, bytes: 0 };
    return held;
  }
}
