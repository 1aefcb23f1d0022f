import { readFileSync, writeFileSync } from 'node:fs';
import { createPipeline, type Sink } from '@spillway/core';
import {
  type CutPlan,
  cutPlan,
  halveTask,
  type PartitionResult,
  type PartitionTask,
  runPartitionTask,
  tasksOf,
} from '@spillway/workers/partition';
import { expect, it } from 'vitest';
import { made } from '#fixtures/random-ops';
import { quickFolder } from '#support/temporary-folder';

interface Sorted {
  cut: CutPlan;
  /** Of the partitions. */
  runs: PartitionResult[];
}

/** 960 rows, sorted in four partitions. */
async function sorted(by: 't' | 'value'): Promise<Sorted> {
  const rows = createPipeline({ memoryLimit: '256MiB' }).source(made, { splits: 30, rows: 40 });
  const cut = await cutPlan([rows.sort({ by }).collect() as Sink], { partitions: 4, folder: quickFolder() });
  const runs: PartitionResult[] = [];
  for (const task of tasksOf(cut, 0, [])) runs.push(await runPartitionTask(task, { workers: 1 }));
  return { cut, runs };
}

async function rangesOf({ cut, runs }: Sorted): Promise<PartitionResult[]> {
  const results: PartitionResult[] = [];
  for (const task of tasksOf(cut, 1, runs)) results.push(await runPartitionTask(task, { workers: 1 }));
  return results;
}

it('makes ranges of about as many rows', async () => {
  const rows = (await rangesOf(await sorted('t'))).map(({ files }) => files[0]?.rows ?? 0);
  expect(rows.reduce((sum, count) => sum + count, 0)).toBe(960);
  for (const count of rows) expect(Math.abs(count - 240)).toBeLessThan(80);
});

it('says in a result which values it is of', async () => {
  const all = await sorted('t');
  const ranges = tasksOf(all.cut, 1, all.runs).map(({ range }) => range);
  expect(new Set(ranges).size).toBe(4);
  expect((await rangesOf(all)).map(({ range }) => range)).toEqual(ranges);
});

it('reads of a sorted file what its range needs, and refuses it where that is not as it was written', async () => {
  const all = await sorted('value');
  const path = all.runs[1]?.files[0]?.path as string;
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
  writeFileSync(path, bytes);
  await expect(rangesOf(all)).rejects.toMatchObject({ code: 'ERR_FILE_FORMAT', file: path });
});

/** The task, or its halves and theirs, until nothing can be cut. */
async function smallest(task: PartitionTask): Promise<PartitionTask[]> {
  const halves = await halveTask(task);
  return halves === undefined ? [task] : (await Promise.all(halves.map(smallest))).flat();
}

it('cuts a range in two, down to the rows of one sampled value', async () => {
  const all = await sorted('value');
  const [task] = tasksOf(all.cut, 1, all.runs) as [PartitionTask];
  const whole = await runPartitionTask(task, { workers: 1 });
  const pieces: PartitionResult[] = [];
  for (const piece of await smallest(task)) pieces.push(await runPartitionTask(piece, { workers: 1 }));
  const rows = pieces.map(({ files }) => files[0]?.rows ?? 0);
  expect(rows.length).toBeGreaterThan(1);
  for (const count of rows) expect(count).toBeGreaterThan(0);
  expect(rows.reduce((sum, count) => sum + count, 0)).toBe(whole.files[0]?.rows);
});
