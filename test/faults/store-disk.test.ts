/** A store on a disk that is full, read-only, or without links; and one whose files were damaged. Nothing committed is lost. */
import { execFileSync } from 'node:child_process';
import { promises, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { type Dataset, openStore, type Store } from '@spillway/core';
import { expect, onTestFinished, test } from 'vitest';
import { smallDisk } from '#support/memory-faults';

import { temporaryFolder } from '../support/temporary-folder.ts';

const MEBIBYTE = 2 ** 20;
const REFUSED = 'mounting is not permitted here';
const key = { symbol: 'AAPL' };
const schema = { ts: 'int64', x: 'float64' } as const;

/** Rows that no encoding makes small. */
function columns(from: number, count: number): { ts: BigInt64Array; x: Float64Array } {
  return {
    ts: BigInt64Array.from({ length: count }, (_, i) => BigInt(from + i)),
    x: Float64Array.from({ length: count }, (_, i) => Math.sin(from + i)),
  };
}

async function storeIn(folder: string): Promise<Store> {
  const store = await openStore(folder);
  for (const from of [0, 1000, 2000])
    await store.write(key, columns(from, 1000), { schema, orderedOn: 'ts', rowGroupTarget: 1000 });
  return store;
}

async function timesOf(dataset: Dataset): Promise<number[]> {
  const times: number[] = [];
  for await (const batch of dataset.read({ columns: ['ts'] })) for (const { ts } of batch) times.push(Number(ts));
  return times;
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

test('a full disk refuses the write and keeps what there is; with room again it is written', async ({ skip }) => {
  const disk = smallDisk(MEBIBYTE);
  if (disk === undefined) return skip(REFUSED);
  try {
    const store = await storeIn(disk.folder);
    const filler = join(disk.folder, '.filler');
    writeFileSync(filler, new Uint8Array(MEBIBYTE / 2));
    const before = readdirSync(disk.folder, { recursive: true }).sort();
    await expect(store.write(key, columns(1500, 60_000))).rejects.toMatchObject({
      code: 'ERR_IO',
      message: expect.stringContaining('the disk is full'),
      file: expect.stringContaining(disk.folder),
    });
    expect(readdirSync(disk.folder, { recursive: true }).sort()).toEqual(before);
    expect(await timesOf(await store.dataset(key))).toEqual(numbers(3000));
    expect(await store.verify(key)).toMatchObject({ ok: true, version: 2 });
    rmSync(filler);
    expect(await store.write(key, columns(3000, 1000))).toMatchObject({ version: 3 });
    expect(await timesOf(await store.dataset(key))).toEqual(numbers(4000));
  } finally {
    disk.unmount();
  }
});

test('a read-only disk is read, and refuses writes', async ({ skip }) => {
  const disk = smallDisk(MEBIBYTE);
  if (disk === undefined) return skip(REFUSED);
  try {
    const store = await storeIn(disk.folder);
    execFileSync('mount', ['-o', 'remount,ro', disk.folder]);
    const refusal = { code: 'ERR_IO', message: expect.stringContaining('read-only') };
    await expect(store.write(key, columns(3000, 10))).rejects.toMatchObject(refusal);
    await expect(store.write({ symbol: 'new' }, columns(0, 1), { schema, orderedOn: 'ts' })).rejects.toMatchObject(
      refusal,
    );
    await expect(store.delete(key)).rejects.toMatchObject(refusal);
    expect(await timesOf(await store.dataset(key))).toEqual(numbers(3000));
    expect(await store.verify(key)).toMatchObject({ ok: true, version: 2 });
  } finally {
    disk.unmount();
  }
});

test('a file system without links is refused by name, and the dataset stays as it was', async () => {
  const store = await storeIn(temporaryFolder());
  const { link } = promises;
  onTestFinished(() => {
    promises.link = link;
    syncBuiltinESMExports();
  });
  promises.link = () => Promise.reject(Object.assign(new Error('EPERM: link'), { code: 'EPERM' }));
  syncBuiltinESMExports();
  const table = join(store.root, store.pathOf(key));
  const before = readdirSync(table, { recursive: true }).sort();
  await expect(store.write(key, columns(3000, 10))).rejects.toMatchObject({
    code: 'ERR_STORE_UNSUPPORTED',
    file: table,
    message: expect.stringContaining('cannot link'),
  });
  expect(readdirSync(table, { recursive: true }).sort()).toEqual(before);
  expect(await timesOf(await store.dataset(key))).toEqual(numbers(3000));
});

test.each<[string, (path: string) => void, string]>([
  ['a missing file', (path) => rmSync(path), 'ERR_FILE_NOT_FOUND'],
  ['a flipped byte', flip, 'ERR_STORE_CORRUPT'],
  ['a file that was cut off', (path) => writeFileSync(path, readFileSync(path).subarray(0, 300)), 'ERR_FILE_TRUNCATED'],
])('%s: reading names dataset, version and file; the version before is read', async (_, damage, code) => {
  const store = await storeIn(temporaryFolder());
  const dataset = await store.dataset(key);
  const path = dataset.files()[2]?.path ?? '';
  damage(path);
  await expect(timesOf(dataset)).rejects.toMatchObject({
    code,
    file: path,
    message: expect.stringContaining('symbol=AAPL, version 2: '),
    hint: expect.any(String),
  });
  expect((await store.verify(key)).problems).toMatchObject([{ file: path }]);
  expect(await timesOf(await store.dataset(key, { version: 1 }))).toEqual(numbers(2000));
});

function flip(path: string): void {
  const bytes = readFileSync(path);
  bytes.writeUInt8(bytes.readUInt8(40) ^ 1, 40);
  writeFileSync(path, bytes);
}

const FEATURE = {
  protocol: { minReaderVersion: 3, minWriterVersion: 7, readerFeatures: ['newer'], writerFeatures: [] },
};

test.each<[string, (log: (version: number) => string) => void, number, RegExp]>([
  ['a hole in the log', (log) => rmSync(log(1)), 0, /version 1 is missing/],
  ['a line that was cut off', (log) => writeFileSync(log(2), '{"add":{"pa'), 1, /line 1 of version 2/],
  ['a reader feature of later', (log) => writeFileSync(log(2), JSON.stringify(FEATURE)), 1, /needs newer/],
])('%s: verify says so, and the last good version is read', async (_, damage, good, problem) => {
  const store = await storeIn(temporaryFolder());
  const table = join(store.root, store.pathOf(key));
  damage((version) => join(table, '_delta_log', `${String(version).padStart(20, '0')}.json`));
  const refusal = { file: table, message: expect.stringMatching(problem), hint: expect.any(String) };
  await expect(store.dataset(key)).rejects.toMatchObject(refusal);
  await expect(store.write(key, columns(3000, 10))).rejects.toMatchObject(refusal);
  const found = await store.verify(key);
  expect(found).toMatchObject({ ok: false, version: good, rows: 1000 * (good + 1) });
  expect(found.problems).toMatchObject([{ file: table, problem: expect.stringMatching(problem) }]);
  expect(await timesOf(await store.dataset(key, { version: good }))).toEqual(numbers(1000 * (good + 1)));
});

test('verify of a dataset that is not there is refused with the nearest', async () => {
  const store = await storeIn(temporaryFolder());
  await expect(store.verify({ symbol: 'APPL' })).rejects.toMatchObject({
    code: 'ERR_STORE_NOT_FOUND',
    hint: expect.stringContaining('AAPL'),
  });
});
