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

function findCollector(): Collect {
  // Left on: the flag is the process's, and another thread may be making its context right now.
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext("typeof gc === 'function' ? gc : undefined") as
    | ((options: { type: Collection; execution: 'sync' }) => void)
    | undefined;
  return gc === undefined ? () => {} : (kind) => gc({ type: kind, execution: 'sync' });
}
