import { join } from 'node:path';
import { agg, createPipeline, PipelineError, readParquet, type Sink } from '@spillway/core';
import { type RunOptions, run } from '@spillway/workers';
import { describe, expect, it } from 'vitest';
import { digestTable } from '#support/digest';
import { quote, sql } from '#support/duckdb';
import { sharedCases } from '#support/shared-cases';
import { temporaryFolder } from '#support/temporary-folder';

const shared = sharedCases();
const GIBIBYTE = 2 ** 30;
const FLIGHTS = { date: 'timestamp[us]', delay: 'int64', distance: 'int64', origin: 'utf8' } as const;

/** Hours and days of a file, keyed and not, through a filter and computed columns. */
function sinksOf(file: string, batchRows: number): Sink[] {
  const flights = createPipeline().source(readParquet(file, { orderedOn: 'date', schema: FLIGHTS, batchRows }));
  const { hourly } = flights.aggStream({
    orderedOn: 'date',
    by: ['origin'],
    aggregations: {
      hourly: {
        every: '1h',
        columns: {
          n: agg.count(),
          mean: agg.mean('delay'),
          sd: agg.std('delay'),
          first: agg.first('delay'),
          last: agg.last('delay'),
        },
      },
    },
  });
  const { daily } = flights.aggStream({
    orderedOn: 'date',
    aggregations: {
      daily: {
        every: '1d',
        columns: {
          total: agg.sum('distance'),
          low: agg.min('delay'),
          high: agg.max('delay'),
          origin: agg.last('origin'),
        },
      },
    },
  });
  return [hourly.collect(), daily.collect()];
}

async function digest(file: string, batchRows: number, options: RunOptions): Promise<string> {
  const sinks = sinksOf(file, batchRows);
  const job = run(sinks, { ...options, debug: true });
  await job.done;
  const digests = await Promise.all(sinks.map(async (sink) => digestTable(await job.table(sink))));
  return digests.join(' | ');
}

/** The smallest limit that the run is admitted with, as its refusal names it. */
async function minimum(file: string, batchRows: number, workers: number): Promise<string> {
  const refusal = await run(sinksOf(file, batchRows), { workers, memoryLimit: 1024 }).done.catch(
    (error: unknown) => error,
  );
  if (!(refusal instanceof PipelineError) || refusal.code !== 'ERR_MEMORY_MINIMUM') throw refusal;
  const named = /(\d+(?:\.\d+)?\s?[KMG]?i?B)/.exec(refusal.hint ?? '')?.[1];
  if (named === undefined) throw new Error(`the hint names no size: ${refusal.hint}`);
  return named;
}

describe.skipIf(shared === undefined)('one digest, whatever', () => {
  const week = shared?.path('data', 'flights_2001w1.parquet') as string;

  it('the workers, the batches and the limit', async () => {
    const digests = new Map<string, string>();
    for (const [workers, batchRows, memoryLimit] of [
      [1, 65_536, GIBIBYTE],
      [2, 65_536, GIBIBYTE],
      [1, 1000, '160MiB'],
      [2, 1000, 'minimum'],
      [1, 100, 'minimum'],
      [2, 100, '160MiB'],
      [2, 65_536, 'minimum'],
    ] as const) {
      const limit = memoryLimit === 'minimum' ? await minimum(week, batchRows, workers) : memoryLimit;
      const label = `${workers} workers, ${batchRows} rows, ${memoryLimit}`;
      digests.set(label, await digest(week, batchRows, { workers, memoryLimit: limit }));
    }
    const distinct = new Set(digests.values());
    expect(distinct.size, JSON.stringify([...digests], null, 1)).toBe(1);
  }, 120_000);

  it('batches of a single row', async () => {
    const slice = join(temporaryFolder(), 'slice.parquet');
    await sql(`COPY (SELECT * FROM ${quote(week)} LIMIT 3000) TO ${quote(slice)} (FORMAT parquet)`);
    const one = await digest(slice, 1, { workers: 2 });
    expect(await digest(slice, 65_536, { workers: 1 })).toBe(one);
    expect(await digest(slice, 7, { workers: 1, memoryLimit: await minimum(slice, 7, 1) })).toBe(one);
  });
});
