/** The job of W1 and W8: hours, days and weeks of an ordered series that lies in shared memory. */
import {
  agg,
  createPipeline,
  fromShared,
  type SharedTable,
  type Sink,
  type Source,
  type Stream,
  shareTable,
} from '@spillway/core';
import { run } from '@spillway/workers';
import { fillOrderedSeries } from '../generators/ordered-series.ts';

export const SERIES_SEED = 7;
/** Turns until the lanes' code is compiled. */
export const UNTIMED_TURNS = 5;

/** Large: rows are read once and in order, so that a batch need not fit into a cache, and each costs a packet. */
const BATCH_ROWS = 262_144;

function* parts(rows: number): Generator<{ ts: BigInt64Array; value: Float64Array }> {
  const ts = new BigInt64Array(BATCH_ROWS);
  const value = new Float64Array(BATCH_ROWS);
  for (let from = 0; from < rows; from += BATCH_ROWS) {
    const to = Math.min(rows, from + BATCH_ROWS);
    fillOrderedSeries(SERIES_SEED, from, to, { ts, value });
    yield { ts: ts.subarray(0, to - from), value: value.subarray(0, to - from) };
  }
}

/** Puts so many rows of the series into shared memory. */
export function shareSeries(rows: number): Promise<SharedTable> {
  return shareTable(SERIES_SHAPE, parts(rows), { batchRows: BATCH_ROWS });
}

/** Columns of the series. */
export const SERIES_SHAPE = { ts: 'timestamp[us]', value: 'float64' } as const;

/** Hours, days and weeks: exact sum, min, max, count, first and last. The order is verified. */
export function seriesBins(
  source: Source<typeof SERIES_SHAPE>,
): Record<'hourly' | 'daily' | 'weekly', Pick<Stream, 'collect' | 'toStore'>> {
  const columns = {
    total: agg.sum('value'),
    low: agg.min('value'),
    high: agg.max('value'),
    n: agg.count('value'),
    open: agg.first('value'),
    close: agg.last('value'),
  };
  return createPipeline({ memoryLimit: '256MiB' })
    .source(source)
    .aggStream({
      orderedOn: 'ts',
      aggregations: {
        hourly: { every: '1h', columns },
        daily: { every: '1d', columns },
        weekly: { every: '1w', columns },
      },
    });
}

/** The bins of rows in shared memory, collected. */
export function seriesSinks(table: SharedTable): { hourly: Sink; daily: Sink; weekly: Sink } {
  const { hourly, daily, weekly } = seriesBins(fromShared<typeof SERIES_SHAPE>(table, { orderedOn: 'ts' }));
  return { hourly: hourly.collect(), daily: daily.collect(), weekly: weekly.collect() };
}

/** Runs the job once; gives the rows of each result. */
export async function aggregateShared(
  table: SharedTable,
  workers: number,
): Promise<Record<'hourly' | 'daily' | 'weekly', () => Promise<Record<string, unknown>[]>>> {
  const sinks = seriesSinks(table);
  const job = run(Object.values(sinks), { workers });
  await job.done;
  return {
    hourly: () => job.rows(sinks.hourly),
    daily: () => job.rows(sinks.daily),
    weekly: () => job.rows(sinks.weekly),
  };
}
