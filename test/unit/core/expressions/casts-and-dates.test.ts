import type { TypeText } from '@spillway/core';
import {
  batchToRows,
  compileExpression,
  createArena,
  createReferenceKernels,
  type ExpressionNode,
  makeBatch,
  releaseColumn,
  rowsToBatch,
} from '@spillway/core/internal';
import { afterEach, describe, expect, test } from 'vitest';

const arena = createArena({ maximumBytes: 16 * 2 ** 20, debug: true });
const context = { arena, kernels: createReferenceKernels(arena), owner: 1, name: 'test', position: () => ({}) };

afterEach(() => expect(arena.usedSlabs()).toBe(0));

/** Evaluates a function of the column `v` over values, given in the unit of its type. */
function evaluate(type: TypeText, values: readonly unknown[], make: (v: ExpressionNode) => ExpressionNode): unknown[] {
  const fields = [{ name: 'v', type, nullable: true }];
  const compiled = compileExpression(make({ kind: 'col', name: 'v' }), fields);
  const batch = rowsToBatch(arena, 1, fields, { v: values as unknown[] });
  try {
    const column = compiled.evaluate(batch, context, 'out');
    const out = makeBatch(arena, 1, [{ name: 'out', type: compiled.type, nullable: true }], [column], batch.rows);
    releaseColumn(arena, column);
    const rows = batchToRows(out).map((row) => row['out']);
    out.release();
    return rows;
  } finally {
    batch.release();
  }
}

const castTo =
  (to: TypeText) =>
  (arg: ExpressionNode): ExpressionNode => ({ kind: 'cast', to, arg });
const cast = (from: TypeText, to: TypeText, ...values: unknown[]): unknown[] => evaluate(from, values, castTo(to));
const ns = (iso: string): bigint => BigInt(Date.parse(iso)) * 1_000_000n;

describe('casts', () => {
  test.each<[from: TypeText, to: TypeText, value: unknown, expected: unknown]>([
    ['utf8', 'int64', '-9223372036854775808', -(2n ** 63n)],
    ['utf8', 'uint8', '+255', 255],
    ['utf8', 'float64', '-1.5e3', -1500],
    ['utf8', 'float64', '-INF', -Infinity],
    ['utf8', 'float64', 'NaN', Number.NaN],
    ['utf8', 'bool', 'TRUE', true],
    ['dictionary<utf8>', 'int32', '12', 12],
    ['utf8', 'date32', '1969-12-31', -1],
    ['utf8', 'date64', '1970-01-02', 86_400_000n],
    ['utf8', 'timestamp[s]', '2024-02-29', 1_709_164_800n],
    ['utf8', 'timestamp[ns]', '2024-02-29T12:34:56.123456789', ns('2024-02-29T12:34:56Z') + 123_456_789n],
    ['utf8', 'timestamp[ms]', '2024-02-29 12:34:56.9999', ns('2024-02-29T12:34:56.999Z') / 1_000_000n],
    ['utf8', 'timestamp[s]', '2024-02-29T12:34+02:00', 1_709_202_840n],
    ['utf8', 'timestamp[s, Europe/Paris]', '2024-07-01T12:00:00', BigInt(Date.parse('2024-07-01T10:00:00Z') / 1000)],
    ['utf8', 'timestamp[s, Europe/Paris]', '2024-03-31T02:30', BigInt(Date.parse('2024-03-31T01:30:00Z') / 1000)], // skipped: 03:30
    ['utf8', 'timestamp[s, Europe/Paris]', '2024-10-27T02:30', BigInt(Date.parse('2024-10-27T00:30:00Z') / 1000)], // twice: the first
    ['timestamp[ms]', 'utf8', -1n, '1969-12-31T23:59:59.999'],
    ['timestamp[us, UTC]', 'utf8', 0n, '1970-01-01T00:00:00.000000Z'],
    ['timestamp[s, America/New_York]', 'utf8', 0n, '1969-12-31T19:00:00-05:00'],
    ['timestamp[s, +05:30]', 'utf8', 0n, '1970-01-01T05:30:00+05:30'],
    ['date32', 'utf8', 19_782, '2024-02-29'],
    ['date32', 'utf8', -719_529, '-000001-12-31'],
    ['duration[ms]', 'utf8', 90n, '90'],
    ['float64', 'utf8', 0.1, '0.1'],
    ['bool', 'utf8', true, 'true'],
    ['bool', 'float32', true, 1],
    ['float64', 'bool', Number.NaN, true],
    ['float64', 'int8', -127.9, -127],
    ['uint64', 'float64', 2n ** 64n - 1n, 2 ** 64],
    ['timestamp[us, America/New_York]', 'date32', 0n, -1],
    ['date32', 'timestamp[s, America/New_York]', 0, 18_000n],
    ['timestamp[us]', 'timestamp[s]', -1n, -1n],
    ['timestamp[s]', 'timestamp[ns, UTC]', -1n, -1_000_000_000n],
    ['date64', 'date32', -1n, -1],
    ['int32', 'date32', 5, 5],
    ['timestamp[us]', 'int64', 7n, 7n],
  ])('%s to %s: %s is %s', (from, to, value, expected) => {
    expect(cast(from, to, value, null)).toEqual([expected, null]);
  });

  test.each<[from: TypeText, to: TypeText, value: unknown]>([
    ['utf8', 'int64', '9223372036854775808'],
    ['utf8', 'int64', ' 1'],
    ['utf8', 'float64', '1,5'],
    ['utf8', 'date32', '2023-02-29'],
    ['utf8', 'timestamp[ns]', '2300-01-01'],
    ['utf8', 'timestamp[s]', '2024-01-01T24:00'],
    ['float64', 'int64', Number.NaN],
    ['float64', 'int64', 2 ** 63],
    ['int32', 'uint8', -1],
    ['timestamp[s]', 'timestamp[ns]', 2n ** 40n],
  ])('%s to %s refuses %s, naming row, column and value', (from, to, value) => {
    expect(() => cast(from, to, null, value)).toThrow(
      expect.objectContaining({ code: 'ERR_VALUE', row: 1, column: 'out', value: expect.any(String) }) as Error,
    );
  });

  test('a value that is not wanted is not refused', () => {
    const guarded = (v: ExpressionNode): ExpressionNode => ({
      kind: 'when',
      condition: { kind: 'string', fn: 'startsWith', arg: v, argument: '#' },
      then: { kind: 'lit', type: 'int64', value: '-1' },
      otherwise: castTo('int64')(v),
    });
    expect(evaluate('utf8', ['1', '#x', null], guarded)).toEqual([1n, -1n, null]);
  });

  test('text becomes a dictionary in order of first appearance', () => {
    expect(cast('utf8', 'dictionary<utf8>', 'b', null, 'a', 'b', '')).toEqual(['b', null, 'a', 'b', '']);
  });
});

describe('dates', () => {
  const part =
    (name: 'hour' | 'day' | 'weekday' | 'dayOfYear' | 'year' | 'millisecond') =>
    (arg: ExpressionNode): ExpressionNode => ({ kind: 'dt', part: name, arg });

  test('nanoseconds at both ends of the range', () => {
    expect(evaluate('timestamp[ns]', [-(2n ** 63n), 2n ** 63n - 1n], part('year'))).toEqual([1677, 2262]);
    expect(evaluate('timestamp[ns]', [-1n, 1_999_999n], part('millisecond'))).toEqual([999, 1]);
  });

  test('hours on the day on which clocks change, second by second', () => {
    const seconds = [
      '2024-03-10T06:59:59Z',
      '2024-03-10T07:00:00Z',
      '2024-11-03T05:59:59Z',
      '2024-11-03T06:00:00Z',
    ].map((iso) => BigInt(Date.parse(iso) / 1000));
    expect(evaluate('timestamp[s, America/New_York]', seconds, part('hour'))).toEqual([1, 3, 1, 1]);
  });

  test('days of dates, and the leap day', () => {
    expect(evaluate('date32', [19_782, 0, null], part('dayOfYear'))).toEqual([60, 1, null]);
    expect(evaluate('date32', [0, 3, 4], part('weekday'))).toEqual([4, 7, 1]);
  });
});

describe('text beside time', () => {
  const compare =
    (text: string): ((v: ExpressionNode) => ExpressionNode) =>
    (left) => ({ kind: 'binary', fn: 'ge', left, right: { kind: 'lit', type: 'utf8', value: text } });

  test('a literal is read as the type beside it', () => {
    expect(evaluate('timestamp[ms]', [0n, 86_400_000n], compare('1970-01-02'))).toEqual([false, true]);
    expect(evaluate('date32', [0, 1, 2], compare('1970-01-02'))).toEqual([false, true, true]);
  });

  test('one that cannot be is refused before anything runs', () => {
    expect(() => evaluate('timestamp[ms]', [], compare('yesterday'))).toThrow(
      expect.objectContaining({ code: 'ERR_EXPRESSION', value: 'yesterday' }) as Error,
    );
  });

  test('instants of different units compare exactly', () => {
    const literal = (v: ExpressionNode): ExpressionNode => ({
      kind: 'binary',
      fn: 'lt',
      left: v,
      right: { kind: 'lit', type: 'timestamp[ns]', value: '1000000001' },
    });
    expect(evaluate('timestamp[s]', [0n, 1n, 2n, 2n ** 62n], literal)).toEqual([true, true, false, false]);
  });
});
