import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createPipeline, fromIterable, type PipelineError } from '@spillway/core';
import { run } from '@spillway/workers';
import { injectPressure } from '@spillway/workers/internal';
import { afterEach, describe, expect, it } from 'vitest';
import { hoardsBuffers, hoardsOnRecord, litters, numbers } from '#fixtures/faults';
import { valueRows, valuesOf } from '../../support/rows.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const MEBIBYTE = 2 ** 20;
/** More than anybody comes to take. */
const ENDLESS = { splits: 100_000, each: 10 };
/** MiB that an op keeps of each batch. */
const EACH = 4;

afterEach(() => injectPressure());

const source = (rows: number, batchRows: number) =>
  createPipeline({ memoryLimit: '64MiB' })
    .register({ hoardsBuffers, litters })
    .source(fromIterable({ value: 'int64' }, valueRows(rows), { orderedOn: 'value', batchRows }));

describe('pressure', () => {
  it('flushes what nobody can see the cuts of, says so, and changes no row', async () => {
    injectPressure(() => 0.85);
    const sink = source(60_000, 1000).memoryBuffer({ rows: 40_000, name: 'holder' }).collect();
    const job = run([sink], { workers: 2, debug: true });
    const levels: string[] = [];
    job.on('pressure', ({ level }) => levels.push(level));
    const { flushes } = await job.done;
    expect(levels[0]).toBe('high');
    expect(flushes.pressure).toBeGreaterThan(0);
    expect(valuesOf(await job.rows(sink))).toEqual(Array.from({ length: 60_000 }, (_, index) => index));
  });

  it('at its highest level makes a run slow and does not stop it', async () => {
    injectPressure(() => 1.2);
    const sink = source(2000, 10).memoryBuffer({ rows: 500 }).collect();
    expect(await run([sink], { workers: 2, debug: true }).rows(sink)).toHaveLength(2000);
  });
});

describe('array buffers of an op', () => {
  it('that nobody holds are collected in time', async () => {
    const { peakRssBytes, idleRssBytes } = await run([source(3000, 10).litters().collect()], { workers: 1 }).done;
    expect(peakRssBytes - idleRssBytes).toBeLessThanOrEqual(64 * MEBIBYTE * 1.1);
  });

  it('that it keeps fail the run, naming it', async () => {
    const job = run([source(3000, 10).hoardsBuffers().collect()], { workers: 1 });
    const error = await job.done.then(
      () => expect.unreachable(),
      (thrown: PipelineError) => thrown,
    );
    expect(error).toMatchObject({ code: 'ERR_MEMORY_EXHAUSTED', stage: expect.stringContaining('hoardsBuffers') });
    expect(error.message).toMatch(/keeps .* MiB more .* beyond its limit/);
  });

  it('that it keeps do not grow beyond the promise, though the main thread answers nobody', async () => {
    const file = join(temporaryFolder(), 'kept');
    const stream = createPipeline({ memoryLimit: '64MiB' }).register({ hoardsOnRecord }).source(numbers, ENDLESS);
    const job = run([stream.hoardsOnRecord({ mebibytes: EACH, file }).collect()], { workers: 1 });
    const off = job.on('stage', () => {
      off();
      setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300));
    });
    await expect(job.done).rejects.toMatchObject({ code: 'ERR_MEMORY_EXHAUSTED' });
    const calls = readFileSync(file, 'utf8').trim().split('\n');
    expect(calls.filter((call) => call.startsWith('0 '))).toHaveLength(4);
    // Of each of the four threads: what was on its way when the lane was told to go on.
    const promisedBytes = job.summary().idleRssBytes + (64 * 1.1 + EACH) * MEBIBYTE;
    expect(calls.filter((call) => Number(call.split(' ')[1]) > promisedBytes).length).toBeLessThanOrEqual(4);
  });
});
