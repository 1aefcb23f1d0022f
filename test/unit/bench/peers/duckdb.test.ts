import { join } from 'node:path';
import { flightsFile } from '@spillway/bench/demo/flights-file';
import { orderedSeries } from '@spillway/bench/generators/ordered-series';
import { aggregateFlights, aggregateSeries, createSeriesTable, openDuckDb } from '@spillway/bench/peers/duckdb';
import { describe, expect, it } from 'vitest';
import { expectEqualTables, quote, sql, truth } from '#support/duckdb';
import { sharedCases } from '#support/shared-cases';
import { temporaryFolder } from '#support/temporary-folder';

const shared = sharedCases();

describe('the peer', () => {
  it('generates the same series as we do', async () => {
    const db = await openDuckDb(1);
    await createSeriesTable(db, 7, 5000);
    const rows = await db.rows('SELECT epoch_us(ts), value FROM series ORDER BY ts');
    const ours = orderedSeries(7, 0, 5000);
    expect(rows).toEqual(Array.from(ours.ts, (ts, i) => [ts, ours.value[i]]));
    db.close();
  });

  it('rolls hours up to the same weeks as a direct computation', async () => {
    const db = await openDuckDb(1);
    await createSeriesTable(db, 7, 3_000_000);
    await aggregateSeries(db);
    const weekly = await db.rows('SELECT bin, total, low, high, n, open, close FROM weekly ORDER BY bin');
    const direct =
      await db.rows(`SELECT (epoch_us(ts) // 86400000000 - 4) // 7 AS bin, sum(value), min(value), max(value), sum(1),
      arg_min(value, ts), arg_max(value, ts) FROM series GROUP BY 1 ORDER BY 1`);
    expect(weekly).toEqual(direct);
    db.close();
  });

  it.skipIf(shared === undefined)('computes the flights job to the accepted answers', async () => {
    const folder = temporaryFolder();
    const db = await openDuckDb(2);
    await aggregateFlights(db, flightsFile(), folder);
    const truthFolder = shared?.path('cases', 'truth') as string;
    for (const [name, file] of [
      ['hourly', 'f01_hourly_global'],
      ['daily', 'f02_daily_global'],
      ['weekly', 'f03_weekly_global'],
      ['daily_origin', 'f04_daily_origin'],
      ['weekly_origin', 'f05_weekly_origin'],
    ]) {
      const expected = await truth(join(truthFolder, `${file}.csv`));
      const columns = expected.names.map((column) => (column === 'bucket' ? 'date AS bucket' : column)).join(', ');
      expectEqualTables(await sql(`SELECT ${columns} FROM ${quote(join(folder, `${name}.parquet`))}`), expected);
    }
    db.close();
  });
});
