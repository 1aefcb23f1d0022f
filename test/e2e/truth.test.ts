import { join } from 'node:path';
import { flightsJob } from '@spillway/bench/demo/pipeline';
import { openStore } from '@spillway/core';
import { run } from '@spillway/workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectEqualTables, fromDelta, quote, sql, truth } from '#support/duckdb';
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
  const folder = sharedFolder();
  const week = (): string => shared?.path('data', 'flights_2001w1.parquet') as string;
  const dataset = (per: string, freq: string): string => join(folder, `freq=${freq}`, `per=${per}`);

  beforeAll(async () => {
    const store = await openStore(folder);
    await run(flightsJob(store, 256 * MEBIBYTE, week()), { workers: 2 }).done;
  });

  it('gives the accepted hours by origin', () => expectTruth(dataset('origin', '1h'), 'f06_hourly_origin_w1'));

  it.each([
    ['1h', "date_trunc('hour', date)"],
    ['1d', "date_trunc('day', date)"],
    ['1w', "date_trunc('week', date)"],
  ])('joins departures with the flight that came in before as SQL does, by %s', async (freq, bin) => {
    for (const [per, key] of [
      ['all', ''],
      ['origin', 'origin, '],
    ] as const) {
      const columns = `date, ${key}n, n_inbound, sum_inbound_delay, mean_inbound_delay, n_both_late`;
      const actual = await sql(`SELECT ${columns} FROM ${fromDelta(dataset(per, freq))}`);
      expectEqualTables(actual, await sql(inboundQuery(week(), bin, key)));
    }
  });
});

/** Of arrivals at one airport and time the last of the file; DuckDB says nothing about equal rows of an ASOF join. */
function inboundQuery(file: string, bin: string, key: string): string {
  return `
    WITH flights AS (FROM read_parquet(${quote(file)}, file_row_number = true)),
    arrivals AS (
      SELECT destination, delay, date + to_minutes(distance // 8 + 30) AS landed FROM flights
      QUALIFY row_number() OVER (PARTITION BY destination, landed ORDER BY file_row_number DESC) = 1
    ),
    joined AS (
      SELECT f.date, f.origin, f.delay, if(a.landed >= f.date - INTERVAL 6 HOUR, a.delay, NULL) AS inbound
      FROM flights f ASOF LEFT JOIN arrivals a ON f.origin = a.destination AND f.date >= a.landed
    )
    SELECT ${bin}::TIMESTAMP AS date, ${key}count(*) AS n, count(inbound) AS n_inbound, sum(inbound)::BIGINT AS sum_inbound_delay,
      avg(inbound) AS mean_inbound_delay, count(*) FILTER (delay > 15 AND inbound > 15) AS n_both_late
    FROM joined GROUP BY ALL ORDER BY ALL`;
}
