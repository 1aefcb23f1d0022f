import { readdirSync, readlinkSync } from 'node:fs';
import { createPipeline, fromIterable } from '@spillway/core';
import { processArena } from '@spillway/core/internal';
import { run } from '@spillway/workers';
import { closeIdlePools, idleThreads } from '@spillway/workers/internal';
import { expect, it } from 'vitest';
import { plus, throwAt } from '#fixtures/ops';
import { valueRows } from '../../support/rows.ts';

const SCHEMA = { value: 'int64' } as const;

/** Open files and pipes by name, without those that come and go with the test runner. */
function handles(): number {
  return readdirSync('/proc/self/fd').filter((descriptor) => {
    try {
      return !readlinkSync(`/proc/self/fd/${descriptor}`).startsWith('/proc/');
    } catch {
      return false; // closed meanwhile
    }
  }).length;
}

const threads = (): number => readdirSync('/proc/self/task').length;

it('leaves no thread, handle or slab behind, over runs that succeed, fail and are aborted', async () => {
  const p = createPipeline({ memoryLimit: '128MiB' }).register({ plus, throwAt });
  const source = () => p.source(fromIterable(SCHEMA, valueRows(500), { orderedOn: 'value', batchRows: 50 }));
  const once = async (round: number): Promise<void> => {
    if (round % 3 === 0) await run(source().plus({ n: 1 }).collect(), { workers: 2, debug: true }).done;
    if (round % 3 === 1)
      await expect(
        run(source().throwAt({ at: 321 }).collect(), { workers: 2, debug: true }).done,
      ).rejects.toMatchObject({ code: 'ERR_OP_FAILED' });
    if (round % 3 === 2) {
      const job = run(source().plus({ n: 1 }).collect(), { workers: 2, debug: true });
      setTimeout(() => job.abort(), round % 7);
      await job.done.catch(() => undefined);
    }
  };
  for (let round = 0; round < 12; round += 1) await once(round);
  // An abort ends the threads that do not answer in time; a run that succeeds leaves as many as it had.
  await once(0);
  const [threadsBefore, handlesBefore] = [threads(), handles()];
  for (let round = 12; round < 42; round += 1) await once(round);
  await once(0);
  expect(processArena().usedSlabs()).toBe(0);
  expect(idleThreads()).toBe(2);
  const more = (): number[] => [threads() - threadsBefore, handles() - handlesBefore].map((left) => Math.max(0, left));
  await expect.poll(more).toEqual([0, 0]);
  await closeIdlePools();
  expect(threads()).toBeLessThan(threadsBefore);
});

it('gives two runs at once threads and memory of their own', async () => {
  const p = createPipeline({ memoryLimit: '128MiB' }).register({ plus });
  const sinks = [1, 2, 3].map((n) =>
    p
      .source(fromIterable(SCHEMA, valueRows(2000), { batchRows: 20 }))
      .plus({ n })
      .collect(),
  );
  const jobs = sinks.map((sink) => run(sink, { workers: 2, debug: true }));
  await Promise.all(jobs.map((job) => job.done));
  for (const [index, job] of jobs.entries()) {
    const rows = await job.rows(sinks[index] as (typeof sinks)[number]);
    expect(rows.map((row) => row['value'])).toEqual(valueRows(2000, index + 1).map((row) => row.value));
  }
  expect(processArena().usedSlabs()).toBe(0);
});
