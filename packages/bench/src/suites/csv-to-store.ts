/** W3: a CSV file to an ordered store, with statistics and checksums, beside peers that write a Zstandard Parquet file; then in little memory. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openStore, type Store } from '@spillway/core';
import { run, type Summary } from '@spillway/workers';
import { type AbsentPeer, contest, type Peer, peerOrReason } from '../measure/contest.ts';
import type { Figure } from '../measure/figure.ts';
import { boundOf } from '../measure/hardware.ts';
import { OutsideWatch } from '../memory/outside-watch.ts';
import { type DuckDb, openDuckDb, quote } from '../peers/duckdb.ts';
import { openPolars, type PolarsProcess } from '../peers/polars.ts';
import type { Asked } from './asked.ts';
import { CSV_KEY, csvJob } from './csv-job.ts';
import { ticksQuery } from './ticks-text.ts';

const COLUMNS = "{ts: 'TIMESTAMP', symbol: 'VARCHAR', price: 'DOUBLE', qty: 'BIGINT'}";
const CHILD = fileURLToPath(new URL('./csv-child.js', import.meta.url));
const MEBIBYTE = 2 ** 20;
const SMALL_LIMIT_BYTES = 64 * MEBIBYTE;

/** What tells whether files hold the same rows. */
async function sumsOf(db: DuckDb, files: readonly string[]): Promise<unknown[]> {
  const [sums = []] = await db.rows(
    `SELECT count(*), sum(epoch_us(ts) % 1000003)::BIGINT, sum(hash(symbol) % 1000003)::BIGINT, sum(hash(price) % 1000003)::BIGINT,
      sum(qty)::BIGINT FROM read_parquet([${files.map(quote).join(', ')}])`,
  );
  return sums;
}

async function storeFiles(store: Store): Promise<string[]> {
  return (await store.dataset(CSV_KEY)).files().map(({ path }) => path);
}

async function peersOf(asked: Asked, db: DuckDb, csv: string, folder: string, closers: (() => unknown)[]) {
  const peers: (Peer | AbsentPeer)[] = [];
  if (asked.isAlone) return peers;
  const theirs = join(folder, 'duckdb.parquet');
  const copy = () =>
    db.run(`COPY (SELECT * FROM read_csv(${quote(csv)}, columns = ${COLUMNS}, header = true)) TO ${quote(theirs)}
      (FORMAT parquet, CODEC 'zstd')`);
  const result = async () => {
    await copy();
    return sumsOf(db, [theirs]);
  };
  peers.push({ name: 'duckdb', version: db.version, run: copy, result, goal: 6 });
  if (!asked.hasPeers) return peers;
  peers.push(
    await peerOrReason('polars', async () => {
      const empty = join(folder, 'empty');
      mkdirSync(empty);
      const polars: PolarsProcess = await openPolars(asked.dataFolder, empty, asked.threads);
      closers.push(() => polars.close());
      const path = join(folder, 'polars.parquet');
      let ms = 0;
      const write = async () => {
        ms = (await polars.run('csv_to_parquet', csv, path)).ms;
      };
      const sums = async () => {
        await write();
        return sumsOf(db, [path]);
      };
      return { name: 'polars', version: polars.version, run: write, result: sums, insideMs: () => ms, goal: 4 };
    }),
  );
  return peers;
}

/** The same in a process of its own, whose resident size is read from outside. */
async function inLittleMemory(csv: string, folder: string, rows: number, threads: number): Promise<Figure[]> {
  const args = [CHILD, csv, join(folder, 'small'), String(SMALL_LIMIT_BYTES), String(threads)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  await once(child, 'spawn');
  const watch = new OutsideWatch(child.pid as number);
  const [code] = (await once(child, 'close')) as [number | null];
  watch.stop();
  if (code !== 0) throw new Error(`W3: the process with little memory ended with ${code}`);
  const { elapsedMs } = JSON.parse(said) as Summary;
  return [
    { workload: 'W3', what: 'CSV to an ordered store at 64 MiB', rows, ours: elapsedMs, unit: 'ms' },
    {
      workload: 'W3',
      what: 'its peak RSS, whole process',
      rows,
      ours: watch.peakBytes / MEBIBYTE,
      unit: 'MiB',
      target: { atMost: 160 },
    },
  ];
}

export async function csvToStore(asked: Asked): Promise<Figure[]> {
  const { rows, threads, hardware, budgetMs, dataFolder } = asked;
  // Beside other large files: what is temporary may lie in memory.
  const folder = mkdtempSync(join(dataFolder, 'csv-'));
  const db = await openDuckDb(threads);
  const closers: (() => unknown)[] = [() => db.close()];
  try {
    const csv = join(folder, 'ticks.csv');
    await db.run(`COPY (${ticksQuery(0, rows)}) TO ${quote(csv)} (FORMAT csv, HEADER)`);
    const store = await openStore(join(folder, 'store'));
    const write = async () => {
      await run([csvJob(csv, store)], { workers: threads }).done;
      // What was replaced is not kept: the disk would fill.
      await store.vacuum(CSV_KEY, { retention: 0 });
    };
    const result = async () => {
      await write();
      return sumsOf(db, await storeFiles(store));
    };
    const figures = await contest({
      workload: 'W3',
      what: 'CSV to an ordered store',
      rows,
      run: write,
      result,
      peers: await peersOf(asked, db, csv, folder, closers),
      bound: boundOf('text read from the page cache', statSync(csv).size, hardware.cachedRead),
      budgetMs,
    });
    if (asked.isAlone) return figures;
    const ours = (await storeFiles(store)).reduce((sum, path) => sum + statSync(path).size, 0);
    const theirs = statSync(join(folder, 'duckdb.parquet')).size;
    figures.push({
      workload: 'W3',
      what: "size of the stored dataset, beside DuckDB's Zstandard file",
      rows,
      ours: ours / MEBIBYTE,
      unit: 'MiB',
      peer: { name: 'duckdb', value: theirs / MEBIBYTE },
      ratio: theirs / ours,
      target: { atLeastRatio: 1 },
    });
    return [...figures, ...(await inLittleMemory(csv, folder, rows, threads))];
  } finally {
    for (const close of closers) await close();
    rmSync(folder, { recursive: true, force: true });
  }
}
