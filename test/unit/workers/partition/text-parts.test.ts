import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { col, createPipeline, readCsv, type Sink } from '@spillway/core';
import { run } from '@spillway/workers';
import { expect, it } from 'vitest';
import { runInPartitions } from '#support/partition-driver';
import { quickFolder } from '#support/temporary-folder';

/** A file of rows `n,text`. */
function fileOf(folder: string, textOf: (n: number) => string): string {
  const path = join(folder, 'rows.csv');
  const rows = Array.from({ length: 300 }, (_, n) => `${n},${textOf(n)}\n`);
  writeFileSync(path, `n,text\n${rows.join('')}`);
  return path;
}

function rowsOf(path: string | string[]): Sink {
  return createPipeline()
    .source(readCsv(path, { schema: { n: 'int64', text: 'int64' }, orderedOn: 'n' }))
    .filter(col('n').ge(0n))
    .collect() as Sink;
}

it('names a row that is not right by its line in the whole file', async () => {
  const folder = quickFolder();
  const path = fileOf(folder, (n) => (n === 211 ? 'x' : String(n)));
  let parts = 0;
  const onCut = ({ steps }: { steps: { tasks: unknown[] }[] }): void => void (parts = steps[0]?.tasks.length ?? 0);
  const refused = runInPartitions([rowsOf(path)], { partitions: 7, folder, onCut });
  await expect(refused).rejects.toMatchObject({ message: expect.stringContaining('line 213'), row: 211 });
  expect(parts).toBe(7);
});

it('names the part of a source that begins before the one before it ends', async () => {
  const folder = quickFolder();
  const paths = [5, 25, 20].map((from, index) => {
    const path = join(folder, `${index}.csv`);
    writeFileSync(path, `n,text\n${Array.from({ length: 10 }, (_, row) => `${from + row},1\n`).join('')}`);
    return path;
  });
  const job = await runInPartitions([rowsOf(paths)], { partitions: 3, folder });
  await expect(job.done).rejects.toMatchObject({
    code: 'ERR_INPUT_UNORDERED',
    message: expect.stringContaining(`(${paths[2]}), row 0: "n" is 20 after 34`),
  });
});

it('leaves a file whole in which something quotes', async () => {
  const folder = quickFolder();
  const path = join(folder, 'rows.csv');
  const rows = Array.from({ length: 200 }, (_, n) => `${n},"a\n${n}"\n`);
  writeFileSync(path, `n,text\n${rows.join('')}`);
  const sink = createPipeline()
    .source(readCsv(path, { schema: { n: 'int64', text: 'utf8' }, orderedOn: 'n' }))
    .filter(col('n').gt(99n))
    .collect() as Sink;
  const expected = await run([sink], { workers: 1 }).rows(sink);
  const job = await runInPartitions([sink], { partitions: 7, folder });
  expect(await job.rows(sink)).toEqual(expected);
});
