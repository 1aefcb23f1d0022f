/** The process's arena as this thread sees it: attached once, whatever the number of runs. */
import { workerData } from 'node:worker_threads';
import { attachArena } from '@spillway/core/base';
import type { Arena } from '@spillway/core/internal';
import type { ThreadData } from '../coordinator/thread-pools.ts';

let arena: Arena | undefined;

export function attachThread(): Arena {
  arena ??= attachArena((workerData as ThreadData).arena);
  return arena;
}
