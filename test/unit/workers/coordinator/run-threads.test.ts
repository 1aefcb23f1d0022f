import { createArena, type PhysicalPlan } from '@spillway/core/internal';
import type { MemorySplit } from '@spillway/core/planner';
import { closeIdlePools, idleThreads, RunThreads, takePool } from '@spillway/workers/internal';
import { afterEach, beforeEach, expect, it } from 'vitest';

type Pool = NonNullable<Awaited<ReturnType<typeof takePool>>>;

/** Two lanes of stages, one of an op that blocks, two threads for files. */
const plan = {
  stages: [
    { lanes: 2, blocking: false },
    { lanes: 1, blocking: true },
  ],
} as unknown as PhysicalPlan;
const split = { codecThreads: 2, heapLimitMebibytes: 64, nurseryMebibytes: 4 } as MemorySplit;
const arena = createArena({ maximumBytes: 2 ** 24 }).handle;

// Tests before it, of other files, leave some.
beforeEach(closeIdlePools);
afterEach(closeIdlePools);

/** Threads of every kind but one, which do not start. */
function startedWithout(failing: string): { threads: RunThreads; started: Pool[] } {
  const started: Pool[] = [];
  const take: typeof takePool = async (kind, ...rest) => {
    if (kind === failing) throw new Error(`${kind} did not start`);
    const pool = await takePool(kind, ...rest);
    if (pool !== undefined) started.push(pool);
    return pool;
  };
  return { threads: new RunThreads(plan, split, arena, take), started };
}

const threadsOf = (pools: readonly Pool[]): number => pools.reduce((sum, { runner }) => sum + runner.threads.length, 0);

it.each([
  ['lanes', 3],
  ['blocking', 4],
  ['codecs', 3],
])('ends or gives back the threads of the other kinds when those of "%s" do not start', async (failing, others) => {
  const { threads, started } = startedWithout(failing);
  await expect(threads.ready()).rejects.toThrow(`${failing} did not start`);
  await threads.giveBack(true);
  expect(started.reduce((sum, { threads: count }) => sum + count, 0)).toBe(others);
  expect(threadsOf(started)).toBe(idleThreads());
  await closeIdlePools();
  expect(threadsOf(started)).toBe(0);
});

it('gives threads back that nobody has waited for', async () => {
  const { threads, started } = startedWithout('none');
  await threads.giveBack(false);
  expect([started.length, threadsOf(started), idleThreads()]).toEqual([3, 0, 0]);
});
