/** W1: hour, day and week aggregation of ordered rows in shared memory, beside what peers have in their own memory. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { orderedSeries } from '../generators/ordered-series.ts';
import { type AbsentPeer, contest, type Peer, peerOrReason } from '../measure/contest.ts';
import type { Figure } from '../measure/figure.ts';
import { boundOf } from '../measure/hardware.ts';
import { aggregateSeries, createSeriesTable, type DuckDb, openDuckDb, quote } from '../peers/duckdb.ts';
import { openPolars } from '../peers/polars.ts';
import { arquero, type BinRows, nodePolars, nodeStreams } from '../peers/series-in-javascript.ts';
import type { Asked } from './asked.ts';
import { aggregateShared, SERIES_SEED, shareSeries, UNTIMED_TURNS } from './shared-series.ts';

const HOUR_US = 3_600_000_000;
const NAMES = ['hourly', 'daily', 'weekly'] as const;
const BIN_US = { hourly: HOUR_US, daily: 24 * HOUR_US, weekly: 168 * HOUR_US };
/** Weeks start on Monday; 1970-01-01 was a Thursday. */
const ORIGIN_US = { hourly: 0, daily: 0, weekly: 96 * HOUR_US };
const ROW_BYTES = 16;
const CHUNK_ROWS = 2 ** 20;

/** Ours in the form that all are compared in. */
export function binRowsOf(results: Record<string, readonly Record<string, unknown>[]>): BinRows {
  return NAMES.flatMap((name) =>
    (results[name] ?? []).map(({ ts, total, low, high, n, open, close }) =>
      [ts, total, low, high, n, open, close].map(Number),
    ),
  );
}

/** The tables that DuckDB made, in the same form. */
export async function duckDbBinRows(db: DuckDb): Promise<BinRows> {
  const all: BinRows = [];
  for (const name of NAMES) {
    const rows = await db.rows(`SELECT bin, total, low, high, n::BIGINT, open, close FROM ${name} ORDER BY bin`);
    for (const [bin, ...values] of rows)
      all.push([Number(bin) * BIN_US[name] + ORIGIN_US[name], ...values.map(Number)]);
  }
  return all;
}

/** @param folder where the series lies as Parquet */
async function installedPeers({ dataFolder, threads, rows }: Asked, folder: string, closers: (() => unknown)[]) {
  const polars = await peerOrReason('polars', async () => {
    const process = await openPolars(dataFolder, folder, threads);
    closers.push(() => process.close());
    let ms = 0;
    const run = async (): Promise<BinRows> => {
      const answer = await process.run('series');
      ms = answer.ms;
      return answer.rows as BinRows;
    };
    return { name: 'polars', version: process.version, run, insideMs: () => ms, goal: 10 };
  });
  const whole = orderedSeries(SERIES_SEED, 0, rows);
  const chunks = function* () {
    for (let from = 0; from < rows; from += CHUNK_ROWS)
      yield { ts: whole.ts.subarray(from, from + CHUNK_ROWS), value: whole.value.subarray(from, from + CHUNK_ROWS) };
  };
  return [
    polars,
    await peerOrReason('nodejs-polars', () => nodePolars(dataFolder, join(folder, 'series.parquet'))),
    await peerOrReason('arquero', () =>
      arquero(dataFolder, { ts: Float64Array.from(whole.ts, Number), value: whole.value }),
    ),
    nodeStreams(chunks),
  ];
}

async function peersOf(asked: Asked, folder: string, closers: (() => unknown)[]): Promise<(Peer | AbsentPeer)[]> {
  if (asked.isAlone) return [];
  const db = await openDuckDb(asked.threads);
  closers.push(() => db.close());
  await createSeriesTable(db, SERIES_SEED, asked.rows);
  const run = () => aggregateSeries(db);
  const result = async () => {
    await run();
    return duckDbBinRows(db);
  };
  const duckdb: Peer = { name: 'duckdb', version: db.version, run, result, goal: 20 };
  if (!asked.hasPeers) return [duckdb];
  await db.run(`COPY series TO ${quote(join(folder, 'series.parquet'))} (FORMAT parquet)`);
  return [duckdb, ...(await installedPeers(asked, folder, closers))];
}

export async function aggregateSharedRows(asked: Asked): Promise<Figure[]> {
  const { rows, threads, hardware, budgetMs } = asked;
  const folder = mkdtempSync(join(tmpdir(), 'spillway-bench-'));
  const closers: (() => unknown)[] = [];
  const table = await shareSeries(rows);
  try {
    const result = async () => {
      const { hourly, daily, weekly } = await aggregateShared(table, threads);
      return binRowsOf({ hourly: await hourly(), daily: await daily(), weekly: await weekly() });
    };
    return await contest({
      workload: 'W1',
      what: 'hour, day, week of rows in shared memory',
      rows,
      run: () => aggregateShared(table, threads),
      result,
      peers: await peersOf(asked, folder, closers),
      bound: boundOf('memory read once', rows * ROW_BYTES, hardware.memoryRead),
      untimed: UNTIMED_TURNS,
      budgetMs,
    });
  } finally {
    table.release();
    for (const close of closers) await close();
    rmSync(folder, { recursive: true, force: true });
  }
}
