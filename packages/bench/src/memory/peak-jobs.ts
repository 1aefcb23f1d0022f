/** Jobs whose peak of memory is watched from outside. Named, because the process that runs one gets it as text. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { agg, col, createPipeline, openStore, type Sink } from '@spillway/core';
import { flightsJob } from '../demo/pipeline.ts';
import { generatedSeries, SPLIT_ROWS } from './generated-series.ts';

/** What the watched process is told. */
export interface PeakJob {
  job: PeakJobName;
  /** Hard total, or `'minimum'`: what `explain` says that the job needs at least. */
  memoryLimit: number | 'minimum';
  workers: number;
  /** Millions of generated rows. Default 5. */
  millionRows?: number;
  /** Keeps the main thread from doing anything for so long, once the stages have started. */
  blockMainMs?: number;
}

export interface MadeJob {
  sinks: Sink[];
  /** Removes what the job wrote. */
  clean(): void;
}

type MakeJob = (limitBytes: number, job: PeakJob) => Promise<MadeJob>;

const COLUMNS = {
  n: agg.count(),
  sum: agg.sum('value'),
  lowest: agg.min('value'),
  highest: agg.max('value'),
  first: agg.first('value'),
  last: agg.last('value'),
};

/** Callbacks see batches, so the plan itself has to say when the aggregate flushes: pressure may not. */
const STAGE_BYTES = 2 ** 20;

/** Rows are delivered and let go of. */
function counted(stream: { forEach(call: (batch: { numRows: number }) => void): Sink }): MadeJob {
  let rows = 0;
  return { sinks: [stream.forEach(({ numRows }) => void (rows += numRows))], clean: () => {} };
}

function aggregateOf(by: 'key' | undefined, keys: number): MakeJob {
  return async (memoryLimit, { millionRows = 5 }) => {
    const splits = Math.ceil((millionRows * 1e6) / SPLIT_ROWS);
    const series = createPipeline({ memoryLimit }).source(generatedSeries, { splits, seed: 42, keys });
    const aggregations = {
      hourly: { every: '1h', columns: COLUMNS },
      daily: { every: '1d', columns: COLUMNS },
    } as const;
    const { hourly, daily } =
      by === undefined
        ? series.aggStream({ orderedOn: 'ts', memoryLimit: STAGE_BYTES, aggregations })
        : series.aggStream({ orderedOn: 'ts', by: [by], memoryLimit: STAGE_BYTES, aggregations });
    let rows = 0;
    const count = (batch: { numRows: number }): void => void (rows += batch.numRows);
    return { sinks: [hourly.forEach(count), daily.forEach(count)], clean: () => {} };
  };
}

/** Hours of what a join gives, so that the join is what the memory goes into. */
const JOINED = { hourly: { every: '1h', columns: { n: agg.count(), other: agg.sum('other') } } } as const;

/** Two series that have nothing to do with each other, or one twice. */
function twoSeries(memoryLimit: number, { millionRows = 5 }: PeakJob, keys: number) {
  const splits = Math.ceil((millionRows * 1e6) / SPLIT_ROWS);
  const p = createPipeline({ memoryLimit });
  const series = (seed: number) => p.source(generatedSeries, { splits, seed, keys, name: `series-${seed}` });
  return { p, left: series(42), right: series(7) };
}

const JOBS = {
  /** Generated rows, hours and days. */
  aggregate: aggregateOf(undefined, 1),
  /** The same by two hundred keys. */
  keyed: aggregateOf('key', 200),
  /** Generated rows by a value that comes in no order: all of them wait for the last. */
  sort: async (memoryLimit, { millionRows = 5 }) => {
    const splits = Math.ceil((millionRows * 1e6) / SPLIT_ROWS);
    const series = createPipeline({ memoryLimit }).source(generatedSeries, { splits, seed: 42, keys: 200 });
    const aggregations = { bins: { every: 1, columns: { n: agg.count(), last: agg.last('ts') } } } as const;
    const { bins } = series.sort({ by: 'value' }).aggStream({ orderedOn: 'value', aggregations });
    return { sinks: [bins.collect()], clean: () => {} };
  },
  /** Each generated row with the last one of another series and its key, in hours. */
  asof: async (memoryLimit, job) => {
    const { p, left, right } = twoSeries(memoryLimit, job, 200);
    const others = right.select({ ts: col('ts'), key: col('key'), other: col('value') });
    const joined = p.joinStream({ left, others }, { strategy: 'asof', left: 'left', on: 'ts', by: ['key'] });
    return counted(joined.aggStream({ orderedOn: 'ts', memoryLimit: STAGE_BYTES, aggregations: JOINED }).hourly);
  },
  /** One row of a series to a hundred of another that are equal to it, in hours. */
  merge: async (memoryLimit, job) => {
    const { p, left, right } = twoSeries(memoryLimit, job, 100);
    const step = col('ts').cast('int64').div(50_000_000).cast('int64');
    const joined = p.joinStream(
      {
        left: left.filter(col('key').eq(0)).select({ step, ts: col('ts'), value: col('value') }),
        right: right.select({ step, other: col('value') }),
      },
      { strategy: 'inner', left: 'left', on: 'step' },
    );
    return counted(joined.aggStream({ orderedOn: 'ts', memoryLimit: STAGE_BYTES, aggregations: JOINED }).hourly);
  },
  /** A series with the days of its own and a part of itself: behind a fan-out, one side runs ahead of the other. */
  fanout: async (memoryLimit, job) => {
    const { p, left } = twoSeries(memoryLimit, job, 200);
    const few = left.filter(col('key').eq(0)).select({ ts: col('ts'), other: col('value') });
    const { days } = left.aggStream({
      orderedOn: 'ts',
      memoryLimit: STAGE_BYTES,
      aggregations: { days: { every: '1d', columns: { mean: agg.mean('value') } } },
    });
    const first = p.joinStream({ left, few }, { strategy: 'asof', left: 'left', on: 'ts' });
    const second = p.joinStream({ first, days }, { strategy: 'asof', left: 'first', on: 'ts' });
    return counted(second.aggStream({ orderedOn: 'ts', memoryLimit: STAGE_BYTES, aggregations: JOINED }).hourly);
  },
  /** By key into a file, so that the main thread has no part in it; the aggregate has no limit of its own. */
  written: async (memoryLimit, { millionRows = 5 }) => {
    const folder = mkdtempSync(join(tmpdir(), 'spillway-peak-'));
    const splits = Math.ceil((millionRows * 1e6) / SPLIT_ROWS);
    const series = createPipeline({ memoryLimit }).source(generatedSeries, { splits, seed: 42, keys: 200 });
    const aggregations = { hourly: { every: '1h', columns: COLUMNS } } as const;
    const { hourly } = series.aggStream({ orderedOn: 'ts', by: ['key'], aggregations });
    const clean = (): void => rmSync(folder, { recursive: true, force: true });
    return { sinks: [hourly.toParquet(join(folder, 'hourly.parquet'))], clean };
  },
  /** The demo: three million flights from a Parquet file into six datasets of a store. */
  flights: async (limitBytes) => {
    const folder = mkdtempSync(join(tmpdir(), 'spillway-peak-'));
    const store = await openStore(join(folder, 'store'));
    return { sinks: flightsJob(store, limitBytes), clean: () => rmSync(folder, { recursive: true, force: true }) };
  },
} satisfies Record<string, MakeJob>;

export type PeakJobName = keyof typeof JOBS;

export const PEAK_JOBS: readonly PeakJobName[] = Object.keys(JOBS) as PeakJobName[];

export function makePeakJob(job: PeakJob, limitBytes: number): Promise<MadeJob> {
  return (JOBS as Record<PeakJobName, MakeJob>)[job.job](limitBytes, job);
}
