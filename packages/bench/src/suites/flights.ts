/** The demo's job without its join, from a foreign Parquet file to files on disk, beside DuckDB. */
import assert from 'node:assert';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore, type Store } from '@spillway/core';
import { run } from '@spillway/workers';
import { flightsFile } from '../demo/flights-file.ts';
import type { Figure } from '../measure/figure.ts';
import { inTurns } from '../measure/in-turns.ts';
import { aggregateFlights, type DuckDb, openDuckDb, quote } from '../peers/duckdb.ts';
import { delaysJob } from './delays-job.ts';

const MEMORY_LIMIT_BYTES = 256 * 2 ** 20;
/** Means and deviations of the peer go through doubles. */
const TOLERANCE = 1e-11;

const RESULTS = {
  hourly: { per: 'all', freq: '1h' },
  daily: { per: 'all', freq: '1d' },
  weekly: { per: 'all', freq: '1w' },
  hourly_origin: { per: 'origin', freq: '1h' },
  daily_origin: { per: 'origin', freq: '1d' },
  weekly_origin: { per: 'origin', freq: '1w' },
} as const;

/** Compares one result with the peer's: integers and texts exactly, floats within the tolerance. */
async function checkEqual(db: DuckDb, store: Store, name: keyof typeof RESULTS, folder: string): Promise<void> {
  const files = (await store.dataset(RESULTS[name])).files().map(({ path }) => quote(path));
  const ours = `read_parquet([${files.join(', ')}])`;
  const theirs = quote(join(folder, `${name}.parquet`));
  const isFloat = (column: string): boolean => column === 'mean_delay' || column === 'sd_delay';
  const columns = (await db.rows(`DESCRIBE SELECT * FROM ${theirs}`)).map(([column]) => column as string);
  const keys = columns.filter((column) => column === 'date' || column === 'origin').join(', ');
  const same = columns.map((column) =>
    isFloat(column)
      ? `(a.${column} IS NOT DISTINCT FROM b.${column} OR abs(a.${column} - b.${column}) <= ${TOLERANCE} * greatest(abs(a.${column}), abs(b.${column}), 1))`
      : `a.${column} IS NOT DISTINCT FROM b.${column}`,
  );
  const query = `SELECT count(*) FILTER (NOT (${same.join(' AND ')})), count(*), (SELECT count(*) FROM ${theirs}) FROM ${ours} a FULL JOIN ${theirs} b USING (${keys})`;
  const [[differing, joined, expected] = []] = await db.rows(query);
  assert.deepStrictEqual([differing, joined], [0n, expected], `flights: ${name} differs from the peer's result`);
}

/** From the file of three million flights to six written results, ours into a store, the peer's into Parquet files. */
export async function flightsFromParquet(workers: number, rounds: number): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-bench-'));
  const theirFolder = join(folder, 'theirs');
  mkdirSync(theirFolder);
  const db = await openDuckDb(workers);
  try {
    const store = await openStore(join(folder, 'ours'));
    const ours = () => run(delaysJob(store, MEMORY_LIMIT_BYTES), { workers }).done;
    const theirs = () => aggregateFlights(db, flightsFile(), theirFolder);
    await ours();
    await theirs();
    for (const name of Object.keys(RESULTS)) await checkEqual(db, store, name as keyof typeof RESULTS, theirFolder);
    const asked = { workload: 'flights', what: 'flights, Parquet to six stored results' };
    return [await inTurns(asked, ours, { name: 'duckdb', version: db.version, run: theirs }, rounds)];
  } finally {
    db.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
