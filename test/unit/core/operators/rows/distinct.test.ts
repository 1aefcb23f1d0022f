import { createPipeline, fromIterable } from '@spillway/core';
import { run } from '@spillway/workers';
import { expect, test } from 'vitest';
import { chooseSeed, randomFrom } from '#support/random';
import { cutAtRandom, expectLikeReference } from '#support/step-harness';

const SHAPE = { key: 'utf8', code: 'int64', n: 'int32' } as const;

test('more keys than fit into memory give the same rows in the same order', async () => {
  const first = chooseSeed();
  const count = Number(process.env['SPILLWAY_STEPS'] ?? 3);
  for (let seed = first; seed < first + count; seed++) {
    const random = randomFrom(seed);
    const keys = random.integer(600, 2500);
    const rows = Array.from({ length: 4000 }, (_, n) => ({
      key: random.chance(0.05) ? null : `key ${random.integer(0, keys)}`,
      code: random.chance(0.05) ? null : BigInt(random.integer(0, 1)),
      n,
    }));
    const inputs = cutAtRandom(random, rows);
    const by = random.pick([['key'], ['key', 'code']] as const);
    const stream = createPipeline()
      .source(fromIterable(SHAPE, inputs as never))
      .distinct({ by, memoryLimit: '20KiB' });
    const spilled = await expectLikeReference(random, stream.collect(), [inputs], `SPILLWAY_SEED=${seed}`, true);
    expect(spilled).toBeGreaterThan(0);
  }
});

test('many keys through the workers, on disk beyond the share', async () => {
  const rows = 300_000;
  const columns = { key: BigInt64Array.from({ length: rows }, (_, n) => BigInt((n * 7919) % 200_000)) };
  const build = (memoryLimit?: string) =>
    createPipeline({ memoryLimit: '256MiB' })
      .source(fromIterable({ key: 'int64' }, [columns, columns]))
      .distinct({ ...(memoryLimit !== undefined && { memoryLimit }) })
      .collect();
  const [small, whole] = [build('1MiB'), build()];
  const job = run([small], { workers: 2, debug: true });
  expect((await job.done).spilledBytes).toBeGreaterThan(0);
  const other = run([whole], { workers: 2 });
  await other.done;
  const keysOf = (table: { batches: readonly { getChild(name: string): unknown }[] }): unknown[] =>
    table.batches.flatMap((batch) => [...(batch.getChild('key') as Iterable<bigint>)]);
  const expected = keysOf(await other.table(whole));
  expect(expected).toHaveLength(200_000);
  expect(keysOf(await job.table(small))).toEqual(expected);
});

test('where batches are seen, too many keys fail the run by name', async () => {
  const rows = Array.from({ length: 3000 }, (_, n) => ({ key: `key ${n}`, code: n, n }));
  const sink = createPipeline()
    .source(fromIterable(SHAPE, [rows]))
    .distinct({ by: 'key', memoryLimit: '20KiB' })
    .forEach(() => {});
  await expect(run([sink]).done).rejects.toMatchObject({ code: 'ERR_MEMORY_EXHAUSTED', stage: 'distinct' });
});
