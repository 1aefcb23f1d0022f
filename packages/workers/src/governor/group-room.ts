/**
 * What a control group leaves to a run. A group kills the process that passes its limit, at once and without asking, so a run does not wait for
 * the pressure to rise: where its `memoryLimit` is more than there is room for, it starts with less. The answer is the same at every limit.
 */
import type { CgroupMemory } from './cgroup.ts';

const MEBIBYTE = 2 ** 20;

/** Resident when idle, at most: with four threads, and for each further one (the promise of the product). */
const IDLE_BYTES = 150 * MEBIBYTE;
const IDLE_THREADS = 4;
const THREAD_BYTES = 12 * MEBIBYTE;
/** A run may take so many times its limit beside what is idle. */
const PROMISED = 1.1;

/** A group that bounds a run, and the `memoryLimit` that fits into it. */
export interface GroupRoom {
  group: string;
  groupLimitBytes: number;
  roomBytes: number;
}

/** @param threads that the run will have */
export function groupRoom(threads: number, cgroup: CgroupMemory, residentBytes: number): GroupRoom {
  const { limitBytes, workingSetBytes, group } = cgroup;
  const othersBytes = Math.max(0, workingSetBytes - residentBytes);
  const idleBytes = Math.max(residentBytes, IDLE_BYTES + (threads - IDLE_THREADS) * THREAD_BYTES);
  const roomBytes = Math.max(0, Math.floor((limitBytes - othersBytes - idleBytes) / PROMISED));
  return { group, groupLimitBytes: limitBytes, roomBytes };
}
