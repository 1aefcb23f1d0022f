import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expandPaths } from '@spillway/core/internal';
import { expect, test } from 'vitest';

import { temporaryFolder } from '../../../support/temporary-folder.ts';

function folderWith(...files: string[]): string {
  const folder = temporaryFolder();
  for (const file of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), '');
  }
  return folder;
}

async function expand(folder: string, ...patterns: string[]): Promise<string[]> {
  return (await expandPaths(patterns, folder)).map((path) => relative(folder, path));
}

test('a star stays inside a name, and matches come in the order of names', async () => {
  const folder = folderWith(
    'b.parquet',
    'a.parquet',
    'a10.parquet',
    'a2.parquet',
    'x.csv',
    'deep/c.parquet',
    '.hidden.parquet',
  );
  expect(await expand(folder, '*.parquet')).toEqual(['a.parquet', 'a10.parquet', 'a2.parquet', 'b.parquet']);
});

test('two stars cross folders, none included', async () => {
  const folder = folderWith('a.parquet', 'x/b.parquet', 'x/y/c.parquet', 'x/y/d.csv');
  expect(await expand(folder, '**/*.parquet')).toEqual(['a.parquet', 'x/b.parquet', 'x/y/c.parquet']);
});

test('braces and question marks', async () => {
  const folder = folderWith('q1.csv', 'q2.csv', 'q3.csv', 'q10.csv', 'r1.tsv');
  expect(await expand(folder, '{q,r}?.{csv,tsv}')).toEqual(['q1.csv', 'q2.csv', 'q3.csv', 'r1.tsv']);
});

test('patterns keep their order, each file comes once', async () => {
  const folder = folderWith('a.csv', 'b.csv');
  expect(await expand(folder, 'b.csv', '*.csv')).toEqual(['b.csv', 'a.csv']);
});

test('a folder in the middle may be a pattern, and letters that mean something elsewhere are letters', async () => {
  const folder = folderWith('2024 (1)/a+b.csv', '2025 (1)/a+b.csv', '2025 [x]/a+b.csv');
  expect(await expand(folder, '202? (1)/a+b.csv', '2025 [x]/*.csv')).toEqual([
    '2024 (1)/a+b.csv',
    '2025 (1)/a+b.csv',
    '2025 [x]/a+b.csv',
  ]);
});

test('a file of exactly this name is taken as it is', async () => {
  const folder = folderWith('a{1,2}.csv', 'a1.csv');
  expect(await expand(folder, 'a{1,2}.csv')).toEqual(['a{1,2}.csv']);
});

test('a path without a pattern is taken as it is, there or not', async () => {
  expect(await expand(folderWith(), 'nowhere.csv')).toEqual(['nowhere.csv']);
});

test('a pattern that matches nothing is refused with the nearest name', async () => {
  const folder = folderWith('trades/trades-2024.parquet');
  await expect(expand(folder, 'trades/trads-*.parquet')).rejects.toMatchObject({
    code: 'ERR_FILE_NOT_FOUND',
    hint: expect.stringContaining('trades-2024.parquet'),
  });
});
