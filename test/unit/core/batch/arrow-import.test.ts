import type { Fields } from '@spillway/core';
import { arrowToBatches, batchToRows, createArena, fieldsFromShape, loadArrow } from '@spillway/core/internal';
import * as arrow from 'apache-arrow';
import { afterEach, expect, it } from 'vitest';

const arena = createArena({ debug: true, maximumBytes: 64 * 2 ** 20 });
const module = await loadArrow();

afterEach(() => {
  expect(arena.usedSlabs()).toBe(0);
});

function importRows(source: arrow.RecordBatch | arrow.Table, fields: Fields, maxRows = Infinity): unknown[] {
  const batches = arrowToBatches(module, arena, 1, source, fields, { maxRows });
  const rows = batches.flatMap(batchToRows);
  for (const batch of batches) batch.release();
  return rows;
}

function tableOf(columns: Record<string, arrow.Vector>): arrow.Table {
  return new arrow.Table(columns);
}

const DICTIONARY = fieldsFromShape({ d: 'dictionary<utf8>' });

const CODES: readonly [arrow.Int, ArrayBufferView][] = [
  [new arrow.Int8(), Int8Array.of(0, 1, 9, 0)],
  [new arrow.Uint16(), Uint16Array.of(0, 1, 9, 0)],
  [new arrow.Int32(), Int32Array.of(0, 1, 9, 0)],
  [new arrow.Int64(), BigInt64Array.of(0n, 1n, 9n, 0n)],
];

it.each(CODES)('takes dictionaries with codes of %s, whatever lies under nulls', (codes, data) => {
  const dictionary = arrow.vectorFromArray(['a', 'b'], new arrow.Utf8());
  const type = new arrow.Dictionary(new arrow.Utf8(), codes as arrow.Int32);
  const column = arrow.makeData({
    type,
    length: 4,
    nullCount: 1,
    nullBitmap: Uint8Array.of(0b1011),
    data: data as Int32Array,
    dictionary,
  });
  expect(importRows(tableOf({ d: new arrow.Vector([column]) }), DICTIONARY)).toEqual([
    { d: 'a' },
    { d: 'b' },
    { d: null },
    { d: 'a' },
  ]);
});

it.each([new arrow.LargeUtf8(), new arrow.Utf8View()])('takes text as %s', (type) => {
  const vector = arrow.vectorFromArray(['', 'a text that is too long to be inlined', null, 'é'], type);
  expect(importRows(tableOf({ s: vector }), fieldsFromShape({ s: 'utf8' }), 3)).toEqual([
    { s: '' },
    { s: 'a text that is too long to be inlined' },
    { s: null },
    { s: 'é' },
  ]);
});

it('decodes a dictionary into text, and encodes text into one, where the field says so', () => {
  const vector = arrow.vectorFromArray(['a', null, 'b'], new arrow.Dictionary(new arrow.Utf8(), new arrow.Int8()));
  expect(importRows(tableOf({ d: vector }), fieldsFromShape({ d: 'utf8' }))).toEqual([
    { d: 'a' },
    { d: null },
    { d: 'b' },
  ]);
  const text = arrow.vectorFromArray(['a', null, 'b', 'a'], new arrow.Utf8());
  expect(importRows(tableOf({ d: text }), DICTIONARY)).toEqual([{ d: 'a' }, { d: null }, { d: 'b' }, { d: 'a' }]);
});

it('takes the columns of the fields by name, in their order, and leaves others out', () => {
  const table = arrow.tableFromArrays({ a: Int32Array.of(1, 2), b: Float64Array.of(3, 4), c: Int8Array.of(5, 6) });
  expect(importRows(table, fieldsFromShape({ c: 'int8', a: 'int32' }))).toEqual([
    { c: 5, a: 1 },
    { c: 6, a: 2 },
  ]);
});

it('ends one logical input, however many record batches the table has', () => {
  const table = arrow.tableFromArrays({ a: Int32Array.from({ length: 10 }, (_, i) => i) });
  const batches = arrowToBatches(module, arena, 1, table.concat(table), fieldsFromShape({ a: 'int32' }), {
    maxRows: 4,
  });
  expect(batches.map((batch) => [batch.rows, batch.inputs])).toEqual([
    [4, 0],
    [4, 0],
    [2, 0],
    [4, 0],
    [4, 0],
    [2, 1],
  ]);
  for (const batch of batches) batch.release();
});

it('makes one empty batch of an empty table', () => {
  const table = arrow.tableFromArrays({ a: new Int32Array(0) });
  const batches = arrowToBatches(module, arena, 1, table, fieldsFromShape({ a: 'int32' }));
  expect(batches.map((batch) => [batch.rows, batch.inputs])).toEqual([[0, 1]]);
  for (const batch of batches) batch.release();
});

it('names a missing column, and one of another type', () => {
  const table = arrow.tableFromArrays({ price: Float64Array.of(1) });
  expect(() => importRows(table, fieldsFromShape({ pirce: 'float64' }))).toThrowError(
    expect.objectContaining({ code: 'ERR_COLUMN_UNKNOWN', column: 'pirce', hint: 'did you mean "price"?' }),
  );
  expect(() => importRows(table, fieldsFromShape({ price: 'int64' }))).toThrowError(
    expect.objectContaining({ code: 'ERR_SCHEMA', column: 'price', value: 'float64', expected: 'int64' }),
  );
});

it('refuses nulls in a column that is not nullable', () => {
  const table = tableOf({ a: arrow.vectorFromArray([1, null], new arrow.Int32()) });
  expect(() => importRows(table, [{ name: 'a', type: 'int32', nullable: false }])).toThrowError(
    expect.objectContaining({ code: 'ERR_VALUE', column: 'a' }),
  );
});

it('refuses codes outside the dictionary, and offsets outside the text', () => {
  const dictionary = arrow.vectorFromArray(['a'], new arrow.Utf8());
  const type = new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32());
  const codes = new arrow.Vector([arrow.makeData({ type, length: 2, data: Int32Array.of(0, 7), dictionary })]);
  expect(() => importRows(tableOf({ d: codes }), DICTIONARY)).toThrowError(
    expect.objectContaining({ code: 'ERR_VALUE', column: 'd' }),
  );
  const text = new arrow.Vector([
    arrow.makeData({
      type: new arrow.Utf8(),
      length: 2,
      valueOffsets: Int32Array.of(0, 9, 3),
      data: new Uint8Array(5),
    }),
  ]);
  expect(() => importRows(tableOf({ s: text }), fieldsFromShape({ s: 'utf8' }))).toThrowError(
    expect.objectContaining({ code: 'ERR_VALUE', column: 's' }),
  );
});
