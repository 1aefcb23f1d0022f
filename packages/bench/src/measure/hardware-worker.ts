/** One of several threads that read and copy memory at the same time. */
import { parentPort, workerData } from 'node:worker_threads';

export interface MemoryTask {
  threads: number;
  turns: number;
  /** How many threads have come to where they wait for each other. */
  barrier: SharedArrayBuffer;
}

export interface MemoryTimes {
  bytes: number;
  readMs: number[];
  copyMs: number[];
}

/** Beyond any cache. */
const BYTES = 256 * 2 ** 20;

const { threads, turns, barrier } = workerData as MemoryTask;
const arrived = new Int32Array(barrier);
let meetings = 0;

/** Waits until all threads are here, awake, so that they begin in the same microsecond. */
function meet(): void {
  meetings += 1;
  Atomics.add(arrived, 0, 1);
  while (Atomics.load(arrived, 0) < meetings * threads);
}

function timed(work: () => void): number {
  meet();
  const startMs = performance.now();
  work();
  return performance.now() - startMs;
}

// Touched before anything is timed. A search for a byte that is not there reads all of them, with the widest loads there are.
const from = Buffer.alloc(BYTES, 1);
const to = Buffer.alloc(BYTES, 2);
const readMs = Array.from({ length: turns }, () => timed(() => void from.indexOf(3)));
const copyMs = Array.from({ length: turns }, () => timed(() => void to.set(from)));
parentPort?.postMessage({ bytes: BYTES, readMs, copyMs } satisfies MemoryTimes);
