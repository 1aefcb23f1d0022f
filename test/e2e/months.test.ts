import { join } from 'node:path';
import { feedParts, monthlyJob, writeParts } from '@spillway/bench/demo/months';
import { openStore } from '@spillway/core';
import { run } from '@spillway/workers';
import { expect, it } from 'vitest';
import { datasetDigests } from '#support/dataset-digests';
import { sharedCases } from '#support/shared-cases';
import { temporaryFolder } from '#support/temporary-folder';

const shared = sharedCases();
const OPTIONS = { memoryLimitBytes: 256 * 2 ** 20, workers: 2 };
const PARTS = ['2001-01-01', '2001-01-03', '2001-01-06', '2001-01-09'];

it.skipIf(shared === undefined)('a week of flights fed in parts, a run each, equals one run', async () => {
  const folder = temporaryFolder();
  const week = shared?.path('data', 'flights_2001w1.parquet') as string;
  const paths = await writeParts(week, join(folder, 'files'), PARTS, OPTIONS);
  const parts = await openStore(join(folder, 'parts'));
  await feedParts(parts, paths, OPTIONS);
  const whole = await openStore(join(folder, 'whole'));
  await run(monthlyJob(whole, [week], OPTIONS.memoryLimitBytes), { workers: 2 }).done;
  expect(await datasetDigests(parts)).toEqual(await datasetDigests(whole));
});
