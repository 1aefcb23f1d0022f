/** Entry of the thread of `MergeThread`. */
import { parentPort, workerData } from 'node:worker_threads';
import { createArena } from '@spillway/core/base';
import { mergeStaged, stageForeign } from '@spillway/core/files';
import { outcomeOf } from '../control/outcome.ts';
import type { MergeThreadData, MergeThreadTask } from './merge-thread.ts';

const arena = createArena({ maximumBytes: (workerData as MergeThreadData).arenaBytes });

parentPort?.on('message', async ({ type, task }: MergeThreadTask) => {
  const outcome = await outcomeOf<unknown>(() =>
    type === 'merge' ? mergeStaged(arena, 0, task) : stageForeign(arena, 0, task),
  );
  parentPort?.postMessage(outcome);
});
