import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { agg, col, createPipeline, readCsv, type Sink } from '@spillway/core';
import { closeIdlePools, idleThreads } from '@spillway/workers/internal';
import {
  type CutPlan,
  cutPlan,
  mergePartitions,
  type PartitionResult,
  runPartitionTask,
  type TaskOptions,
  tasksOf,
} from '@spillway/workers/partition';
import { beforeEach, describe, expect, it } from 'vitest';
import { made } from '#fixtures/random-ops';
import { digestTable } from '#support/digest';
import { quickFolder } from '#support/temporary-folder';

async function runTasks(cut: CutPlan, options: TaskOptions): Promise<PartitionResult[]> {
  const results: PartitionResult[] = [];
  for (const step of cut.steps.keys())
    for (const task of tasksOf(cut, step, results))
      results.push(await runPartitionTask(task, { workers: 1, ...options }));
  return results;
}

async function digestOf(sink: Sink, options: TaskOptions): Promise<string> {
  const cut = await cutPlan([sink], { partitions: 2, folder: quickFolder() });
  const job = await mergePartitions(cut, await runTasks(cut, options), { sinks: [sink], workers: 1 });
  return digestTable(await job.table(sink));
}

/** Rows of some megabytes, sorted by what they are not ordered on. */
function sorted(): () => Sink {
  const path = join(quickFolder(), 'rows.csv');
  const rows = Array.from({ length: 60_000 }, (_, at) => `${at},${(at * 7919) % 60_013},text ${at}\n`);
  writeFileSync(path, `t,x,text\n${rows.join('')}`);
  const schema = { t: 'int64', x: 'int64', text: 'utf8' } as const;
  return () =>
    createPipeline()
      .source(readCsv(path, { orderedOn: 't', schema }))
      .filter(col('x').gt(10))
      .sort({ by: ['x'] })
      .collect() as Sink;
}

beforeEach(closeIdlePools);

describe('a task in a process of its own', () => {
  it.each([{}, { memoryLimit: '52MiB' }])('gives the same without threads: %j', async (limits) => {
    const plan = sorted();
    expect(await digestOf(plan(), { isOnly: true, ...limits })).toBe(await digestOf(plan(), limits));
  });

  it('starts no threads', async () => {
    await runTasks(await cutPlan([sorted()()], { partitions: 2, folder: quickFolder() }), { isOnly: true });
    expect(idleThreads()).toBe(0);
  });

  it('keeps code of users on threads', async () => {
    const { bins } = createPipeline()
      .source(made, { splits: 6, rows: 10 })
      .aggStream({ orderedOn: 't', aggregations: { bins: { every: 5, columns: { n: agg.count() } } } });
    const cut = await cutPlan([bins.collect() as Sink], { partitions: 2, folder: quickFolder() });
    await runTasks(cut, { isOnly: true });
    expect(idleThreads()).toBe(1);
  });
});
