/**
 * On a Dask cluster of this machine: what a partition costs, and the shapes of W3 and W5 on one and on two workers, beside `run` with as many threads.
 * What is timed begins when a worker can be given partitions: a cluster is there before the job. Python needs `distributed`: SPILLWAY_PYTHON, or python3.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { agg, createPipeline, openStore, readCsv, type Sink, type StoreHandle, type Stream } from '@spillway/core';
import { type Run, run } from '@spillway/workers';
import { type DaskOptions, runOnDask } from '@spillway/workers/dask';
import { makeMarketFiles, SMALL_MARKET } from '../market/market-files.ts';
import { marketJob } from '../market/market-job.ts';
import { median } from '../measure/alternate.ts';
import type { Figure } from '../measure/figure.ts';
import { openDuckDb, quote } from '../peers/duckdb.ts';
import type { Asked } from './asked.ts';
import { csvJob } from './csv-job.ts';
import { oneRow } from './one-row.ts';
import { ticksQuery } from './ticks-text.ts';

const MEBIBYTE = 2 ** 20;
const LIMIT_BYTES = 256 * MEBIBYTE;
/** Of a worker: what is left beside Node's own is more than the pipelines ask for. */
const WORKER_BYTES = 768 * MEBIBYTE;
const TURNS = 3;
/** Partitions of a shape; their cost shall not be what is seen. */
const PARTITIONS = 8;
/** Two counts for each way, whose difference has nothing of a job's start and end in it. */
const COUNTS = { kept: [50, 550], 'per-task': [8, 32] } as const;

interface Measured {
  ms: number;
  /** The highest of a Node process, or of this one in the end. */
  peakRssBytes: number;
}

async function measureJob(job: Run): Promise<Measured> {
  let from = performance.now();
  let hasBegun = false;
  job.on('stage', ({ state }) => {
    if (!hasBegun && state === 'started') from = performance.now();
    hasBegun = true;
  });
  const { peakRssBytes } = await job.done;
  return { ms: performance.now() - from, peakRssBytes };
}

function onDask(sinks: readonly Sink[], sharedPath: string, more: Partial<DaskOptions>): Promise<Measured> {
  const options = { scheduler: 'local', sharedPath, workers: 1, workerMemory: WORKER_BYTES } as const;
  return measureJob(runOnDask(sinks, { ...options, ...more }));
}

/** Made by a source of ours for processes that are kept; in a file each for those that are not, which start faster without code of users. */
function partitionsOfOneRow(nodes: keyof typeof COUNTS, splits: number, folder: string): Stream<{ t: 'int64' }> {
  const pipeline = createPipeline({ memoryLimit: LIMIT_BYTES });
  if (nodes === 'kept') return pipeline.source(oneRow, { splits });
  const files = mkdtempSync(join(folder, 'rows-'));
  for (let at = 0; at < splits; at++) writeFileSync(join(files, `${String(at).padStart(6, '0')}.csv`), `t\n${at}\n`);
  return pipeline.source(readCsv(join(files, '*.csv'), { orderedOn: 't', schema: { t: 'int64' } }));
}

async function costOfPartition(nodes: keyof typeof COUNTS, localWorkers: number, folder: string): Promise<Figure> {
  const measure = async (splits: number): Promise<number> => {
    const { all } = partitionsOfOneRow(nodes, splits, folder).aggStream({
      orderedOn: 't',
      aggregations: { all: { every: 1_000_000, columns: { n: agg.count() } } },
    });
    return (await onDask([all.collect()], folder, { nodes, localWorkers, partitions: splits })).ms;
  };
  const [few, many] = COUNTS[nodes];
  const costs: number[] = [];
  for (let turn = 0; turn < TURNS; turn++) costs.push(((await measure(many)) - (await measure(few))) / (many - few));
  const how = nodes === 'kept' ? 'kept Node processes' : 'a Node process each';
  const what = `a partition of one row, ${how}, ${localWorkers} worker${localWorkers === 1 ? '' : 's'}`;
  return { workload: 'dask', what, ours: median(costs), unit: 'ms', target: { atMost: nodes === 'kept' ? 5 : 60 } };
}

/** The rows of W3, as hours by symbol: what leaves the partitions is less than what came. */
function hoursOf(csv: string, store: StoreHandle): Sink[] {
  const schema = { ts: 'timestamp[us]', symbol: 'utf8', price: 'float64', qty: 'int64' } as const;
  const { hours } = createPipeline({ memoryLimit: LIMIT_BYTES })
    .source(readCsv(csv, { orderedOn: 'ts', schema }))
    .aggStream({
      orderedOn: 'ts',
      by: ['symbol'],
      aggregations: { hours: { every: '1h', columns: { high: agg.max('price'), volume: agg.sum('qty') } } },
    });
  return [hours.toStore(store, { key: { freq: '1h' }, mode: 'overwrite' })];
}

interface Shape {
  name: string;
  rows?: number;
  sinks(store: StoreHandle): Sink[];
}

/** One and two workers beside one and two threads, in turns. */
async function compareShape({ name, rows, sinks }: Shape, folder: string): Promise<Figure[]> {
  const store = await openStore(join(folder, 'store'));
  const figures: Figure[] = [];
  for (const count of [1, 2]) {
    const [ours, theirs, peaks]: [number[], number[], number[]] = [[], [], []];
    for (let turn = 0; turn < TURNS; turn++) {
      const { ms, peakRssBytes } = await onDask(sinks(store), folder, { localWorkers: count, partitions: PARTITIONS });
      ours.push(ms);
      peaks.push(peakRssBytes / MEBIBYTE);
      theirs.push((await measureJob(run(sinks(store), { workers: count }))).ms);
    }
    const peer = { name: `run, ${count} thread${count === 1 ? '' : 's'}`, value: median(theirs) };
    const of = `${name}, ${count} worker${count === 1 ? '' : 's'}`;
    const about = { workload: 'dask', ...(rows !== undefined && { rows }) };
    figures.push({ ...about, what: of, ours: median(ours), unit: 'ms', peer, ratio: peer.value / median(ours) });
    const target = { atMost: WORKER_BYTES / MEBIBYTE };
    figures.push({ ...about, what: `highest RSS of a process, ${of}`, ours: Math.max(...peaks), unit: 'MiB', target });
  }
  return figures;
}

async function writeTicks(rows: number, path: string, threads: number): Promise<void> {
  const db = await openDuckDb(threads);
  await db.run(`COPY (${ticksQuery(0, rows)}) TO ${quote(path)} (FORMAT csv, HEADER)`);
  db.close();
}

export async function partitionsOnDask({ rows, threads, dataFolder }: Asked): Promise<Figure[]> {
  const folder = mkdtempSync(join(dataFolder, 'dask-'));
  try {
    const csv = join(folder, 'ticks.csv');
    await writeTicks(rows, csv, threads);
    const market = join(dataFolder, 'small');
    mkdirSync(market, { recursive: true });
    await makeMarketFiles(market, SMALL_MARKET);
    const shapes: Shape[] = [
      { name: 'W3, as hours', rows, sinks: (store) => hoursOf(csv, store) },
      { name: 'W3', rows, sinks: (store) => [csvJob(csv, store)] },
      { name: 'W5 (small data)', sinks: (store) => marketJob(market, store, LIMIT_BYTES) },
    ];
    const figures = [
      await costOfPartition('kept', 1, folder),
      await costOfPartition('kept', 2, folder),
      await costOfPartition('per-task', 2, folder),
    ];
    for (const shape of shapes) figures.push(...(await compareShape(shape, folder)));
    return figures;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
