/** Rows of any size: cut where they come in, alone where they are larger than the largest batch, refused where nothing can hold them. */
import { col, createPipeline, fromIterable, readParquet } from '@spillway/core';
import { run } from '@spillway/workers';
import { expect, test } from 'vitest';
import { grow } from '#fixtures/ops';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const SHAPE = { n: 'int64', text: 'utf8' } as const;
const MEBIBYTE = 2 ** 20;

test('an input much larger than the limit goes through in pieces', async () => {
  const text = 'x'.repeat(10_000);
  const rows = Array.from({ length: 12_000 }, (_, n) => ({ n, text }));
  const p = createPipeline({ memoryLimit: '48MiB' });
  const lengths = p.source(fromIterable(SHAPE, [rows])).select({ n: col('n'), length: col('text').str.length() });
  const sink = lengths.filter(col('length').eq(10_000)).collect();
  const job = run([sink], { workers: 2 });
  await job.done;
  expect((await job.table(sink)).numRows).toBe(12_000);
});

test('a row larger than the largest batch passes, and one that nothing can hold is refused by number', async () => {
  const through = async (lengths: readonly number[]): Promise<number[]> => {
    const rows = lengths.map((length, n) => ({ n, text: 'y'.repeat(length) }));
    const p = createPipeline({ memoryLimit: '128MiB' });
    const sink = p.source(fromIterable(SHAPE, [rows], { name: 'letters' })).collect();
    const job = run([sink], { workers: 2 });
    await job.done;
    return (await job.rows(sink)).map(({ text }) => (text as string).length);
  };
  const lengths = [10, 9 * MEBIBYTE, 10 * MEBIBYTE, 3];
  expect(await through(lengths)).toEqual(lengths);
  await expect(through([10, 180 * MEBIBYTE])).rejects.toMatchObject({
    code: 'ERR_ROW_TOO_LARGE',
    row: 1,
    stage: 'letters',
  });
});

test('a result of an op that nothing can hold is refused by row', async () => {
  const p = createPipeline({ memoryLimit: '64MiB' });
  const sink = p
    .source(fromIterable({ n: 'int64' }, [[{ n: 1 }, { n: 90 * MEBIBYTE }]]))
    .map(grow)
    .collect();
  await expect(run([sink]).done).rejects.toMatchObject({ code: 'ERR_ROW_TOO_LARGE', row: 1 });
});

test('row groups of wide rows are read in small packets, and logical batches stay as they were', async () => {
  const path = `${temporaryFolder()}/wide.parquet`;
  const rows = Array.from({ length: 3000 }, (_, n) => ({ n, text: String(n).padStart(2000, '.') }));
  await run([
    createPipeline()
      .source(fromIterable(SHAPE, [rows]))
      .toParquet(path),
  ]).done;
  const sizes: number[] = [];
  const batches = createPipeline({ memoryLimit: '256MiB' })
    .source(readParquet(path, { batchRows: 2048, orderedOn: 'n' }))
    .forEach((batch) => void sizes.push(batch.numRows));
  await run([batches], { workers: 2 }).done;
  expect(sizes).toEqual([2048, 952]);
});
