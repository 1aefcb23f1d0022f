/**
 * Entry of a thread of the codec pool. Its tasks run many at a time in one thread: they await their rings and files, and
 * only decoding and encoding itself holds the thread. The library is loaded by the first task that needs it.
 */

import { MemoryPool } from '@spillway/core/base';
import { type Outcome, outcomeOf } from '../control/outcome.ts';
import { attachThread } from '../lanes/thread-arena.ts';
import type { CodecTask } from './protocol.ts';

let running = 0;

/** Runs one task. Errors come back as data, because piscina would lose their codes. */
export default async function runCodecTask(task: CodecTask): Promise<Outcome<unknown>> {
  const arena = attachThread();
  if (task.type !== 'warm') arena.setHolders(task.owner, new MemoryPool(arena, task.pool));
  running += 1;
  try {
    return await outcomeOf(async () => {
      const [{ readRowGroup }, { writeSink }] = await Promise.all([
        import('./read-task.ts'),
        import('./write-task.ts'),
      ]);
      if (task.type === 'warm') return undefined;
      if (task.type === 'read') return readRowGroup(arena, task);
      if (task.type === 'write') return writeSink(arena, task);
      const { checkpointVersion, mergeStaged, stageForeign } = await import('@spillway/core/files');
      if (task.type === 'checkpoint') return checkpointVersion(task.table, task.version);
      if (task.type === 'stageForeign') return stageForeign(arena, task.owner, task.task);
      return mergeStaged(arena, task.owner, task.task);
    });
  } finally {
    running -= 1;
    if (running === 0) arena.trim();
  }
}
