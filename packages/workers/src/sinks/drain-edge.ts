/** Sinks on the main thread: an edge is drained batch by batch, each batch delivered before the next is taken. */
import type { Batch, MaybePromise } from '@spillway/core/internal';
import type { RingConsumer } from '../channels/ring.ts';
import type { ActorStatistics } from '../monitor/actor-statistics.ts';

/** Takes the batches of a sink. A batch is borrowed until the returned promise settles. */
export interface BatchTaker {
  take(batch: Batch): void | Promise<void>;
  /** No batch follows. */
  end?(): Promise<void>;
  /** Releases what it still holds. Called on every path, once an attempt. */
  close?(): void;
  /** A barrier is complete: what was taken so far stays. Between two batches. */
  mark(): void;
  /** The run goes on from the last barrier, or begins again: what was taken since comes once more. */
  cutBack(): void;
  /** A further attempt begins: whom slabs are charged to from now on. */
  begin?(owner: number): void;
}

/** A sink slower than the stages never waits: signals, timers and `abort` of the main thread still get their turn. */
const TURN_EVERY_MS = 10;

/** Drains an edge to its end. Stops at once when the signal aborts, even if user code never answers. */
export async function drainEdge(
  consumer: RingConsumer,
  taker: BatchTaker,
  statistics: ActorStatistics,
  signal: AbortSignal,
): Promise<void> {
  statistics.enter('working');
  let turnAt = performance.now() + TURN_EVERY_MS;
  try {
    for (;;) {
      const next = consumer.next();
      const packet = next instanceof Promise ? await whileWaiting(next, statistics) : next;
      if (packet === undefined) break;
      const delivered = deliver(packet.batches, taker, statistics, signal);
      if (delivered !== undefined) await delivered;
      signal.throwIfAborted();
      consumer.countDone();
      if (performance.now() < turnAt) continue;
      await new Promise<void>((resolve) => void setImmediate(resolve));
      turnAt = performance.now() + TURN_EVERY_MS;
    }
    if (taker.end !== undefined) await orAborted(taker.end(), signal);
  } finally {
    taker.close?.();
  }
  statistics.enter('done');
}

function whileWaiting<T>(next: Promise<T>, statistics: ActorStatistics): Promise<T> {
  statistics.enter('waiting for input');
  return next.finally(() => statistics.enter('working'));
}

/** One batch after the other; a promise only where the taker gives one. */
function deliver(
  batches: readonly Batch[],
  taker: BatchTaker,
  statistics: ActorStatistics,
  signal: AbortSignal,
  from = 0,
): MaybePromise {
  let next = from;
  const drop = (error: unknown): never => {
    for (const batch of batches.slice(next)) batch.release();
    throw error;
  };
  const count = (batch: Batch, rows: number, bytes: number): void => {
    next += 1;
    batch.release();
    statistics.countIn(rows, bytes);
  };
  try {
    while (next < batches.length) {
      const batch = batches[next] as Batch;
      const { rows, logicalBytes } = batch;
      const taken = taker.take(batch);
      if (taken !== undefined)
        return orAborted(taken, signal).then(() => {
          count(batch, rows, logicalBytes);
          return deliver(batches, taker, statistics, signal, next);
        }, drop);
      count(batch, rows, logicalBytes);
    }
  } catch (error) {
    drop(error);
  }
}

/** Settles with the promise, or rejects when the signal aborts first. @throws the signal's reason */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
