import type { Fields } from '@spillway/core';
import { expect, test } from 'vitest';
import {
  aggregateSpec,
  aggregation,
  cutBatches,
  fieldsWithNulls,
  rowsOf,
  runLanes,
  runWhole,
  testArena,
} from '../../../support/aggregate-harness.ts';
import { modelAggregate } from '../../../support/aggregate-model.ts';
import { seededRandom } from '../../../support/fake-arena.ts';

const arena = testArena();

const FIELDS = fieldsWithNulls({ t: 'int64', key: 'utf8', city: 'dictionary<utf8>', id: 'int64' });
const COUNT = [{ name: 'n', fn: 'count' as const }];

test('100,000 text keys grow every table, over lanes, and come out in byte order', async () => {
  const keys = 100_000;
  const rows = rowsOf(FIELDS, keys, (index) => ({
    t: BigInt(Math.floor(index / 40_000)),
    key: `k${(index * 7919) % keys}`,
  }));
  const spec = aggregateSpec(['key'], [aggregation('a', 1, COUNT), aggregation('all', 10, COUNT)]);
  const results = await runLanes(
    arena,
    spec,
    FIELDS,
    cutBatches(arena, FIELDS, rows, [20_000]),
    2,
    (index) => index % 2,
  );
  expect(results['all']?.map(({ key }) => key)).toEqual([...new Set(rows.map(({ key }) => key as string))].sort());
  expect(results['a']).toHaveLength(keys);
});

test.each([[['id']], [['id', 'city']]])(
  'many keys of %j, few in each bin: new keys fall between old ones',
  async (by) => {
    const rows = rowsOf(FIELDS, 6000, (index) => ({
      t: BigInt(Math.floor(index / 5)),
      id: BigInt((index * 2_654_435_761) % 4001) - 2000n,
      city: ['x', null, 'y'][index % 3],
    }));
    const spec = aggregateSpec(by, [aggregation('a', 1, COUNT)], { accumulate: false });
    expect(await runWhole(arena, spec, FIELDS, cutBatches(arena, FIELDS, rows, [50]))).toEqual(
      modelAggregate(spec, FIELDS, rows),
    );
  },
);

test('nulls are a key, ordered last in every column', async () => {
  const rows = rowsOf(FIELDS, 4, (index) => ({ key: index % 2 === 0 ? null : 'x', city: index < 2 ? null : 'b' }));
  const spec = aggregateSpec(['city', 'key'], [aggregation('a', 1, COUNT)]);
  const results = await runWhole(arena, spec, FIELDS, cutBatches(arena, FIELDS, rows, [3]));
  expect(results['a']?.map(({ city, key }) => [city, key])).toEqual([
    ['b', 'x'],
    ['b', null],
    [null, 'x'],
    [null, null],
  ]);
});

test('dictionary columns with other codes in every batch are one key', async () => {
  const spec = aggregateSpec(['city'], [aggregation('a', 1, COUNT)]);
  const batches = [
    ['b', 'a'],
    ['a', 'c'],
    ['c', 'b'],
  ].flatMap((cities) =>
    cutBatches(
      arena,
      FIELDS,
      rowsOf(FIELDS, 2, (index) => ({ city: cities[index] })),
      [2],
    ),
  );
  const results = await runLanes(arena, spec, FIELDS, batches, 3, (index) => index);
  expect(results['a']).toEqual(['a', 'b', 'c'].map((city) => ({ t: 0n, city, n: 2n })));
});

test('three key columns are compared one after the other', async () => {
  const rows = rowsOf(FIELDS, 300, (index) => ({
    key: ['x', 'xy', null][index % 3],
    city: ['n', 'm'][index % 2],
    id: BigInt((index % 5) - 2),
  }));
  const spec = aggregateSpec(['id', 'city', 'key'], [aggregation('a', 1, COUNT)]);
  expect(await runWhole(arena, spec, FIELDS, cutBatches(arena, FIELDS, rows, [40]))).toEqual(
    modelAggregate(spec, FIELDS, rows),
  );
});

test.each(['id', 'un', 'key'])('very many keys of "%s", with null among them, come out by value', async (by) => {
  const fields: Fields = [...FIELDS, { name: 'un', type: 'uint64', nullable: true }];
  const rows = rowsOf(FIELDS, 30_000, (index) => {
    const number = BigInt.asIntN(64, BigInt(index) * 0x9e37_79b9_7f4a_7c15n);
    if (index % 7000 === 5) return { t: BigInt(Math.floor(index / 3000)), un: null };
    return {
      t: BigInt(Math.floor(index / 3000)),
      id: index % 3 === 0 ? BigInt(index) - 10_000n : number,
      un: BigInt.asUintN(64, number),
      key: `${'same prefix '.repeat(index % 2)}${number}`,
    };
  });
  const spec = aggregateSpec([by], [aggregation('a', 1, COUNT), aggregation('all', 100, COUNT)]);
  const results = await runWhole(arena, spec, fields, cutBatches(arena, fields, rows, [3000]));
  expect(results).toEqual(modelAggregate(spec, fields, rows));
});

test('few keys in large batches: all of one bin, one key absent, bins that end inside, zeros of both signs', async () => {
  const fields: Fields = [...FIELDS, { name: 'v', type: 'float64', nullable: true }];
  const random = seededRandom(61);
  const rows = rowsOf(FIELDS, 12_000, (index) => {
    const batch = Math.floor(index / 2000);
    const key = Math.floor(random() * (batch === 2 ? 4 : 5));
    const sign = batch % 2 === 0 ? 1 : -1;
    return {
      t: BigInt(index < 7000 ? 0 : Math.floor(index / 2500)),
      id: BigInt(key * 11),
      v: (sign * Math.floor(random() * 3)) / 4,
    };
  });
  const columns = (['sum', 'min', 'max', 'first', 'last', 'count'] as const).map((fn) => ({
    name: fn,
    fn,
    column: 'v',
  }));
  const spec = aggregateSpec(['id'], [aggregation('a', 1, columns)]);
  const expected = modelAggregate(spec, fields, rows);
  const results = await runLanes(arena, spec, fields, cutBatches(arena, fields, rows, [2000]), 2, (index) => index % 2);
  expect(results).toEqual(expected);
});
