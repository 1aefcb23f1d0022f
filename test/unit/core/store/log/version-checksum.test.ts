/** Checksums of versions, from which a process that does not know a dataset begins. */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openStore } from '@spillway/core';
import { readSnapshot, readWholeSnapshot } from '@spillway/core/internal';
import { describe, expect, test } from 'vitest';

import { quickFolder, quickSharedFolder } from '../../../../support/temporary-folder.ts';

const key = { a: 'b' };
const root = quickSharedFolder();
const nameOf = (version: number, end: string): string => `${String(version).padStart(20, '0')}.${end}`;

/** Thirteen versions: rows appended, one replaced. */
async function writeAll(): Promise<void> {
  const store = await openStore(root);
  for (let i = 0; i < 12; i += 1)
    await store.write(key, [{ ts: BigInt(i), n: i }], { schema: { ts: 'int64', n: 'int32' }, orderedOn: 'ts' });
  await store.write(key, [{ ts: 3n, n: -3 }], { duplicatesOn: ['ts'], metadata: { of: 'mine' } });
}

const written = writeAll();

/** The same table under a path of which this process knows nothing. */
async function unknownTable(): Promise<{ table: string; log: string }> {
  await written;
  const copy = quickFolder();
  cpSync(root, copy, { recursive: true });
  return { table: join(copy, 'a=b'), log: join(copy, 'a=b', '_delta_log') };
}

/** With what the log says about the same files in two ways made alike. */
function plain(snapshot: Awaited<ReturnType<typeof readSnapshot>>) {
  const { version, committedAt, protocol, metaData, files, txns } = snapshot ?? {};
  const adds = [...(files?.values() ?? [])].map((add) => ({ ...add, dataChange: false }));
  return { version, committedAt, protocol, metaData, adds, txns };
}

describe('a version checksum', () => {
  test('says what the protocol asks for', async () => {
    const { log } = await unknownTable();
    const checksum = JSON.parse(readFileSync(join(log, nameOf(10, 'crc')), 'utf8')) as Record<string, unknown>;
    const { allFiles, txnId } = checksum as { allFiles: { size: number }[]; txnId: string };
    expect(checksum).toMatchObject({ numFiles: 11, numMetadata: 1, numProtocol: 1, setTransactions: [] });
    expect(checksum['tableSizeBytes']).toBe(allFiles.reduce((sum, { size }) => sum + size, 0));
    expect(readFileSync(join(log, nameOf(10, 'json')), 'utf8')).toContain(txnId);
  });

  test('leads to what the whole log says, and needs nothing from before it', async () => {
    const { table, log } = await unknownTable();
    const whole = await readWholeSnapshot(table);
    for (let version = 0; version < 10; version += 1) rmSync(join(log, nameOf(version, 'json')));
    const snapshot = await readSnapshot(table);
    expect(snapshot?.version).toBe(12);
    expect(plain(snapshot)).toEqual(plain(whole));
  });

  test.each<[string, (text: string) => string]>([
    ['is cut off', (text) => text.slice(0, 400)],
    ['is empty', () => ''],
    ['leaves out a file', (text) => JSON.stringify({ ...JSON.parse(text), allFiles: [] })],
    ['does not name its files', (text) => text.replace('allFiles', 'others')],
    [
      'belongs to another commit of the version',
      (text) => {
        const { allFiles, ...rest } = JSON.parse(text) as { allFiles: { path: string }[] };
        return JSON.stringify({ ...rest, txnId: 'x', allFiles: allFiles.map((add) => ({ ...add, path: 'x' })) });
      },
    ],
  ])('that %s is passed over', async (_, damage) => {
    const { table, log } = await unknownTable();
    const path = join(log, nameOf(10, 'crc'));
    writeFileSync(path, damage(readFileSync(path, 'utf8')));
    expect(plain(await readSnapshot(table))).toEqual(plain(await readWholeSnapshot(table)));
  });
});
