import { readFileSync, writeFileSync } from 'node:fs';
import { agg, createPipeline, type Sink } from '@spillway/core';
import {
  type CutPlan,
  cutPlan,
  mergePartitions,
  type PartitionFile,
  type PartitionResult,
  runPartitionTask,
  tasksOf,
} from '@spillway/workers/partition';
import { expect, it } from 'vitest';
import { made } from '#fixtures/random-ops';
import { quickFolder } from '#support/temporary-folder';

interface Ran {
  sink: Sink;
  cut: CutPlan;
  results: PartitionResult[];
}

async function ran(): Promise<Ran> {
  const { bins } = createPipeline()
    .source(made, { splits: 6, rows: 10 })
    .aggStream({ orderedOn: 't', aggregations: { bins: { every: 5, columns: { n: agg.count() } } } });
  const sink = bins.collect() as Sink;
  const cut = await cutPlan([sink], { partitions: 3, folder: quickFolder() });
  const results: PartitionResult[] = [];
  for (const task of tasksOf(cut, 0, [])) results.push(await runPartitionTask(task, { workers: 1 }));
  return { sink, cut, results };
}

async function countOf({ sink, cut, results }: Ran): Promise<number> {
  const job = await mergePartitions(cut, results, { sinks: [sink], workers: 1 });
  return (await job.rows(sink)).reduce((sum, row) => sum + Number(row['n']), 0);
}

it('takes each partition once, in any order of the results', async () => {
  const { results, ...others } = await ran();
  const again = results.map((result) => ({ ...result, attempt: 1 }));
  expect(await countOf({ ...others, results: [...results].reverse().concat(again) })).toBe(50);
});

it('writes other files when a task runs again', async () => {
  const { cut, results } = await ran();
  const [task] = tasksOf(cut, 0, []) as [CutPlan['steps'][0]['tasks'][0]];
  const again = await runPartitionTask({ ...task, attempt: 1 }, { workers: 1 });
  const [before, after] = [results[0], again].map((result) => result?.files[0]) as [PartitionFile, PartitionFile];
  expect(after.path).not.toBe(before.path);
  expect({ ...after, path: '' }).toEqual({ ...before, path: '' });
});

it('refuses to merge before all tasks have ended', async () => {
  const { results, ...others } = await ran();
  await expect(countOf({ ...others, results: results.slice(1) })).rejects.toMatchObject({
    code: 'ERR_PLAN',
    message: 'partition 0 of step 0 has no result',
  });
});

it('refuses a file that is not as its task has written it', async () => {
  const all = await ran();
  const path = all.results[1]?.files[0]?.path as string;
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
  writeFileSync(path, bytes);
  await expect(countOf(all)).rejects.toMatchObject({ code: 'ERR_FILE_FORMAT', file: path });
});
