import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Fields } from '@spillway/core';
import { batchToRows, createArena, ForeignSort, rowsToBatch, writeParquetFile } from '@spillway/core/internal';
import { expect, test } from 'vitest';

import { chooseSeed, randomFrom } from '../../../../support/random.ts';
import { quickFolder } from '../../../../support/temporary-folder.ts';

const fields: Fields = [
  { name: 'n', type: 'int32', nullable: true },
  { name: 'ts', type: 'timestamp[us]', nullable: false },
  { name: 's', type: 'utf8', nullable: true },
];
const ROWS = 2000;

/** A file out of order with many equal rows, and how it is read: 50 rows at a time, each of them a run where so few bytes are. */
async function disordered() {
  const arena = createArena({ debug: true });
  const folder = quickFolder();
  const path = join(folder, 'other.parquet');
  const random = randomFrom(chooseSeed());
  const rows = Array.from({ length: ROWS }, (_, n) => ({
    n,
    ts: BigInt(random.integer(0, 300)),
    s: random.chance(0.1) ? null : `text ${n}`,
  }));
  const batch = rowsToBatch(arena, 0, fields, rows);
  await writeParquetFile([batch], { path, fields, compression: 'snappy', rowGroupRows: 700, arena });
  batch.release();
  const runs = join(folder, 'runs');
  const sort = (runBytes: number) =>
    new ForeignSort({ arena, owner: 1, fields, columns: ['n', 'ts', 's'], batchRows: 50 }, 'ts', {
      folder: () => runs,
      prefix: 'run-',
      runBytes,
    }).rows(path);
  const left = (): unknown => ({ slabs: arena.usedSlabs(), files: runsIn(folder) });
  return { rows, sort, left };
}

function runsIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('run-'));
}

test.each([
  ['all at once', 2 ** 30],
  ['in a few runs', 16_384],
  ['in more runs than are merged at a time', 1],
])('rows are sorted %s, and equal ones stay as they came', async (_, runBytes) => {
  const { rows, sort, left } = await disordered();
  const found: number[] = [];
  for await (const batch of sort(runBytes)) {
    found.push(...batchToRows(batch).map((row) => row['n'] as number));
    batch.release();
  }
  const expected = [...rows].sort((a, b) => Number(a.ts - b.ts) || a.n - b.n);
  expect(found).toEqual(expected.map(({ n }) => n));
  expect(left()).toEqual({ slabs: 0, files: [] });
});

test('who leaves early leaves nothing behind', async () => {
  const { sort, left } = await disordered();
  for await (const batch of sort(4096)) {
    batch.release();
    break;
  }
  expect(left()).toEqual({ slabs: 0, files: [] });
});
