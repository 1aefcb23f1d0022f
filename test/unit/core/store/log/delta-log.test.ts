import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Dataset, openStore, type Store } from '@spillway/core';
import { commitFiles, holdStaging, readWholeSnapshot } from '@spillway/core/internal';
import { describe, expect, test } from 'vitest';

import { temporaryFolder } from '../../../../support/temporary-folder.ts';
import { readRows, stageRows, storeSpec } from '../write-rows.ts';

const key = { a: 'b' };
const schema = { ts: 'int64', n: 'int32' } as const;
const DAY = 86_400_000;

async function numbers(dataset: Dataset): Promise<number[]> {
  return (await readRows(dataset)).map((row) => row['n'] as number);
}

/** A store with `versions` commits of one row each; row i is in versions from i on. */
async function storeOf(
  versions: number,
  properties: Record<string, string> = {},
): Promise<{ store: Store; log: string }> {
  const store = await openStore(temporaryFolder());
  for (let i = 0; i < versions; i += 1)
    await store.write(key, [{ ts: BigInt(i), n: i }], { schema, orderedOn: 'ts', ...(i === 0 ? { properties } : {}) });
  return { store, log: join(store.root, 'a=b', '_delta_log') };
}

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** As if a version had been committed so many days ago. */
function age(log: string, version: number, days: number): void {
  const path = join(log, `${String(version).padStart(20, '0')}.json`);
  const time = (Date.now() - days * DAY) / 1000;
  utimesSync(path, time, time);
}

describe('checkpoints', () => {
  test('are written when they are due, and pointed to', async () => {
    const { log } = await storeOf(8, { 'delta.checkpointInterval': '3' });
    const names = readdirSync(log);
    expect(names.filter((name) => name.includes('checkpoint')).sort()).toEqual([
      '00000000000000000003.checkpoint.parquet',
      '00000000000000000006.checkpoint.parquet',
      '_last_checkpoint',
    ]);
    expect(JSON.parse(readFileSync(join(log, '_last_checkpoint'), 'utf8'))).toMatchObject({
      version: 6,
      size: 9,
      numOfAddFiles: 7,
    });
  });

  test('have all that the log before them had', async () => {
    const { store, log } = await storeOf(3, { 'delta.checkpointInterval': '4' });
    await store.write(key, [{ ts: 1n, n: -1 }], { duplicatesOn: ['ts'] });
    const before = await readWholeSnapshot(join(store.root, 'a=b'));
    const staged = await stageRows(storeSpec(store.root, key), (await store.dataset(key)).fields, [{ ts: 9n, n: 9 }]);
    await commitFiles(
      {
        table: join(store.root, 'a=b'),
        name: 'a=b',
        files: staged.files,
        mode: 'merge',
        fields: staged.fields,
        orderedOn: 'ts',
        settings: {},
        staging: staged.staging,
        txn: { appId: 'nightly/sink', version: 7 },
      },
      {
        merge: () => Promise.reject(new Error('appending reads no rows')),
        stageForeign: () => Promise.reject(new Error('there are no foreign files')),
        checkpoint: async (table, version) => (await import('@spillway/core/files')).checkpointVersion(table, version),
      },
    );
    const fromLog = await readWholeSnapshot(join(store.root, 'a=b'));
    for (let version = 0; version <= 3; version += 1) rmSync(join(log, `${String(version).padStart(20, '0')}.json`));
    const fromCheckpoint = await readWholeSnapshot(join(store.root, 'a=b'));
    const plain = (snapshot: typeof fromLog) => ({
      ...snapshot,
      files: [...(snapshot?.files.values() ?? [])].map((add) => ({ ...add, dataChange: false })),
      tombstones: [...(snapshot?.tombstones.values() ?? [])].map((remove) => ({ ...remove, dataChange: false })),
      txns: [...(snapshot?.txns.values() ?? [])],
    });
    expect(plain(fromCheckpoint)).toEqual(plain(fromLog));
    expect(before?.tombstones.size).toBe(1);
    expect(fromCheckpoint?.txns.get('nightly/sink')?.version).toBe(7);
    expect(await numbers(await store.dataset(key))).toEqual([0, -1, 2, 9]);
  });

  test('of one that is damaged an older one takes the place; where there is none it is refused by its version', async () => {
    const { store, log } = await storeOf(5, { 'delta.checkpointInterval': '2' });
    for (const version of [0, 1]) rmSync(join(log, `${String(version).padStart(20, '0')}.json`));
    expect((await store.dataset(key)).version).toBe(4);
    const [older, newer] = [2, 4].map((version) =>
      join(log, `${String(version).padStart(20, '0')}.checkpoint.parquet`),
    );
    writeFileSync(newer ?? '', 'PAR1 nothing PAR1');
    expect(await numbers(await store.dataset(key))).toEqual(upTo(5));
    expect(await store.verify(key)).toMatchObject({ ok: false, version: 4, problems: [{ file: newer }] });
    writeFileSync(older ?? '', '');
    await expect(readWholeSnapshot(join(store.root, 'a=b'))).rejects.toMatchObject({
      code: 'ERR_STORE_CORRUPT',
      message: expect.stringContaining('checkpoint of version 4'),
    });
  });

  test('of the second kind are refused where they are needed', async () => {
    const { store, log } = await storeOf(3, { 'delta.checkpointInterval': '2' });
    renameSync(
      join(log, '00000000000000000002.checkpoint.parquet'),
      join(log, '00000000000000000002.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.parquet'),
    );
    expect((await store.dataset(key)).version).toBe(2);
    rmSync(join(log, '00000000000000000000.json'));
    await expect(readWholeSnapshot(join(store.root, 'a=b'))).rejects.toMatchObject({ code: 'ERR_STORE_UNSUPPORTED' });
  });
});

describe('log cleanup', () => {
  test('removes expired versions behind a checkpoint; the others stay readable', async () => {
    const { store, log } = await storeOf(6, {
      'delta.checkpointInterval': '3',
      'delta.logRetentionDuration': 'interval 7 days',
    });
    for (let version = 0; version <= 4; version += 1) age(log, version, 20 - version);
    await store.write(key, [{ ts: 6n, n: 6 }]);
    expect(readdirSync(log).filter((name) => name.endsWith('.json'))).toEqual(
      [3, 4, 5, 6].map((version) => `${String(version).padStart(20, '0')}.json`),
    );
    expect(await numbers(await store.dataset(key, { version: 4 }))).toEqual(upTo(5));
    await expect(store.dataset(key, { version: 2 })).rejects.toMatchObject({
      code: 'ERR_STORE_NOT_FOUND',
      hint: 'there are versions 3 to 6',
    });
  });

  test('is left out where the table says so', async () => {
    const { store, log } = await storeOf(6, {
      'delta.checkpointInterval': '3',
      'delta.logRetentionDuration': 'interval 7 days',
      'delta.enableExpiredLogCleanup': 'false',
    });
    for (let version = 0; version <= 4; version += 1) age(log, version, 20);
    await store.write(key, [{ ts: 6n, n: 6 }]);
    expect(readdirSync(log)).toContain('00000000000000000000.json');
  });
});

describe('time travel', () => {
  test('by version and by time', async () => {
    const { store } = await storeOf(4);
    const history = await (await store.dataset(key)).history();
    expect(history.map(({ version, operation }) => [version, operation])).toEqual(upTo(4).map((v) => [v, 'WRITE']));
    const third = history[2]?.committedAt ?? new Date(0);
    const found = await store.dataset(key, { at: third });
    expect(found.committedAt).toEqual((await store.dataset(key, { version: found.version })).committedAt);
    expect(await numbers(found)).toEqual(upTo(found.version + 1));
    expect((await store.dataset(key, { at: new Date(Date.now() + DAY) })).version).toBe(3);
  });

  test('to before the first version, to no time and to no version is refused', async () => {
    const { store } = await storeOf(1);
    await expect(store.dataset(key, { at: '1999-01-01' })).rejects.toMatchObject({ code: 'ERR_STORE_NOT_FOUND' });
    await expect(store.dataset(key, { at: 'yesterday' })).rejects.toMatchObject({ code: 'ERR_VALUE' });
    await expect(store.dataset(key, { version: 5 })).rejects.toMatchObject({ code: 'ERR_STORE_NOT_FOUND' });
  });
});

describe('vacuum', () => {
  test('removes files that were replaced longer ago than the retention, and nothing else', async () => {
    const { store } = await storeOf(3);
    await store.write(key, [{ ts: 1n, n: -1 }], { duplicatesOn: ['ts'] });
    expect(await store.vacuum(key)).toEqual({ files: 0, bytes: 0, paths: [] });
    const dry = await store.vacuum(key, { retention: 0, dryRun: true });
    expect(dry.files).toBe(1);
    expect(statSync(dry.paths[0] ?? '').size).toBe(dry.bytes);
    expect(await store.vacuum(key, { retention: 0 })).toEqual(dry);
    expect(await numbers(await store.dataset(key))).toEqual([0, -1, 2]);
    await expect(numbers(await store.dataset(key, { version: 2 }))).rejects.toMatchObject({
      code: 'ERR_FILE_NOT_FOUND',
      file: dry.paths[0],
    });
  });

  test('removes what dead writers left', async () => {
    const { store, log } = await storeOf(1);
    const table = join(store.root, 'a=b');
    await stageRows(storeSpec(store.root, key), (await store.dataset(key)).fields, [{ ts: 9n, n: 9 }]);
    writeFileSync(join(table, 'part-00000-dead.parquet'), 'PAR1');
    writeFileSync(join(table, '.part.tmp'), '');
    writeFileSync(join(log, '.00000000000000000001.json.0123.tmp'), '{');
    writeFileSync(join(table, '_notes'), 'of mine');
    expect((await store.vacuum(key, { retention: 0 })).files).toBe(4);
    expect(readdirSync(table).sort()).toEqual([
      '_delta_log',
      '_notes',
      expect.stringMatching(/^part-00000-[0-9a-f]{16}\.parquet$/),
    ]);
  });

  test('leaves rows that a job with a resume id may go on with, until its folder is removed', async () => {
    const { store } = await storeOf(1);
    const { staging, files } = await stageRows(storeSpec(store.root, key), (await store.dataset(key)).fields, [
      { ts: 9n, n: 9 },
    ]);
    const checkpoints = join(store.root, '_resume', 'id');
    mkdirSync(checkpoints, { recursive: true });
    await holdStaging(staging, checkpoints);
    expect(await store.vacuum(key, { retention: 0 })).toMatchObject({ files: 0 });
    rmSync(checkpoints, { recursive: true });
    expect((await store.vacuum(key, { retention: 0 })).paths).toContain(files[0]?.path);
    expect(existsSync(staging)).toBe(false);
  });

  test('of a dataset that is not there is refused', async () => {
    const { store } = await storeOf(1);
    await expect(store.vacuum({ a: 'c' })).rejects.toMatchObject({ code: 'ERR_STORE_NOT_FOUND' });
  });
});

describe('verify', () => {
  test('finds nothing wrong with what was written', async () => {
    const { store } = await storeOf(3);
    expect(await (await store.dataset(key)).verify()).toEqual({
      ok: true,
      version: 2,
      files: 3,
      rows: 3,
      problems: [],
    });
  });

  test('says which file is missing, changed or cut', async () => {
    const { store } = await storeOf(3);
    const dataset = await store.dataset(key);
    const [first, second, third] = dataset.files().map((file) => file.path) as [string, string, string];
    rmSync(first);
    const bytes = readFileSync(second);
    bytes.writeUInt8(bytes.readUInt8(50) ^ 1, 50);
    writeFileSync(second, bytes);
    writeFileSync(third, readFileSync(third).subarray(0, 200));
    const { ok, problems } = await dataset.verify();
    expect(ok).toBe(false);
    expect(problems.map(({ file }) => file)).toEqual([first, second, third]);
    expect(problems[0]?.problem).toBe('it is missing');
    expect(problems[2]?.problem).toMatch(/it has 200 bytes/);
  });
});

describe('what others ask for', () => {
  async function withAction(action: object): Promise<Store> {
    const { store, log } = await storeOf(1);
    writeFileSync(join(log, '00000000000000000001.json'), `${JSON.stringify(action)}\n`);
    return store;
  }
  const row = [{ ts: 5n, n: 5 }];

  test.each([
    [
      'a reader feature',
      { minReaderVersion: 3, minWriterVersion: 7, readerFeatures: ['deletionVectors'], writerFeatures: [] },
    ],
    ['a later reader', { minReaderVersion: 4, minWriterVersion: 7 }],
  ])('%s: reading is refused', async (_, protocol) => {
    const store = await withAction({ protocol });
    await expect(store.dataset(key)).rejects.toMatchObject({
      code: 'ERR_STORE_UNSUPPORTED',
      file: join(store.root, 'a=b'),
    });
    expect((await store.dataset(key, { version: 0 })).rows).toBe(1);
  });

  test.each([
    ['a writer feature', { minReaderVersion: 1, minWriterVersion: 7, writerFeatures: ['checkConstraints'] }],
    ['an older list of features', { minReaderVersion: 1, minWriterVersion: 4 }],
  ])('%s: reading works, writing is refused', async (_, protocol) => {
    const store = await withAction({ protocol });
    expect((await store.dataset(key)).rows).toBe(1);
    await expect(store.write(key, row)).rejects.toMatchObject({ code: 'ERR_STORE_UNSUPPORTED' });
  });

  test('a table that only takes appends takes those, and no merge', async () => {
    const { store } = await storeOf(1, { 'delta.appendOnly': 'true' });
    await store.write(key, row);
    await expect(store.write(key, [{ ts: 0n, n: 1 }], { duplicatesOn: ['ts'] })).rejects.toMatchObject({
      code: 'ERR_STORE_UNSUPPORTED',
    });
    await expect(store.write(key, row, { mode: 'overwrite' })).rejects.toMatchObject({ code: 'ERR_STORE_UNSUPPORTED' });
    expect((await store.dataset(key)).rows).toBe(2);
  });

  test('table properties that mean more than is done are refused', async () => {
    const store = await openStore(temporaryFolder());
    const write = (properties: Record<string, string>) =>
      store.write(key, row, { schema, orderedOn: 'ts', properties });
    await expect(write({ 'delta.columnMapping.mode': 'name' })).rejects.toMatchObject({ code: 'ERR_OPTIONS' });
    await expect(write({ 'delta.logRetentionDuration': 'a while' })).rejects.toMatchObject({ code: 'ERR_OPTIONS' });
  });
});

test('rows that an application has written before are not written again', async () => {
  const { store } = await storeOf(1);
  const commit = async (version: number) => {
    const staged = await stageRows(storeSpec(store.root, key), (await store.dataset(key)).fields, [
      { ts: 9n, n: version },
    ]);
    const request = { table: join(store.root, 'a=b'), name: 'a=b', files: staged.files, mode: 'merge' as const };
    const rest = { fields: staged.fields, orderedOn: 'ts', settings: {}, staging: staged.staging };
    const unused = () => Promise.reject(new Error('appending needs no thread'));
    return commitFiles(
      { ...request, ...rest, txn: { appId: 'run', version } },
      { merge: unused, stageForeign: unused, checkpoint: unused },
    );
  };
  expect(await commit(1)).toMatchObject({ version: 1, files: 1 });
  expect(await commit(1)).toMatchObject({ version: 1, files: 0 });
  expect(await commit(2)).toMatchObject({ version: 2, files: 1 });
  expect(await numbers(await store.dataset(key))).toEqual([0, 1, 2]);
});
