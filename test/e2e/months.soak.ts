import { linkSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { flightsFile } from '@spillway/bench/demo/flights-file';
import { feedParts, MONTHS, monthlyJob, writeParts } from '@spillway/bench/demo/months';
import { flightsJob } from '@spillway/bench/demo/pipeline';
import { openStore } from '@spillway/core';
import { run } from '@spillway/workers';
import { expect, it } from 'vitest';
import { datasetDigests } from '#support/dataset-digests';
import { temporaryFolder } from '#support/temporary-folder';

const OPTIONS = { memoryLimitBytes: 256 * 2 ** 20, workers: 2 };

it('six months of flights fed month by month equal one run: single flights', async () => {
  const folder = temporaryFolder();
  const paths = await writeParts(flightsFile(), join(folder, 'files'), MONTHS, OPTIONS);
  const parts = await openStore(join(folder, 'parts'));
  await feedParts(parts, paths, OPTIONS);
  const whole = await openStore(join(folder, 'whole'));
  await run(monthlyJob(whole, [flightsFile()], OPTIONS.memoryLimitBytes), { workers: 2 }).done;
  expect(await datasetDigests(parts)).toEqual(await datasetDigests(whole));
}, 600_000);

it('six months of flights fed month by month equal one run: the main job, with its sort and its join', async () => {
  const folder = temporaryFolder();
  const paths = await writeParts(flightsFile(), join(folder, 'files'), MONTHS, OPTIONS);
  const parts = await openStore(join(folder, 'parts'));
  const given = join(folder, 'given');
  mkdirSync(given);
  for (const part of paths.keys()) {
    linkSync(paths[part] as string, join(given, `${part}.parquet`));
    const isLast = part === paths.length - 1;
    await run(flightsJob(parts, OPTIONS.memoryLimitBytes, join(given, '*.parquet')), {
      workers: 2,
      resume: 'main',
      inputEnds: isLast ? 'final' : 'more',
    }).done;
  }
  const whole = await openStore(join(folder, 'whole'));
  await run(flightsJob(whole, OPTIONS.memoryLimitBytes), { workers: 2 }).done;
  expect(await datasetDigests(parts)).toEqual(await datasetDigests(whole));
}, 600_000);
