/**
 * Merging one row in a hundred into a dataset of ordered rows, of equal times the new ones staying: in one place, and all over. Beside
 * DuckDB, which has to write its file anew (what lies before and behind is copied as it is), and OUPS.
 */
import assert from 'node:assert';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPipeline, exportOups, openStore, readParquet, type Store } from '@spillway/core';
import { run } from '@spillway/workers';
import { median, spreadOf } from '../measure/alternate.ts';
import type { Figure } from '../measure/figure.ts';
import { type DuckDb, openDuckDb, quote } from '../peers/duckdb.ts';
import { openOups } from '../peers/oups.ts';

const SCHEMA = { ts: 'timestamp[us]', price: 'float64', qty: 'int64' } as const;
const KEY = { name: 'ticks' };
const TARGET = 1_000_000;

/** Rows by number, half a second apart. `shift` makes the corrections other rows. */
function rowsOf(from: string, shift: number): string {
  return `SELECT TIMESTAMP '2024-01-01' + to_microseconds(i * 500000) AS ts, (hash(i + ${shift}) % 1000000)::DOUBLE / 128 AS price,
    (hash(i + ${shift + 1}) % 1000)::BIGINT AS qty FROM ${from}`;
}

interface Place {
  what: string;
  /** Numbers of the rows that are corrected. */
  range: (rows: number) => string;
  /** Rewrites the file `base` with the rows of `corrections`. */
  rewrite: string;
}

const KEPT = '(SELECT * FROM base ANTI JOIN corrections USING (ts) UNION ALL SELECT * FROM corrections)';
const PLACES: readonly Place[] = [
  {
    what: 'in one place',
    range: (rows) => `range(${rows / 2}, ${rows / 2 + rows / 100}) t(i)`,
    rewrite: `SELECT * FROM base WHERE ts < (SELECT min(ts) FROM corrections)
      UNION ALL (SELECT * FROM ${KEPT} WHERE ts BETWEEN (SELECT min(ts) FROM corrections) AND (SELECT max(ts) FROM corrections) ORDER BY ts)
      UNION ALL SELECT * FROM base WHERE ts > (SELECT max(ts) FROM corrections)`,
  },
  { what: 'all over', range: (rows) => `range(0, ${rows}, 100) t(i)`, rewrite: `SELECT * FROM ${KEPT} ORDER BY ts` },
];

/** What tells whether rows are the same, whatever their order; each source is in order of itself. */
async function digest(db: DuckDb, files: readonly string[]): Promise<unknown> {
  const list = files.map(quote).join(', ');
  const [row] = await db.rows(`SELECT count(*), bit_xor(hash(epoch_us(ts::TIMESTAMP), price, qty)), sum(qty)::BIGINT
    FROM read_parquet([${list}])`);
  return row;
}

async function merge(store: Store, path: string, workers: number): Promise<void> {
  const source = readParquet(path, { orderedOn: 'ts', schema: SCHEMA });
  const options = { key: KEY, duplicatesOn: ['ts'], rowGroupTarget: TARGET } as const;
  await run(createPipeline({ memoryLimit: '512MiB' }).source(source).toStore(store, options), { workers }).done;
}

async function storeFiles(store: Store): Promise<string[]> {
  return (await store.dataset(KEY)).files().map(({ path }) => path);
}

/** Milliseconds of each round. */
type Times = Record<'ours' | 'duckdb' | 'oups', number[]>;

/** @throws where files have other rows than those of the peer */
async function checkEqual(db: DuckDb, peers: readonly string[], others: readonly (readonly string[])[]): Promise<void> {
  const expected = await digest(db, peers);
  for (const files of others)
    assert.deepStrictEqual(await digest(db, files), expected, `the rows of ${files[0]} differ from DuckDB's`);
}

function figuresOf(what: string, rows: number, times: Times): Figure[] {
  const ours = median(times.ours);
  return (['duckdb', 'oups'] as const)
    .filter((name) => times[name].length > 0)
    .map((name) => {
      const value = median(times[name]);
      return {
        workload: 'store-merge',
        what,
        rows,
        ours,
        spread: spreadOf(times.ours),
        unit: 'ms',
        peer: { name, value, spread: spreadOf(times[name]) },
        ratio: value / ours,
      };
    });
}

/** One place of corrections. @param folder holds the base */
async function mergeAt(
  place: Place,
  folder: string,
  rows: number,
  workers: number,
  rounds: number,
  environment: string,
): Promise<Figure[]> {
  const [base, corrections, rewritten] = ['base', 'corrections', 'rewritten'].map((name) =>
    join(folder, `${name}.parquet`),
  ) as [string, string, string];
  const here = join(folder, 'here');
  const db = await openDuckDb(workers);
  const store = await openStore(join(here, 'ours'));
  try {
    await db.rows(`COPY (${rowsOf(place.range(rows), 7)}) TO ${quote(corrections)} (FORMAT parquet)`);
    await db.run(`CREATE VIEW base AS FROM ${quote(base)}; CREATE VIEW corrections AS FROM ${quote(corrections)}`);
    const source = readParquet(base, { orderedOn: 'ts', schema: SCHEMA });
    await run(
      createPipeline({ memoryLimit: '512MiB' }).source(source).toStore(store, { key: KEY, rowGroupTarget: TARGET }),
      { workers },
    ).done;
    const [there] = await exportOups(store, join(here, 'oups'));
    const peer = await openOups(
      environment,
      { folder: join(here, 'oups'), name: KEY.name, rowGroupTarget: TARGET },
      corrections,
    );
    const times: Times = { ours: [], duckdb: [], oups: [] };
    try {
      // The first turn is not counted: it also shows that all come to the same.
      for (let round = 0; round <= rounds; round += 1) {
        const start = performance.now();
        await merge(store, corrections, workers);
        const middle = performance.now();
        await db.rows(`COPY (${place.rewrite}) TO ${quote(rewritten)} (FORMAT parquet)`);
        const end = performance.now();
        const other = await peer?.merge();
        // What was replaced is not kept: the disk would fill.
        await store.vacuum(KEY, { retention: 0 });
        if (round > 0) {
          times.ours.push(middle - start);
          times.duckdb.push(end - middle);
          if (other !== undefined) times.oups.push(other);
          continue;
        }
        const copies = there === undefined || peer === undefined ? [] : [[join(there.path, '*.parquet')]];
        await checkEqual(db, [rewritten], [await storeFiles(store), ...copies]);
      }
    } finally {
      await peer?.close();
    }
    return figuresOf(`1 % of a dataset's rows merged, ${place.what}`, rows, times);
  } finally {
    db.close();
    rmSync(here, { recursive: true, force: true });
  }
}

/** @param keptFolder where the Python with OUPS stays; made afresh without */
export async function mergeIntoStore(
  rows: number,
  workers: number,
  rounds: number,
  keptFolder: string | undefined,
): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-bench-'));
  try {
    const db = await openDuckDb(workers);
    await db.rows(
      `COPY (${rowsOf(`range(${rows}) t(i)`, 0)}) TO ${quote(join(folder, 'base.parquet'))} (FORMAT parquet)`,
    );
    db.close();
    const figures: Figure[] = [];
    for (const place of PLACES)
      figures.push(...(await mergeAt(place, folder, rows, workers, rounds, keptFolder ?? folder)));
    return figures;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
