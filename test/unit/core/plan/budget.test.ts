import { createPipeline, defineSource, explain, readParquet } from '@spillway/core';
import { expect, test } from 'vitest';
import { probesOf } from '../../../support/plan-probes.ts';

const MEBIBYTE = 2 ** 20;

const made = defineSource(import.meta.url, {
  name: 'made',
  schema: { t: 'int64' },
  options: {},
  splits: () => 1,
  create: () => ({ read: () => null }),
});

const probes = probesOf([{ name: 't', type: 'int64', nullable: false }]);

const fromFile = () => createPipeline({ memoryLimit: '1GiB' }).source(readParquet('a.parquet')).collect();
const fromLanes = () => createPipeline({ memoryLimit: '1GiB' }).source(made, {}).collect();

async function splitAt(sink: ReturnType<typeof fromFile>, workers: number, memoryLimitBytes: number) {
  return (await explain(sink, { workers, memoryLimitBytes, probes })).split;
}

test('the parts of a split are the whole limit', async () => {
  for (const memoryLimitBytes of [150 * MEBIBYTE, 333 * MEBIBYTE, 2 ** 30]) {
    for (const sink of [fromFile(), fromLanes()]) {
      const split = await splitAt(sink, 2, memoryLimitBytes);
      const { processBytes, codecBytes, laneBytes, userBytes, mainBytes, arenaBytes } = split;
      const sum = processBytes + codecBytes + laneBytes + userBytes + mainBytes + arenaBytes;
      expect(Math.abs(sum - memoryLimitBytes)).toBeLessThanOrEqual(1);
    }
  }
});

test('the terms that explain prints are those of the minimum, for batches as large as the sources send', async () => {
  for (const sink of [fromFile(), fromLanes()]) {
    const { minimum, physical } = await explain(sink, { workers: 2, probes });
    const sum = Object.values(minimum).reduce((bytes, term) => bytes + term, 0);
    expect(sum).toBe(physical.minimumBytes);
  }
});

test('a small limit has one codec thread, a large one as many as workers', async () => {
  const { minimum } = await explain(fromFile(), { workers: 4, probes });
  const leastBytes = Object.values(minimum).reduce((sum, bytes) => sum + bytes, 0);
  expect((await splitAt(fromFile(), 4, leastBytes)).codecThreads).toBe(1);
  expect((await splitAt(fromFile(), 4, 2 ** 31)).codecThreads).toBe(4);
});

test('without files there is no codec thread, without code of users no heap for it', async () => {
  expect(await splitAt(fromLanes(), 2, 2 ** 30)).toMatchObject({ codecThreads: 0, codecBytes: 0 });
  expect(await splitAt(fromFile(), 2, 2 ** 30)).toMatchObject({ userBytes: 0, userBytesEach: 0 });
});

test('the main thread has a part where rows come by there: large for objects, and for what collect keeps', async () => {
  const stream = createPipeline({ memoryLimit: '1GiB' }).source(made, {});
  const partOf = async (sink: ReturnType<typeof fromFile>) => (await splitAt(sink, 2, 2 ** 28)).mainBytes / MEBIBYTE;
  const views = await partOf(stream.forEach(() => {}));
  const objects = await partOf(stream.forEach(() => {}, { takes: 'rows' }));
  expect(objects).toBeGreaterThan(views + 20);
  expect(await partOf(stream.collect())).toBeGreaterThan(100);
  expect(await partOf(stream.toParquet('a.parquet'))).toBe(0);
});

test('explain prints the split and the minimum term by term when asked', async () => {
  const plain = await explain(fromFile(), { probes });
  expect(plain.text).not.toContain('code of users');
  const { text } = await explain(fromFile(), { probes, memory: true });
  for (const term of ['process', 'codecs', 'lanes', 'code of users', 'main thread', 'arena', 'floors'])
    expect(text).toContain(term);
});
