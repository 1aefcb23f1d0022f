/** `batch.retain()`: what code of users keeps counts in the limit, and is missed when it is not released. */
import { createPipeline, fromIterable, type KeptBatch } from '@spillway/core';
import { runReference } from '@spillway/core/internal';
import { run } from '@spillway/workers';
import { expect, it } from 'vitest';
import { keepsBatches, keepsLate, movingSum } from '#fixtures/retaining-ops';

const SHAPE = { value: 'int64' } as const;
const ROWS = 65_536;
const BATCH_BYTES = ROWS * 8;

/** Batches of so many rows, all values of one its number. */
function* batches(count: number, rows: number) {
  for (let index = 0; index < count; index += 1) yield { value: new BigInt64Array(rows).fill(BigInt(index)) };
}

const source = (count: number, memoryLimit = '128MiB', rows = ROWS) =>
  createPipeline({ memoryLimit }).source(fromIterable(SHAPE, batches(count, rows)));

it.each([1, 2])('batches that an op keeps stay what they were, with %i workers', async (workers) => {
  const plan = () => source(40, '128MiB', 1000).map(movingSum, { batches: 3 }).collect();
  const sink = plan();
  const job = run([sink], { workers, debug: true });
  const alerts: string[] = [];
  job.on('alert', ({ message }) => alerts.push(message));
  const sums = (await job.rows(sink)).map((row) => row['sum']);
  const expected = Array.from({ length: 40 }, (_, last) =>
    BigInt(1000 * (last + Math.max(0, last - 1) + Math.max(0, last - 2))),
  );
  expect(sums).toEqual(expected);
  expect(alerts).toEqual([]);
  const reference = plan();
  const { outputs } = await runReference([reference]);
  expect([...outputs.values()].flatMap((output) => output.batches.flat(2))).toEqual(expected);
});

it('an op that keeps more than there is room for is refused, by name, with what it keeps', async () => {
  const sink = source(1000, '96MiB')
    .map(keepsBatches)
    .forEach(() => {});
  const error = (await run([sink], { workers: 1, debug: true }).done.catch((reason: unknown) => reason)) as Error;
  expect(error).toMatchObject({ code: 'ERR_MEMORY_EXHAUSTED', stage: 'keepsBatches' });
  // Whose turn it is when nothing is left: the op's, which keeps a batch more, or the source's, which makes its next one.
  if (error.message.startsWith('fromIterable asked'))
    expect(error).toMatchObject({ hint: expect.stringContaining('have "keepsBatches" hold less') });
  else
    expect(error).toMatchObject({
      message: expect.stringMatching(
        /"keepsBatches" asked to keep a batch of 512.0 KiB, keeps \d+.\d MiB; .* are promised to nobody/,
      ),
      hint: expect.stringContaining('release batches'),
    });
});

it('what an op has kept and not released is named at the end of the run, and given back', async () => {
  const sink = source(10)
    .map(keepsBatches, { most: 2 })
    .forEach(() => {});
  const job = run([sink], { workers: 1, debug: true });
  const alerts: unknown[] = [];
  job.on('alert', ({ kind, stage, message }) => alerts.push({ kind, stage, message }));
  await job.done;
  expect(alerts).toEqual([
    {
      kind: 'memory',
      stage: 'keepsBatches',
      message: '"keepsBatches" ended without releasing 2 of the batches that it retained (1.0 MiB)',
    },
  ]);
});

it('a batch that has been given back cannot be kept', async () => {
  const sink = source(3)
    .map(keepsLate)
    .forEach(() => {});
  await expect(run([sink], { workers: 1, debug: true }).done).rejects.toMatchObject({
    code: 'ERR_OP_FAILED',
    cause: { message: '"keepsLate" retains a batch that it has given back' },
  });
});

it('what a forEach keeps outlives the run, and counts until it is released', async () => {
  const kept: KeptBatch[] = [];
  let largest = 0;
  const sink = source(30).forEach((batch) => {
    kept.push(batch.retain() as KeptBatch);
    if (kept.length > 4) kept.shift()?.release();
    largest = Math.max(largest, job.state().memory.find(({ stage }) => stage === 'forEach')?.bytes ?? 0);
  });
  const job = run([sink], { workers: 1, debug: true });
  const alerts: string[] = [];
  job.on('alert', ({ message }) => alerts.push(message));
  await job.done;
  const values = kept.map(({ batch }) => batch.getChild('value')?.get(ROWS - 1));
  expect(values).toEqual([26n, 27n, 28n, 29n]);
  expect(largest).toBeGreaterThanOrEqual(4 * BATCH_BYTES);
  expect(alerts).toEqual([expect.stringMatching(/^"forEach" ended without releasing 4 of the batches/)]);
});

it('a forEach that keeps everything is refused, by name', async () => {
  const kept: unknown[] = [];
  const sink = source(1000, '64MiB').forEach((batch) => void kept.push(batch.retain()));
  await expect(run([sink], { workers: 1, debug: true }).done).rejects.toMatchObject({
    code: 'ERR_MEMORY_EXHAUSTED',
    stage: 'forEach',
  });
  expect(kept.length).toBeGreaterThan(4);
});
