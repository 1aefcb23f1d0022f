/** Sinks of stores whose files the tasks of partitions write, beside `run` in one process. */
import { existsSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { createPipeline, explain, openStore, type PipelineError, type Sink, type Store } from '@spillway/core';
import { run } from '@spillway/workers';
import {
  type CutPlan,
  cutPlan,
  mergePartitions,
  type PartitionResult,
  runPartitionTask,
  tasksOf,
} from '@spillway/workers/partition';
import { describe, expect, it } from 'vitest';
import { made } from '#fixtures/random-ops';
import { datasetDigests } from '#support/dataset-digests';
import { chooseSeed, randomFrom } from '#support/random';
import { randomWritten, writtenBothWays } from '#support/random-written';
import { quickFolder } from '#support/temporary-folder';

const KEY = { of: 'rows' };
const source = () => createPipeline({ memoryLimit: '256MiB' }).source(made, { splits: 70, rows: 20 });

interface Ran {
  folder: string;
  store: Store;
  sink: Sink;
  cut: CutPlan;
  results: PartitionResult[];
}

/** The tasks of three partitions; `sink` is there to be committed. */
async function ran(plan = (store: Store): Sink => source().toStore(store, KEY)): Promise<Ran> {
  const folder = quickFolder();
  const store = await openStore(join(folder, 'store'));
  const sink = plan(store);
  const cut = await cutPlan([sink], { partitions: 3, folder: join(folder, 'parts') });
  const results: PartitionResult[] = [];
  for (const task of tasksOf(cut, 0, [])) results.push(await runPartitionTask(task, { workers: 1 }));
  return { folder, store, sink, cut, results };
}

function merge({ cut, sink, results }: Ran, more: object = {}) {
  return mergePartitions(cut, results, { sinks: [sink], workers: 1, ...more });
}

/** Of the last partition. */
function lastFile({ results }: Ran): string {
  return results.at(-1)?.files[0]?.stored?.at(-1)?.path as string;
}

async function digestsOfRun(): Promise<unknown> {
  const store = await openStore(join(quickFolder(), 'store'));
  await run(source().toStore(store, KEY), { workers: 1 }).done;
  return datasetDigests(store);
}

async function refusalOf(all: Ran): Promise<PipelineError> {
  return merge(all)
    .then((job) => job.done)
    .then(
      () => Promise.reject(new Error('it was committed')),
      (error: PipelineError) => error,
    );
}

describe('rows that go from a source into a store', () => {
  it('are the same in the store, in any number of partitions', async () => {
    const random = randomFrom(chooseSeed());
    for (let number = 0; number < 3; number++) {
      const plan = randomWritten(random, quickFolder());
      const { got, expected } = await writtenBothWays(plan, random.pick([1, 2, 7]), random, quickFolder());
      expect(got, `seed ${random.seed}, plan ${number}: ${plan.description}`).toEqual(expected);
    }
  });

  it('are committed once, in one version, with nothing else left in the dataset', async () => {
    const all = await ran();
    // What came twice, and late.
    all.results.push(...all.results.map((result) => ({ ...result, attempt: 1 })));
    await (await merge(all)).done;
    expect(await datasetDigests(all.store)).toEqual(await digestsOfRun());
    expect((await all.store.dataset(KEY)).version).toBe(0);
    const names = readdirSync(join(all.folder, 'store', 'of=rows'), { recursive: true }).map(String);
    const files = (await all.store.dataset(KEY)).files();
    expect(names.filter((name) => name.endsWith('.parquet'))).toHaveLength(files.length);
    expect(names.filter((name) => name.includes('_staging'))).toEqual([]);
  });

  it.each([
    ['torn', 'ERR_FILE_FORMAT', (path: string) => truncateSync(path, 100)],
    ['gone', 'ERR_FILE_NOT_FOUND', (path: string) => rmSync(path)],
  ])('are not committed when a file is %s', async (_, code, damage) => {
    const all = await ran();
    const file = lastFile(all);
    damage(file);
    expect(await refusalOf(all)).toMatchObject({ code, file });
    expect(existsSync(join(all.folder, 'store', 'of=rows'))).toBe(false);
  });

  it('are refused when a partition begins before the one before it ends', async () => {
    const all = await ran();
    const [first, second, third] = all.results as [PartitionResult, PartitionResult, PartitionResult];
    const swapped = [first, { ...third, partition: 1 }, { ...second, partition: 2 }];
    const error = await refusalOf({ ...all, results: swapped });
    expect(error).toMatchObject({ code: 'ERR_INPUT_UNORDERED', column: 't', stage: 'toStore' });
    expect(error.message).toMatch(/^toStore: partition 2 \(splits 47 to 69 of made\) begins at \d+ after \d+$/);
  });

  it('are refused for the dataset before any task runs', async () => {
    const store = await openStore(join(quickFolder(), 'store'));
    await run(source().rename({ x: 'y' }).toStore(store, KEY), { workers: 1 }).done;
    const cut = cutPlan([source().toStore(store, KEY)], { partitions: 3 });
    await expect(cut).rejects.toMatchObject({ code: 'ERR_SCHEMA', stage: 'toStore' });
  });

  it('are there once when the run that has committed them is gone on with', async () => {
    const all = await ran();
    const resume = { resume: 'nightly', resumeDirectory: join(all.folder, 'resume') };
    await (await merge(all, resume)).done;
    // Its files are still where the tasks left them, and it does not know that they were committed.
    const again = { ...all, sink: source().toStore(all.store, KEY) };
    const { rowsOut } = await (await merge(again, resume)).done;
    expect(rowsOut).toBe(1120);
    expect(await datasetDigests(all.store)).toEqual(await digestsOfRun());
    expect((await all.store.dataset(KEY)).version).toBe(0);
  });

  it('are told of by explain', async () => {
    const store = await openStore(join(quickFolder(), 'store'));
    const rows = source();
    const sinks = [rows.toStore(store, KEY), rows.sort({ by: 'x' }).collect()];
    const { crossings, text } = await explain(sinks, { dask: true });
    expect(crossings?.map(({ runs }) => runs)).toEqual(['tasks', 'files', 'ranges', 'end']);
    expect(text).toContain('toStore: files in every partition, committed together at the end');
  });
});
