/**
 * Columns to Parquet, alone: four typed columns in shared memory are written to one file. Beside DuckDB, which writes a table that it has in
 * memory; its reader says whether both files hold the same.
 */
import assert from 'node:assert';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPipeline, fromShared, openStore, type SharedTable, shareTable } from '@spillway/core';
import { run } from '@spillway/workers';
import type { Figure } from '../measure/figure.ts';
import { inTurns } from '../measure/in-turns.ts';
import { type DuckDb, openDuckDb, quote } from '../peers/duckdb.ts';

const SHAPE = { ts: 'timestamp[us]', symbol: 'utf8', price: 'float64', qty: 'int64' } as const;
const START_US = 1_704_067_200_000_000;
const STEP_US = 50_000;
const SYMBOLS = 200;
const BATCH_ROWS = 65_536;
const MEBIBYTE = 2 ** 20;

/** Prices go up and down by cents; amounts and symbols by multiples of primes. */
function* parts(rows: number) {
  for (let from = 0; from < rows; from += BATCH_ROWS) {
    const count = Math.min(BATCH_ROWS, rows - from);
    const ts = new BigInt64Array(count);
    const price = new Float64Array(count);
    const qty = new BigInt64Array(count);
    const symbol: string[] = [];
    for (let i = 0; i < count; i++) {
      const row = from + i;
      ts[i] = BigInt(START_US + row * STEP_US);
      symbol.push(`S${(row * 7919) % SYMBOLS}`);
      price[i] = ((row * 31) % 20_011) / 100;
      qty[i] = BigInt((row * 6151) % 1009);
    }
    yield { ts, symbol, price, qty };
  }
}

const TABLE = (rows: number): string =>
  `SELECT make_timestamp((${START_US} + i * ${STEP_US})::BIGINT) AS ts, 'S' || ((i * 7919) % ${SYMBOLS})::VARCHAR AS symbol,
    ((i * 31) % 20011)::DOUBLE / 100 AS price, (i * 6151) % 1009 AS qty FROM range(${rows}) t(i)`;

const WAYS = [
  { what: 'Parquet, Snappy', compression: 'snappy', codec: 'snappy' },
  { what: 'Parquet, plain', compression: 'none', codec: 'uncompressed' },
] as const;

async function sumsOf(db: DuckDb, path: string): Promise<unknown[]> {
  const [sums = []] = await db.rows(
    `SELECT count(*), sum(epoch_us(ts) % 1000003)::BIGINT, sum(hash(symbol) % 1000003)::BIGINT, sum(hash(price) % 1000003)::BIGINT, sum(qty)::BIGINT FROM ${quote(path)}`,
  );
  return sums;
}

const source = (table: SharedTable) =>
  createPipeline({ memoryLimit: '256MiB' }).source(fromShared<typeof SHAPE>(table, { orderedOn: 'ts' }));

/** Each codec in turns with DuckDB, then a dataset of a store, which has checksums and a log beside. */
export async function columnsToFiles(rows: number, workers: number, rounds: number): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-bench-'));
  const db = await openDuckDb(workers);
  const table = await shareTable(SHAPE, parts(rows), { batchRows: BATCH_ROWS });
  const figures: Figure[] = [];
  const [mine, theirs] = [join(folder, 'mine.parquet'), join(folder, 'theirs.parquet')];
  const figure = async (what: string, codec: string, write: () => Promise<unknown>, isFile: boolean): Promise<void> => {
    const copy = () => db.rows(`COPY ticks TO ${quote(theirs)} (FORMAT parquet, CODEC '${codec}')`);
    await write();
    await copy();
    if (isFile) assert.deepStrictEqual(await sumsOf(db, mine), await sumsOf(db, theirs), `${what}: the rows differ`);
    const sizes = isFile
      ? `, ${(statSync(mine).size / MEBIBYTE).toFixed(0)} MiB (${(statSync(theirs).size / MEBIBYTE).toFixed(0)})`
      : '';
    const asked = { workload: 'columns', what: `columns to ${what}${sizes}`, rows };
    figures.push(await inTurns(asked, write, { name: 'duckdb', version: db.version, run: copy }, rounds));
  };
  try {
    await db.rows(`CREATE TABLE ticks AS ${TABLE(rows)}`);
    for (const { what, compression, codec } of WAYS)
      await figure(what, codec, () => run([source(table).toParquet(mine, { compression })], { workers }).done, true);
    const store = await openStore(join(folder, 'store'));
    const key = { table: 'ticks' };
    const write = () => run([source(table).toStore(store, { key, mode: 'overwrite' })], { workers }).done;
    await figure('a dataset of a store', 'snappy', write, false);
    return figures;
  } finally {
    db.close();
    table.release();
    rmSync(folder, { recursive: true, force: true });
  }
}
