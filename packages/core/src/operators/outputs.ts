/** Ends and forks of a chain, and pushing several batches in order without awaiting what is not a promise. */
import type { Batch } from '../batch/contract.ts';
import type { MaybePromise, Output } from './contract.ts';

/** Runs `next` when `first` is done: at once unless it is a promise. */
export function andThen(first: MaybePromise, next: () => MaybePromise): MaybePromise {
  return first instanceof Promise ? first.then(next) : next();
}

/** Takes batches and drops them: the end of a port that nobody reads. */
export const DISCARD: Output = {
  push: (batch) => batch.release(),
};

/** Gives every batch to several consumers, one after the other; each gets a reference of its own. */
export function fanOut(outputs: readonly Output[]): Output {
  const [only] = outputs;
  if (only === undefined) return DISCARD;
  return outputs.length === 1 ? only : { push: (batch) => pushToEach(outputs, 0, batch) };
}

function pushToEach(outputs: readonly Output[], from: number, batch: Batch): MaybePromise {
  for (let index = from; index < outputs.length; index++) {
    // The reference for those that follow is taken before this consumer can drop the last one.
    const isLast = index === outputs.length - 1;
    if (!isLast) batch.retain();
    const pushed = attempt(() => outputs[index]?.push(batch), isLast ? undefined : batch);
    if (pushed instanceof Promise) return pushed.then(() => pushToEach(outputs, index + 1, batch));
  }
}

/** If the push fails, the reference kept for the consumers behind it is dropped. */
function attempt(push: () => MaybePromise, kept: Batch | undefined): MaybePromise {
  const drop = (error: unknown): never => {
    kept?.release();
    throw error;
  };
  try {
    const pushed = push();
    return pushed instanceof Promise ? pushed.catch(drop) : pushed;
  } catch (error) {
    return drop(error);
  }
}

/**
 * Pushes batches in order, each when the one before was taken. The iterator is closed when a push fails, which is where
 * it releases what it has not given out.
 */
export function pushAll(output: Output, batches: Iterator<Batch, void>): MaybePromise {
  const stop = (error: unknown): never => {
    batches.return?.();
    throw error;
  };
  try {
    for (let next = batches.next(); next.done !== true; next = batches.next()) {
      const pushed = output.push(next.value);
      if (pushed instanceof Promise) return pushed.then(() => pushAll(output, batches), stop);
    }
  } catch (error) {
    return stop(error);
  }
}
