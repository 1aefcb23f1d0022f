/** How a run fails: the first error wins, everything else is told to stop, and what follows from the stop is not reported. */
import { setMaxListeners } from 'node:events';
import { errorFromData, errorToData, PipelineError } from '@spillway/core/base';

export class FailureLatch {
  readonly #abort: AbortController = new AbortController();
  readonly #stops: (() => void)[] = [];
  #error: PipelineError | undefined;

  constructor() {
    setMaxListeners(0, this.#abort.signal); // every source and sink of the run listens: their number is no leak
  }

  /** Aborts at the first failure; its reason is the error. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get error(): PipelineError | undefined {
    return this.#error;
  }

  /** Registers what stops a part of the run; called at once when the run has failed already. */
  onFailure(stop: () => void): void {
    if (this.#error === undefined) this.#stops.push(stop);
    else stop();
  }

  fail(error: unknown): void {
    if (this.#error !== undefined) return;
    this.#error = asPipelineError(error);
    this.#abort.abort(this.#error);
    for (const stop of this.#stops.splice(0)) stop();
  }

  /** From now on a failure stops nothing any more: all parts have ended. */
  disarm(): void {
    this.#stops.length = 0;
  }

  /** @throws the failure, if there is one */
  check(): void {
    if (this.#error !== undefined) throw this.#error;
  }
}

export function asPipelineError(error: unknown): PipelineError {
  return error instanceof PipelineError ? error : errorFromData(errorToData(error));
}

/** The same error with the name of the part that failed, where it names none. */
export function namedError(error: unknown, stage: string): PipelineError {
  const data = errorToData(error);
  if (data.stage !== undefined && error instanceof PipelineError) return error;
  const named = errorFromData({ ...data, stage });
  if (error instanceof PipelineError && error.stack !== undefined && error.remoteStack === undefined)
    named.stack = error.stack;
  return named;
}

export function abortedError(reason: unknown): PipelineError {
  if (reason instanceof PipelineError) return reason;
  return new PipelineError('ERR_ABORTED', 'the job was stopped before its end; nothing was committed', {
    hint: 'run it again: it starts from the beginning',
    ...(reason === undefined ? {} : { cause: reason }),
  });
}

/** What `debug` fails a run with that has not given back what it took. */
export function leakError(slabBytes: number, reservedBytes: number): PipelineError {
  const what = `${slabBytes} bytes of shared memory and ${reservedBytes} reserved bytes`;
  return new PipelineError('ERR_INTERNAL', `${what} were not given back`, {
    hint: 'this is a bug: report it with the plan',
  });
}
