import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { agg, createPipeline, fromIterable } from '@spillway/core';
import { type RunOptions, run } from '@spillway/workers';
import { HistoryFolder } from '@spillway/workers/internal';
import { expect, it, onTestFinished } from 'vitest';
import { temporaryFolder } from '#support/temporary-folder';

const SCHEMA = { ts: 'timestamp[ms]', n: 'int64' } as const;

function* rows(count: number): Generator<{ ts: bigint; n: bigint }> {
  for (let n = 0; n < count; n += 1) yield { ts: BigInt(n), n: BigInt(n) };
}

/** A small aggregation; `stage` is the limit of its stage. */
async function work(options: RunOptions, { count = 1000, stage = '8MiB', every = '1s' as const } = {}) {
  const stream = createPipeline({ memoryLimit: '96MiB' })
    .source(fromIterable(SCHEMA, rows(count), { orderedOn: 'ts', name: 'ticks' }))
    .aggStream({
      orderedOn: 'ts',
      memoryLimit: stage,
      aggregations: { sums: { every, columns: { sum: agg.sum('n') } } },
    });
  return run([stream.sums.collect({ name: 'sums' })], { workers: 1, ...options }).done;
}

it('leaves what it did: stages, limits, rows, when it ran, and how it went', async () => {
  const history = temporaryFolder();
  const before = Date.now();
  const summary = await work({ history });
  const record = await new HistoryFolder(history).find('last');
  expect(record.summary).toEqual(JSON.parse(JSON.stringify(summary)));
  expect(record).toMatchObject({ title: 'ticks → sums', workers: 1, snapshot: { sources: [{ rows: 1000 }] } });
  expect(Date.parse(record.startedAt)).toBeGreaterThanOrEqual(before - 1000);
  expect(record.minimumBytes).toBeGreaterThan(0);
  expect(record.series.length).toBeGreaterThan(0);
});

it('runs of the same work have their plan in common, whatever their input and their limits', async () => {
  const history = temporaryFolder();
  await work({ history });
  await work({ history, memoryLimit: '80MiB' }, { count: 500, stage: '4MiB' });
  await work({ history }, { every: '2s' as never });
  const plans = (await new HistoryFolder(history).names()).map(({ plan }) => plan);
  expect(plans[1]).toBe(plans[0]);
  expect(plans[2]).not.toBe(plans[0]);
});

it('one that fails leaves its record too', async () => {
  const history = temporaryFolder();
  function* broken(): Generator<{ ts: bigint; n: bigint }> {
    yield* rows(10);
    throw new Error('the source is gone');
  }
  const sink = createPipeline({ memoryLimit: '96MiB' }).source(fromIterable(SCHEMA, broken())).collect();
  await expect(run([sink], { workers: 1, history }).done).rejects.toThrow('the source is gone');
  const { summary } = await new HistoryFolder(history).find('last');
  expect(summary).toMatchObject({ ok: false, error: { message: expect.stringContaining('the source is gone') } });
});

it('leaves nothing when told so', async () => {
  const history = temporaryFolder();
  process.env['SPILLWAY_HISTORY'] = history;
  onTestFinished(() => void (process.env['SPILLWAY_HISTORY'] = 'off'));
  await work({ history: false });
  expect(readdirSync(history)).toEqual([]);
  await work({});
  expect(readdirSync(history)).toHaveLength(1);
});

it('goes well where the record cannot be written', async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'file'), '');
  mkdirSync(join(folder, 'there'));
  const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
  expect(await work({ history: join(folder, 'file', 'runs') })).toMatchObject({ ok: true });
  expect((await warned).message).toContain('could not be written');
  expect(existsSync(join(folder, 'file', 'runs'))).toBe(false);
});

it('does not have the lanes report their heaps because of a record', async () => {
  const history = temporaryFolder();
  await work({ history });
  const { snapshot } = await new HistoryFolder(history).find('last');
  expect(snapshot.isolates.slice(1).every(({ heapBytes }) => heapBytes === 0)).toBe(true);
});
