/** One workload over tables in memory beside DuckDB and Polars: results compared first, then all of them in turns. */
import assert from 'node:assert';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DuckDb, openDuckDb, quote } from '../peers/duckdb.ts';
import { openPolars } from '../peers/polars.ts';
import { alternate, median } from './alternate.ts';
import type { Figure } from './figure.ts';
import { UNTIMED_TURNS } from './shared-series.ts';

export interface Workload {
  name: string;
  what: string;
  /** SQL of each table, by name. */
  tables: Record<string, string>;
  /** DuckDB's query, rows of numbers in order. */
  sql: string;
  /** Name of the query in `polars-child.py`. */
  polars: string;
  run(): Promise<unknown[][]>;
  /** Ratios to DuckDB and to Polars. */
  goals: { duckdb: number; polars: number };
}

const numbers = (rows: readonly (readonly unknown[])[]): (number | null)[][] =>
  rows.map((row) => row.map((value) => (value === null ? null : Number(value))));

/** Makes the peers' tables; the peers run in this order, each result equal to ours. */
export async function besidePeers(
  workload: Workload,
  threads: number,
  rounds: number,
  keptFolder: string | undefined,
): Promise<Figure[]> {
  const scratch = mkdtempSync(join(tmpdir(), 'spillway-bench-'));
  const db = await openDuckDb(threads);
  try {
    for (const [name, sql] of Object.entries(workload.tables)) await makeTable(db, name, sql, scratch);
    const polars = await openPolars(keptFolder ?? scratch, scratch, threads);
    try {
      const ours = numbers(await workload.run());
      assert.deepStrictEqual(ours, numbers(await db.rows(workload.sql)), `${workload.name}: DuckDB's result differs`);
      assert.deepStrictEqual(
        ours,
        numbers((await polars.run(workload.polars)).rows),
        `${workload.name}: that of Polars differs`,
      );
      const inside: number[] = [];
      const timings = await alternate(
        [
          { name: 'spillway', run: () => workload.run() },
          { name: 'duckdb', run: () => db.rows(workload.sql) },
          { name: 'polars', run: async () => void inside.push((await polars.run(workload.polars)).ms) },
        ],
        rounds,
        UNTIMED_TURNS,
      );
      const [own, duckdb] = timings;
      assert(own && duckdb);
      // Without the way there and back.
      const theirs = { duckdb: duckdb.medianMs, polars: median(inside.slice(-rounds)) };
      return (['duckdb', 'polars'] as const).map((name) => ({
        workload: workload.name,
        what: workload.what,
        ours: own.medianMs,
        unit: 'ms',
        peer: { name, value: theirs[name] },
        ratio: theirs[name] / own.medianMs,
        target: { atLeastRatio: workload.goals[name] },
      }));
    } finally {
      polars.close();
    }
  } finally {
    db.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function makeTable(db: DuckDb, name: string, sql: string, folder: string): Promise<void> {
  await db.run(`CREATE OR REPLACE TABLE ${name} AS ${sql}`);
  await db.run(`COPY ${name} TO ${quote(join(folder, `${name}.parquet`))} (FORMAT parquet)`);
}
