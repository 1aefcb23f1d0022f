import { join } from 'node:path';
import { openStore, type Store } from '@spillway/core';
import { batchToArrowCopy, createArena, rowsToBatch } from '@spillway/core/internal';
import * as arrow from 'apache-arrow';
import { expect, test } from 'vitest';

import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { readRows } from './write-rows.ts';

const key = { symbol: 'AAPL' };
const schema = { ts: 'timestamp[us, UTC]', price: 'float64', venue: 'utf8' } as const;
const HOUR = 3_600_000_000n;

function row(hour: number, price: number, venue = 'X'): { ts: bigint; price: number; venue: string } {
  return { ts: BigInt(hour) * HOUR, price, venue };
}

function filesOf(store: Store): Promise<number[]> {
  return store.dataset(key).then((dataset) => dataset.files().map((file) => file.rows));
}

test('what a write says holds for later ones: order, identity, target', async () => {
  const store = await openStore(temporaryFolder());
  await store.write(key, [row(1, 1), row(20, 2), row(30, 3)], {
    schema,
    orderedOn: 'ts',
    duplicatesOn: ['venue'],
    rowGroupTarget: '1d',
    metadata: { by: 'test' },
  });
  expect(await filesOf(store)).toEqual([2, 1]);
  const summary = await store.write(key, [row(20, 5), row(20, 6, 'Y'), row(50, 4)]);
  expect(summary).toMatchObject({ version: 1, rows: 3, rowsRewritten: 2 });
  const dataset = await store.dataset(key);
  expect(await readRows(dataset)).toEqual([row(1, 1), row(20, 5), row(20, 6, 'Y'), row(30, 3), row(50, 4)]);
  expect(await filesOf(store)).toEqual([3, 1, 1]);
  expect(dataset.metadata).toEqual({ by: 'test' });
});

test('only the row groups that overlap are written anew', async () => {
  const store = await openStore(temporaryFolder());
  const rows = Array.from({ length: 100 }, (_, i) => row(i, i));
  await store.write(key, rows, { schema, orderedOn: 'ts', rowGroupTarget: 10 });
  const before = (await store.dataset(key)).files().map((file) => file.path);
  expect(await store.write(key, [row(43, -1)])).toMatchObject({ rows: 1, files: 2, rowsRewritten: 10 });
  const after = (await store.dataset(key)).files().map((file) => file.path);
  expect(after.filter((path) => before.includes(path))).toEqual([...before.slice(0, 4), ...before.slice(5)]);
});

test('new rows around a row group that they leave alone come in whole', async () => {
  const store = await openStore(temporaryFolder());
  const stored = [10, 11, 30, 31].map((hour) => row(hour, 0));
  await store.write(key, stored, { schema, orderedOn: 'ts', rowGroupTarget: 2 });
  // Staged in threes: those between the stored groups begin and end inside of files.
  const added = [1, 2, 12, 13, 14, 15, 16, 17, 40].map((hour) => row(hour, hour));
  await store.write(key, added, { rowGroupTarget: 3 });
  const dataset = await store.dataset(key);
  const expected = [...stored, ...added].sort((a, b) => Number(a.ts - b.ts));
  expect(await readRows(dataset)).toEqual(expected);
  expect((await dataset.verify()).ok).toBe(true);
});

test('rows may be batches, tables, columns, or any iterable of them', async () => {
  const store = await openStore(temporaryFolder());
  const fields = (await import('@spillway/core/internal')).fieldsFromShape(schema);
  const batch = rowsToBatch(createArena(), 0, fields, [row(3, 3), row(4, 4)]);
  const recordBatch = batchToArrowCopy(arrow, batch);
  batch.release();
  await store.write(key, [row(1, 1)], { schema, orderedOn: 'ts' });
  await store.write(key, { ts: [2n * HOUR], price: Float64Array.of(2), venue: ['X'] });
  await store.write(key, recordBatch);
  await store.write(key, new arrow.Table([recordBatch]), { duplicatesOn: ['ts'] });
  await store.write(
    key,
    (async function* () {
      yield row(5, 5);
      yield [row(6, 6), row(7, 7)];
    })(),
  );
  expect((await readRows(await store.dataset(key))).map(({ price }) => price)).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

test('a record batch brings its schema; rows alone do not', async () => {
  const store = await openStore(temporaryFolder());
  await expect(store.write(key, [row(1, 1)], { orderedOn: 'ts' })).rejects.toMatchObject({ code: 'ERR_SCHEMA' });
  const table = arrow.tableFromArrays({ n: Int32Array.of(1, 2), x: Float64Array.of(0.5, 1) });
  await store.write(key, table, { orderedOn: 'n' });
  expect((await store.dataset(key)).fields.map(({ name, type }) => `${name} ${type}`)).toEqual([
    'n int32',
    'x float64',
  ]);
});

test('rows out of order, other columns, another order and wrong options are refused, and change nothing', async () => {
  const store = await openStore(temporaryFolder());
  await store.write(key, [row(5, 1)], { schema, orderedOn: 'ts' });
  const refused: [() => Promise<unknown>, string][] = [
    [() => store.write(key, [row(7, 1), row(6, 1)]), 'ERR_INPUT_UNORDERED'],
    [() => store.write(key, [{ ts: 9n * HOUR }], { schema: { ts: schema.ts } }), 'ERR_SCHEMA'],
    [() => store.write(key, [row(9, 1)], { orderedOn: 'price' }), 'ERR_SCHEMA'],
    [() => store.write(key, [row(9, 1)], { duplicatesOn: ['nobody'] }), 'ERR_COLUMN_UNKNOWN'],
    [() => store.write(key, [row(9, 1)], { rowGroupTarget: 0 }), 'ERR_OPTIONS'],
    [() => store.write(key, [row(9, 1)], { maxOffTargetRowGroups: 0 }), 'ERR_OPTIONS'],
    [() => store.write(key, [row(9, 1)], { rowGroupRows: 5 } as never), 'ERR_OPTIONS'],
    [() => store.write(key, [row(9, 1)], { mode: 'upsert' as 'merge' }), 'ERR_SINK_MODE'],
    [() => store.write(key, 'rows' as never), 'ERR_VALUE'],
    [() => store.write(key, [{ ...row(9, 1), price: 'much' }]), 'ERR_VALUE'],
  ];
  for (const [write, code] of refused) await expect(write()).rejects.toMatchObject({ code });
  await expect(store.write(key, [row(7, 1), row(6, 1)])).rejects.toMatchObject({
    message: expect.stringMatching(/^dataset \S+=\S+: row 1: "ts" is/),
    file: join(store.root, store.pathOf(key)),
    row: 1,
  });
  expect((await store.dataset(key)).version).toBe(0);
});

test('a write of no rows makes small row groups whole', async () => {
  const store = await openStore(temporaryFolder());
  for (let hour = 0; hour < 6; hour += 1) await store.write(key, [row(hour, hour)], { schema, orderedOn: 'ts' });
  expect(await filesOf(store)).toEqual([1, 1, 1, 1, 1, 1]);
  await store.write(key, [], { rowGroupTarget: 4, maxOffTargetRowGroups: 2 });
  expect(await filesOf(store)).toEqual([4, 2]);
});

test('files that were replaced in the middle many times stay in order', async () => {
  const store = await openStore(temporaryFolder());
  await store.write(key, [row(0, 0), row(1000, 1)], { schema, orderedOn: 'ts', rowGroupTarget: 1 });
  // Each new file lies before the one written last: room between their sequences is used up.
  for (let hour = 40; hour > 0; hour -= 1) await store.write(key, [row(hour, hour)]);
  const hours = (await readRows(await store.dataset(key))).map(({ ts }) => Number((ts as bigint) / HOUR));
  expect(hours).toEqual([0, ...Array.from({ length: 40 }, (_, i) => i + 1), 1000]);
});

test('further columns are refused, or taken when asked: null in older rows', async () => {
  const store = await openStore(temporaryFolder());
  await store.write(key, [row(1, 1), row(3, 3)], { schema, orderedOn: 'ts', rowGroupTarget: 1 });
  const wider = { ...schema, size: 'int32' } as const;
  const sized = [{ ...row(2, 2), size: 20 }];
  await expect(store.write(key, sized, { schema: wider })).rejects.toMatchObject({ code: 'ERR_SCHEMA' });
  await expect(
    store.write(key, sized, { schema: { ...wider, price: 'float32' }, schemaChange: 'evolve' }),
  ).rejects.toMatchObject({ code: 'ERR_SCHEMA' });
  expect(await store.write(key, sized, { schema: wider, schemaChange: 'evolve' })).toMatchObject({ rowsRewritten: 2 });
  const dataset = await store.dataset(key);
  expect(dataset.fields.map(({ name }) => name)).toEqual(['ts', 'price', 'venue', 'size']);
  expect(await readRows(dataset)).toEqual([{ ...row(1, 1), size: null }, ...sized, { ...row(3, 3), size: null }]);
  expect((await store.dataset(key, { version: 0 })).fields).toHaveLength(3);
  expect((await dataset.verify()).ok).toBe(true);
});

test('numbers are widened when asked, in all rows and one commit', async () => {
  const store = await openStore(temporaryFolder());
  const narrow = { ts: 'int32', a: 'uint8', b: 'float32', c: 'int16', d: 'uint32' } as const;
  const rows = [
    { ts: -5, a: 255, b: 0.1, c: -32_768, d: 4_294_967_295 },
    { ts: 7, a: 0, b: null, c: null, d: 0 },
  ];
  await store.write(key, rows, { schema: narrow, orderedOn: 'ts', rowGroupTarget: 1 });
  const wide = { ts: 'int64', a: 'uint16', b: 'float64', c: 'float32', d: 'uint64', e: 'utf8' } as const;
  const added = [{ ts: 2n ** 40n, a: 65_535, b: 0.1, c: 0.5, d: 2n ** 63n, e: 'new' }];
  await expect(store.write(key, added, { schema: wide })).rejects.toMatchObject({ code: 'ERR_SCHEMA' });
  const summary = await store.write(key, added, { schema: wide, schemaChange: 'evolve' });
  expect(summary).toMatchObject({ version: 1, rowsRewritten: 2, files: 3 });
  const dataset = await store.dataset(key);
  expect(dataset.fields.map(({ type }) => type)).toEqual(Object.values(wide));
  expect(await readRows(dataset)).toEqual([
    { ts: -5n, a: 255, b: Math.fround(0.1), c: -32_768, d: 4_294_967_295n, e: null },
    { ts: 7n, a: 0, b: null, c: null, d: 0n, e: null },
    ...added,
  ]);
  expect((await dataset.verify()).problems).toEqual([]);
  expect(await readRows(await store.dataset(key, { version: 0 }))).toHaveLength(2);
});

test.each([
  ['int64', 'int32'],
  ['int32', 'float32'],
  ['int64', 'float64'],
  ['int8', 'uint64'],
  ['uint32', 'int32'],
  ['float64', 'float32'],
  ['int32', 'utf8'],
] as const)('%s does not become %s', async (from, to) => {
  const store = await openStore(temporaryFolder());
  await store.write(key, [], { schema: { ts: 'int64', v: from }, orderedOn: 'ts' });
  await expect(store.write(key, [], { schema: { ts: 'int64', v: to }, schemaChange: 'evolve' })).rejects.toMatchObject({
    code: 'ERR_SCHEMA',
    expected: expect.stringContaining(`v ${from}`),
  });
});
