import { createPipeline, fromIterable } from '@spillway/core';
import { type MetricsSnapshot, type Run, type RunOptions, run } from '@spillway/workers';
import { expect, it } from 'vitest';
import { hangs, waits } from '#fixtures/faults';
import { plus } from '#fixtures/ops';
import { valueRows } from '../../support/rows.ts';

const SCHEMA = { value: 'int64' } as const;
const OPTIONS: RunOptions = { workers: 2, debug: true };
const pipeline = () => createPipeline({ memoryLimit: '128MiB' }).register({ hangs, plus, waits });
const source = (rows: number) => pipeline().source(fromIterable(SCHEMA, valueRows(rows), { batchRows: 10 }));

/** Looks every few milliseconds until something is seen. */
async function untilSeen(job: Run, isSeen: (snapshot: MetricsSnapshot) => boolean): Promise<MetricsSnapshot> {
  for (;;) {
    const snapshot = job.metrics();
    if (isSeen(snapshot)) return snapshot;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

it('shows where rows wait: the channel that is full, and who waits for whom', async () => {
  const stream = source(20_000).plus({ n: 1, name: 'before', ownStage: true }).hangs({ name: 'stuck', ownStage: true });
  const job = run(stream.collect(), OPTIONS);
  const waiting = 'waiting for room in its output' as const;
  const { edges, stages, memory } = await untilSeen(
    job,
    (snapshot) => snapshot.stages[0]?.laneActivities.every(({ doing }) => doing === waiting) ?? false,
  );
  job.abort();
  await expect(job.done).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  const full = edges.find(({ to }) => to === 'stuck');
  expect(full).toMatchObject({ from: 'before' });
  expect(full?.packets).toBeGreaterThan(0);
  expect(full?.bytes).toBeGreaterThan(0);
  expect(stages[0]?.laneActivities[0]).toMatchObject({ doing: waiting, waitsFor: 'stuck' });
  expect(stages[0]?.spentMs[waiting]).toBeGreaterThan(0);
  expect(memory.managedBytes).toBeGreaterThan(0);
  expect(memory.promisedRssBytes).toBe(memory.idleRssBytes + memory.limitBytes * 1.1);
});

it('adds up to the summary, and stays after the end', async () => {
  const job = run(source(2000).memoryBuffer({ name: 'held', iterMax: 7 }).plus({ n: 1 }).collect(), OPTIONS);
  const summary = await job.done;
  const { stages, sources, sinks, flushes, memory, edges, isolates } = job.metrics();
  expect(sources).toMatchObject([{ name: 'fromIterable', rows: summary.rowsIn }]);
  expect(sinks).toMatchObject([{ name: 'collect', rows: summary.rowsOut, doing: ['done'] }]);
  expect(stages).toMatchObject(summary.stages);
  expect(flushes).toEqual(summary.flushes);
  expect(memory).toMatchObject({ limitBytes: summary.memoryLimitBytes, idleRssBytes: summary.idleRssBytes });
  expect(edges.every(({ packets, bytes }) => packets === 0 && bytes === 0)).toBe(true);
  expect(isolates).toHaveLength(1 + stages.reduce((lanes, stage) => lanes + stage.lanes, 0));
});

it('reports the heaps of the lanes while somebody looks', async () => {
  const job = run(source(100_000).waits({ ms: 1 }).collect(), OPTIONS);
  const { isolates } = await untilSeen(job, (snapshot) => snapshot.isolates.slice(1).some((one) => one.heapBytes > 0));
  job.abort();
  await expect(job.done).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  expect(isolates[0]).toMatchObject({ name: 'main thread' });
  expect(isolates[0]?.heapBytes).toBeGreaterThan(1_000_000);
  expect(isolates[1]?.name).toBe('waits, lane 0');
});

it('is there before the run has begun', async () => {
  const job = run(source(10).collect(), OPTIONS);
  expect(job.metrics()).toMatchObject({ stages: [], edges: [], pressure: { level: 'normal' }, restarts: 0 });
  await job.done;
});
