import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { col, type Dataset, type DatasetReadOptions, openStore, type Store } from '@spillway/core';
import { createArena, rowsToBatch, writeParquetFile } from '@spillway/core/internal';
import { describe, expect, test } from 'vitest';

import { oupsCase } from '../../../../support/oups-cases.ts';
import { temporaryFolder } from '../../../../support/temporary-folder.ts';

const key = { a: 'b' };
const schema = { ts: 'int64', n: 'int32', s: 'utf8' } as const;
type Row = { ts: bigint; n: number | null; s: string | null };

const row = (i: number): Row => ({ ts: BigInt(i), n: i % 10 === 9 ? null : i, s: `s${i % 7}` });
const rows = (from: number, to: number): Row[] => Array.from({ length: to - from }, (_, i) => row(from + i));

async function storeOf(count: number, rowGroupTarget = 10): Promise<Store> {
  const store = await openStore(temporaryFolder());
  await store.write(key, rows(0, count), { schema, orderedOn: 'ts', rowGroupTarget });
  return store;
}

async function read(dataset: Dataset, options: DatasetReadOptions = {}): Promise<Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = [];
  for await (const batch of dataset.read(options)) for (const each of batch) found.push(each.toJSON());
  return found;
}

describe('pruning', () => {
  test.each<[string, DatasetReadOptions, number]>([
    ['nothing asked', {}, 0],
    ['a range', { from: 25n, to: 40n }, 8],
    ['a range that ends on a border', { to: 10n }, 9],
    ['an empty range', { from: 500n }, 10],
    ['a comparison of another column', { where: col('n').ge(75) }, 7],
    ['a literal on the left, both sides', { where: col('n').ge(30).and(col('n').lt(45)) }, 8],
    ['either', { where: col('n').lt(5).or(col('n').gt(95)) }, 8],
    ['a text that no file has', { where: col('s').eq('a') }, 10],
    ['what statistics do not tell', { where: col('s').str.contains('3') }, 0],
  ])('%s', async (_, options, skipped) => {
    const dataset = await (await storeOf(100)).dataset(key);
    const plan = dataset.plan(options);
    expect(plan.skipped).toBe(skipped);
    expect(plan.files).toHaveLength(10 - skipped);
  });

  test('rows are those of a plain filter, and skipped files are not opened', async () => {
    const dataset = await (await storeOf(100)).dataset(key);
    const options: DatasetReadOptions = {
      from: 15n,
      where: col('n').lt(38).and(col('s').ne('s1')),
      columns: ['s', 'ts'],
    };
    const expected = rows(15, 38).filter(({ n, s }) => n !== null && s !== 's1');
    const { files } = dataset.plan(options);
    for (const file of dataset.files()) if (!files.includes(file)) rmSync(file.path);
    expect(await read(dataset, options)).toEqual(expected.map(({ s, ts }) => ({ s, ts })));
  });
});

test('a dataset stays as it was opened while writers go on', async () => {
  const store = await storeOf(30);
  const dataset = await store.dataset(key);
  const reading = dataset.read({ batchRows: 5 });
  const first = await reading.next();
  await store.write(
    key,
    rows(0, 30).map((each) => ({ ...each, n: -1 })),
    { duplicatesOn: ['ts'] },
  );
  const found = [...(first.value ?? [])].map((each) => each.toJSON());
  for await (const batch of reading) for (const each of batch) found.push(each.toJSON());
  expect(found).toEqual(rows(0, 30));
  expect((await read(await store.dataset(key))).every(({ n }) => n === -1)).toBe(true);
});

/** Adds a file as another program would: without tags, with or without statistics, in any order. */
async function appendForeign(
  store: Store,
  added: Row[],
  options: { stats?: boolean; columns?: string[] } = {},
): Promise<void> {
  const table = join(store.root, 'a=b');
  const dataset = await store.dataset(key);
  const fields = dataset.fields.filter(({ name }) => options.columns?.includes(name) ?? true);
  const arena = createArena();
  const name = `foreign-${dataset.version}.parquet`;
  const kept = added.map((each) =>
    Object.fromEntries(fields.map((field) => [field.name, each[field.name as keyof Row]])),
  );
  const batch = rowsToBatch(arena, 0, fields, kept);
  const written = await writeParquetFile([batch], {
    path: join(table, name),
    fields,
    compression: 'snappy',
    rowGroupRows: 4,
    arena,
  });
  batch.release();
  const values = added.map(({ ts }) => Number(ts));
  const [minValues, maxValues] = [{ ts: Math.min(...values) }, { ts: Math.max(...values) }];
  const stats = JSON.stringify({ numRecords: added.length, minValues, maxValues });
  const add = { path: name, partitionValues: {}, size: written.bytes, modificationTime: 1, dataChange: true };
  const version = String(dataset.version + 1).padStart(20, '0');
  const action = { add: options.stats === false ? add : { ...add, stats } };
  writeFileSync(join(table, '_delta_log', `${version}.json`), `${JSON.stringify(action)}\n`);
}

describe('files of other programs', () => {
  const disordered = [row(33), row(5), row(12), row(12), row(40), row(0)];
  const merged = (...all: Row[][]): Row[] => all.flat().sort((a, b) => Number(a.ts - b.ts));

  test('are read in order with the others', async () => {
    const store = await storeOf(30);
    await appendForeign(store, disordered);
    await appendForeign(store, rows(28, 35), { stats: false });
    const dataset = await store.dataset(key);
    expect(dataset.foreignFiles().map((file) => file.rows)).toEqual([6, 0]);
    expect(await read(dataset)).toEqual(merged(rows(0, 30), disordered, rows(28, 35)));
    expect(await read(dataset, { from: 12n, to: 13n, columns: ['n'] })).toEqual([{ n: 12 }, { n: 12 }, { n: 12 }]);
    expect(dataset.plan({ from: 41n }).skipped).toBe(4);
  });

  test('are sorted in by the next write, each as a version of its own', async () => {
    const store = await storeOf(30);
    await appendForeign(store, disordered);
    await appendForeign(store, rows(28, 35), { stats: false });
    await store.write(key, [row(100)]);
    const dataset = await store.dataset(key);
    expect(dataset.version).toBe(5);
    expect(dataset.foreignFiles()).toEqual([]);
    expect(await read(dataset)).toEqual(merged(rows(0, 30), disordered, rows(28, 35), [row(100)]));
    expect((await dataset.verify()).problems).toEqual([]);
    expect(await store.vacuum(key, { retention: 0 })).toMatchObject({ files: expect.any(Number) });
    expect(existsSync(join(store.root, 'a=b', 'foreign-0.parquet'))).toBe(false);
  });

  test('of equal rows the one added later stays, whoever added it', async () => {
    const store = await storeOf(10);
    await appendForeign(store, [
      { ...row(3), n: -3 },
      { ...row(5), n: -5 },
    ]);
    await store.write(key, [{ ...row(5), n: -55 }], { duplicatesOn: ['ts'] });
    expect((await read(await store.dataset(key))).map(({ n }) => n)).toEqual([0, 1, 2, -3, 4, -55, 6, 7, 8, null]);
  });

  test('without a column are read with nulls', async () => {
    const store = await storeOf(3);
    await appendForeign(store, [row(1)], { columns: ['ts', 's'] });
    expect(await read(await store.dataset(key))).toEqual([row(0), row(1), { ...row(1), n: null }, row(2)]);
    expect(await read(await store.dataset(key), { columns: ['n'] })).toEqual([
      { n: 0 },
      { n: 1 },
      { n: null },
      { n: 2 },
    ]);
  });

  test('with nulls in the ordered column are refused by name', async () => {
    const store = await storeOf(3);
    await appendForeign(store, [{ ts: null as unknown as bigint, n: 1, s: 'x' }]);
    const file = join(store.root, 'a=b', 'foreign-0.parquet');
    await expect(read(await store.dataset(key))).rejects.toMatchObject({ code: 'ERR_INPUT_UNORDERED', file });
    await expect(store.write(key, [row(9)])).rejects.toMatchObject({ code: 'ERR_INPUT_UNORDERED', file });
  });

  test('of a table without an order are read in the one that is asked for', async () => {
    const store = await storeOf(3);
    const log = join(store.root, 'a=b', '_delta_log', '00000000000000000000.json');
    writeFileSync(log, readFileSync(log, 'utf8').replace('"spillway.orderedOn":"ts",', ''));
    await expect(store.dataset(key)).rejects.toMatchObject({ code: 'ERR_STORE_UNSUPPORTED' });
    expect(await read(await store.dataset(key, { orderedOn: 'ts' }))).toEqual(rows(0, 3));
    await expect(store.dataset(key, { orderedOn: 'nobody' })).rejects.toMatchObject({ code: 'ERR_COLUMN_UNKNOWN' });
  });
});

interface IntersectionCase {
  input: { datasets: Record<string, { row_group_n_rows: number[]; ts: string[] }> };
  params: { test_id: string; start: string | null; end_excl: string | null }[];
  expected: { intersections: { end_excl: string | null; chunks: Record<string, string[]> }[] }[];
}

const intersections = oupsCase('iter-intersections-01-table') as IntersectionCase | undefined;

describe.skipIf(intersections === undefined)('OUPS store/iter_intersections', () => {
  const microseconds = (text: string): bigint => BigInt(Date.parse(`${text}Z`)) * 1000n;

  test('all ranges of the case', async () => {
    const { input, params, expected } = intersections as IntersectionCase;
    const store = await openStore(temporaryFolder());
    const keys = Object.keys(input.datasets).map((name) => ({ name }));
    for (const [name, { row_group_n_rows, ts }] of Object.entries(input.datasets)) {
      let from = 0;
      for (const count of row_group_n_rows) {
        const part = ts.slice(from, from + count).map((text) => ({ ts: microseconds(text) }));
        await store.write({ name }, part, { schema: { ts: 'timestamp[us]' }, orderedOn: 'ts', mode: 'append' });
        from += count;
      }
    }
    for (const [i, { test_id, start, end_excl }] of params.entries()) {
      const found: IntersectionCase['expected'][number]['intersections'] = [];
      const text = (value: unknown): string => new Date(Number((value as bigint) / 1000n)).toISOString().slice(0, 19);
      const range = { ...(start && { from: start }), ...(end_excl && { to: end_excl }) };
      for await (const { end, chunks } of store.intersections(keys, range)) {
        const parts = chunks.map(({ key: { name }, rows: table }) => [
          name,
          table.toArray().map((each) => new Date(Number(each.ts)).toISOString().slice(0, 19)),
        ]);
        found.push({ end_excl: end === undefined ? null : text(end), chunks: Object.fromEntries(parts) });
      }
      expect(found, test_id).toEqual(expected[i]?.intersections);
    }
  });

  test('datasets that are not ordered alike cannot be walked in step', async () => {
    const store = await openStore(temporaryFolder());
    await store.write({ name: 'a' }, [{ t: 1n }], { schema: { t: 'int64' }, orderedOn: 't' });
    await store.write({ name: 'b' }, [{ t: 1 }], { schema: { t: 'float64' }, orderedOn: 't' });
    const walk = store.intersections([{ name: 'a' }, { name: 'b' }]);
    await expect(walk.next()).rejects.toMatchObject({ code: 'ERR_SCHEMA' });
  });
});
