import { cpuRows } from '@spillway/bench/memory/cpu-rows';
import { agg, createPipeline, explain, fromIterable } from '@spillway/core';
import { run } from '@spillway/workers';
import { injectPressure } from '@spillway/workers/internal';
import { afterEach, expect, it } from 'vitest';
import { valueRows, valuesOf } from '../../support/rows.ts';

const SHAPE = { value: 'int64' } as const;

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

afterEach(() => injectPressure());

it('when memory is short the buffer nearest the sink gives first, and one after the other', async () => {
  let fraction = 0;
  injectPressure(() => fraction);
  const input = createPipeline({ memoryLimit: '256MiB' }).pushSource(SHAPE);
  const far = input.stream.memoryBuffer({ rows: 40_000, name: 'far' });
  const near = far.memoryBuffer({ rows: 1_000_000, name: 'near', ownStage: true });
  const sink = near.collect();
  const job = run([sink], { workers: 2, debug: true });
  const victims: string[] = [];
  const both = new Promise<void>((resolve) => {
    job.on('reclaim', ({ stage, action }) => {
      victims.push(`${stage} ${action}`);
      if (victims.length >= 2) resolve();
    });
  });
  // The first 40,000 go on to the second buffer; the first holds the rest. Then nothing comes: both lanes wait for input.
  for (let from = 0; from < 70_000; from += 10_000) await input.emit(valueRows(10_000, from));
  const held = (buffer: string): number | undefined => job.state().buffers.find(({ name }) => name === buffer)?.rows;
  while (held('near') !== 40_000 || held('far') !== 30_000) await later(5);
  // What a lane says that it could give it says after it has said what it holds, and then it waits.
  const lanes = (): string[] =>
    job.metrics().stages.flatMap(({ laneActivities: all }) => all.map(({ doing }) => doing));
  while (!lanes().every((doing) => doing === 'waiting for input')) await later(5);
  fraction = 0.85;
  await both;
  fraction = 0;
  input.end();
  expect(valuesOf(await job.rows(sink))).toEqual(Array.from({ length: 70_000 }, (_, index) => index));
  expect(victims.slice(0, 2)).toEqual(['near flush', 'far flush']);
});

it('who holds what is there to be seen while a job runs, and what it was at the end', async () => {
  let release: () => void = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const stream = createPipeline({ memoryLimit: '256MiB' }).source(
    fromIterable(SHAPE, valueRows(200_000), { orderedOn: 'value', batchRows: 1000 }),
  );
  const sink = stream.forEach(() => gate);
  const job = run([sink, stream.collect({ name: 'kept' })], { workers: 1, debug: true });
  while ((job.state().memory.find(({ stage }) => stage === 'kept')?.bytes ?? 0) === 0) await later(2);
  const { memory } = job.state();
  const total = memory.reduce((sum, { bytes }) => sum + bytes, 0);
  expect(total).toBeLessThanOrEqual(256 * 2 ** 20);
  expect(memory.map(({ stage }) => stage)).toEqual(expect.arrayContaining(['process', 'main thread', 'kept']));
  expect(memory.map(({ bytes }) => bytes)).toEqual(
    memory.map(({ bytes }) => bytes).sort((left, right) => right - left),
  );
  release();
  await job.done;
  expect(job.state().memory.find(({ stage }) => stage === 'kept')?.bytes).toBeGreaterThanOrEqual(200_000 * 8);
});

it.each([1, 2])(
  'buffers that would hold everything give it on, at exactly the minimum of %i workers',
  async (workers) => {
    const plan = (memoryLimit: number) =>
      createPipeline({ memoryLimit })
        .source(cpuRows, { seed: 1, hosts: 100, ticks: 20_000 })
        .memoryBuffer({ rows: 5e7, name: 'one' })
        .memoryBuffer({ rows: 5e7, name: 'two', ownStage: true })
        .aggStream({ orderedOn: 'time', aggregations: { hourly: { every: '1h', columns: { n: agg.count() } } } })
        .hourly.collect();
    const { physical } = await explain(plan(2 ** 30), { workers });
    const sink = plan(physical.minimumBytes);
    const job = run([sink], { workers, debug: true });
    const rows = await job.rows(sink);
    expect(rows.reduce((sum, { n }) => sum + Number(n), 0)).toBe(2_000_000);
    expect((await job.done).flushes.pressure).toBeGreaterThan(0);
  },
);
