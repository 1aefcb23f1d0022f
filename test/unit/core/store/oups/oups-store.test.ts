/** Stores of the Python library OUPS: what we write of ours, and what is read and refused of theirs. */
import { mkdirSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Dataset,
  exportOups,
  importOups,
  type OupsDataset,
  openOupsStore,
  openStore,
  type Shape,
  type Store,
} from '@spillway/core';
import { batchToRows, createArena, readOpdmd, readSnapshot, writeCommit, writeOpdmd } from '@spillway/core/internal';
import { describe, expect, test } from 'vitest';

import { oupsCase } from '../../../../support/oups-cases.ts';
import { type SeededRandom, seededRandom } from '../../../../support/random.ts';
import { temporaryFolder } from '../../../../support/temporary-folder.ts';
import { MIXED_SHAPE } from '../../../../support/type-lists.ts';

type Row = Record<string, unknown>;

const key = { symbol: 'AAPL', freq: '1h' };
const keys = { levels: [{ symbol: 'text', freq: 'text' }] } as const;
const schema = { ...MIXED_SHAPE, bytes: 'binary' } as const;
/** The types that come back: times count nanoseconds, and dates are times. */
const back = { ...schema, ts: 'timestamp[ns, UTC]', naive: 'timestamp[ns]', day: 'timestamp[ns]' };

function randomRows(random: SeededRandom, count: number): Row[] {
  const maybe = <T>(value: T): T | null => (random.chance(0.2) ? null : value);
  const hours = Array.from({ length: count }, () => random.integer(-500, 500)).sort((a, b) => a - b);
  return hours.map((hour) => ({
    ts: BigInt(hour) * 3_600_000_001n,
    naive: maybe(BigInt(hour) * 1000n),
    n: maybe(2n ** 60n - BigInt(hour)),
    small: maybe(random.integer(0, 65_535)),
    huge: maybe(2n ** 64n - BigInt(random.integer(1, 99))),
    x: maybe(random.pick([1.5, -0, Infinity, 0.1])),
    s: maybe(random.pick(['', 'ä', 'x'.repeat(100)])),
    tag: maybe(random.pick(['a', 'b'])),
    day: maybe(hour),
    ok: maybe(random.chance(0.5)),
    bytes: maybe(Uint8Array.of(random.integer(0, 255), 0)),
  }));
}

async function rowsOf(dataset: Dataset | OupsDataset): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const batch of dataset.batches(createArena(), {})) {
    rows.push(...batchToRows(batch));
    batch.release();
  }
  return rows;
}

/** Rows as they are once OUPS's types have them. */
function asBack(rows: readonly Row[]): Row[] {
  const times = (value: unknown, by: bigint): bigint | null => (value === null ? null : BigInt(value as bigint) * by);
  return rows.map((row) => ({
    ...row,
    ts: times(row['ts'], 1000n),
    naive: times(row['naive'], 1_000_000n),
    day: times(row['day'], 86_400_000_000_000n),
  }));
}

async function storeWith(rows: Row[], rowGroupTarget = 7): Promise<Store> {
  const store = await openStore(temporaryFolder());
  await store.write(key, rows, { schema, orderedOn: 'ts', rowGroupTarget, metadata: { by: 'test' } });
  return store;
}

describe('there and back', () => {
  test('rows, order, row groups and metadata', async () => {
    const rows = randomRows(seededRandom(), 40);
    const store = await storeWith(rows);
    const path = temporaryFolder();
    const [exported] = await exportOups(store, path, { keys });
    expect(exported).toMatchObject({ key, path: join(path, 'AAPL-1h'), rows: 40, rowGroups: 6 });
    expect(readdirSync(join(path, 'AAPL-1h')).sort()[5]).toBe('file_00005.parquet');

    const there = await openOupsStore(path, { keys });
    expect(await there.datasets()).toEqual([key]);
    const dataset = await there.dataset(key);
    expect(dataset).toMatchObject({ orderedOn: 'ts', rows: 40, metadata: { by: 'test' }, objects: {} });
    expect(Object.fromEntries(dataset.fields.map(({ name, type }) => [name, type]))).toEqual(back);
    expect(dataset.rowGroups.map((group) => group.rows)).toEqual([7, 7, 7, 7, 7, 5]);
    expect(await rowsOf(dataset)).toEqual(asBack(rows));

    const home = await openStore(temporaryFolder());
    expect(await importOups(there, home)).toMatchObject([{ key, rows: 40 }]);
    expect(await rowsOf(await home.dataset(key))).toEqual(asBack(rows));
    expect((await home.dataset(key)).metadata).toEqual({ by: 'test' });
  });

  test('a range of rows opens only the files that have some', async () => {
    const store = await openStore(temporaryFolder());
    const rows = Array.from({ length: 12 }, (_, i) => ({ ts: BigInt(i) }));
    await store.write(key, rows, { schema: { ts: 'int64' }, orderedOn: 'ts', rowGroupTarget: 3 });
    const path = temporaryFolder();
    await exportOups(store, path, { keys });
    rmSync(join(path, 'AAPL-1h', 'file_00003.parquet'));
    const dataset = await (await openOupsStore(path, { keys })).dataset(key);
    const read: bigint[] = [];
    for await (const batch of dataset.read({ from: 4n, to: 8n })) for (const { ts } of batch) read.push(ts as bigint);
    expect(read).toEqual([4n, 5n, 6n, 7n]);
    await expect(rowsOf(dataset)).rejects.toMatchObject({
      code: 'ERR_FILE_NOT_FOUND',
      file: join(path, 'AAPL-1h', 'file_00003.parquet'),
    });
  });

  test.each<[string, Shape[string], unknown[]]>([
    ['text', 'utf8', ['a', 'b', 'ä']],
    ['floats', 'float32', [-1.5, 0, 2.5]],
    ['small integers', 'int16', [-5, 0, 300]],
    ['days', 'date32', [-5, 0, 300]],
    ['times of a zone', 'timestamp[ns, Europe/Paris]', [-5n, 0n, 300n]],
  ])('ordered on %s', async (_, type, values) => {
    const store = await openStore(temporaryFolder());
    await store.write(key, { k: values } as never, { schema: { k: type }, orderedOn: 'k', rowGroupTarget: 2 });
    const path = temporaryFolder();
    await exportOups(store, path, { keys });
    const dataset = await (await openOupsStore(path, { keys })).dataset(key);
    const days = type === 'date32';
    const expected = values.map((value) => (days ? BigInt(value as number) * 86_400_000_000_000n : value));
    expect((await rowsOf(dataset)).map((row) => row['k'])).toEqual(expected);
    expect(dataset.fields[0]?.type).toBe(days ? 'timestamp[ns]' : type);
    expect(dataset.rowGroups.map(({ min, max }) => [min, max])).toEqual([
      [expected[0], expected[1]],
      [expected[2], expected[2]],
    ]);
  });

  test('plain values of Python come back as they were, unless their text was changed', async () => {
    const path = temporaryFolder();
    const store = await storeWith(randomRows(seededRandom(), 3));
    await exportOups(store, path, { keys });
    const file = join(path, 'AAPL-1h_opdmd');
    const { groups } = await readOpdmd(file);
    const metadata = { n: 5n, x: 5, list: [1n, 'a', null], flag: true, changed: 1n, text: '5' };
    await writeOpdmd(file, { groups, orderedType: 'timestamp[us, UTC]', orderedOn: 'ts', metadata });

    const home = await openStore(temporaryFolder());
    await importOups(path, home, { keys });
    expect((await home.dataset(key)).metadata).toMatchObject({ n: '5', x: '5', list: '[1,"a",null]', changed: '1' });
    await home.write(key, [], { metadata: { changed: '2', flag: null } });
    const again = temporaryFolder();
    await exportOups(home, again, { keys });
    const dataset = await (await openOupsStore(again, { keys })).dataset(key);
    expect(dataset.metadata).toEqual({ n: 5n, x: 5, list: [1n, 'a', null], changed: '2', text: '5' });
  });
});

describe('keys', () => {
  test('without a schema a dataset of OUPS has its path for a name', async () => {
    const path = temporaryFolder();
    await exportOups(await storeWith(randomRows(seededRandom(), 3)), path, {
      keys: { levels: [{ symbol: 'text' }, { freq: 'text' }], separator: '.' },
    });
    const store = await openOupsStore(path);
    expect(await store.datasets()).toEqual([{ name: 'AAPL/1h' }]);
    const home = await openStore(temporaryFolder());
    await importOups(store, home);
    expect(await home.datasets()).toEqual([{ name: 'AAPL/1h' }]);
    const again = temporaryFolder();
    expect(await exportOups(home, again)).toMatchObject([{ path: join(again, 'AAPL', '1h') }]);
  });

  test('without a schema keys of ours become one level', async () => {
    const path = temporaryFolder();
    expect(await exportOups(await storeWith(randomRows(seededRandom(), 3)), path)).toMatchObject([
      { path: join(path, '1h-AAPL') },
    ]);
  });

  test('a value that holds the separator is refused before anything is written', async () => {
    const store = await storeWith(randomRows(seededRandom(), 3));
    const more = { symbol: 'BRK-B', freq: '1h' };
    await store.write(more, [], { schema, orderedOn: 'ts' });
    const path = temporaryFolder();
    await expect(exportOups(store, path, { keys })).rejects.toMatchObject({ code: 'ERR_KEY', value: 'BRK-B' });
    expect(readdirSync(path)).toEqual([]);
  });

  interface IndexerCase {
    input: { tree: string[] };
    expected: { discovered: Record<string, string[]> };
  }
  const indexer = oupsCase('store-01-key-path-mapping-and-discovery') as IndexerCase | undefined;

  test.skipIf(indexer === undefined)('OUPS store-01: datasets are found by the fields of their keys', async () => {
    const root = temporaryFolder();
    for (const path of indexer?.input.tree ?? []) {
      const isFolder = path.endsWith('/');
      mkdirSync(join(root, isFolder ? path : join(path, '..')), { recursive: true });
      if (!isFolder) writeFileSync(join(root, path), '');
    }
    for (const [separator, expected] of Object.entries(indexer?.expected.discovered ?? {})) {
      const levels = [
        { capital: 'text', quantity: 'text' },
        { area: 'text', season: 'text' },
      ] as const;
      const store = await openOupsStore(join(root, 'store'), { keys: { levels, separator } });
      const found = (await store.datasets()).map((each) => Object.values(each).join(separator));
      expect(found).toEqual(expected);
    }
  });
});

describe('OUPS store-02', () => {
  interface MetadataCase {
    input: {
      metadata_steps: Record<string, string | null>[];
      file_ids_before: number[];
      remove_file_ids: number[];
      align: { file_id_of_row_group_0_to_6: number[] };
    };
    expected: {
      metadata_after_each_step: Record<string, string>[];
      after_remove: { remaining_old_ids: number[]; file_ids: number[] };
    };
  }
  const found = oupsCase('store-02-metadata-update-remove-and-align-file-ids') as MetadataCase;
  const isThere = found !== undefined;

  async function oneRowGroups(count: number): Promise<Store> {
    const store = await openStore(temporaryFolder());
    const rows = Array.from({ length: count }, (_, i) => ({ ts: BigInt(i) }));
    await store.write(key, rows, { schema: { ts: 'int64' }, orderedOn: 'ts', rowGroupTarget: 1 });
    return store;
  }

  test.skipIf(!isThere)('metadata: entries are added and updated, and null takes one back', async () => {
    const store = await oneRowGroups(1);
    for (const [i, metadata] of found.input.metadata_steps.entries()) {
      await store.write(key, [], { metadata });
      expect((await store.dataset(key)).metadata).toEqual(found.expected.metadata_after_each_step[i]);
      const path = temporaryFolder();
      await exportOups(store, path, { keys });
      const there = await (await openOupsStore(path, { keys })).dataset(key);
      expect(there.metadata).toEqual(found.expected.metadata_after_each_step[i]);
    }
  });

  test.skipIf(!isThere)('files are numbered anew when some are gone', async () => {
    const store = await oneRowGroups(found.input.file_ids_before.length);
    const dataset = await store.dataset(key);
    const snapshot = await readSnapshot(dataset.path);
    const names = found.input.remove_file_ids.map((i) => dataset.files()[i]?.path.split('/').at(-1) ?? '');
    await writeCommit(dataset.path, (snapshot?.version ?? 0) + 1, [
      ...names.map((path) => ({ remove: { path, deletionTimestamp: Date.now(), dataChange: true } })),
    ]);
    const path = temporaryFolder();
    await exportOups(store, path, { keys });
    const there = await (await openOupsStore(path, { keys })).dataset(key);
    const { remaining_old_ids: left, file_ids: ids } = found.expected.after_remove;
    expect((await rowsOf(there)).map((row) => Number(row['ts']))).toEqual(left);
    const files = ids.map((id) => join(path, 'AAPL-1h', `file_${String(id).padStart(5, '0')}.parquet`));
    expect(there.rowGroups.map((group) => group.path)).toEqual(files);
  });

  test.skipIf(!isThere)('files in any order are read in the order of the list, and written in order', async () => {
    const order = found.input.align.file_id_of_row_group_0_to_6;
    const path = temporaryFolder();
    await exportOups(await oneRowGroups(order.length), path, { keys });
    const name = (id: number, suffix: string) => join(path, 'AAPL-1h', `file_${String(id).padStart(5, '0')}${suffix}`);
    order.forEach((_, i) => void renameSync(name(i, '.parquet'), name(i, '.old')));
    order.forEach((id, i) => void renameSync(name(i, '.old'), name(id, '.parquet')));
    const file = join(path, 'AAPL-1h_opdmd');
    const { groups } = await readOpdmd(file);
    const swapped = groups.map((group, i) => ({ ...group, fileId: order[i] ?? 0 }));
    await writeOpdmd(file, { groups: swapped, orderedType: 'int64', orderedOn: 'ts', metadata: {} });

    const home = await openStore(temporaryFolder());
    await importOups(path, home, { keys });
    const inOrder = order.map((_, i) => BigInt(i));
    expect((await rowsOf(await home.dataset(key))).map((row) => row['ts'])).toEqual(inOrder);
  });
});

describe('refusals', () => {
  test.each<[string, Shape[string], unknown]>([
    ['a list', 'list<int32>', [1]],
    ['a decimal', 'decimal(10, 2)', 5n],
    ['a time of day', 'time64[us]', 5n],
    ['a duration', 'duration[s]', 5n],
  ])('a column that is %s', async (_, type, value) => {
    const store = await openStore(temporaryFolder());
    await store.write(key, [{ ts: 1n, v: value }], { schema: { ts: 'int64', v: type }, orderedOn: 'ts' });
    await expect(exportOups(store, temporaryFolder(), { keys })).rejects.toMatchObject({
      code: 'ERR_TYPE_UNSUPPORTED',
      column: 'v',
    });
  });

  test('a time that has no nanoseconds; nothing of the dataset stays', async () => {
    const store = await openStore(temporaryFolder());
    const rows = [{ ts: 0n }, { ts: 2n ** 62n }];
    await store.write(key, rows, { schema: { ts: 'timestamp[us]' }, orderedOn: 'ts', rowGroupTarget: 1 });
    const path = temporaryFolder();
    await expect(exportOups(store, path, { keys })).rejects.toMatchObject({ code: 'ERR_VALUE', column: 'ts' });
    expect(readdirSync(path)).toEqual([]);
  });

  test('datasets that are there already, both ways', async () => {
    const store = await storeWith(randomRows(seededRandom(), 3));
    const path = temporaryFolder();
    await exportOups(store, path, { keys });
    await expect(exportOups(store, path, { keys })).rejects.toMatchObject({ code: 'ERR_STORE_CONFLICT' });
    await expect(importOups(path, store, { keys })).rejects.toMatchObject({ code: 'ERR_STORE_CONFLICT' });
  });

  test('a dataset that a process of Python holds', async () => {
    const path = temporaryFolder();
    await exportOups(await storeWith(randomRows(seededRandom(), 3)), path, { keys });
    const lock = join(path, 'AAPL-1h.lock');
    writeFileSync(lock, '');
    const store = await openOupsStore(path, { keys });
    const soon = new Date(Date.now() + 10_000);
    utimesSync(lock, soon, soon);
    await expect(store.dataset(key)).rejects.toMatchObject({ code: 'ERR_STORE_CONFLICT', file: lock });
    const before = new Date(Date.now() - 1000);
    utimesSync(lock, before, before);
    expect((await store.dataset(key)).rows).toBe(3);
  });

  test.each<[string, (folder: string) => Promise<void> | void, object]>([
    [
      'a list that is no Parquet file',
      (folder) => writeFileSync(`${folder}_opdmd`, 'nothing of the kind'),
      { code: 'ERR_FILE_FORMAT', file: 'AAPL-1h_opdmd' },
    ],
    [
      'a list without row groups for a file',
      (folder) => renameSync(join(folder, 'file_00001.parquet'), join(folder, 'file_00000.parquet')),
      { code: 'ERR_STORE_CORRUPT', file: 'file_00000.parquet' },
    ],
    [
      'row groups out of order',
      async (folder) => {
        const { groups } = await readOpdmd(`${folder}_opdmd`);
        const turned = groups.toReversed();
        await writeOpdmd(`${folder}_opdmd`, { groups: turned, orderedType: 'int64', orderedOn: 'ts', metadata: {} });
      },
      { code: 'ERR_STORE_CORRUPT', file: 'AAPL-1h' },
    ],
    [
      'a list that orders on no column',
      async (folder) => {
        const { groups } = await readOpdmd(`${folder}_opdmd`);
        await writeOpdmd(`${folder}_opdmd`, { groups, orderedType: 'int64', orderedOn: 'nope', metadata: {} });
      },
      { code: 'ERR_COLUMN_UNKNOWN' },
    ],
  ])('%s', async (_, damage, expected) => {
    const store = await openStore(temporaryFolder());
    const rows = Array.from({ length: 5 }, (_each, i) => ({ ts: BigInt(i) }));
    await store.write(key, rows, { schema: { ts: 'int64' }, orderedOn: 'ts', rowGroupTarget: 3 });
    const path = temporaryFolder();
    await exportOups(store, path, { keys });
    await damage(join(path, 'AAPL-1h'));
    const reading = openOupsStore(path, { keys }).then((there) => there.dataset(key).then(rowsOf));
    const { file, ...rest } = expected as { file?: string };
    await expect(reading).rejects.toMatchObject({
      ...rest,
      ...(file === undefined ? {} : { file: expect.stringContaining(file) }),
      hint: expect.any(String),
    });
  });

  test('a folder of something else, and a store of ours', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'notes.txt'), '');
    await expect(openOupsStore(folder)).rejects.toMatchObject({ code: 'ERR_STORE_UNSUPPORTED' });
    const ours = await storeWith(randomRows(seededRandom(), 3));
    await expect(openOupsStore(ours.root)).rejects.toMatchObject({ hint: expect.stringContaining('openStore') });
    await expect(openOupsStore(join(folder, 'no'))).rejects.toMatchObject({ code: 'ERR_FILE_NOT_FOUND' });
  });

  test('a key that no dataset has, with the nearest', async () => {
    const path = temporaryFolder();
    await exportOups(await storeWith(randomRows(seededRandom(), 3)), path, { keys });
    const store = await openOupsStore(path, { keys });
    await expect(store.dataset({ symbol: 'AAPL', freq: '1d' })).rejects.toMatchObject({
      code: 'ERR_STORE_NOT_FOUND',
      hint: expect.stringContaining('freq=1h'),
    });
    await expect(store.dataset({ symbol: 'AAPL' })).rejects.toMatchObject({ code: 'ERR_KEY' });
  });
});
