/** Sinks that deliver on the main thread: a function called with each batch, and a loop over batches. */
import type { RecordBatch } from 'apache-arrow';
import { PipelineError } from '../errors.ts';
import type { CallbackSink } from './endpoints-contract.ts';

/** What `forEach` gives its function. */
export type CallbackInput = RecordBatch | readonly Record<string, unknown>[];

/** A user's function as a sink. */
export class FunctionSink implements CallbackSink {
  readonly takes: 'batch' | 'rows';
  readonly #call: (input: never) => void | Promise<void>;

  constructor(call: (input: never) => void | Promise<void>, takes: 'batch' | 'rows') {
    this.#call = call;
    this.takes = takes;
  }

  call(input: CallbackInput): void | Promise<void> {
    try {
      const called = this.#call(input as never);
      if (called === undefined || called === null || typeof called.then !== 'function') return undefined;
      return Promise.resolve(called).catch((cause: unknown) => Promise.reject(callbackFailed(cause)));
    } catch (cause) {
      throw callbackFailed(cause);
    }
  }
}

function callbackFailed(cause: unknown): PipelineError {
  if (cause instanceof PipelineError) return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new PipelineError('ERR_CALLBACK_FAILED', `the function of forEach has thrown: ${why}`, {
    cause,
    hint: 'the cause has its stack; catch there what should not end the run',
  });
}

interface Waiting {
  resolve(result: IteratorResult<RecordBatch>): void;
  reject(error: unknown): void;
}

/**
 * Hands batches to a `for await` loop: `call` resolves when the loop asks for the next one, so at most one batch waits
 * and a slow reader holds the run back. An outcome is told once: then the sink is as new, for a loop over the next run.
 */
export class IteratorSink implements CallbackSink, AsyncIterable<RecordBatch> {
  readonly takes = 'batch';
  #ready: { batch: RecordBatch; taken(): void; refused(error: unknown): void } | undefined;
  #waiting: Waiting | undefined;
  #outcome: { error?: unknown } | undefined;
  #hasLeft = false;

  call(input: CallbackInput): Promise<void> {
    if (this.#hasLeft) return Promise.reject(this.#leftEarly());
    return new Promise((resolve, reject) => {
      this.#ready = { batch: input as RecordBatch, taken: resolve, refused: reject };
      this.#deliver();
    });
  }

  end(): void {
    this.#settle({});
  }

  fail(error: unknown): void {
    this.#settle({ error });
  }

  [Symbol.asyncIterator](): AsyncIterator<RecordBatch> {
    let isOver = false;
    const over = (): IteratorResult<RecordBatch> => {
      isOver = true;
      return { done: true, value: undefined };
    };
    return {
      next: async () => {
        if (isOver) return over();
        try {
          const result = await this.#next();
          return result.done === true ? over() : result;
        } catch (error) {
          over();
          throw error;
        }
      },
      return: () => {
        if (!isOver) this.#leave();
        return Promise.resolve(over());
      },
    };
  }

  /** The run behind it has ended. A loop that was left does not come back to hear of it. */
  #settle(outcome: { error?: unknown }): void {
    if (!this.#hasLeft) this.#outcome ??= outcome;
    this.#hasLeft = false;
    this.#deliver();
  }

  #leave(): void {
    this.#hasLeft = this.#outcome === undefined;
    this.#outcome = undefined;
    this.#ready?.refused(this.#leftEarly());
    this.#ready = undefined;
  }

  #next(): Promise<IteratorResult<RecordBatch>> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#deliver();
    });
  }

  /** Brings a waiting reader together with a batch, or with the end. */
  #deliver(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    const ready = this.#ready;
    if (ready === undefined && this.#outcome === undefined) return;
    this.#waiting = undefined;
    if (ready !== undefined) {
      this.#ready = undefined;
      ready.taken();
      waiting.resolve({ done: false, value: ready.batch });
      return;
    }
    const outcome = this.#outcome as { error?: unknown };
    this.#outcome = undefined;
    if ('error' in outcome) waiting.reject(outcome.error);
    else waiting.resolve({ done: true, value: undefined });
  }

  #leftEarly(): PipelineError {
    return new PipelineError('ERR_ABORTED', 'the loop over toIterable() was left before its end', {
      hint: 'read to the end, or abort the run with its signal',
    });
  }
}
