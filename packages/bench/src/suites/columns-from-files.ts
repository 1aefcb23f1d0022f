/**
 * Text and Parquet to columns, alone: four typed columns are read whole and summed up, so that hardly anything but reading takes time.
 * Beside DuckDB, on files that it wrote.
 */
import assert from 'node:assert';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { agg, createPipeline, readCsv, readParquet } from '@spillway/core';
import { run } from '@spillway/workers';
import type { Figure } from '../measure/figure.ts';
import { inTurns } from '../measure/in-turns.ts';
import { type DuckDb, openDuckDb, quote } from '../peers/duckdb.ts';

const SCHEMA = { ts: 'timestamp[us]', symbol: 'utf8', price: 'float64', qty: 'int64' } as const;
const COLUMNS = "{ts: 'TIMESTAMP', symbol: 'VARCHAR', price: 'DOUBLE', qty: 'BIGINT'}";

const FILES = [
  { name: 'ticks.csv', what: 'CSV', options: 'FORMAT csv, HEADER' },
  { name: 'snappy.parquet', what: 'Parquet, Snappy', options: "FORMAT parquet, CODEC 'snappy'" },
  { name: 'zstd.parquet', what: 'Parquet, Zstandard', options: "FORMAT parquet, CODEC 'zstd'" },
  {
    name: 'second.parquet',
    what: 'Parquet of version 2, plain',
    options: "FORMAT parquet, CODEC 'uncompressed', PARQUET_VERSION V2",
  },
] as const;

/** What both sides have to come to. */
interface Sums {
  rows: bigint;
  qty: bigint;
  last: bigint;
}

async function ours(path: string, workers: number): Promise<Sums> {
  const source = path.endsWith('.csv')
    ? readCsv(path, { orderedOn: 'ts', schema: SCHEMA })
    : readParquet(path, { orderedOn: 'ts', schema: SCHEMA });
  const columns = {
    rows: agg.count('symbol'),
    qty: agg.sum('qty'),
    price: agg.sum('price'),
    last: agg.last('ts'),
  };
  const sink = createPipeline({ memoryLimit: '256MiB' })
    .source(source)
    .aggStream({ orderedOn: 'ts', aggregations: { all: { every: '100000d', columns } } })
    .all.collect();
  const job = run([sink], { workers });
  await job.done;
  const [row] = (await job.rows(sink)) as { rows: bigint; qty: bigint; last: bigint }[];
  assert(row);
  return { rows: row.rows, qty: row.qty, last: row.last };
}

async function theirs(db: DuckDb, path: string): Promise<Sums> {
  const table = path.endsWith('.csv') ? `read_csv(${quote(path)}, columns = ${COLUMNS}, header = true)` : quote(path);
  const query = `SELECT count(symbol), sum(qty)::BIGINT, epoch_us(max(ts)), sum(price) FROM ${table}`;
  const [[rows, qty, last] = []] = await db.rows(query);
  return { rows: rows as bigint, qty: qty as bigint, last: last as bigint };
}

/** Each kind of file in turns with DuckDB. */
export async function columnsFromFiles(rows: number, workers: number, rounds: number): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-bench-'));
  const db = await openDuckDb(workers);
  const figures: Figure[] = [];
  try {
    for (const { name, what, options } of FILES) {
      const path = join(folder, name);
      await db.rows(
        `COPY (SELECT TIMESTAMP '2024-01-01' + to_microseconds(i * 50000) AS ts, 'S' || (hash(i) % 200)::VARCHAR AS symbol,
          (hash(i + 1) % 1000000)::DOUBLE / 100 AS price, (hash(i + 2) % 1000)::BIGINT AS qty FROM range(${rows}) t(i)) TO ${quote(path)} (${options})`,
      );
      const mine = () => ours(path, workers);
      const peer = { name: 'duckdb', version: db.version, run: () => theirs(db, path) };
      assert.deepStrictEqual(await mine(), await peer.run(), `${what}: the sums differ from the peer's`);
      figures.push(await inTurns({ workload: 'columns', what: `${what} to columns`, rows }, mine, peer, rounds));
      rmSync(path);
    }
    return figures;
  } finally {
    db.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
