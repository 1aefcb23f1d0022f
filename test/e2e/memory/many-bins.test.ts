/** As many bins as rows, at exactly the minimum: what is closed goes on, or waits on disk until the flush that everybody sees. */
import { cpuRows } from '@spillway/bench/memory/cpu-rows';
import { agg, createPipeline, explain, type Sink } from '@spillway/core';
import { run } from '@spillway/workers';
import { expect, it } from 'vitest';
import { digestTable } from '#support/digest';

const TICKS = 100_000;

type Bins = { every: '10s' } | { rows: 1 } | { every: '10s'; period: '1m' };

function bins(memoryLimit: number, each: Bins): { sinks: Sink[]; sizes: number[] } {
  const table = createPipeline({ memoryLimit }).source(cpuRows, { seed: 42, hosts: 1, ticks: TICKS });
  const columns = { n: agg.count(), sum: agg.sum('user'), first: agg.first('system'), last: agg.last('host') };
  const { tens } = table.aggStream({ orderedOn: 'time', aggregations: { tens: { ...each, columns } } });
  const sizes: number[] = [];
  return { sinks: [tens.forEach((batch) => void sizes.push(batch.numRows))], sizes };
}

it.each<[Bins, number, number]>([
  [{ every: '10s' }, 1, 0],
  [{ every: '10s' }, 2, 0],
  [{ rows: 1 }, 2, 0],
  [{ every: '10s', period: '1m' }, 2, 5],
])('%j without triggers, given to a function, %i workers', async (each, workers, more) => {
  const { physical } = await explain(bins(2 ** 30, each).sinks, { workers });
  const { sinks, sizes } = bins(physical.minimumBytes, each);
  const { spilledBytes } = await run(sinks, { workers, debug: true }).done;
  const parts = Array.from({ length: Math.floor(TICKS / 16_384) }, () => 16_384);
  expect(sizes).toEqual([...parts, (TICKS % 16_384) + more]);
  expect(spilledBytes).toBeGreaterThan(0);
});

it('sessions of some rows each leave as they end', async () => {
  const sessions = (memoryLimit: number): Sink[] => {
    const options = { seed: 42, hosts: 1, ticks: 3 * TICKS, missingPerMille: 300 };
    const table = createPipeline({ memoryLimit }).source(cpuRows, options);
    const columns = { n: agg.count(), sum: agg.sum('user') };
    const { gaps } = table.aggStream({ orderedOn: 'time', aggregations: { gaps: { gap: '15s', columns } } });
    return [
      gaps
        .aggStream({ orderedOn: 'time', aggregations: { all: { every: '30d', columns: { n: agg.sum('n') } } } })
        .all.collect(),
    ];
  };
  const { physical } = await explain(sessions(2 ** 30), { workers: 2 });
  const digests = await Promise.all(
    [2 ** 30, physical.minimumBytes].map(async (limit) => {
      const sinks = sessions(limit);
      const job = run(sinks, { workers: 2, debug: true });
      await job.done;
      return digestTable(await job.table(sinks[0] as Sink));
    }),
  );
  expect(digests[1]).toBe(digests[0]);
});
