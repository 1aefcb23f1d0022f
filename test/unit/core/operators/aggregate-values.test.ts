import type { Fields, TypeText } from '@spillway/core';
import { type AggregateFn, rowsToBatch } from '@spillway/core/internal';
import { expect, test } from 'vitest';
import {
  aggregateSpec,
  aggregation,
  cutBatches,
  type Row,
  runLanes,
  runWhole,
  testArena,
} from '../../../support/aggregate-harness.ts';
import { modelAggregate } from '../../../support/aggregate-model.ts';
import { seededRandom } from '../../../support/random.ts';

const arena = testArena();

function fieldsOf(v: TypeText, t: TypeText = 'int64'): Fields {
  return [
    { name: 't', type: t, nullable: false },
    { name: 'v', type: v, nullable: true },
  ];
}

function columnsOf(...fns: AggregateFn[]): { name: string; fn: AggregateFn; column: string }[] {
  return fns.map((fn) => ({ name: fn, fn, column: 'v' }));
}

test('sums of any doubles are exact through morsels, lanes and roll-up', async () => {
  const random = seededRandom();
  const rows: Row[] = Array.from({ length: 600 }, (_, row) => ({
    t: BigInt(Math.floor(row / 3)),
    v: random.chance(0.2)
      ? random.pick([1e308, -1e308, 5e-324, -5e-324, 1, 2 ** -1022])
      : random.chance(0.01)
        ? random.anyFloat()
        : random.next() - 0.5,
  }));
  const columns = columnsOf('sum', 'mean', 'var', 'std', 'count');
  const spec = aggregateSpec(
    [],
    [aggregation('fine', 5, columns), aggregation('coarse', 50, columns), aggregation('all', 1000, columns)],
  );
  const fields = fieldsOf('float64');
  const expected = modelAggregate(spec, fields, rows);
  expect(await runWhole(arena, spec, fields, cutBatches(arena, fields, rows, [600]))).toEqual(expected);
  expect(await runLanes(arena, spec, fields, cutBatches(arena, fields, rows, [17]), 2, (index) => index % 2)).toEqual(
    expected,
  );
});

test('a sum of integers beyond int64 is refused, naming column and bin', async () => {
  const fields = fieldsOf('int64');
  const rows: Row[] = [1n, 2n ** 63n - 1n, 5n].map((v) => ({ t: 42n, v }));
  const spec = aggregateSpec([], [aggregation('a', 10, columnsOf('sum'))]);
  await expect(runWhole(arena, spec, fields, cutBatches(arena, fields, rows, [3]))).rejects.toMatchObject({
    code: 'ERR_INTEGER_OVERFLOW',
    column: 'sum',
    value: String(2n ** 63n + 5n),
    message: expect.stringContaining('"t" 40'),
  });
});

test('an integer sum may leave int64 on the way and come back', async () => {
  const fields = fieldsOf('int64');
  const rows: Row[] = [2n ** 63n - 1n, 2n ** 63n - 1n, -(2n ** 63n), -5n].map((v) => ({ t: 0n, v }));
  const spec = aggregateSpec([], [aggregation('a', 10, columnsOf('sum', 'mean'))]);
  const [row] = (await runWhole(arena, spec, fields, cutBatches(arena, fields, rows, [1])))['a'] as Row[];
  expect(row?.['sum']).toBe(2n ** 63n - 7n);
});

test('sums of unsigned columns reach the top of uint64', async () => {
  const fields = fieldsOf('uint64');
  const rows: Row[] = [2n ** 63n, 2n ** 63n - 1n].map((v) => ({ t: 0n, v }));
  const spec = aggregateSpec([], [aggregation('a', 10, columnsOf('sum', 'max'))]);
  expect((await runWhole(arena, spec, fields, cutBatches(arena, fields, rows, [1])))['a']).toEqual([
    { t: 0n, sum: 2n ** 64n - 1n, max: 2n ** 63n },
  ]);
});

test('a column of nulls gives null for all but count', async () => {
  const fields = fieldsOf('float64');
  const rows: Row[] = [null, null].map((v) => ({ t: 0n, v }));
  const spec = aggregateSpec(
    [],
    [aggregation('a', 10, columnsOf('count', 'sum', 'mean', 'var', 'std', 'min', 'max', 'first', 'last'))],
  );
  expect((await runWhole(arena, spec, fields, cutBatches(arena, fields, rows, [2])))['a']).toEqual([
    { t: 0n, count: 0n, sum: null, mean: null, var: null, std: null, min: null, max: null, first: null, last: null },
  ]);
});

test('a deviation of one value is null, of equal values 0', async () => {
  const fields = fieldsOf('float64');
  const rows: Row[] = [
    [0, 0.1],
    [10, 0.1],
    [11, 0.1],
    [12, 0.1],
  ].map(([t, v]) => ({ t: BigInt(t as number), v }));
  const spec = aggregateSpec([], [aggregation('a', 10, columnsOf('std', 'var'))]);
  expect((await runWhole(arena, spec, fields, cutBatches(arena, fields, rows, [3])))['a']).toEqual([
    { t: 0n, std: null, var: null },
    { t: 10n, std: 0, var: 0 },
  ]);
});

test('text that changes in every morsel does not pile up', async () => {
  const fields = fieldsOf('utf8');
  const columns = columnsOf('first', 'last', 'min', 'max');
  const rows: Row[] = Array.from({ length: 3000 }, (_, row) => ({
    t: BigInt(row),
    v: `${(row * 7919) % 3000}`.repeat((row % 40) + 1),
  }));
  const spec = aggregateSpec([], [aggregation('fine', 1000, columns), aggregation('coarse', 2000, columns)]);
  expect(await runWhole(arena, spec, fields, cutBatches(arena, fields, rows, [3]))).toEqual(
    modelAggregate(spec, fields, rows),
  );
});

const DAY_NS = 86_400_000_000_000n;

test.each<[TypeText, bigint, (step: number) => unknown]>([
  ['timestamp[s]', 1_000_000_000n, BigInt],
  ['timestamp[ms, Europe/Paris]', 1_000_000n, BigInt],
  ['timestamp[ns]', 1n, BigInt],
  ['date32', DAY_NS, (step) => step],
  ['date64', 1_000_000n, BigInt],
  ['int32', 1n, (step) => step],
  ['int16', 1n, (step) => step],
  ['uint32', 1n, (step) => step],
  ['float64', 1n, (step) => step + 0.5],
  ['float32', 1n, (step) => step + 0.5],
])('bins over %s', async (type, unitNs, value) => {
  const from = type === 'uint32' ? 0 : -20;
  const rows: Row[] = Array.from({ length: 40 }, (_, row) => ({ t: value(from + row), v: row }));
  const fields = fieldsOf('int32', type);
  const spec = aggregateSpec(
    [],
    [aggregation('a', 7n * unitNs, columnsOf('sum', 'first')), aggregation('b', 14n * unitNs, columnsOf('last'))],
  );
  const inSteps = aggregateSpec(
    [],
    [aggregation('a', 7, columnsOf('sum', 'first')), aggregation('b', 14, columnsOf('last'))],
  );
  expect(await runWhole(arena, spec, fields, cutBatches(arena, fields, rows, [9]))).toEqual(
    modelAggregate(inSteps, fields, rows),
  );
});

test('a NaN in the ordered column is refused', async () => {
  const fields = fieldsOf('int32', 'float64');
  const spec = aggregateSpec([], [aggregation('a', 7, columnsOf('sum'))]);
  await expect(
    runWhole(arena, spec, fields, [rowsToBatch(arena, 7, fields, { t: [1, NaN], v: [1, 2] })]),
  ).rejects.toMatchObject({ code: 'ERR_VALUE', row: 1 });
});

test('sums are rounded half to even, whatever the digits below', async () => {
  const fields = fieldsOf('float64');
  const groups = [
    [2 ** 53, 1],
    [2 ** 53 + 2, 1],
    [2 ** 53, 1, 2 ** -60],
    [2 ** 53, 1, -(2 ** -60)],
    [-(2 ** 53), -1],
    [-(2 ** 53) - 2, -1],
    [-(2 ** 53), -1, -(2 ** -200)],
    [2 ** 85, 2 ** 32, 2 ** 31],
    [1, 2 ** -53, 2 ** -106],
    [1, 2 ** -53],
    [2 ** 1023, 2 ** 970, 2 ** 969],
    [5e-324, 5e-324],
    [1e-300, 1e-310],
    [-0, -0],
    [1, -1],
    [0.1, 0.2, -0.3],
  ];
  const rows: Row[] = groups.flatMap((values, t) => values.map((v) => ({ t: BigInt(t), v })));
  const spec = aggregateSpec([], [aggregation('a', 1, columnsOf('sum', 'mean'))]);
  expect(await runWhole(arena, spec, fields, cutBatches(arena, fields, rows, [2]))).toEqual(
    modelAggregate(spec, fields, rows),
  );
});
