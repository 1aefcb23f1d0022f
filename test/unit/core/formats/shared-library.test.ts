import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fields } from '@spillway/core';
import { createArena, ParquetWriter, rowsToBatch, writeParquetFile } from '@spillway/core/internal';
import { expect, test } from 'vitest';

import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { readAll } from './read-parquet.ts';

const fields: Fields = [{ name: 'n', type: 'int32', nullable: true }];
const arena = createArena({ debug: true });

async function fileOf(path: string, rows: number, value = (row: number): number => row): Promise<string> {
  const batch = rowsToBatch(arena, 1, fields, { n: Int32Array.from({ length: rows }, (_, row) => value(row)) });
  await writeParquetFile([batch], { path, fields, compression: 'none', rowGroupRows: 1000, arena });
  batch.release();
  return path;
}

/** A file whose pages are zeros, the dictionary's first: the library does not refuse it, it breaks. */
async function brokenFile(path: string): Promise<string> {
  const bytes = readFileSync(await fileOf(path, 3000, (row) => (row % 100) * (row % 100) * 10_007));
  writeFileSync(path, bytes.fill(0, 4, 400));
  return path;
}

test('the file that breaks the library is named, files read beside it are read to their end', async () => {
  const folder = temporaryFolder();
  const good = await fileOf(join(folder, 'good.parquet'), 5000);
  const bad = await brokenFile(join(folder, 'bad.parquet'));
  const outcomes = await Promise.allSettled(
    [good, bad, good, bad, good].map((path) => readAll(path, { batchRows: 700 })),
  );
  for (const [i, outcome] of outcomes.entries()) {
    if (i % 2 === 1)
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ERR_FILE_FORMAT', file: bad } });
    else {
      expect(outcome).toMatchObject({ status: 'fulfilled', value: { result: { rows: 5000 }, leaked: 0 } });
      const rows = outcome.status === 'fulfilled' ? outcome.value.rows : [];
      expect(rows.map((row) => row['n'])).toEqual(Array.from({ length: 5000 }, (_, n) => n));
    }
  }
});

test('a read that has published rows goes on behind them', async () => {
  const folder = temporaryFolder();
  const good = await fileOf(join(folder, 'good.parquet'), 5000);
  const bad = await brokenFile(join(folder, 'bad.parquet'));
  let refused: unknown;
  const seen: number[] = [];
  await readAll(good, {
    batchRows: 1000,
    publish: async (batch) => {
      seen.push(batch.rows);
      batch.release();
      refused ??= await readAll(bad).catch((error: unknown) => error);
    },
  });
  expect(seen).toEqual([1000, 1000, 1000, 1000, 1000]);
  expect(refused).toMatchObject({ code: 'ERR_FILE_FORMAT', file: bad });
});

test('a writer beside it fails later than the read, and leaves nothing', async () => {
  const folder = temporaryFolder();
  const bad = await brokenFile(join(folder, 'bad.parquet'));
  const lists: Fields = [{ name: 'n', type: 'list<int32>', nullable: true }];
  const batch = rowsToBatch(arena, 1, lists, { n: [[1], [2, 3], null] });
  const writer = await ParquetWriter.open({
    path: join(folder, 'out.parquet'),
    fields: lists,
    compression: 'none',
    rowGroupRows: 10,
    arena,
  });
  await writer.push(batch);
  const order: string[] = [];
  const note = (name: string) => (error: unknown) => {
    order.push(name);
    return error;
  };
  const reading = readAll(bad).catch(note('read'));
  const writing = (async () => {
    for (;;) await writer.push(batch);
  })().catch(note('write'));
  expect(await reading).toMatchObject({ code: 'ERR_FILE_FORMAT', file: bad });
  expect(await writing).toMatchObject({ code: 'ERR_INTERNAL' });
  expect(order).toEqual(['read', 'write']);
  await writer.abort();
  batch.release();
  expect(arena.usedSlabs()).toBe(0);
});
