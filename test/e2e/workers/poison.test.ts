import { join } from 'node:path';
import { createPipeline, fromIterable, type PipelineError, readParquet } from '@spillway/core';
import { processArena } from '@spillway/core/internal';
import { type DeadLetter, type RestartEvent, type RunOptions, run } from '@spillway/workers';
import { afterEach, expect, it } from 'vitest';
import { dies } from '#fixtures/crashes';
import { leaks, numbers, waits } from '#fixtures/faults';
import { valueRows, valuesOf } from '../../support/rows.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const SCHEMA = { value: 'int64' } as const;
const ROWS = 1000;
const pipeline = () => createPipeline({ memoryLimit: '256MiB' }).register({ dies, leaks, waits });
const options = (): RunOptions => ({ workers: 2, debug: true, barrierEvery: '20ms' });
const always = (at: number, how = 'exit') => ({ at, how, times: 99, marker: join(temporaryFolder(), 'died') });
const given = () => fromIterable(SCHEMA, valueRows(ROWS), { orderedOn: 'value', batchRows: 10 });
const allBut = (from: number, to: number): number[] =>
  Array.from({ length: ROWS }, (_, value) => value).filter((value) => value < from || value > to);

afterEach(() => {
  expect(processArena().usedSlabs()).toBe(0);
});

async function errorOf(done: Promise<unknown>): Promise<PipelineError> {
  return done.then(
    () => expect.unreachable('it was to fail') as never,
    (error: PipelineError) => error,
  );
}

it('names the batch that kills its worker, by source, number, file and row', async () => {
  const path = join(temporaryFolder(), 'rows.parquet');
  // No barrier meanwhile: one ends the file's row group, and this is about where batches begin.
  await run(pipeline().source(given()).toParquet(path, { rowGroupRows: 200 }), { workers: 2, restarts: 0 }).done;
  const rows = pipeline().source(readParquet(path, { orderedOn: 'value', batchRows: 50 }));
  const job = run(rows.dies(always(777)).collect(), options());
  const error = await errorOf(job.done);
  expect(error).toMatchObject({ code: 'ERR_WORKER_DIED', stage: 'dies' });
  expect(error.message).toMatch(/it died of batch 15 of source ".*", which begins at row 750 of .*rows\.parquet/);
  expect(job.summary().restarts).toBe(2);
});

it.each(['fed', 'made'] as const)('leaves it out when asked, and hands its rows over: %s', async (kind) => {
  const p = pipeline();
  const source = kind === 'fed' ? p.source(given()) : p.source(numbers, { splits: ROWS / 10, each: 10 });
  const sink = source.dies(always(345)).memoryBuffer({ iterMax: 4 }).collect();
  const letters: DeadLetter[] = [];
  const job = run(sink, { ...options(), onPoisonBatch: (letter) => void letters.push(letter) });
  const events: RestartEvent[] = [];
  job.on('restart', (event) => events.push(event));
  expect(await job.done).toMatchObject({ deadLetters: { batches: 1, rows: 10 }, rowsOut: ROWS - 10 });
  expect(valuesOf(await job.rows(sink))).toEqual(allBut(340, 349));
  expect(letters).toMatchObject([{ batch: 34, stage: 'dies', error: { code: 'ERR_WORKER_DIED' } }]);
  const rows = letters[0]?.rows.flatMap((batch) => Array.from(batch.getChild('value')?.toArray() ?? [], Number));
  expect(rows).toEqual(Array.from({ length: 10 }, (_, index) => 340 + index));
  // However many barriers came between the first and the third.
  expect(events).toHaveLength(3);
  expect(new Set(events.map(({ kind: why }) => why))).toEqual(new Set(['crash']));
});

it('an op that leaks gets a new thread from a fresh barrier, and nothing is lost', async () => {
  const sink = pipeline().source(numbers, { splits: 100, each: 10 }).waits({ ms: 0 }).leaks({ upTo: 100 }).collect();
  const job = run(sink, { ...options(), workers: 1, memoryLimit: '128MiB' });
  const events: RestartEvent[] = [];
  job.on('restart', (event) => events.push(event));
  await job.done;
  expect(valuesOf(await job.rows(sink))).toEqual(Array.from({ length: 1000 }, (_, value) => value));
  expect(events.length).toBeGreaterThan(0);
  for (const { kind, stage } of events) expect([kind, stage]).toEqual(['memory', expect.stringContaining('leaks')]);
  expect(events[0]?.epoch).toBeGreaterThan(0);
});

it('and the run fails, naming it, when new threads do not help', async () => {
  const sink = pipeline().source(numbers, { splits: 5000, each: 10 }).leaks({ upTo: 1e9 }).collect();
  const job = run(sink, { ...options(), workers: 1, memoryLimit: '96MiB' });
  const error = await errorOf(job.done);
  expect(error).toMatchObject({ code: 'ERR_MEMORY_EXHAUSTED', stage: expect.stringContaining('leaks') });
  expect(job.summary().restarts).toBe(3);
});
