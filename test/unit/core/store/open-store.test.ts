import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Dataset, type Fields, openStore } from '@spillway/core';
import { describe, expect, test } from 'vitest';

import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { type Row, readRows, writeRows } from './write-rows.ts';

const fields: Fields = [
  { name: 'ts', type: 'timestamp[us, UTC]', nullable: false },
  { name: 'n', type: 'int32', nullable: true },
  { name: 's', type: 'utf8', nullable: true },
];
const key = { symbol: 'A/B', freq: '1h' };

function rowsFrom(first: number, count: number): Row[] {
  return Array.from({ length: count }, (_, i) => ({
    ts: BigInt(first + i) * 1_000_000n,
    n: first + i,
    s: `s${first + i}`,
  }));
}

async function storeOf(rows: Row[], rowGroupTarget = 10): Promise<{ root: string; dataset: Dataset }> {
  const root = temporaryFolder();
  await writeRows(root, key, fields, rows, { rowGroupTarget });
  return { root, dataset: await (await openStore(root)).dataset(key) };
}

async function numbers(dataset: Dataset, options: Parameters<Dataset['read']>[0]): Promise<number[]> {
  const found: number[] = [];
  for await (const batch of dataset.read(options))
    for (const value of batch.getChild('n') ?? []) found.push(value as number);
  return found;
}

describe('datasets', () => {
  test('are listed by key, whatever else lies there', async () => {
    const root = temporaryFolder();
    for (const k of [
      { b: '2', a: '' },
      { a: 'x', b: '..' },
    ])
      await writeRows(root, k, fields, rowsFrom(0, 1));
    mkdirSync(join(root, 'notes'));
    writeFileSync(join(root, 'a=', 'README'), '');
    expect(await (await openStore(root)).datasets()).toEqual([
      { a: '', b: '2' },
      { a: 'x', b: '..' },
    ]);
  });

  test('a store that is not there yet is empty, and is not made by looking', async () => {
    const root = join(temporaryFolder(), 'new');
    const store = await openStore(root);
    expect(await store.datasets()).toEqual([]);
    expect(() => readdirSync(root)).toThrow();
  });

  test('a missing one is refused with the nearest key', async () => {
    const { root } = await storeOf(rowsFrom(0, 1));
    await expect((await openStore(root)).dataset({ symbol: 'A/B', freq: '1d' })).rejects.toMatchObject({
      code: 'ERR_STORE_NOT_FOUND',
      hint: 'did you mean "freq=1h symbol=A/B"?',
    });
  });

  test('one inside another is refused', async () => {
    const { root } = await storeOf(rowsFrom(0, 1));
    await expect(writeRows(root, { freq: '1h' }, fields, [])).rejects.toMatchObject({ code: 'ERR_KEY' });
    await expect(writeRows(root, { ...key, venue: 'X' }, fields, [])).rejects.toMatchObject({ code: 'ERR_KEY' });
  });
});

describe('read', () => {
  test('all rows, in batches, in order', async () => {
    const { dataset } = await storeOf(rowsFrom(0, 95));
    const sizes: number[] = [];
    for await (const batch of dataset.read({ batchRows: 7 })) sizes.push(batch.numRows);
    expect(sizes).toEqual([...Array.from({ length: 9 }, () => [7, 3]).flat(), 5]);
    expect(await numbers(dataset, {})).toEqual(Array.from({ length: 95 }, (_, i) => i));
  });

  test.each([
    ['from and to as ISO text', { from: '1970-01-01T00:00:25Z', to: '1970-01-01T00:00:42Z' }, 25, 42],
    ['as dates', { from: new Date(0), to: new Date(3000) }, 0, 3],
    ['as ticks', { from: 94_000_000n }, 94, 95],
    ['between two rows', { from: 10_500_000n, to: 12_500_001n }, 11, 13],
    ['nothing', { from: '1980-01-01' }, 0, 0],
    ['everything', { to: '1980-01-01' }, 0, 95],
  ])('a range: %s', async (_, range, first, end) => {
    const { dataset } = await storeOf(rowsFrom(0, 95));
    expect(await numbers(dataset, { ...range, columns: ['n'] })).toEqual(
      Array.from({ length: end - first }, (__, i) => first + i),
    );
  });

  test('files outside the range are not opened', async () => {
    const { dataset } = await storeOf(rowsFrom(0, 95));
    for (const file of dataset.files().slice(0, 5)) rmSync(file.path);
    expect(await numbers(dataset, { from: 50_000_000n })).toHaveLength(45);
    await expect(numbers(dataset, {})).rejects.toMatchObject({
      code: 'ERR_FILE_NOT_FOUND',
      file: dataset.files()[0]?.path,
    });
  });

  test('can be left early', async () => {
    const { dataset } = await storeOf(rowsFrom(0, 95), 50);
    for await (const batch of dataset.read({ batchRows: 3 })) if (batch.numRows > 0) break;
    expect(await numbers(dataset, {})).toHaveLength(95);
  });

  test('a bound that is no value of the column is refused', async () => {
    const { dataset } = await storeOf(rowsFrom(0, 1));
    await expect(numbers(dataset, { from: 'yesterday' })).rejects.toMatchObject({ code: 'ERR_VALUE' });
  });
});

describe('damage', () => {
  test('a flipped byte in a data page is noticed', async () => {
    const { dataset } = await storeOf(rowsFrom(0, 1000), 1000);
    const path = dataset.files()[0]?.path ?? '';
    const bytes = readFileSync(path);
    bytes.writeUInt8(bytes.readUInt8(60) ^ 1, 60);
    writeFileSync(path, bytes);
    await expect(readRows(dataset)).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT', file: path });
  });

  async function damagedLog(change: (log: string) => void): Promise<unknown> {
    const { root } = await storeOf(rowsFrom(0, 3));
    await writeRows(root, key, fields, rowsFrom(3, 3));
    await writeRows(root, key, fields, rowsFrom(6, 3));
    change(join(root, 'freq=1h', 'symbol=A~2FB', '_delta_log'));
    return (await openStore(root)).dataset(key).then(
      () => undefined,
      (error: unknown) => error,
    );
  }
  const commit = (log: string, version: number): string => join(log, `${String(version).padStart(20, '0')}.json`);

  test('a hole in the log', async () => {
    expect(await damagedLog((log) => rmSync(commit(log, 1)))).toMatchObject({
      code: 'ERR_STORE_CORRUPT',
      message: expect.stringContaining('version 1 is missing'),
    });
  });

  test('a line that is cut off', async () => {
    const error = await damagedLog((log) => writeFileSync(commit(log, 2), '{"commitInfo":{}}\n{"add":{"path"'));
    expect(error).toMatchObject({ code: 'ERR_STORE_CORRUPT', message: expect.stringContaining('line 2 of version 2') });
  });

  test('a pointer to a checkpoint that is not there, and no beginning', async () => {
    const error = await damagedLog((log) => {
      rmSync(commit(log, 0));
      writeFileSync(join(log, '_last_checkpoint'), '{"version":1,"size":1}');
    });
    expect(error).toMatchObject({ code: 'ERR_STORE_CORRUPT' });
  });

  test.each([
    [
      'an unknown reader feature',
      { protocol: { minReaderVersion: 3, minWriterVersion: 7, readerFeatures: ['v9'], writerFeatures: ['v9'] } },
    ],
    ['a later reader version', { protocol: { minReaderVersion: 9, minWriterVersion: 9 } }],
    [
      'deletion vectors',
      {
        add: {
          path: 'x.parquet',
          partitionValues: {},
          size: 1,
          modificationTime: 1,
          dataChange: true,
          deletionVector: { storageType: 'u' },
        },
      },
    ],
  ])('%s is refused', async (_, action) => {
    expect(await damagedLog((log) => writeFileSync(commit(log, 3), JSON.stringify(action)))).toMatchObject({
      code: 'ERR_STORE_UNSUPPORTED',
    });
  });

  test.each([
    [
      'a folder of something else',
      (root: string) => writeFileSync(join(root, 'package.json'), '{}'),
      (root: string) => root,
    ],
    ['a file', (root: string) => writeFileSync(join(root, 'x'), ''), (root: string) => join(root, 'x')],
    ['a table', (root: string) => mkdirSync(join(root, '_delta_log')), (root: string) => root],
  ])('%s is no store', async (_, make, path) => {
    const root = temporaryFolder();
    make(root);
    await expect(openStore(path(root))).rejects.toMatchObject({ code: 'ERR_STORE_UNSUPPORTED' });
  });
});

describe('columns that a table cannot have', () => {
  test.each([
    ['a blank in the name', { name: 'a b', type: 'int32' }],
    ['no name', { name: '', type: 'int32' }],
    ['a name equal but for case', { name: 'TS', type: 'int32' }],
  ] as const)('%s', async (_, field) => {
    await expect(
      writeRows(temporaryFolder(), key, [...fields, { ...field, nullable: true }], []),
    ).rejects.toMatchObject({ code: 'ERR_SCHEMA', column: field.name });
  });

  test('a negative scale, an unordered type, no order at all', async () => {
    const root = temporaryFolder();
    const money: Fields = [...fields, { name: 'm', type: 'decimal(5, -2)', nullable: true }];
    await expect(writeRows(root, key, money, [])).rejects.toMatchObject({ code: 'ERR_TYPE_UNSUPPORTED' });
    const list: Fields = [{ name: 'l', type: 'list<int32>', nullable: true }];
    await expect(writeRows(root, key, list, [], { orderedOn: 'l' })).rejects.toMatchObject({
      code: 'ERR_TYPE_UNSUPPORTED',
    });
    await expect(writeRows(root, key, fields, [], { orderedOn: '' })).rejects.toMatchObject({
      code: 'ERR_OPTIONS',
    });
  });
});
