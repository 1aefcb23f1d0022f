import { join } from 'node:path';
import { flightsJob } from '@spillway/bench/demo/pipeline';
import { openStore } from '@spillway/core';
import { run } from '@spillway/workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectEqualTables, fromDelta, sql, truth } from '#support/duckdb';
import { sharedCases } from '#support/shared-cases';
import { sharedFolder } from '#support/temporary-folder';

const shared = sharedCases();
const MEBIBYTE = 2 ** 20;

/** Compares a dataset of the store, read by DuckDB over the files that the log names, with an accepted answer. */
async function expectTruth(dataset: string, name: string): Promise<void> {
  const expected = await truth(shared?.path('cases', 'truth', `${name}.csv`) as string);
  const columns = expected.names.map((column) => (column === 'bucket' ? 'date AS bucket' : column));
  expectEqualTables(await sql(`SELECT ${columns.join(', ')} FROM ${fromDelta(dataset)}`), expected);
}

describe.skipIf(shared === undefined)('the flights job', () => {
  const folder = sharedFolder();
  const dataset = (per: string, freq: string): string => join(folder, `freq=${freq}`, `per=${per}`);

  beforeAll(async () => {
    const store = await openStore(folder);
    await run(flightsJob(store, 256 * MEBIBYTE), { workers: 2 }).done;
  });

  it.each([
    ['all', '1h', 'f01_hourly_global'],
    ['all', '1d', 'f02_daily_global'],
    ['all', '1w', 'f03_weekly_global'],
    ['origin', '1d', 'f04_daily_origin'],
    ['origin', '1w', 'f05_weekly_origin'],
  ])('stores per %s by %s what was accepted', async (per, freq, name) => {
    await expectTruth(dataset(per, freq), name);
  });

  it('stores hours by origin whose sums are those of the days', async () => {
    const hours = await sql(
      `SELECT sum(n), sum(sum_delay), sum(sum_distance) FROM ${fromDelta(dataset('origin', '1h'))}`,
    );
    const days = await sql(`SELECT sum(n), sum(sum_delay), sum(sum_distance) FROM ${fromDelta(dataset('all', '1d'))}`);
    expect(hours.columns).toEqual(days.columns);
  });
});

describe.skipIf(shared === undefined)('the first week of the flights', () => {
  it('gives the accepted hours by origin', async () => {
    const folder = sharedFolder();
    const store = await openStore(folder);
    await run(flightsJob(store, 256 * MEBIBYTE, shared?.path('data', 'flights_2001w1.parquet')), { workers: 2 }).done;
    await expectTruth(join(folder, 'freq=1h', 'per=origin'), 'f06_hourly_origin_w1');
  });
});
