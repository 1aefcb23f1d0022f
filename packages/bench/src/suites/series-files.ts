/**
 * W2: hours, days and weeks of a series that lies in files, the results stored. From a dataset of our own store (W2a), which the peers may
 * read too or have in a file of their own; and from files that another program wrote, in Snappy and in Zstandard (W2b).
 */
import assert from 'node:assert';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createPipeline,
  fromShared,
  openStore,
  readParquet,
  readStore,
  type Sink,
  type Source,
  type Store,
} from '@spillway/core';
import { run } from '@spillway/workers';
import { alternate } from '../measure/alternate.ts';
import { type AbsentPeer, contest, type Peer, peerOrReason } from '../measure/contest.ts';
import { fastestOf } from '../measure/fastest.ts';
import type { Figure } from '../measure/figure.ts';
import { boundOf } from '../measure/hardware.ts';
import { emptyPageCache } from '../measure/page-cache.ts';
import { unpackBound } from '../measure/unpack-alone.ts';
import { aggregateSeries, copySeriesOut, createSeriesTable, type DuckDb, openDuckDb, quote } from '../peers/duckdb.ts';
import { openPolars, type PolarsProcess } from '../peers/polars.ts';
import type { BinRows } from '../peers/series-in-javascript.ts';
import { duckDbBinRows } from './aggregate-shared.ts';
import type { Asked } from './asked.ts';
import { SERIES_SEED, SERIES_SHAPE, seriesBins, shareSeries } from './shared-series.ts';

const ROWS_KEY = { rows: 'series' };
const COLD_TURNS = 5;
const NAMES = ['hourly', 'daily', 'weekly'] as const;

interface Files {
  folder: string;
  store: Store;
  /** Of our dataset, in order. */
  own: string[];
  snappy: string;
  zstd: string;
}

/** A dataset of so many rows. */
export async function storeSeries(store: Store, rows: number, threads: number): Promise<void> {
  const table = await shareSeries(rows);
  try {
    const series = createPipeline({ memoryLimit: '256MiB' }).source(
      fromShared<typeof SERIES_SHAPE>(table, { orderedOn: 'ts' }),
    );
    await run([series.toStore(store, { key: ROWS_KEY })], { workers: threads }).done;
  } finally {
    table.release();
  }
}

/** The dataset as a source. */
export async function storedSeries(store: Store): Promise<Source<typeof SERIES_SHAPE>> {
  const dataset = await store.dataset(ROWS_KEY);
  return readStore(dataset, { schema: SERIES_SHAPE }) as Source<typeof SERIES_SHAPE>;
}

async function makeFiles(folder: string, { rows, threads }: Asked): Promise<Files> {
  const store = await openStore(join(folder, 'store'));
  await storeSeries(store, rows, threads);
  const db = await openDuckDb(threads);
  await createSeriesTable(db, SERIES_SEED, rows);
  const [snappy, zstd] = [join(folder, 'snappy.parquet'), join(folder, 'zstd.parquet')];
  await db.run(`COPY series TO ${quote(snappy)} (FORMAT parquet, CODEC 'snappy')`);
  await db.run(`COPY series TO ${quote(zstd)} (FORMAT parquet, CODEC 'zstd')`);
  db.close();
  const own = (await store.dataset(ROWS_KEY)).files().map(({ path }) => path);
  return { folder, store, own, snappy, zstd };
}

/** Three datasets of the store, each anew. */
export function storedBins(store: Store, source: Source<typeof SERIES_SHAPE>): Sink[] {
  const bins = seriesBins(source);
  return NAMES.map((freq) => bins[freq].toStore(store, { key: { freq }, mode: 'overwrite' }));
}

export async function aggregateInto(store: Store, source: Source<typeof SERIES_SHAPE>, threads: number): Promise<void> {
  await run(storedBins(store, source), { workers: threads }).done;
}

async function storedBinRows(db: DuckDb, store: Store): Promise<BinRows> {
  const all: BinRows = [];
  for (const freq of NAMES) {
    const files = (await store.dataset({ freq })).files().map(({ path }) => quote(path));
    const rows = await db.rows(
      `SELECT epoch_us(ts), total, low, high, n, open, close FROM read_parquet([${files.join(', ')}]) ORDER BY ts`,
    );
    all.push(...rows.map((row) => row.map(Number)));
  }
  return all;
}

/** @param choices files that a peer may read; the fastest is taken */
async function duckDbPeer(db: DuckDb, choices: readonly string[][], folder: string, goal: number): Promise<Peer> {
  const forms = choices.map((files) => async (): Promise<void> => {
    await aggregateSeries(db, `read_parquet([${files.map(quote).join(', ')}])`);
    await copySeriesOut(db, folder);
  });
  const run = await fastestOf(forms);
  const result = async () => {
    await run();
    return duckDbBinRows(db);
  };
  return { name: 'duckdb', version: db.version, run, result, goal };
}

async function polarsPeer(
  polars: PolarsProcess,
  choices: readonly string[][],
  folder: string,
  goal: number,
): Promise<Peer> {
  let ms = 0;
  const forms = choices.map((files) => async (): Promise<BinRows> => {
    const answer = await polars.run('series_files', files, folder);
    ms = answer.ms;
    return answer.rows as BinRows;
  });
  return { name: 'polars', version: polars.version, run: await fastestOf(forms), insideMs: () => ms, goal };
}

interface Part {
  workload: string;
  what: string;
  source: () => Promise<Source<typeof SERIES_SHAPE>>;
  read: string[];
  choices: readonly string[][];
  goal: number;
}

/** A Parquet file of the series as a source. */
export function foreignSeries(path: string): Source<typeof SERIES_SHAPE> {
  return readParquet(path, { orderedOn: 'ts', schema: SERIES_SHAPE });
}

function partsOf({ store, own, snappy, zstd }: Files): Record<'own' | 'foreign', Part[]> {
  const foreign = (path: string) => async () => foreignSeries(path);
  const ofStore: Part[] = [
    {
      workload: 'W2a',
      what: 'hour, day, week from our own store to the store',
      source: () => storedSeries(store),
      read: own,
      choices: [own, [snappy], [zstd]],
      goal: 6,
    },
  ];
  const ofOthers: Part[] = [
    {
      workload: 'W2b',
      what: 'hour, day, week from a Snappy file to the store',
      source: foreign(snappy),
      read: [snappy],
      choices: [[snappy]],
      goal: 2.5,
    },
    {
      workload: 'W2b',
      what: 'hour, day, week from a Zstandard file to the store',
      source: foreign(zstd),
      read: [zstd],
      choices: [[zstd]],
      goal: 1.5,
    },
  ];
  return { own: ofStore, foreign: ofOthers };
}

/** As W2a, with nothing of the dataset in memory: what the disk gives is what it can have. Nothing where the cache cannot be emptied. */
async function fromTheDisk({ rows, threads, hardware }: Asked, { store, own }: Files): Promise<Figure[]> {
  if (!emptyPageCache() || hardware.diskRead === undefined) return [];
  let ms = 0;
  const run = async (): Promise<void> => {
    emptyPageCache();
    const startMs = performance.now();
    await aggregateInto(store, await storedSeries(store), threads);
    ms = performance.now() - startMs;
  };
  const [timing] = await alternate([{ name: 'spillway', run, insideMs: () => ms }], COLD_TURNS);
  assert(timing);
  const bytes = own.reduce((sum, path) => sum + statSync(path).size, 0);
  return [
    {
      workload: 'W2a',
      what: 'the same with an empty page cache',
      rows,
      ours: timing.medianMs,
      spread: timing.spreadMs,
      unit: 'ms',
      bound: boundOf('dataset read from the disk', bytes, hardware.diskRead),
    },
  ];
}

/** @param whose files: a dataset of our store, or files that another program wrote */
export async function aggregateFiles(asked: Asked, whose: 'own' | 'foreign'): Promise<Figure[]> {
  const { rows, threads, budgetMs, isAlone, hasPeers, dataFolder } = asked;
  const folder = mkdtempSync(join(tmpdir(), 'spillway-bench-'));
  const theirs = join(folder, 'theirs');
  const empty = join(folder, 'empty');
  for (const made of [theirs, empty]) mkdirSync(made);
  const db = await openDuckDb(threads);
  let polars: PolarsProcess | undefined;
  try {
    const files = await makeFiles(folder, asked);
    const figures: Figure[] = [];
    for (const { workload, what, source, read, choices, goal } of partsOf(files)[whose]) {
      const peers: (Peer | AbsentPeer)[] = isAlone ? [] : [await duckDbPeer(db, choices, theirs, goal)];
      if (!isAlone && hasPeers)
        peers.push(
          await peerOrReason('polars', async () => {
            polars ??= await openPolars(dataFolder, empty, threads);
            return polarsPeer(polars, choices, theirs, goal);
          }),
        );
      const once = async () => aggregateInto(files.store, await source(), threads);
      const result = async () => {
        await once();
        return storedBinRows(db, files.store);
      };
      const bound = isAlone ? undefined : await unpackBound(read, threads);
      const ours = { workload, what, rows, run: once, result, peers, ...(bound !== undefined && { bound }) };
      figures.push(...(await contest({ ...ours, untimed: 3, budgetMs })));
    }
    if (whose === 'own' && !isAlone) figures.push(...(await fromTheDisk(asked, files)));
    return figures;
  } finally {
    await polars?.close();
    db.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
