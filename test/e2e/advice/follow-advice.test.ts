import { agg, createPipeline, fromIterable } from '@spillway/core';
import { run } from '@spillway/workers';
import { describe, expect, it } from 'vitest';
import { ADVICE_WORKLOADS, followed, runWorkload } from '#support/advice-workloads';
import { quickFolder } from '#support/temporary-folder';

const SCHEMA = { ts: 'timestamp[ms]', n: 'int64' } as const;

function workload(name: string) {
  const found = ADVICE_WORKLOADS.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no workload ${name}`);
  return found;
}

/** Runs it as it is, and once more as its advice says. */
async function twice(name: string) {
  const folder = quickFolder();
  const { limits } = workload(name);
  const before = await runWorkload(workload(name), limits, folder, 1);
  const after = await runWorkload(workload(name), followed(before, limits), folder, 1);
  return { before, after };
}

describe('the advice of a run under pressure, followed', () => {
  it('has a buffer flush less often, at the same total', async () => {
    const { before, after } = await twice('packs');
    expect(before.flushes.memory).toBeGreaterThan(10);
    expect(after.flushes).toMatchObject({ memory: 0, pressure: 0 });
    expect(after.memoryLimitBytes).toBe(before.memoryLimitBytes);
    expect(after.rowsOut).toBe(before.rowsOut);
  });

  it('has a sort spill less, at the same total', async () => {
    const { before, after } = await twice('sort');
    expect(before.spilledBytes).toBeGreaterThan(2 ** 20);
    expect(after.spilledBytes).toBeLessThan(before.spilledBytes / 2);
    expect(after.memoryLimitBytes).toBe(before.memoryLimitBytes);
  });

  it('does the same with less memory, where there was more than enough', async () => {
    const { before, after } = await twice('generous');
    expect(after.memoryLimitBytes).toBeLessThan(before.memoryLimitBytes / 2);
    expect(after).toMatchObject({ spilledBytes: 0, flushes: { memory: 0, pressure: 0 }, rowsOut: before.rowsOut });
  });
});

it('names the step, what it was made to do, its limit, and what would have spared it that', async () => {
  const { before } = await twice('packs');
  const { text, stages } = before.advice ?? {};
  expect(stages).toMatchObject([{ node: 'packs', limitBytes: 128 * 1024, action: 'raise' }]);
  expect(text?.[0]).toMatch(
    /^"packs" was made to flush \d+ times for want of memory \(its memoryLimit is 128\.0 KiB\); .* memoryLimit: '\d+KiB' on it spares it that/,
  );
});

it('a stage whose limit is part of the result is told no other', async () => {
  const rows = Array.from({ length: 5000 }, (_, n) => ({ ts: BigInt(n), n: BigInt(n) }));
  const sink = createPipeline({ memoryLimit: '96MiB' })
    .source(fromIterable(SCHEMA, rows))
    .memoryBuffer({ name: 'seen', memoryLimit: 4096 })
    .forEach(() => {});
  const { flushes, advice } = await run([sink], { workers: 1 }).done;
  expect(flushes.memory).toBeGreaterThan(0);
  expect(advice?.stages).toMatchObject([{ node: 'seen', action: 'keep', forced: 0 }]);
});

it('is there for a run that failed, and not for one that never came to run', async () => {
  function* broken(): Generator<{ ts: bigint; n: bigint }> {
    yield { ts: 1n, n: 1n };
    throw new Error('gone');
  }
  const aggregations = { sums: { every: '1s', columns: { sum: agg.sum('n') } } } as const;
  const source = fromIterable(SCHEMA, broken(), { orderedOn: 'ts' });
  const sink = createPipeline({ memoryLimit: '96MiB' })
    .source(source)
    .aggStream({ orderedOn: 'ts', aggregations })
    .sums.collect();
  const failed = run([sink], { workers: 1 });
  await expect(failed.done).rejects.toThrow('gone');
  expect(failed.summary().advice?.text.length).toBeGreaterThan(0);
  const refused = run([sink], { workers: 1, memoryLimit: 1024 });
  await expect(refused.done).rejects.toMatchObject({ code: 'ERR_MEMORY_MINIMUM' });
  expect(refused.summary().advice).toBeUndefined();
});
