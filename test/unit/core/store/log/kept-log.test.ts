/** The log and the footers of a dataset are read once, and yet nothing is ever told of them that is no longer so. */
import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type Fields, openStore } from '@spillway/core';
import { keyToPath, plannedFooter } from '@spillway/core/internal';
import { describe, expect, test } from 'vitest';

import { temporaryFolder } from '../../../../support/temporary-folder.ts';
import { type Row, readRows, writeRows } from '../write-rows.ts';

const fields: Fields = [
  { name: 'ts', type: 'timestamp[us, UTC]', nullable: false },
  { name: 'n', type: 'int32', nullable: true },
];
const key = { a: '1' };
/** Until files count as old enough to be kept. */
const SETTLED_MS = 60;

function rowsFrom(first: number, count: number): Row[] {
  return Array.from({ length: count }, (_, i) => ({ ts: BigInt(first + i) * 1_000_000n, n: first + i }));
}

function tableOf(root: string): string {
  return join(root, ...keyToPath(key).split('/'));
}

async function numbersOf(root: string): Promise<unknown[]> {
  const dataset = await (await openStore(root)).dataset(key);
  await Promise.all(dataset.files().map(({ path }) => plannedFooter(path)));
  return (await readRows(dataset)).map(({ n }) => n);
}

/** A dataset of three rows, of which this process keeps what log and footers say. */
async function keptDataset(): Promise<string> {
  const root = temporaryFolder();
  await writeRows(root, key, fields, rowsFrom(0, 3));
  await setTimeout(SETTLED_MS);
  expect(await numbersOf(root)).toEqual([0, 1, 2]);
  return root;
}

/** Another process works on a copy, so that nothing of what it does is known here by the paths. */
async function elsewhere(root: string, work: (copy: string) => Promise<unknown>): Promise<string> {
  const copy = temporaryFolder();
  cpSync(root, copy, { recursive: true });
  await work(copy);
  return copy;
}

describe('a dataset that was read before', () => {
  test('has what another process has committed since', async () => {
    const root = await keptDataset();
    const copy = await elsewhere(root, (there) => writeRows(there, key, fields, rowsFrom(10, 2)));
    cpSync(copy, root, { recursive: true, preserveTimestamps: true });
    expect(await numbersOf(root)).toEqual([0, 1, 2, 10, 11]);
  });

  test('stays the version that it was opened at while others are committed and opened', async () => {
    const root = await keptDataset();
    const store = await openStore(root);
    const before = await store.dataset(key);
    await writeRows(root, key, fields, rowsFrom(10, 2));
    await writeRows(root, key, fields, rowsFrom(5, 1), { mode: 'overwrite' });
    expect(await numbersOf(root)).toEqual([5]);
    expect((await readRows(before)).map(({ n }) => n)).toEqual([0, 1, 2]);
    expect([before.version, (await store.dataset(key)).version]).toEqual([0, 2]);
  });

  test('is another one when it was deleted and written anew with as many versions', async () => {
    const root = await keptDataset();
    const fresh = temporaryFolder();
    await writeRows(fresh, key, fields, rowsFrom(5, 3));
    rmSync(tableOf(root), { recursive: true });
    renameSync(tableOf(fresh), tableOf(root));
    expect(await numbersOf(root)).toEqual([5, 6, 7]);
  });

  test('is gone when it was deleted', async () => {
    const root = await keptDataset();
    rmSync(tableOf(root), { recursive: true });
    await expect(numbersOf(root)).rejects.toMatchObject({ code: 'ERR_STORE_NOT_FOUND' });
  });

  test('is refused when its log has been damaged since', async () => {
    const root = await keptDataset();
    writeFileSync(join(tableOf(root), '_delta_log', '00000000000000000000.json'), '{"add":');
    await expect(numbersOf(root)).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' });
  });

  test('is refused when one of its files has been damaged since', async () => {
    const root = await keptDataset();
    const [file] = (await (await openStore(root)).dataset(key)).files();
    const bytes = readFileSync(file?.path ?? '');
    writeFileSync(file?.path ?? '', bytes.subarray(0, bytes.length - 9));
    await expect(plannedFooter(file?.path ?? '')).rejects.toMatchObject({ code: 'ERR_FILE_TRUNCATED' });
  });

  test('misses the files that a vacuum has removed, as ever', async () => {
    const root = await keptDataset();
    await writeRows(root, key, fields, rowsFrom(20, 1), { mode: 'overwrite' });
    const old = await (await openStore(root)).dataset(key, { version: 0 });
    const [file] = old.files();
    await (await openStore(root)).vacuum(key, { retention: 0 });
    await expect(plannedFooter(file?.path ?? '')).rejects.toMatchObject({ code: 'ERR_FILE_NOT_FOUND' });
  });
});
