import type { Fields } from '@spillway/core';
import { type AggregateColumn, aggregateOutputFields } from '@spillway/core/internal';
import { expect, test } from 'vitest';
import { aggregateSpec, aggregation } from '../../../support/aggregate-harness.ts';

const FIELDS: Fields = [
  { name: 't', type: 'timestamp[us]', nullable: true },
  { name: 'key', type: 'dictionary<utf8>', nullable: true },
  { name: 'i', type: 'int16', nullable: true },
  { name: 'u', type: 'uint8', nullable: true },
  { name: 'f', type: 'float32', nullable: true },
  { name: 'ok', type: 'bool', nullable: true },
  { name: 'list', type: 'list<int32>', nullable: true },
];
const HOUR = 3_600_000_000_000n;

function typesOf(columns: AggregateColumn[]): string[] {
  return (aggregateOutputFields(aggregateSpec(['key'], [aggregation('a', HOUR, columns)]), FIELDS)['a'] as Fields).map(
    ({ name, type, nullable }) => `${name} ${type}${nullable ? '' : ' not null'}`,
  );
}

test('the bin comes first under the name of the ordered column, then keys, then results', () => {
  expect(
    typesOf([
      { name: 'n', fn: 'count' },
      { name: 'known', fn: 'count', column: 'list' },
      { name: 'a', fn: 'sum', column: 'i' },
      { name: 'b', fn: 'sum', column: 'u' },
      { name: 'c', fn: 'sum', column: 'f' },
      { name: 'd', fn: 'sum', column: 'ok' },
      { name: 'e', fn: 'mean', column: 'i' },
      { name: 'g', fn: 'max', column: 'f' },
      { name: 'h', fn: 'first', column: 'key' },
      { name: 'j', fn: 'last', column: 'ok' },
      { name: 'k', fn: 'std', column: 'u' },
    ]),
  ).toEqual([
    't timestamp[us] not null',
    'key dictionary<utf8>',
    'n int64 not null',
    'known int64 not null',
    'a int64',
    'b uint64',
    'c float64',
    'd int64',
    'e float64',
    'g float32',
    'h dictionary<utf8>',
    'j bool',
    'k float64',
  ]);
});

test.each<[string, string, AggregateColumn]>([
  ['a column that is not there', 'ERR_COLUMN_UNKNOWN', { name: 'x', fn: 'sum', column: 'nope' }],
  ['a sum of text', 'ERR_TYPE_UNSUPPORTED', { name: 'x', fn: 'sum', column: 'key' }],
  ['a maximum of lists', 'ERR_TYPE_UNSUPPORTED', { name: 'x', fn: 'max', column: 'list' }],
  ['a mean of nothing', 'ERR_OPTIONS', { name: 'x', fn: 'mean' }],
  ['a name that is taken', 'ERR_OPTIONS', { name: 'key', fn: 'count' }],
])('%s is refused with %s and a hint', (_, code, column) => {
  expect(() => typesOf([column])).toThrow(expect.objectContaining({ code, hint: expect.any(String) }));
});

test('bins that cannot start on whole steps of the column are refused', () => {
  const dates: Fields = [{ name: 't', type: 'date32', nullable: false }];
  const spec = aggregateSpec([], [aggregation('a', HOUR, [{ name: 'n', fn: 'count' }])]);
  expect(() => aggregateOutputFields(spec, dates)).toThrow(
    expect.objectContaining({ code: 'ERR_OPTIONS', column: 't' }),
  );
});

test('grouping by floats is refused', () => {
  expect(() => aggregateOutputFields(aggregateSpec(['f'], [aggregation('a', HOUR, [])]), FIELDS)).toThrow(
    expect.objectContaining({ code: 'ERR_TYPE_UNSUPPORTED', column: 'f' }),
  );
});
