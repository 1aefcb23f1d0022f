/**
 * Sort, as-of join, aggregate and store at 256 MiB: quotes out of order and trades, from Parquet files. We and two peers, each in a process of
 * its own whose resident size is read from outside; results are compared before anything is reported. A peer that does not come to its end
 * is reported with what it said.
 */
import assert from 'node:assert';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openStore } from '@spillway/core';
import type { Summary } from '@spillway/workers';
import { FULL_MARKET, makeMarketFiles, SMALL_MARKET } from '../market/market-files.ts';
import { MINUTES_KEY } from '../market/market-job.ts';
import type { Figure } from '../measure/figure.ts';
import { OutsideWatch } from '../memory/outside-watch.ts';
import { PROMISED_FACTOR } from '../memory/watch-peak.ts';
import { type DuckDb, openDuckDb, quote } from '../peers/duckdb.ts';
import { pythonWithPolars } from '../peers/polars.ts';
import { indentedTable } from '../report/indented-table.ts';
import type { Asked } from './asked.ts';

const MEBIBYTE = 2 ** 20;
const LIMIT_BYTES = 256 * MEBIBYTE;
/** The peers' sums of doubles depend on their order, ours do not. */
const TOLERANCE = 1e-9;

/** How one engine fared. */
interface Outcome {
  engine: string;
  ms: number;
  peakBytes: number;
  /** Why it did not come to its end. */
  failure: string | undefined;
  stdout: string;
}

const built = (name: string): string => fileURLToPath(new URL(`../market/${name}`, import.meta.url));
const SCRIPT = fileURLToPath(new URL('../../src/market/polars-child.py', import.meta.url));

async function watched(engine: string, command: string, args: string[]): Promise<Outcome> {
  const from = performance.now();
  const child: ChildProcess = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, POLARS_MAX_THREADS: '2' },
  });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name]?.setEncoding('utf8').on('data', (text: string) => (said[name] += text));
  await once(child, 'spawn');
  const watch = new OutsideWatch(child.pid as number);
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  watch.stop();
  const failure = code === 0 ? undefined : `${reasonIn(said.stderr)} (${signal ?? `code ${code}`})`;
  return { engine, ms: performance.now() - from, peakBytes: watch.peakBytes, failure, stdout: said.stdout };
}

/** The line that says why, of what a process said before it died. */
function reasonIn(text: string): string {
  const lines = text.trim().split('\n');
  const line = lines.find((candidate) => /error|memory|panic/i.test(candidate)) ?? lines.at(-1) ?? '';
  return line.trim().slice(0, 120);
}

/** Integers, texts and times exactly, sums within the tolerance. */
async function checkEqual(db: DuckDb, ours: string, engine: string, theirs: string): Promise<void> {
  const exact = ['n', 'quoted', 'volume', 'bid', 'ask'].map((column) => `a.${column} IS NOT DISTINCT FROM b.${column}`);
  const close = `(a.over IS NULL AND b.over IS NULL) OR abs(a.over - b.over) <= ${TOLERANCE} * greatest(1, abs(a.over))`;
  const [[differing, joined] = []] = await db.rows(
    `SELECT count(*) FILTER (a.ts IS NULL OR b.ts IS NULL OR NOT (${exact.join(' AND ')} AND (${close}))), count(*)
     FROM (FROM ${ours}) a FULL JOIN (SELECT * REPLACE (symbol::VARCHAR AS symbol) FROM read_parquet(${quote(theirs)})) b USING (ts, symbol)`,
  );
  assert(
    Number(joined) > 0 && differing === 0n,
    `W5: ${String(differing)} of ${String(joined)} rows differ from those of ${engine}`,
  );
}

function print(outcomes: readonly Outcome[], summary: Summary): void {
  const cells = outcomes.map(({ engine, ms, peakBytes, failure }) => {
    const mebibytes = (bytes: number): string => (bytes / MEBIBYTE).toFixed(0);
    const isOurs = engine === 'spillway';
    const idle = isOurs ? mebibytes(summary.idleRssBytes) : '';
    const disk = isOurs ? `${(summary.spilledBytes / 2 ** 30).toFixed(1)} GiB` : '';
    return [engine, failure ?? 'completes', `${(ms / 1000).toFixed(1)} s`, mebibytes(peakBytes), idle, disk];
  });
  const titles = ['engine', 'outcome', 'time', 'peak RSS, MiB', 'idle', 'spilled'];
  console.log(
    indentedTable(
      titles.map((title, i) => ({ title, align: i < 2 ? 'left' : 'right' })),
      cells,
    ),
  );
}

/** All three, one behind the other. @throws when our run fails, breaks the promise, or results differ */
export async function marketAtLimit({ isFull, hasPeers, dataFolder }: Asked): Promise<Figure[]> {
  const scratch = mkdtempSync(join(tmpdir(), 'spillway-market-'));
  const data = join(dataFolder, isFull ? 'four-days' : 'small');
  mkdirSync(data, { recursive: true });
  try {
    await makeMarketFiles(data, isFull ? FULL_MARKET : SMALL_MARKET);
    const storeFolder = join(scratch, 'store');
    const ours = await watched('spillway', process.execPath, [
      built('spillway-child.js'),
      data,
      storeFolder,
      String(LIMIT_BYTES),
    ]);
    assert(ours.failure === undefined, `W5: ${ours.failure}`);
    const summary = JSON.parse(ours.stdout) as Summary;
    const outcomes = [ours, ...(await runPeers(data, hasPeers ? dataFolder : undefined, scratch))];
    await compare(outcomes, storeFolder, scratch);
    print(outcomes, summary);
    const used = (ours.peakBytes - summary.idleRssBytes) / (LIMIT_BYTES * PROMISED_FACTOR);
    assert(used <= 1, `W5: the process grew by ${(used * 100).toFixed(0)} % of what was promised`);
    return figuresOf(outcomes, isFull);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** For DuckDB where it does not complete: somebody has to say what the right result is. */
const ROOMY = '8GB';

const resultOf = (scratch: string, engine: string): string => join(scratch, `${engine}.parquet`);

/** @param environment where Polars is kept, if it takes part */
async function runPeers(data: string, environment: string | undefined, scratch: string): Promise<Outcome[]> {
  const duckdb = (engine: string, limit: string): Promise<Outcome> =>
    watched(engine, process.execPath, [built('duckdb-child.js'), data, resultOf(scratch, engine), scratch, limit]);
  const peers = [await duckdb('duckdb', `${LIMIT_BYTES / MEBIBYTE}MB`)];
  if (peers[0]?.failure !== undefined) peers.push(await duckdb(`duckdb, ${ROOMY}`, ROOMY));
  if (environment === undefined) return peers;
  try {
    const python = await pythonWithPolars(environment);
    peers.push(await watched('polars', python, [SCRIPT, data, resultOf(scratch, 'polars')]));
  } catch (error) {
    console.error(`Polars is left out: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`);
  }
  return peers;
}

async function compare(outcomes: readonly Outcome[], storeFolder: string, scratch: string): Promise<void> {
  const files = (await (await openStore(storeFolder)).dataset(MINUTES_KEY)).files().map(({ path }) => quote(path));
  const db = await openDuckDb(2);
  try {
    const completed = outcomes.slice(1).filter(({ failure }) => failure === undefined);
    assert(completed.length > 0, 'W5: no peer came to its end, so nobody says what the right result is');
    for (const { engine } of completed)
      await checkEqual(db, `read_parquet([${files.join(', ')}])`, engine, resultOf(scratch, engine));
  } finally {
    db.close();
  }
}

function figuresOf([ours, ...peers]: readonly Outcome[], isFull: boolean): Figure[] {
  assert(ours);
  const what = `sort, as-of join, aggregate, store at 256 MiB${isFull ? '' : ' (small data)'}`;
  return peers.map(({ engine, ms, failure }) => ({
    workload: 'W5',
    what,
    ours: ours.ms,
    unit: 'ms',
    peer: failure === undefined ? { name: engine, value: ms } : { name: engine, note: failure },
    ...(failure === undefined && { ratio: ms / ours.ms }),
    ...(engine === 'duckdb' && failure === undefined && { target: { atLeastRatio: 3 } }),
  }));
}
