/** One workload over tables in memory beside DuckDB and, where asked, Polars. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AbsentPeer, contest, type Peer, peerOrReason } from '../measure/contest.ts';
import type { Bound, Figure } from '../measure/figure.ts';
import { openDuckDb, quote } from '../peers/duckdb.ts';
import { openPolars } from '../peers/polars.ts';
import type { Asked } from './asked.ts';
import { UNTIMED_TURNS } from './shared-series.ts';

export interface Workload {
  name: string;
  what: string;
  rows: number;
  /** SQL of each table, by name. */
  tables: Record<string, string>;
  /** DuckDB's query, rows of numbers in order. */
  sql: string;
  /** Name of the query in `polars-child.py`. */
  polars: string;
  run(): Promise<unknown[][]>;
  /** Ratios to DuckDB and to Polars. */
  goals: { duckdb: number; polars: number };
  bound: Bound;
}

const numbers = (rows: readonly (readonly unknown[])[]): (number | null)[][] =>
  rows.map((row) => row.map((value) => (value === null ? null : Number(value))));

async function peersOf(
  workload: Workload,
  asked: Asked,
  scratch: string,
  closers: (() => unknown)[],
): Promise<(Peer | AbsentPeer)[]> {
  if (asked.isAlone) return [];
  const db = await openDuckDb(asked.threads);
  closers.push(() => db.close());
  for (const [name, sql] of Object.entries(workload.tables)) await db.run(`CREATE OR REPLACE TABLE ${name} AS ${sql}`);
  const run = () => db.rows(workload.sql);
  const result = async () => numbers(await run());
  const duckdb: Peer = { name: 'duckdb', version: db.version, run, result, goal: workload.goals.duckdb };
  if (!asked.hasPeers) return [duckdb];
  const polars = await peerOrReason('polars', async () => {
    for (const name of Object.keys(workload.tables))
      await db.run(`COPY ${name} TO ${quote(join(scratch, `${name}.parquet`))} (FORMAT parquet)`);
    const process = await openPolars(asked.dataFolder, scratch, asked.threads);
    closers.push(() => process.close());
    let ms = 0;
    const ask = async () => {
      const answer = await process.run(workload.polars);
      ms = answer.ms;
      return numbers(answer.rows);
    };
    return { name: 'polars', version: process.version, run: ask, insideMs: () => ms, goal: workload.goals.polars };
  });
  return [duckdb, polars];
}

/** Makes the peers' tables; the peers run in this order, each result equal to ours. */
export async function besidePeers(workload: Workload, asked: Asked): Promise<Figure[]> {
  const scratch = mkdtempSync(join(tmpdir(), 'spillway-bench-'));
  const closers: (() => unknown)[] = [];
  try {
    return await contest({
      workload: workload.name,
      what: workload.what,
      rows: workload.rows,
      run: () => workload.run(),
      result: async () => numbers(await workload.run()),
      peers: await peersOf(workload, asked, scratch, closers),
      bound: workload.bound,
      untimed: UNTIMED_TURNS,
      budgetMs: asked.budgetMs,
    });
  } finally {
    for (const close of closers) await close();
    rmSync(scratch, { recursive: true, force: true });
  }
}
