/** Tasks on real schedulers and workers, with an engine that does what the test says. */
import { readdirSync, readFileSync } from 'node:fs';
import { DaskSession, parseDaskOptions, SharedFolder } from '@spillway/workers/internal';
import type { PartitionResult, PartitionTask } from '@spillway/workers/partition';
import { describe, expect, test } from 'vitest';
import type { EngineFault, EnginePlan } from '#fixtures/partition-engine';
import { childrenOf, TestCluster } from '../support/dask-cluster.ts';
import { sharedFolder, temporaryFolder } from '../support/temporary-folder.ts';
import { daskPythons } from './dask-environment.ts';

const ENGINE = new URL('../dist/fixtures/partition-engine.js', import.meta.url).href;

function tasksOf(plans: readonly EnginePlan[]): PartitionTask[] {
  return plans.map((plan, partition) => ({ step: 0, partition, plan: JSON.stringify(plan), inputs: [], output: '' }));
}

function textOf(results: readonly PartitionResult[]): string {
  return results.flatMap(({ files }) => files.map(({ path }) => readFileSync(path, 'utf8'))).join('');
}

/** Opens a session, runs the tasks, gives the text of their files in order and closes everything. */
async function runTasks(scheduler: string, python: string, plans: readonly EnginePlan[], more: object = {}) {
  const sharedPath = temporaryFolder();
  const folder = await SharedFolder.open(sharedPath, undefined);
  const stop = new AbortController();
  const retries: string[] = [];
  const options = { ...parseDaskOptions({ scheduler, sharedPath, python, ...more }), engine: ENGINE, modules: [] };
  try {
    const session = await DaskSession.open(options, folder, {
      onWorkers: () => {},
      onDone: () => {},
      onRetry: ({ message }) => retries.push(message),
      onFailure: (error) => stop.abort(error),
    });
    try {
      return { text: textOf(await session.runStep(0, 'text', tasksOf(plans), stop.signal)), retries };
    } finally {
      await session.close();
    }
  } finally {
    await folder.remove();
    expect(readdirSync(sharedPath)).toEqual([]);
  }
}

function plansOf(count: number, more: Partial<EnginePlan> = {}): EnginePlan[] {
  return Array.from({ length: count }, (_, at) => ({ text: `part ${at}\n`, times: 3, ...more }));
}

function expectedText(plans: readonly EnginePlan[]): string {
  return plans.map(({ text, times }) => text.repeat(times)).join('');
}

describe.each(daskPythons())('distributed of $name', ({ python }) => {
  const folder = sharedFolder();
  const start = (workers = 2, more: object = {}) => TestCluster.start({ python, workers, folder, ...more });

  test('runs tasks on two workers and gives their results in order', async () => {
    await using cluster = await start();
    const plans = plansOf(40);
    const { text, retries } = await runTasks(cluster.address, python, plans);
    expect(text).toBe(expectedText(plans));
    expect(retries).toEqual([]);
    expect(cluster.nodes()).toEqual([]);
  });

  test('runs tasks in processes of their own where that is asked for', async () => {
    await using cluster = await start();
    const plans = plansOf(6);
    expect((await runTasks(cluster.address, python, plans, { nodes: 'per-task' })).text).toBe(expectedText(plans));
  });

  test('runs tasks on a cluster of its own', async () => {
    const plans = plansOf(6);
    expect((await runTasks('local', python, plans, { workerMemory: '512MiB' })).text).toBe(expectedText(plans));
    expect(childrenOf(process.pid)).toEqual([]);
  });

  test.each<EngineFault>(['exit', 'memory', 'torn'])('runs a task again after a fault: %s', async (fault) => {
    // Of several workers one that is idle may take the task before its fault is told of.
    await using cluster = await start(1);
    const marks = temporaryFolder();
    const plans = plansOf(6).map((plan, at) => (at === 3 ? { ...plan, faults: [fault], marks } : plan));
    const { text, retries } = await runTasks(cluster.address, python, plans);
    expect(text).toBe(expectedText(plans));
    expect(retries).toHaveLength(1);
    expect(retries[0]).toMatch(/worker tcp:\/\/127\.0\.0\.1:\d+, partition 3 of step "text" \(attempt 1\): /);
  });

  test('runs tasks again whose worker was killed', async () => {
    await using cluster = await start();
    const plans = plansOf(12, { delayMs: 300 });
    const running = runTasks(cluster.address, python, plans);
    while (cluster.nodes().length < 2) await new Promise((resolve) => setTimeout(resolve, 50));
    const orphans = childrenOf(cluster.workers[0]?.pid as number);
    await cluster.replaceWorker(0);
    expect((await running).text).toBe(expectedText(plans));
    expect(orphans.filter((pid) => isAlive(pid))).toEqual([]);
  });

  test('fails with what the engine refused, and names the worker', async () => {
    await using cluster = await start(1);
    const plans = plansOf(3, { faults: ['refuse'], marks: temporaryFolder() });
    await expect(runTasks(cluster.address, python, plans)).rejects.toMatchObject({
      code: 'ERR_OP_FAILED',
      message: expect.stringMatching(
        /^worker tcp:\/\/127\.0\.0\.1:\d+, partition . of step "text" \(attempt 1\): the op did not/,
      ),
      hint: 'be kinder',
    });
    expect(cluster.nodes()).toEqual([]);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
