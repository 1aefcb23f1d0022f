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
    return this.#call(input as never);
  }
}

interface Waiting {
  resolve(result: IteratorResult<RecordBatch>): void;
  reject(error: unknown): void;
}

/**
 * Hands batches to a `for await` loop: `call` resolves when the loop asks for the next one, so at most one batch waits
 * and a slow reader holds the run back.
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
    this.#outcome ??= {};
    this.#deliver();
  }

  fail(error: unknown): void {
    this.#outcome ??= { error };
    this.#deliver();
  }

  [Symbol.asyncIterator](): AsyncIterator<RecordBatch> {
    return {
      next: () => this.#next(),
      return: () => {
        this.#hasLeft = true;
        this.#ready?.refused(this.#leftEarly());
        this.#ready = undefined;
        return Promise.resolve({ done: true, value: undefined });
      },
    };
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
    } else if (this.#outcome !== undefined && 'error' in this.#outcome) {
      waiting.reject(this.#outcome.error);
    } else {
      waiting.resolve({ done: true, value: undefined });
    }
  }

  #leftEarly(): PipelineError {
    return new PipelineError('ERR_ABORTED', 'the loop over toIterable() was left before its end', {
      hint: 'read to the end, or abort the run with its signal',
    });
  }
}
