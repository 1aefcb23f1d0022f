/** The process's arena as this thread sees it: attached once, whatever the number of runs. */
import { workerData } from 'node:worker_threads';
import { attachArena } from '@spillway/core/base';
import type { Arena, ArenaHandle } from '@spillway/core/internal';
import type { ThreadData } from '../coordinator/thread-pools.ts';

let arena: Arena | undefined;

/** @param handle for a thread that was not given it at its start */
export function attachThread(handle?: ArenaHandle): Arena {
  arena ??= attachArena(handle ?? (workerData as ThreadData).arena);
  return arena;
}
