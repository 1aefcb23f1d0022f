/** Sources of which nothing more is needed are not read to their end. */
import { flightsFile } from '@spillway/bench/demo/flights-file';
import { col, createPipeline, fromIterable, readParquet } from '@spillway/core';
import { run } from '@spillway/workers';
import { describe, expect, it } from 'vitest';

/** Counts for ever. */
function numbers(): { items: Iterable<{ n: bigint }[]>; state: { given: number; isClosed: boolean } } {
  const state = { given: 0, isClosed: false };
  function* count(): Generator<{ n: bigint }[]> {
    try {
      for (;;) yield [{ n: BigInt(state.given++) }];
    } finally {
      state.isClosed = true;
    }
  }
  return { items: count(), state };
}

const valuesOf = (rows: readonly Record<string, unknown>[]): number[] => rows.map(({ n }) => Number(n));

describe.each([1, 2])('with %i workers', (workers) => {
  it('an iterable without end ends when a limit has its rows, and is closed', async () => {
    const { items, state } = numbers();
    const source = createPipeline().source(fromIterable({ n: 'int64' }, items));
    const sink = source.filter(col('n').mod(2).eq(1)).limit(3).collect();
    expect(valuesOf(await run([sink], { workers }).rows(sink))).toEqual([1, 3, 5]);
    expect(state.isClosed).toBe(true);
  });

  it('it goes on until every branch has its rows', async () => {
    const { items, state } = numbers();
    const source = createPipeline().source(fromIterable({ n: 'int64' }, items));
    const sinks = [source.limit(2).collect(), source.slice(300, 302).collect()] as const;
    const job = run(sinks, { workers });
    expect(valuesOf(await job.rows(sinks[0]))).toEqual([0, 1]);
    expect(valuesOf(await job.rows(sinks[1]))).toEqual([300, 301]);
    expect(state.isClosed).toBe(true);
  });

  it('Parquet files are not read on', async () => {
    const flights = createPipeline().source(readParquet(flightsFile(), { orderedOn: 'date' }));
    const sink = flights.limit(10).collect();
    const job = run([sink], { workers });
    expect(await job.rows(sink)).toHaveLength(10);
    expect((await job.done).rowsIn).toBeLessThan(2_000_000);
  });
});

it('what is emitted when a limit has its rows is left out', async () => {
  const p = createPipeline();
  const input = p.pushSource({ n: 'int64' });
  const sink = input.stream.limit(3).collect();
  const job = run([sink]);
  const emitted: Promise<void>[] = [];
  for (let n = 0; n < 2_000; n++) emitted.push(input.emit({ n: BigInt(n) }));
  await Promise.all(emitted);
  expect(valuesOf(await job.rows(sink))).toEqual([0, 1, 2]);
  await input.emit({ n: 5n });
});

it('an iterable is read to its end where another sink has all of it', async () => {
  const rows = Array.from({ length: 500 }, (_, n) => [{ n }]);
  const source = createPipeline().source(fromIterable({ n: 'int64' }, rows));
  const sinks = [source.limit(2).collect(), source.collect()] as const;
  const job = run(sinks);
  expect(await job.rows(sinks[1])).toHaveLength(500);
  expect(await job.rows(sinks[0])).toHaveLength(2);
});
