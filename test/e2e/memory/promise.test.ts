import { runCell } from '@spillway/bench/memory/matrix';
import { watchPeak } from '@spillway/bench/memory/watch-peak';
import { describe, expect, it } from 'vitest';

const MEBIBYTE = 2 ** 20;

/** The promise P1, from outside, on inputs ten times the limit. The whole matrix is `matrix.soak.ts`. */
describe('resident memory stays inside the limit, and the answer is right', () => {
  it.each([
    { job: 'aggregate', memoryLimit: 'minimum' },
    { job: 'keyed', memoryLimit: 64 * MEBIBYTE },
    { job: 'sort', memoryLimit: 64 * MEBIBYTE },
    { job: 'asof', memoryLimit: 64 * MEBIBYTE },
    { job: 'fanout', memoryLimit: 'minimum' },
    { job: 'holding', memoryLimit: 64 * MEBIBYTE },
  ] as const)('$job, $memoryLimit', async (job) => {
    const { outcome, problem, peak } = await runCell({ ...job, workers: 2, timesLimit: 10 });
    expect(problem).toBeUndefined();
    expect(outcome).toBe('kept');
    expect(peak?.samples).toBeGreaterThan(20);
  });

  it.each(['rows', 'iterated', 'fedRows', 'fedColumns'] as const)('%s of the main thread, minimum', async (job) => {
    const { outcome, problem } = await runCell({ job, memoryLimit: 'minimum', workers: 2, timesLimit: 2 });
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
    const { outcome, minimumBytes } = await runCell({ job: 'append', memoryLimit: 64 * MEBIBYTE, workers: 2 });
    expect(outcome).toBe('refused');
    expect(minimumBytes).toBeGreaterThan(64 * MEBIBYTE);
  });

  it.each([
    ['minimum', 1],
    [256 * MEBIBYTE, 2],
  ] as const)('flights into a store, %s, %i workers', async (memoryLimit, workers) => {
    const { used } = await watchPeak({ job: 'flights', workers, memoryLimit });
    expect(used).toBeLessThanOrEqual(1);
  });

  it('a job that only makes rows is admitted at 64 MiB, one from files into a store at 128 MiB', async () => {
    for (const job of ['aggregate', 'asof', 'sort'] as const) {
      const { limitBytes } = await watchPeak({ job, workers: 1, memoryLimit: 'minimum', timesLimit: 0.5 });
      expect(limitBytes).toBeLessThanOrEqual(64 * MEBIBYTE);
    }
    const { limitBytes, used } = await watchPeak({ job: 'flights', workers: 2, memoryLimit: 128 * MEBIBYTE });
    expect(limitBytes).toBe(128 * MEBIBYTE);
    expect(used).toBeLessThanOrEqual(1);
  });

  it('an idle process of two lanes and two codec threads is at most 150 MiB', async () => {
    const { idleBytes } = await watchPeak({ job: 'flights', workers: 2, memoryLimit: 256 * MEBIBYTE });
    // The job has two stages behind its two lanes: two threads more than the promise speaks of.
    expect(idleBytes).toBeLessThanOrEqual((150 + 2 * 12) * MEBIBYTE);
  });
});
