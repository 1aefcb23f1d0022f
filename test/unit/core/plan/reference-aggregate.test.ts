import { type Aggregate, agg, createPipeline, fromIterable } from '@spillway/core';
import { runReference } from '@spillway/core/internal';
import { expect, test } from 'vitest';

const schema = { t: 'timestamp[s]', key: 'utf8', x: 'float64', n: 'int32' } as const;
const row = (t: number, key: string | null, x: number | null, n: number | null = 1) => ({ t, key, x, n });

function aggregate(rows: object[][], columns: Record<string, Aggregate>, by: ('key' | 'n')[] = []) {
  const stream = createPipeline().source(fromIterable(schema, rows as never[]));
  const { bins } = stream.aggStream({
    orderedOn: 't',
    by,
    iterMax: 1,
    aggregations: { bins: { every: '10s', columns } },
  });
  return runReference([bins.collect()]);
}

test('bins begin at multiples of their width, also before 1970, and are emitted when a later row closes them', async () => {
  const { outputs } = await aggregate(
    [[row(-11, 'a', 1), row(-1, 'a', 2)], [row(0, 'a', 3), row(9, 'a', 4)], [row(10, 'a', 5)]],
    { n: agg.count() },
  );
  expect(outputs[0]?.batches).toEqual([[[-20n, 1n]], [[-10n, 1n]], [[0n, 2n]], [[10n, 1n]]]);
});

test('groups of a bin are ordered by key value, nulls last', async () => {
  const { outputs } = await aggregate(
    [[row(1, 'b', 1), row(2, null, 2), row(3, 'a', 3), row(4, 'b', 4)]],
    { first: agg.first('x'), last: agg.last('x') },
    ['key'],
  );
  expect(outputs[0]?.batches.flat()).toEqual([
    [0n, 'a', 3, 3],
    [0n, 'b', 1, 4],
    [0n, null, 2, 2],
  ]);
});

test('sums are exact, whatever cancels', async () => {
  const { outputs } = await aggregate(
    [
      [
        row(0, 'a', 1e308),
        row(0, 'a', 1),
        row(0, 'a', 1e308),
        row(0, 'a', -1e308),
        row(0, 'a', -1e308),
        row(0, 'a', 2 ** -1074),
      ],
    ],
    { sum: agg.sum('x') },
  );
  expect(outputs[0]?.batches.flat()).toEqual([[0n, 1]]);
});

test('minus zero survives only alone; infinities of both signs give NaN', async () => {
  const zeros = await aggregate([[row(0, 'a', -0), row(0, 'a', -0), row(10, 'a', -0), row(10, 'a', 0)]], {
    sum: agg.sum('x'),
  });
  expect(zeros.outputs[0]?.batches.flat()).toEqual([
    [0n, -0],
    [10n, 0],
  ]);
  const infinite = await aggregate([[row(0, 'a', Infinity), row(0, 'a', -Infinity)]], { sum: agg.sum('x') });
  expect(infinite.outputs[0]?.batches.flat()).toEqual([[0n, NaN]]);
});

test('min and max skip NaN and order the zeros; nulls give null', async () => {
  const { outputs } = await aggregate(
    [[row(0, 'a', NaN), row(0, 'a', 0), row(0, 'a', -0), row(0, 'a', null), row(10, 'a', null)]],
    { min: agg.min('x'), max: agg.max('x'), n: agg.count('x') },
  );
  expect(outputs[0]?.batches.flat()).toEqual([
    [0n, -0, 0, 3n],
    [10n, null, null, 0n],
  ]);
});

test('mean is the rounded sum divided by the count; deviations are of the sample', async () => {
  const { outputs } = await aggregate([[row(0, 'a', 1), row(0, 'a', 2), row(0, 'a', 4), row(10, 'a', 7)]], {
    mean: agg.mean('x'),
    var: agg.var('x'),
    std: agg.std('x'),
  });
  expect(outputs[0]?.batches.flat()).toEqual([
    [0n, 7 / 3, 7 / 3, Math.sqrt(7 / 3)],
    [10n, 7, null, null],
  ]);
});

test('an integer sum beyond 64 bits is refused', async () => {
  const stream = createPipeline().source(
    fromIterable({ t: 'int64', big: 'int64' }, [
      [
        { t: 0n, big: 2n ** 63n - 1n },
        { t: 0n, big: 1n },
      ],
    ]),
  );
  const { bins } = stream.aggStream({
    orderedOn: 't',
    aggregations: { bins: { every: 5, columns: { sum: agg.sum('big') } } },
  });
  await expect(runReference([bins.collect()])).rejects.toMatchObject({ code: 'ERR_INTEGER_OVERFLOW' });
});

test('a column of plain numbers is cut in steps, not in milliseconds', async () => {
  const stream = createPipeline().source(fromIterable({ t: 'int64' }, [[0, 4, 5, 14].map((t) => ({ t }))]));
  const { bins } = stream.aggStream({
    orderedOn: 't',
    aggregations: { bins: { every: 5, columns: { n: agg.count() } } },
  });
  const { outputs } = await runReference([bins.collect()]);
  expect(outputs[0]?.batches.flat()).toEqual([
    [0n, 2n],
    [5n, 1n],
    [10n, 1n],
  ]);
});

test('weeks begin on Monday', async () => {
  const thursday = Date.UTC(2026, 0, 1);
  const stream = createPipeline().source(fromIterable({ t: 'timestamp[ms]' }, [[{ t: thursday }]]));
  const { weekly } = stream.aggStream({
    orderedOn: 't',
    aggregations: { weekly: { every: '1w', columns: { n: agg.count() } } },
  });
  const { outputs } = await runReference([weekly.collect()]);
  expect(outputs[0]?.batches.flat()).toEqual([[BigInt(Date.UTC(2025, 11, 29)), 1n]]);
});

test('rows out of order are refused with both values', async () => {
  const stream = createPipeline().source(fromIterable({ t: 'int64' }, [[{ t: 5 }], [{ t: 4 }]], { orderedOn: 't' }));
  await expect(runReference([stream.collect()])).rejects.toMatchObject({
    code: 'ERR_INPUT_UNORDERED',
    row: 1,
    value: '4',
  });
});
