/**
 * Lanes and codecs on the thread that plans, for a process that runs one short job and ends: a thread costs some 30 ms of processor time before
 * its first row. The tasks take turns, for they only ever await. What is lost: nothing else goes on while one of them works, none can be ended from
 * outside, and an allocation never waits for others to give memory back. So code of users stays on threads of its own.
 */
import type { ArenaHandle } from '@spillway/core/internal';
import type { MemorySplit } from '@spillway/core/planner';
import { attachThread } from '../lanes/thread-arena.ts';
import { opModules } from './op-modules.ts';
import type { PlannedRun } from './plan-run.ts';
import { type PoolKind, type TaskRunner, type ThreadPool, takePool } from './thread-pools.ts';

/** Takes no threads for what of a small job needs none. @param mostBytes of its sources */
export function takerFor({ logical, totals }: PlannedRun, mostBytes: number): typeof takePool {
  let bytes = 0;
  for (const source of totals.values()) bytes += source.bytes ?? 0;
  if (bytes > mostBytes) return takePool;
  const own: PoolKind[] = opModules(logical.nodes).size > 0 ? ['codecs'] : ['codecs', 'lanes'];
  return async (kind, threads, split, arena) =>
    own.includes(kind) && threads > 0 ? ownThread(kind, threads, split, arena) : takePool(kind, threads, split, arena);
}

/** Takes any number of tasks; `threads` is what the plan counts on. */
async function ownThread(
  kind: PoolKind,
  threads: number,
  { heapLimitMebibytes }: MemorySplit,
  arena: ArenaHandle,
): Promise<ThreadPool> {
  attachThread(arena);
  const module = await (kind === 'codecs' ? import('../codecs/codec-worker.ts') : import('../lanes/stage-worker.ts'));
  // Its pool is given no tasks of another kind.
  const runner: TaskRunner = { threads: [], run: module.default as TaskRunner['run'], destroy: async () => {} };
  // Nothing has to be warmed: no other thread's idle size is promised.
  return { kind, threads, heapLimitMebibytes, runner, isWarm: true, isOwnThread: true };
}
