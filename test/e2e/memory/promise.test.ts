import { watchPeak } from '@spillway/bench/memory/watch-peak';
import { describe, expect, it } from 'vitest';

const MEBIBYTE = 2 ** 20;

/** The promise P1, from outside. The whole matrix is `npm run bench:memory`. */
describe('resident memory stays inside the limit', () => {
  it.each([
    { job: 'aggregate', workers: 2, memoryLimit: 'minimum' },
    { job: 'keyed', workers: 2, memoryLimit: 64 * MEBIBYTE },
    { job: 'sort', workers: 2, memoryLimit: 64 * MEBIBYTE, millionRows: 4 },
    { job: 'asof', workers: 2, memoryLimit: 64 * MEBIBYTE },
    { job: 'fanout', workers: 2, memoryLimit: 'minimum' },
    { job: 'flights', workers: 1, memoryLimit: 'minimum' },
    { job: 'flights', workers: 2, memoryLimit: 256 * MEBIBYTE },
  ] as const)('$job, $workers workers, $memoryLimit', async (job) => {
    const { used, samples } = await watchPeak(job);
    expect(samples).toBeGreaterThan(20);
    expect(used).toBeLessThanOrEqual(1);
  });

  it('a job that only makes rows is admitted at 64 MiB, one from files into a store at 128 MiB', async () => {
    const { limitBytes: made } = await watchPeak({
      job: 'aggregate',
      workers: 2,
      memoryLimit: 'minimum',
      millionRows: 1,
    });
    expect(made).toBeLessThanOrEqual(64 * MEBIBYTE);
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
