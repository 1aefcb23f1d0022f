/** W1: hour, day and week aggregation of ordered rows in shared memory, beside DuckDB's own in-memory table. */
import assert from 'node:assert';
import { aggregateSeries, createSeriesTable, type DuckDb, openDuckDb } from '../peers/duckdb.ts';
import { alternate } from './alternate.ts';
import type { Figure } from './figure.ts';
import { aggregateShared, SERIES_SEED, shareSeries, UNTIMED_TURNS } from './shared-series.ts';

const HOUR_US = 3_600_000_000n;
const BIN_US = { hourly: HOUR_US, daily: 24n * HOUR_US, weekly: 168n * HOUR_US };
/** Weeks start on Monday; 1970-01-01 was a Thursday. */
const ORIGIN_US = { hourly: 0n, daily: 0n, weekly: 96n * HOUR_US };

type Name = keyof typeof BIN_US;

/** Compares every bin with the peer's, bit for bit. */
async function checkEqual(db: DuckDb, name: Name, ours: Record<string, unknown>[]): Promise<void> {
  const theirs = await db.rows(`SELECT bin, total, low, high, n::BIGINT, open, close FROM ${name} ORDER BY bin`);
  const rows = ours.map(({ ts, total, low, high, n, open, close }) => {
    const bin = ((ts as bigint) - ORIGIN_US[name]) / BIN_US[name];
    return [bin, total, low, high, n, open, close];
  });
  assert.deepStrictEqual(rows, theirs, `W1: the ${name} results differ`);
}

/** @param rows 50 million in the design */
export async function aggregateSharedRows(rows: number, workers: number, rounds: number): Promise<Figure[]> {
  const db = await openDuckDb(workers);
  await createSeriesTable(db, SERIES_SEED, rows);
  const table = await shareSeries(rows);
  try {
    await aggregateSeries(db);
    const results = await aggregateShared(table, workers);
    for (const name of ['hourly', 'daily', 'weekly'] as const) await checkEqual(db, name, await results[name]());
    const [ours, theirs] = await alternate(
      [
        { name: 'spillway', run: () => aggregateShared(table, workers) },
        { name: 'duckdb', run: () => aggregateSeries(db) },
      ],
      rounds,
      UNTIMED_TURNS,
    );
    assert(ours && theirs);
    const what = `hour, day, week of ${rows / 1e6} M rows in shared memory`;
    const peer = { name: 'duckdb', value: theirs.medianMs };
    return [
      {
        workload: 'W1',
        what,
        ours: ours.medianMs,
        unit: 'ms',
        peer,
        ratio: theirs.medianMs / ours.medianMs,
        target: { atLeastRatio: 20 },
      },
    ];
  } finally {
    table.release();
    db.close();
  }
}
