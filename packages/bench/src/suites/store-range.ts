/** Reading one day of a thousand out of a dataset: opening it, reading the rows and summing them up. Beside DuckDB on a file of the same rows. */
import assert from 'node:assert';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPipeline, openStore, readParquet } from '@spillway/core';
import { run } from '@spillway/workers';
import type { Figure } from '../measure/figure.ts';
import { inTurns } from '../measure/in-turns.ts';
import { openDuckDb, quote } from '../peers/duckdb.ts';

const SCHEMA = { ts: 'timestamp[us]', price: 'float64', qty: 'int64' } as const;
const KEY = { name: 'ticks' };
const DAYS = 1000;
/** 2021-09-27, in the middle. */
const [FROM, TO] = ['2021-09-27', '2021-09-28'];

interface Sums {
  rows: number;
  qty: bigint;
  price: number;
}

async function ours(root: string): Promise<Sums> {
  const dataset = await (await openStore(root)).dataset(KEY);
  const sums: Sums = { rows: 0, qty: 0n, price: 0 };
  for await (const batch of dataset.read({ from: FROM, to: TO, columns: ['price', 'qty'] })) {
    sums.rows += batch.numRows;
    const [qty, price] = ['qty', 'price'].map((name) => batch.getChild(name)?.toArray() ?? []);
    for (const value of qty as BigInt64Array) sums.qty += value;
    for (const value of price as Float64Array) sums.price += value;
  }
  return sums;
}

/** @param rows of all days together */
export async function readOneDay(rows: number, workers: number, rounds: number): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-bench-'));
  const db = await openDuckDb(workers);
  try {
    const path = join(folder, 'ticks.parquet');
    const step = Math.round((DAYS * 86_400_000_000) / rows);
    // Prices are multiples of 1/128, so that their sum is exact in any order.
    await db.rows(`COPY (SELECT TIMESTAMP '2020-05-16' + to_microseconds(i * ${step}) AS ts, (hash(i) % 1000000)::DOUBLE / 128 AS price,
      (hash(i + 1) % 1000)::BIGINT AS qty FROM range(${rows}) t(i)) TO ${quote(path)} (FORMAT parquet)`);
    const root = join(folder, 'store');
    const store = await openStore(root);
    const source = readParquet(path, { orderedOn: 'ts', schema: SCHEMA });
    await run(
      createPipeline({ memoryLimit: '512MiB' }).source(source).toStore(store, { key: KEY, rowGroupTarget: '1d' }),
      {
        workers,
      },
    ).done;
    const theirs = async (): Promise<Sums> => {
      const [[count, qty, price] = []] =
        await db.rows(`SELECT count(*), sum(qty)::BIGINT, sum(price) FROM ${quote(path)}
        WHERE ts >= TIMESTAMP '${FROM}' AND ts < TIMESTAMP '${TO}'`);
      return { rows: Number(count), qty: qty as bigint, price: Number(price) };
    };
    const [mine, peer] = [await ours(root), await theirs()];
    assert(mine.rows > 0);
    assert.deepStrictEqual(mine, peer, "the day's sums differ from DuckDB's");
    const asked = { workload: 'store-range', what: `one day of ${DAYS} read`, rows };
    const beside = { name: 'duckdb', version: db.version, run: theirs };
    return [await inTurns(asked, () => ours(root), beside, 4 * rounds)];
  } finally {
    db.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
