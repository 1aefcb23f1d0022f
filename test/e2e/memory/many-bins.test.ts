/** As many bins as rows, at exactly the minimum: what is closed goes on, or waits on disk until the flush that everybody sees. */
import { cpuRows } from '@spillway/bench/memory/cpu-rows';
import { agg, createPipeline, explain, type Sink } from '@spillway/core';
import { run } from '@spillway/workers';
import { expect, it } from 'vitest';

const TICKS = 150_000;

function bins(memoryLimit: number): { sinks: Sink[]; sizes: number[] } {
  const table = createPipeline({ memoryLimit }).source(cpuRows, { seed: 42, hosts: 1, ticks: TICKS });
  const columns = { n: agg.count(), sum: agg.sum('user'), first: agg.first('system'), last: agg.last('host') };
  const { tens } = table.aggStream({ orderedOn: 'time', aggregations: { tens: { every: '10s', columns } } });
  const sizes: number[] = [];
  return { sinks: [tens.forEach((batch) => void sizes.push(batch.numRows))], sizes };
}

it.each([1, 2])('without triggers, given to a function, %i workers', async (workers) => {
  const { physical } = await explain(bins(2 ** 30).sinks, { workers });
  const { sinks, sizes } = bins(physical.minimumBytes);
  const { spilledBytes } = await run(sinks, { workers, debug: true }).done;
  const parts = Array.from({ length: Math.floor(TICKS / 16_384) }, () => 16_384);
  expect(sizes).toEqual([...parts, TICKS % 16_384]);
  expect(spilledBytes).toBeGreaterThan(0);
});
