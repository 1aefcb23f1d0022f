import { type ClusterTask, Crew, runStep, type StepOptions } from '@spillway/workers/internal';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../../support/random.ts';
import { SimulatedCluster, type SimulatedTask } from '../../../support/simulated-cluster.ts';

interface Result {
  partition: number;
  attempt: number;
  isWhole: boolean;
}

const isProbe = ({ key }: ClusterTask): boolean => key.includes('-probe-');

/** A crew over a simulated cluster, and one step on it. */
function makeStep(taskOf: (task: ClusterTask) => SimulatedTask, options: Partial<StepOptions<Result>>) {
  const stop = new AbortController();
  const crew = new Crew(
    { address: 'tcp://there', name: 'run', probe: '{}', patienceMs: { atFirst: 60_000, later: 60_000 } },
    (error) => stop.abort(error),
  );
  const cluster = new SimulatedCluster(crew, (task) =>
    isProbe(task) ? { ms: 1, reply: { result: {}, elapsedMs: 1 } } : taskOf(task),
  );
  const results: Result[] = [];
  const retries: string[] = [];
  const start = (): Promise<void> => {
    crew.start(cluster, cluster.views());
    return runStep<Result>(
      {
        key: '0',
        name: 'rows',
        sizes: [],
        retries: 4,
        request: (partition, attempt) => JSON.stringify({ partition, attempt }),
        called: (partition) => `partition ${partition}`,
        cut: async () => undefined,
        damage: async ({ isWhole }) => (isWhole ? undefined : 'half of it is missing'),
        onDone: (_, result) => results.push(result),
        onRetry: ({ message }) => retries.push(message),
        signal: stop.signal,
        ...options,
      },
      crew,
    );
  };
  return { cluster, crew, start, results, retries };
}

function wholeResult({ request }: ClusterTask, ms = 10): SimulatedTask {
  const { partition, attempt } = JSON.parse(request) as Result;
  return { ms, reply: { result: { partition, attempt, isWhole: true }, elapsedMs: ms } };
}

async function runToEnd(step: ReturnType<typeof makeStep>): Promise<void> {
  let hasEnded = false;
  const ended = step.start().finally(() => {
    hasEnded = true;
  });
  ended.catch(() => {});
  await step.cluster.run(() => hasEnded);
  await ended;
}

const sizes = (count: number): number[] => Array.from({ length: count }, () => 1);

describe('runStep', () => {
  test('runs every task once on workers that do not fail', async () => {
    const step = makeStep(wholeResult, { sizes: sizes(100) });
    for (const name of ['a', 'b', 'c']) step.cluster.addWorker(name);
    await runToEnd(step);
    expect(step.results.map(({ partition }) => partition).sort((a, b) => a - b)).toEqual([...sizes(100).keys()]);
    expect(step.retries).toEqual([]);
  });

  test('takes large partitions first', async () => {
    const step = makeStep(wholeResult, { sizes: [1, 5, 3, 4, 2] });
    step.cluster.addWorker('a');
    await runToEnd(step);
    expect(step.results.map(({ partition }) => partition)).toEqual([1, 3, 2, 4, 0]);
  });

  test('runs nothing again that is there', async () => {
    const asked: number[] = [];
    const step = makeStep(
      (task) => {
        asked.push((JSON.parse(task.request) as Result).partition);
        return wholeResult(task);
      },
      { sizes: sizes(4), done: [0, 2] },
    );
    step.cluster.addWorker('a');
    await runToEnd(step);
    expect(asked).toEqual([1, 3]);
  });

  test('gives a hot worker nothing until it has cooled down', async () => {
    const workers: string[] = [];
    const step = makeStep(
      (task) => {
        workers.push(task.worker);
        return wholeResult(task);
      },
      { sizes: sizes(20) },
    );
    step.cluster.addWorker('hot', { pressure: 0.93 });
    step.cluster.addWorker('cool');
    await runToEnd(step);
    expect(new Set(workers)).toEqual(new Set(['cool']));
  });

  test('takes what waits on a slow worker to one that has nothing left', async () => {
    const step = makeStep((task) => wholeResult(task, task.worker === 'slow' ? 1000 : 10), {
      sizes: sizes(20),
    });
    step.cluster.addWorker('slow');
    step.cluster.addWorker('quick');
    await runToEnd(step);
    expect(step.cluster.nowMs).toBeLessThan(1100);
  });

  test('takes short ones that were sent together to another worker when they take long after all', async () => {
    let sent = 0;
    const step = makeStep((task) => ({ ...wholeResult(task), ms: task.worker === 'a' && ++sent > 10 ? 60_000 : 10 }), {
      sizes: sizes(40),
    });
    step.cluster.addWorker('a');
    step.cluster.addWorker('b');
    for (let look = 1; look < 100; look++) step.cluster.at(look * 500, () => step.cluster.look());
    await runToEnd(step);
    expect(step.results).toHaveLength(40);
    // The one that it works on is waited for.
    expect(step.cluster.nowMs).toBeLessThan(61_000);
  });

  test('runs again what a worker had that is gone, and blames it for what it had begun', async () => {
    const step = makeStep(wholeResult, { sizes: sizes(8), retries: 0 });
    step.cluster.addWorker('a');
    step.cluster.addWorker('b');
    step.cluster.at(5, () => {
      step.cluster.removeWorker('a');
      step.cluster.look();
    });
    await expect(runToEnd(step)).rejects.toMatchObject({
      code: 'ERR_DASK_WORKER',
      message: expect.stringMatching(/^worker a, partition \d of step "rows" \(attempt 1\): it is gone$/),
    });
  });

  test('sends short tasks together, but for those that were with a worker that ended', async () => {
    const sent: { partition: number; attempt: number; together: boolean }[] = [];
    const step = makeStep(
      (task) => {
        sent.push({ ...(JSON.parse(task.request) as Result), together: task.together });
        return wholeResult(task);
      },
      { sizes: sizes(60) },
    );
    step.cluster.addWorker('a');
    step.cluster.at(150, () => {
      step.cluster.removeWorker('a');
      step.cluster.addWorker('b');
      step.cluster.look();
    });
    await runToEnd(step);
    // Before one has ended nobody knows how long they take.
    expect(sent.slice(0, 2).map(({ together }) => together)).toEqual([false, false]);
    expect(sent.slice(2, 12).every(({ together }) => together)).toBe(true);
    const again = sent.filter(({ attempt }) => attempt === 2);
    expect(again.length).toBeGreaterThan(3);
    expect(again.some(({ together }) => together)).toBe(false);
  });

  test('blames nobody for what is lost with the scheduler', async () => {
    const step = makeStep(wholeResult, { sizes: sizes(8), retries: 0 });
    for (const name of ['a', 'b']) step.cluster.addWorker(name);
    for (const [atMs, name] of [
      [5, 'c'],
      [25, 'd'],
    ] as const)
      step.cluster.at(atMs, () => {
        step.cluster.interrupt();
        step.cluster.addWorker(name);
        step.cluster.look();
      });
    await runToEnd(step);
    expect(step.results.map(({ partition }) => partition).sort((a, b) => a - b)).toEqual([...sizes(8).keys()]);
    expect(step.retries[0]).toBe('worker a, partition 0 of step "rows" (attempt 1): the scheduler was lost');
  });

  test('fails with what the last of too many attempts failed with', async () => {
    const broken = (task: ClusterTask): SimulatedTask => {
      const { partition, attempt } = JSON.parse(task.request) as Result;
      return { ms: 1, reply: { result: { partition, attempt, isWhole: partition !== 2 }, elapsedMs: 1 } };
    };
    const step = makeStep(broken, { sizes: sizes(4), retries: 2 });
    step.cluster.addWorker('a');
    step.cluster.addWorker('b');
    await expect(runToEnd(step)).rejects.toMatchObject({
      code: 'ERR_DASK_WORKER',
      message: expect.stringMatching(/partition 2 of step "rows" \(attempt 3\): half of it is missing/),
    });
    expect(step.retries).toHaveLength(2);
  });

  test('cuts a partition that takes too much memory until its pieces fit', async () => {
    const sizesOf = [3, 9, 2];
    const tooLarge = { error: { code: 'node-memory', message: 'too much' } } as const;
    const step = makeStep(
      (task) => {
        const { partition } = JSON.parse(task.request) as Result;
        return (sizesOf[partition] as number) > 4 ? { ms: 1, reply: tooLarge } : wholeResult(task);
      },
      {
        sizes: sizesOf.slice(),
        retries: 0,
        cut: async (partition) => () => {
          const half = (sizesOf[partition] as number) / 2;
          return sizesOf.push(half, half) && 2;
        },
      },
    );
    step.cluster.addWorker('a');
    await runToEnd(step);
    // 1 becomes 3 and 4, 4 becomes 5 and 6, 3 becomes 7 and 8.
    expect(step.results.map(({ partition }) => partition).sort((a, b) => a - b)).toEqual([0, 2, 5, 6, 7, 8]);
    expect(step.retries).toHaveLength(3);
  });

  test('fails when a partition that takes too much memory cannot be cut', async () => {
    const step = makeStep(() => ({ ms: 1, reply: { error: { code: 'node-memory', message: 'too much' } } }), {
      sizes: sizes(1),
      retries: 1,
    });
    step.cluster.addWorker('a');
    await expect(runToEnd(step)).rejects.toMatchObject({ code: 'ERR_MEMORY_EXHAUSTED' });
    expect(step.retries).toHaveLength(1);
  });

  test('stops at an error of the plan or the data without trying again', async () => {
    const failed = { code: 'ERR_VALUE', message: 'x is no number' } as const;
    const step = makeStep(() => ({ ms: 1, reply: { failed } }), { sizes: sizes(4) });
    step.cluster.addWorker('a');
    await expect(runToEnd(step)).rejects.toMatchObject({
      code: 'ERR_VALUE',
      message: expect.stringMatching(/^worker a, partition 0 .*: x is no number$/),
    });
    expect(step.retries).toEqual([]);
  });

  test('any order of deaths, losses, damage and new workers: each partition counts exactly once', async () => {
    const random = seededRandom();
    for (let round = 0; round < 30; round++) {
      const count = random.integer(1, 60);
      const step = makeStep(
        (task) => {
          const { partition, attempt } = JSON.parse(task.request) as Result;
          const isWhole = !random.chance(0.1);
          const result = { result: { partition, attempt, isWhole }, elapsedMs: 5 };
          return { ms: random.integer(1, 50), reply: random.chance(0.1) ? 'lost' : result };
        },
        { sizes: Array.from({ length: count }, () => random.integer(1, 9)), retries: 1000 },
      );
      for (let at = 0; at < 3; at++) step.cluster.addWorker(`first-${at}`, { threads: random.integer(1, 3) });
      for (let at = 0; at < 400; at++)
        step.cluster.at(at * 5, () => {
          const views = step.cluster.views();
          if (random.chance(0.2) && views.length > 1) step.cluster.removeWorker(random.pick(views).address);
          else if (random.chance(0.05)) step.cluster.interrupt();
          else if (random.chance(0.3)) step.cluster.addWorker(`later-${at}`, { pressure: random.pick([0, 0.9]) });
          step.cluster.look();
        });
      for (let at = 0; at < 200; at++)
        step.cluster.at(2000 + at * 100, () => {
          step.cluster.addWorker(`last-${at}`);
          step.cluster.look();
        });
      await runToEnd(step);
      const taken = step.results.map(({ partition }) => partition).sort((a, b) => a - b);
      expect(taken).toEqual([...sizes(count).keys()]);
    }
  });
});
