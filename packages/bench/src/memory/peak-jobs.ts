/**
 * Jobs whose peak of memory is watched from outside. Named, because the process that runs one gets it as text. Each is sized by the number
 * of ticks of the cpu-only table that it reads, and gives a digest for each of its results; `expected-digests.ts` computes the same without
 * an engine.
 */
import { agg, col, createPipeline, fromIterable, openStore, type Sink } from '@spillway/core';
import { flightsJob } from '../demo/pipeline.ts';
import {
  CPU_ROW_BYTES,
  type CpuColumns,
  cpuColumns,
  cpuRows,
  holdsReferences,
  takesMemory,
  ticksOfSplit,
} from './cpu-rows.ts';
import { type DigestColumn, RowDigest } from './row-digest.ts';

/** What the watched process is told. */
export interface PeakJob {
  job: PeakJobName;
  /** Hard total, or `'minimum'`: what `explain` says that the job needs at least. */
  memoryLimit: number | 'minimum';
  workers: number;
  /** Bytes of the input, as columns, for each byte of the limit. Default 1. Flights are as many as they are. */
  timesLimit?: number;
  /** Instead of `timesLimit`: so many ticks of the table. */
  ticks?: number;
  /** `append` is run twice: the second half of the rows (1) behind the first (0), which is the default. So is `overlap`. */
  half?: 0 | 1;
  /** `delivered`: for so long each batch is kept a hundred times as long as it takes to look at one. */
  slowSinkMs?: number;
  /** `hostile`: bytes that the op in each lane takes of every batch, and gives back at every tenth. */
  takenBytes?: number;
  /** Keeps the main thread from doing anything for so long, once the stages have started. */
  blockMainMs?: number;
}

/** What a job is made from, in the process that runs it. */
export interface JobParts {
  limitBytes: number;
  ticks: number;
  job: PeakJob;
  /** For what the job writes. */
  folder: string;
}

export interface MadeJob {
  sinks: Sink[];
  /** One for each result that is delivered; those of files are read by who checks them. */
  digests: () => string[];
}

interface JobKind {
  /** Of all inputs. */
  bytesOfTick: number;
  make(parts: JobParts): Promise<MadeJob>;
}

export const LEFT_SEED = 42;
export const RIGHT_SEED = 7;
export const HOSTS = 100;
/** Rows of an as-of join's right side that are left out. */
export const MISSING_PER_MILLE = 100;
/** A right row comes so much behind the left one of its tick. */
export const RIGHT_LATER_US = 3_000_000;

/** A slow sink takes so many times as long as it would have to. */
const SLOWER = 100;

/** Some eight megabytes. */
const WINDOW_ROWS = 500_000;

const TABLE_TICK_BYTES = HOSTS * CPU_ROW_BYTES;

/** Callbacks see batches, so the plan itself has to say when the aggregate flushes: pressure may not. */
const STAGE_BYTES = 2 ** 20;

/** What a callback gets, as far as digests need it. */
interface DeliveredBatch {
  numCols: number;
  getChildAt(column: number): { toArray(): unknown } | null;
}

/** A stream whose batches can be given to a callback. */
interface Delivering {
  forEach(call: (batch: DeliveredBatch) => void): Sink;
}

function addTo(digest: RowDigest, batch: DeliveredBatch): void {
  digest.add(Array.from({ length: batch.numCols }, (_, column) => batch.getChildAt(column)?.toArray() as DigestColumn));
}

/** Results are folded into digests and let go of. */
function digested(...streams: readonly Delivering[]): MadeJob {
  const digests = streams.map(() => new RowDigest());
  const sinks = streams.map((stream, index) => stream.forEach((batch) => addTo(digests[index] as RowDigest, batch)));
  return { sinks, digests: () => digests.map((digest) => digest.text()) };
}

function source({ limitBytes, ticks }: JobParts) {
  const p = createPipeline({ memoryLimit: limitBytes }).register({ holdsReferences, takesMemory });
  return { p, table: p.source(cpuRows, { seed: LEFT_SEED, hosts: HOSTS, ticks }) };
}

/** Of one value, and the sum of another one. */
function columnsOf<V extends string, O extends string>(value: V, other: O) {
  return {
    n: agg.count(),
    sum: agg.sum(value),
    low: agg.min(value),
    high: agg.max(value),
    first: agg.first(value),
    last: agg.last(value),
    other: agg.sum(other),
  };
}

const BINS = {
  hourly: { every: '1h', columns: columnsOf('user', 'system') },
  daily: { every: '1d', columns: columnsOf('user', 'system') },
} as const;

/** Hours of what a join gives, so that the join is what the memory goes into. */
const JOINED = {
  hourly: { every: '1h', columns: { matched: agg.count('other'), ...columnsOf('other', 'user') } },
} as const;

function* objects(rows: number): Generator<{ time: number; user: number }> {
  for (let row = 0; row < rows; row += 1) yield { time: row, user: row / 3 };
}

function* columns(ticks: number): Generator<CpuColumns> {
  const options = { seed: LEFT_SEED, hosts: HOSTS, ticks, missingPerMille: 0, laterUs: 0 };
  const step = ticksOfSplit(HOSTS);
  for (let from = 0; from < ticks; from += step) yield cpuColumns(options, from, Math.min(ticks, from + step));
}

const KINDS = {
  /** Hours and days. */
  aggregate: {
    bytesOfTick: TABLE_TICK_BYTES,
    make: async (parts) => {
      const { table } = source(parts);
      const { hourly, daily } = table.aggStream({ orderedOn: 'time', memoryLimit: STAGE_BYTES, aggregations: BINS });
      return digested(hourly, daily);
    },
  },
  /** Hours and days by host. */
  keyed: {
    bytesOfTick: TABLE_TICK_BYTES,
    make: async (parts) => {
      const { table } = source(parts);
      const options = { orderedOn: 'time', by: ['host'], memoryLimit: STAGE_BYTES, aggregations: BINS } as const;
      const { hourly, daily } = table.aggStream(options);
      return digested(hourly, daily);
    },
  },
  /** By a value that comes in no order: all rows wait for the last. Equal ones stay as they came, which first and last show. */
  sort: {
    bytesOfTick: TABLE_TICK_BYTES,
    make: async (parts) => {
      const columns = {
        n: agg.count(),
        first: agg.first('time'),
        last: agg.last('time'),
        lastHost: agg.last('host'),
        sumUser: agg.sum('user'),
        system: agg.sum('system'),
      };
      const options = {
        orderedOn: 'user',
        memoryLimit: STAGE_BYTES,
        aggregations: { bins: { every: 1, columns } },
      } as const;
      return digested(source(parts).table.sort({ by: 'user' }).aggStream(options).bins);
    },
  },
  /** Each row with the last one of its host in another table, which has gaps; in hours. */
  asof: {
    bytesOfTick: 2 * TABLE_TICK_BYTES,
    make: async (parts) => {
      const { p, table } = source(parts);
      const others = p
        .source(cpuRows, {
          name: 'others',
          seed: RIGHT_SEED,
          hosts: HOSTS,
          ticks: parts.ticks,
          missingPerMille: MISSING_PER_MILLE,
          laterUs: RIGHT_LATER_US,
        })
        .select({ time: col('time'), host: col('host'), other: col('user') });
      const joined = p.joinStream({ table, others }, { strategy: 'asof', left: 'table', on: 'time', by: ['host'] });
      return digested(joined.aggStream({ orderedOn: 'time', memoryLimit: STAGE_BYTES, aggregations: JOINED }).hourly);
    },
  },
  /** One row of a table to a hundred of another that are equal to it, in hours. */
  merge: {
    bytesOfTick: TABLE_TICK_BYTES + CPU_ROW_BYTES,
    make: async (parts) => {
      const { p, table } = source(parts);
      const others = table.select({ time: col('time'), other: col('user') });
      const one = p.source(cpuRows, { name: 'one', seed: RIGHT_SEED, hosts: 1, ticks: parts.ticks });
      const joined = p.joinStream({ one, others }, { strategy: 'inner', left: 'one', on: 'time' });
      return digested(joined.aggStream({ orderedOn: 'time', memoryLimit: STAGE_BYTES, aggregations: JOINED }).hourly);
    },
  },
  /** A table with itself in windows and with its own days: rows wait for their window, and for their day to be over. */
  fanout: {
    bytesOfTick: TABLE_TICK_BYTES,
    make: async (parts) => {
      const { p, table } = source(parts);
      const windows = table
        .select({ time: col('time'), windowed: col('user') })
        .slidingWindow(WINDOW_ROWS, { every: WINDOW_ROWS });
      const aggregations = { days: { every: '1d', columns: { other: agg.sum('user') } } } as const;
      const { days } = table.aggStream({ orderedOn: 'time', memoryLimit: STAGE_BYTES, aggregations });
      const first = p.joinStream({ table, windows }, { strategy: 'asof', left: 'table', on: 'time' });
      const second = p.joinStream({ first, days }, { strategy: 'asof', left: 'first', on: 'time' });
      const hourly = {
        every: '1h',
        columns: { matched: agg.count('other'), ...columnsOf('other', 'windowed') },
      } as const;
      return digested(
        second.aggStream({ orderedOn: 'time', memoryLimit: STAGE_BYTES, aggregations: { hourly } }).hourly,
      );
    },
  },
  /** All rows into a dataset, behind what is there. */
  append: {
    bytesOfTick: TABLE_TICK_BYTES,
    make: async ({ limitBytes, ticks, job: { half = 0 }, folder }) => {
      const middle = Math.floor(ticks / 2);
      const part = half === 0 ? { fromTick: 0, ticks: middle } : { fromTick: middle, ticks };
      const store = await openStore(folder);
      const table = createPipeline({ memoryLimit: limitBytes }).source(cpuRows, {
        seed: LEFT_SEED,
        hosts: HOSTS,
        ...part,
      });
      return { sinks: [table.toStore(store, { key: { table: 'cpu' } })], digests: () => [] };
    },
  },
  /** One row group of all rows, or (half 1) rows of one host between them: all of it is read and written again. */
  overlap: {
    bytesOfTick: TABLE_TICK_BYTES,
    make: async ({ limitBytes, ticks, job: { half = 0 }, folder }) => {
      const store = await openStore(folder);
      const part = half === 0 ? { hosts: HOSTS, laterUs: 0 } : { hosts: 1, laterUs: 1 };
      const table = createPipeline({ memoryLimit: limitBytes }).source(cpuRows, { seed: LEFT_SEED, ticks, ...part });
      const options = { rowGroupTarget: ticks * (HOSTS + 1), memoryLimit: '1GiB' } as const;
      return { sinks: [table.toStore(store, { key: { table: 'cpu' }, ...options })], digests: () => [] };
    },
  },
  /** Hours behind an op that holds references to its batches and copies of them. */
  holding: {
    bytesOfTick: TABLE_TICK_BYTES,
    make: async (parts) => {
      const { table } = source(parts);
      const options = { orderedOn: 'time', memoryLimit: STAGE_BYTES, aggregations: BINS } as const;
      const { hourly, daily } = table.holdsReferences().aggStream(options);
      return digested(hourly, daily);
    },
  },
  /** Every row to a function as objects, and to a loop: what the main thread makes of them counts too. */
  rows: {
    bytesOfTick: TABLE_TICK_BYTES,
    make: async (parts) => {
      let rows = 0;
      const count = (batch: readonly object[]): void => void (rows += batch.length);
      return { sinks: [source(parts).table.forEach(count, { takes: 'rows' })], digests: () => [String(rows)] };
    },
  },
  iterated: {
    bytesOfTick: TABLE_TICK_BYTES,
    make: async (parts) => {
      const sink = source(parts).table.toIterable();
      let rows = 0;
      const loop = async (): Promise<void> => {
        for await (const { numRows } of sink) rows += numRows;
      };
      // What it fails with, the run fails with.
      void loop().catch(() => {});
      return { sinks: [sink], digests: () => [String(rows)] };
    },
  },
  /** Every row kept: by the run, and by a function. */
  collected: {
    bytesOfTick: TABLE_TICK_BYTES,
    make: async (parts) => ({ sinks: [source(parts).table.collect()], digests: () => [] }),
  },
  hoarded: {
    bytesOfTick: TABLE_TICK_BYTES,
    make: async (parts) => {
      const kept: object[] = [];
      const keep = (rows: readonly object[]): void => void kept.push(rows);
      return { sinks: [source(parts).table.forEach(keep, { takes: 'rows' })], digests: () => [] };
    },
  },
  /** Rows that the main thread makes, as objects and as columns. */
  fedRows: {
    bytesOfTick: HOSTS * 16,
    make: async ({ limitBytes, ticks }) => {
      const fed = fromIterable({ time: 'int64', user: 'float64' }, objects(ticks * HOSTS), { orderedOn: 'time' });
      return digested(createPipeline({ memoryLimit: limitBytes }).source(fed));
    },
  },
  fedColumns: {
    bytesOfTick: TABLE_TICK_BYTES,
    make: async ({ limitBytes, ticks }) => {
      const schema = { time: 'timestamp[us]', host: 'int32', user: 'float64', system: 'float64' } as const;
      const fed = fromIterable(schema, columns(ticks), { orderedOn: 'time' });
      return digested(createPipeline({ memoryLimit: limitBytes }).source(fed));
    },
  },
  /** Every row, to a callback that may be slow. */
  delivered: {
    bytesOfTick: TABLE_TICK_BYTES,
    make: async (parts) => {
      const digest = new RowDigest();
      const slowUntil = performance.now() + (parts.job.slowSinkMs ?? 0);
      const sink = source(parts).table.forEach(async (batch) => {
        const from = performance.now();
        addTo(digest, batch);
        const now = performance.now();
        const waitMs = Math.min(SLOWER * (now - from), slowUntil - now);
        if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      });
      return { sinks: [sink], digests: () => [digest.text()] };
    },
  },
  /** Hours behind an op that takes memory at every batch, and gives all of it back at every tenth. */
  hostile: {
    bytesOfTick: TABLE_TICK_BYTES,
    make: async (parts) => {
      const { table } = source(parts);
      const options = { orderedOn: 'time', memoryLimit: STAGE_BYTES, aggregations: BINS } as const;
      const { hourly, daily } = table.takesMemory({ bytes: parts.job.takenBytes ?? 0 }).aggStream(options);
      return digested(hourly, daily);
    },
  },
  /** The demo: three million flights from a Parquet file into six datasets of a store. */
  flights: {
    bytesOfTick: Number.POSITIVE_INFINITY,
    make: async ({ limitBytes, folder }) => {
      return { sinks: flightsJob(await openStore(folder), limitBytes), digests: () => [] };
    },
  },
} satisfies Record<string, JobKind>;

export type PeakJobName = keyof typeof KINDS;

export const PEAK_JOBS: readonly PeakJobName[] = Object.keys(KINDS) as PeakJobName[];

/** Bytes of its input, as columns; undefined where it is what it is. */
export function inputBytesOf({ job }: PeakJob, ticks: number): number {
  const { bytesOfTick } = KINDS[job];
  return Number.isFinite(bytesOfTick) ? ticks * bytesOfTick : 0;
}

/** Ticks that a job reads: at least two, so that each of two halves has rows. */
export function ticksOf({ job, ticks, timesLimit = 1 }: PeakJob, limitBytes: number): number {
  return ticks ?? Math.max(2, Math.ceil((timesLimit * limitBytes) / KINDS[job].bytesOfTick));
}

export function makePeakJob(parts: JobParts): Promise<MadeJob> {
  return (KINDS as Record<PeakJobName, JobKind>)[parts.job.job].make(parts);
}
