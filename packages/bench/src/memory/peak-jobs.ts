/** Jobs whose peak of memory is watched from outside. Named, because the process that runs one gets it as text. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { agg, createPipeline, openStore, type Sink } from '@spillway/core';
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

const JOBS = {
  /** Generated rows, hours and days. */
  aggregate: aggregateOf(undefined, 1),
  /** The same by two hundred keys. */
  keyed: aggregateOf('key', 200),
  /** Generated rows by a value that comes in no order: all of them wait for the last. */
  sort: async (memoryLimit, { millionRows = 5 }) => {
    const splits = Math.ceil((millionRows * 1e6) / SPLIT_ROWS);
    const series = createPipeline({ memoryLimit }).source(generatedSeries, { splits, seed: 42, keys: 200 });
    let rows = 0;
    return { sinks: [series.sort({ by: 'value' }).forEach(({ numRows }) => void (rows += numRows))], clean: () => {} };
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
