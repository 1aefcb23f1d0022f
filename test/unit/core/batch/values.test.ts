import type { Fields, TypeText } from '@spillway/core';
import { batchToRows, createArena, fieldsFromShape, rowsToBatch } from '@spillway/core/internal';
import { expect, it } from 'vitest';

const arena = createArena();

/** The value that is read where `value` was written. */
function through(type: TypeText, value: unknown): unknown {
  const batch = rowsToBatch(arena, 1, fieldsFromShape({ x: type }), [{ x: value }]);
  const [row] = batchToRows(batch);
  batch.release();
  return row?.['x'];
}

it.each<[TypeText, unknown, unknown]>([
  ['timestamp[us]', new Date('2024-01-01T00:00:00.123Z'), 1_704_067_200_123_000n],
  ['timestamp[us]', '2024-01-01T00:00:00.123456', 1_704_067_200_123_456n],
  ['timestamp[s]', '2024-01-01T01:00:00+01:00', 1_704_067_200n],
  ['timestamp[ns, UTC]', 5, 5n],
  ['timestamp[ms]', 12n, 12n],
  ['date32', new Date('1969-12-31T23:00:00Z'), -1],
  ['date32', '2024-02-29', 19_782],
  ['date64', '1970-01-03', 172_800_000n],
  ['date64', new Date('1970-01-03T12:00:00Z'), 172_800_000n],
  ['time32[s]', '12:00:01', 43_201],
  ['time64[ns]', '00:00:00.000000001', 1n],
  ['duration[ms]', '1h', 3_600_000n],
  ['int8', -128n, -128],
  ['int64', 5, 5n],
  ['uint64', 2n ** 64n - 1n, 2n ** 64n - 1n],
  ['decimal(10, 2)', '12.3', '12.30'],
  ['decimal(10, 2)', -0.05, '-0.05'],
  ['decimal(5, -2)', 1200n, '1200'],
  ['decimal(38, 0)', '-99999999999999999999999999999999999999', '-99999999999999999999999999999999999999'],
  ['decimal(10, 2)', '1.5e3', '1500.00'],
  ['float64', -0, -0],
  ['float64', Number.NaN, Number.NaN],
  ['bool', undefined, null],
])('writes %s %o and reads %o', (type, written, read) => {
  expect(through(type, written)).toStrictEqual(read);
});

it.each<[TypeText, unknown]>([
  ['int8', 128],
  ['int8', 1.5],
  ['uint8', -1],
  ['uint32', 2 ** 32],
  ['int64', 2 ** 53],
  ['int64', 2n ** 63n],
  ['uint64', -1n],
  ['int32', '1'],
  ['float64', '1'],
  ['float64', 1n],
  ['bool', 0],
  ['utf8', 5],
  ['binary', 'x'],
  ['dictionary<utf8>', 5],
  ['timestamp[us]', 'yesterday'],
  ['timestamp[us]', '2024-01-01T00:00:00.1234567'],
  ['timestamp[ns]', new Date(Number.NaN)],
  ['timestamp[us]', 1.5],
  ['timestamp[ns]', '9999-01-01'],
  ['date32', '2024-02-30'],
  ['time32[s]', '12:00:00.5'],
  ['time32[s]', new Date()],
  ['decimal(4, 2)', '123.45'],
  ['decimal(4, 2)', '1.234'],
  ['decimal(4, 2)', ''],
  ['decimal(4, 2)', 'x'],
  ['decimal(4, 2)', Infinity],
  ['fixed[3]', new Uint8Array(2)],
  ['list<int8>', 5],
  ['list<int8>', [1, 300]],
])('refuses %s %o, naming the place', (type, value) => {
  const fields = fieldsFromShape({ a: 'int32', bad: type });
  expect(() =>
    rowsToBatch(arena, 1, fields, [
      { a: 1, bad: null },
      { a: 2, bad: value },
    ]),
  ).toThrowError(
    expect.objectContaining({
      code: 'ERR_VALUE',
      row: 1,
      column: 'bad',
      value: expect.any(String),
      expected: expect.any(String),
    }),
  );
  expect(arena.usedSlabs()).toBe(0);
});

it('refuses null where the column is not nullable', () => {
  const fields: Fields = [{ name: 'x', type: 'float64', nullable: false }];
  expect(() => rowsToBatch(arena, 1, fields, [{ x: 1 }, {}])).toThrowError(
    expect.objectContaining({ code: 'ERR_VALUE', row: 1, column: 'x', value: 'null' }),
  );
});

it('refuses a name that is no column, and rows that are no objects', () => {
  const fields = fieldsFromShape({ price: 'float64' });
  expect(() => rowsToBatch(arena, 1, fields, [{ pirce: 1 }])).toThrowError(
    expect.objectContaining({ code: 'ERR_COLUMN_UNKNOWN', hint: 'did you mean "price"?' }),
  );
  expect(() => rowsToBatch(arena, 1, fields, [5 as never])).toThrowError(
    expect.objectContaining({ code: 'ERR_VALUE', row: 0 }),
  );
});

it('takes columns as arrays, typed or not', () => {
  const fields = fieldsFromShape({ x: 'float64', n: 'int64', s: 'utf8' });
  const batch = rowsToBatch(arena, 1, fields, {
    x: Float64Array.of(1, 2),
    n: BigInt64Array.of(3n, 4n),
    s: ['a', null],
  });
  expect(batchToRows(batch)).toEqual([
    { x: 1, n: 3n, s: 'a' },
    { x: 2, n: 4n, s: null },
  ]);
  batch.release();
});

it('refuses columns of different lengths or missing ones', () => {
  const fields = fieldsFromShape({ x: 'float64', y: 'float64' });
  expect(() => rowsToBatch(arena, 1, fields, { x: [1, 2], y: [1] })).toThrowError(
    expect.objectContaining({ code: 'ERR_VALUE', column: 'y' }),
  );
  expect(() => rowsToBatch(arena, 1, fields, { x: [1, 2] })).toThrowError(
    expect.objectContaining({ code: 'ERR_VALUE', column: 'y' }),
  );
});

it('copies typed arrays of just the type, views into larger buffers too, and converts others', () => {
  const fields = fieldsFromShape({
    d: 'date32',
    t: 'timestamp[us]',
    f: 'float64',
    u: { type: 'uint8', nullable: false },
  });
  const buffer = new Int32Array([9, 9, 1, 2]);
  const batch = rowsToBatch(arena, 1, fields, {
    d: buffer.subarray(2),
    t: BigInt64Array.of(5n, 6n),
    f: Int16Array.of(-1, 1),
    u: Uint8Array.of(7, 8),
  });
  expect(batchToRows(batch)).toEqual([
    { d: 1, t: 5n, f: -1, u: 7 },
    { d: 2, t: 6n, f: 1, u: 8 },
  ]);
  batch.release();
  expect(() => rowsToBatch(arena, 1, fieldsFromShape({ x: 'int8' }), { x: Int32Array.of(1, 300) })).toThrowError(
    expect.objectContaining({ code: 'ERR_VALUE', row: 1, column: 'x', value: '300' }),
  );
});

it('reads no inherited property as a value', () => {
  const fields = fieldsFromShape({ x: 'int32', constructor: 'utf8', toString: 'utf8' });
  const batch = rowsToBatch(arena, 1, fields, [{ x: 1 }, { x: 2, constructor: 'c', toString: 't' }] as never);
  expect(batchToRows(batch)).toEqual([
    { x: 1, constructor: null, toString: null },
    { x: 2, constructor: 'c', toString: 't' },
  ]);
  batch.release();
  expect(() => rowsToBatch(arena, 1, fields, { x: [1], toString: ['a'] } as never)).toThrowError(
    expect.objectContaining({ code: 'ERR_VALUE', column: 'constructor' }),
  );
});
