/** Asking this thread's garbage collector to work now: for memory that only it can give back. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** `minor`: what died young, under a millisecond. `major`: everything, some milliseconds for each 10 MiB of live objects. */
export type Collection = 'minor' | 'major';
export type Collect = (kind: Collection) => void;

let collect: Collect | undefined;

/**
 * Collects. The runtime hands its collector only to contexts that are made while the flag is on; the context is made at the
 * first use, so threads that never need it pay nothing.
 */
export const collectGarbage: Collect = (kind) => {
  collect ??= findCollector();
  collect(kind);
};

/**
 * Has the memory of dead array buffers given back within the collection that finds them dead. The runtime does that beside the thread, which on
 * a busy machine can take longer than the next buffers take to come, and counts them as alive until then. It is a setting of the process.
 */
export function freeBuffersAtOnce(): void {
  setFlagsFromString('--no-concurrent-array-buffer-sweeping');
}

function findCollector(): Collect {
  // Left on: the flag is the process's, and another thread may be making its context right now.
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext("typeof gc === 'function' ? gc : undefined") as
    | ((options?: { type: 'minor'; execution: 'sync' }) => void)
    | undefined;
  if (gc === undefined) return () => {};
  // Without an argument it is a whole collection in every version; the runtime of Node 20 takes any object for a quick one.
  return (kind) => (kind === 'major' ? gc() : gc({ type: 'minor', execution: 'sync' }));
}
