import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { agg, createPipeline, fromIterable } from '@spillway/core';
import { type JobEvents, type Progress, type RunOptions, run } from '@spillway/workers';
import { expect, it } from 'vitest';
import { hangs, holds } from '#fixtures/faults';
import { plus } from '#fixtures/ops';
import { valueRows } from '../../support/rows.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const SCHEMA = { value: 'int64' } as const;
const OPTIONS: RunOptions = { workers: 2, debug: true };
const pipeline = () => createPipeline({ memoryLimit: '128MiB' }).register({ hangs, holds, plus });
const source = (rows: number) => pipeline().source(fromIterable(SCHEMA, valueRows(rows), { batchRows: 10 }));

it('names a stage that takes nothing for the stall timeout, once, until it goes on', async () => {
  const job = run(source(100).hangs({ name: 'stuck' }).collect(), { ...OPTIONS, stallTimeout: '60ms' });
  const alerts: JobEvents['alert'][] = [];
  const alerted = new Promise<void>((resolve) =>
    job.on('alert', (alert) => {
      alerts.push(alert);
      if (alert.stage === 'stuck') resolve();
    }),
  );
  await alerted;
  await new Promise((resolve) => setTimeout(resolve, 100));
  job.abort();
  await expect(job.done).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  const ofStuck = alerts.filter((alert) => alert.stage === 'stuck');
  // It may go on by one batch: where a thread gets no core for a while, it has not even begun when it is first named.
  expect(ofStuck.map(({ state }) => state)).toEqual(
    ofStuck.map((_, index) => (index % 2 === 0 ? 'raised' : 'cleared')),
  );
  expect(ofStuck[0]?.message).toMatch(/has taken nothing for/);
});

it('names who has to make room for a stalled stage, and what that one does', async () => {
  const stream = source(20_000).plus({ n: 1, name: 'before', ownStage: true }).hangs({ name: 'stuck', ownStage: true });
  const job = run(stream.collect(), { ...OPTIONS, stallTimeout: '60ms' });
  await expect
    .poll(() => job.metrics().alerts.map(({ message }) => message))
    .toContainEqual(expect.stringMatching(/waiting for room in its output, which "stuck" takes; that one is working/));
  job.abort();
  await expect(job.done).rejects.toMatchObject({ code: 'ERR_ABORTED' });
});

it('tells how far it has come, and at the end how far it came', async () => {
  const seen: Progress[] = [];
  const until = join(temporaryFolder(), 'seen');
  const job = run(source(200).holds({ until }).collect(), {
    ...OPTIONS,
    progressEvery: 5,
    onProgress: (progress) => {
      seen.push(progress);
      if (seen.length === 4) writeFileSync(until, '');
    },
  });
  const summary = await job.done;
  const rows = seen.map((progress) => progress.sinks[0]?.rows ?? 0);
  expect(rows).toEqual([...rows].sort((a, b) => a - b));
  expect(seen.at(-1)).toMatchObject({
    sources: [{ name: 'fromIterable', rows: 200, totalRows: 200 }],
    sinks: [{ name: 'collect', rows: 200 }],
  });
  expect(summary.peakRssBytes).toBeGreaterThanOrEqual(summary.idleRssBytes);
  expect(job.metrics()).toMatchObject({
    stages: [{ name: 'holds', lanes: 2, rowsIn: 200, rowsOut: 200 }],
  });
});

it('fails when a listener throws', async () => {
  const job = run(source(10).plus({ n: 1 }).collect(), OPTIONS);
  job.on('stage', () => {
    throw new RangeError('listener');
  });
  await expect(job.done).rejects.toMatchObject({ code: 'ERR_INTERNAL', message: 'listener' });
});

it('flushes by the clock while nothing comes', async () => {
  const input = pipeline().pushSource(SCHEMA);
  const sink = input.stream.memoryBuffer({ name: 'timed', interval: '30ms' }).collect();
  const job = run(sink, OPTIONS);
  const flushed = new Promise<JobEvents['flush']>((resolve) => job.on('flush', resolve));
  await input.emit([{ value: 1 }]);
  expect(await flushed).toMatchObject({ node: 'timed', reason: 'interval', held: { inputs: 1, rows: 1 } });
  input.end();
  expect((await job.done).flushes).toMatchObject({ interval: 1, end: 0 });
});

it('counts rows, not the states that travel between the halves of an aggregate', async () => {
  const { all } = source(200).aggStream({
    orderedOn: 'value',
    aggregations: { all: { every: 1000, columns: { n: agg.count() } } },
  });
  const { stages } = await run(all.collect(), OPTIONS).done;
  expect(stages.map(({ rowsIn, rowsOut }) => [rowsIn, rowsOut])).toEqual([
    [200, 0],
    [0, 1],
  ]);
});
