import { runCell } from '@spillway/bench/memory/matrix';
import { watchPeak } from '@spillway/bench/memory/watch-peak';
import { describe, expect, it } from 'vitest';
import { overlapAt } from '../../support/overlap-at.ts';

const MEBIBYTE = 2 ** 20;

/** The promise P1, from outside, on inputs several times the limit. The whole matrix, ten to forty times, is `matrix.soak.ts`. */
describe('resident memory stays inside the limit, and the answer is right', () => {
  it.each([
    { job: 'aggregate', memoryLimit: 'minimum', workers: 2, timesLimit: 2.5 },
    { job: 'keyed', memoryLimit: 64 * MEBIBYTE, workers: 1, timesLimit: 2.5 },
    { job: 'sort', memoryLimit: 'minimum', workers: 1, timesLimit: 2.5 },
    { job: 'asof', memoryLimit: 64 * MEBIBYTE, workers: 2, timesLimit: 2.5 },
    { job: 'merge', memoryLimit: 64 * MEBIBYTE, workers: 1, timesLimit: 2.5 },
    { job: 'holding', memoryLimit: 64 * MEBIBYTE, workers: 1, timesLimit: 2.5 },
    // Three threads of stages, and most of what it reads goes to disk.
    { job: 'fanout', memoryLimit: 'minimum', workers: 1, timesLimit: 2 },
  ] as const)('$job, $memoryLimit', async (job) => {
    const { outcome, problem, peak } = await runCell(job);
    expect(problem).toBeUndefined();
    expect(outcome).toBe('kept');
    expect(peak?.samples).toBeGreaterThan(20);
  });

  it.each([
    ['rows', 0.7],
    ['iterated', 1],
    ['fedRows', 0.7],
    ['fedColumns', 1.5],
  ] as const)('%s of the main thread, minimum', async (job, timesLimit) => {
    const { outcome, problem } = await runCell({ job, memoryLimit: 'minimum', workers: 2, timesLimit });
    expect(problem).toBeUndefined();
    expect(outcome).toBe('kept');
  });

  it.each([
    ['collected', 'collect'],
    ['hoarded', 'forEach'],
  ] as const)('%s rows end with a failure that names the sink', async (job, stage) => {
    const running = watchPeak({ job, workers: 2, memoryLimit: 96 * MEBIBYTE, timesLimit: 2 });
    await expect(running).rejects.toMatchObject({ data: { code: 'ERR_MEMORY_EXHAUSTED', stage } });
  });

  it('a limit below the minimum is refused with that number', async () => {
    const { outcome, minimumBytes } = await runCell({ job: 'append', memoryLimit: 32 * MEBIBYTE, workers: 2 });
    expect(outcome).toBe('refused');
    expect(minimumBytes).toBeGreaterThan(32 * MEBIBYTE);
  });

  it('flights into a store, minimum, one worker', async () => {
    const { used } = await watchPeak({ job: 'flights', workers: 1, memoryLimit: 'minimum' });
    expect(used).toBeLessThanOrEqual(1);
  });

  it('flights into a store, 128 MiB, two workers; when idle the process has at most 150 MiB', async () => {
    const { used, idleBytes } = await watchPeak({ job: 'flights', workers: 2, memoryLimit: 128 * MEBIBYTE });
    expect(used).toBeLessThanOrEqual(1);
    // The job has two stages of one lane behind its two lanes: two threads more than the promise speaks of.
    expect(idleBytes).toBeLessThanOrEqual((150 + 2 * 12) * MEBIBYTE);
  });

  it('new rows all over a stored row group of 2 million rows, 64 MiB', async () => {
    expect(await overlapAt(64 * MEBIBYTE, 20_000)).toEqual([2, 2_020_000n, 0n]);
  });

  it.each(['aggregate', 'asof', 'sort', 'append'] as const)('%s is admitted at 64 MiB', async (job) => {
    const { limitBytes } = await watchPeak({ job, workers: 1, memoryLimit: 'minimum', timesLimit: 0.1 });
    expect(limitBytes).toBeLessThanOrEqual(64 * MEBIBYTE);
  });
});
