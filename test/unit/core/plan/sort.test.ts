import { agg, createPipeline, explain, fromIterable } from '@spillway/core';
import { buildLogicalPlan, resolvePlan, runReference } from '@spillway/core/internal';
import { expect, test } from 'vitest';

const SCHEMA = { ts: 'int64', symbol: 'utf8', price: 'float64', tags: 'list<utf8>' } as const;
const rows = () => createPipeline({ memoryLimit: '64MiB' }).source(fromIterable(SCHEMA, []));
// biome-ignore lint/suspicious/noExplicitAny: these tests write what the compiler refuses
const loose = (stream: object): any => stream;

test('keys are columns, or columns with a direction and a place for nulls', () => {
  const sink = rows()
    .sort({
      by: [{ column: 'price', descending: true }, { column: 'ts', nulls: 'first' }, 'symbol'],
      memoryLimit: '1MiB',
    })
    .collect();
  expect(buildLogicalPlan([sink]).nodes[1]?.spec).toEqual({
    kind: 'sort',
    by: [
      { column: 'price', descending: true, nulls: 'last' },
      { column: 'ts', descending: false, nulls: 'first' },
      { column: 'symbol', descending: false, nulls: 'last' },
    ],
    memoryLimitBytes: 2 ** 20,
  });
});

test.each([
  [{}, 'by is undefined'],
  [{ by: [] }, 'by is empty'],
  [{ by: ['ts', 'ts'] }, 'the column "ts" is there twice'],
  [{ by: { column: 'ts', desc: true } }, 'a column has no option "desc"'],
  [{ by: { column: 'ts', descending: 'yes' } }, 'descending is yes'],
  [{ by: { column: 'ts', nulls: 'middle' } }, 'nulls is middle'],
  [{ by: 'ts', memoryLimit: 0 }, 'memoryLimit is 0'],
  [{ by: 'ts', rows: 5 }, 'sort has no option "rows"'],
])('%j is refused where it is written', (options, message) => {
  expect(() => loose(rows()).sort(options)).toThrow(message);
});

test('a column that is not there, or cannot be compared, is refused with the step', async () => {
  const resolve = (by: string) => resolvePlan(buildLogicalPlan([loose(rows()).sort({ by }).collect()]));
  await expect(resolve('prise')).rejects.toMatchObject({
    code: 'ERR_COLUMN_UNKNOWN',
    hint: expect.stringContaining('price'),
  });
  await expect(resolve('tags')).rejects.toMatchObject({ code: 'ERR_TYPE_UNSUPPORTED', stage: 'sort' });
});

test('what follows knows the order, if the first column ascends and can be binned', async () => {
  const orderOf = async (by: never): Promise<unknown> =>
    (await resolvePlan(buildLogicalPlan([loose(rows()).sort({ by }).collect()]))).nodes[1]?.ordered;
  expect(await orderOf('ts' as never)).toEqual({ out: 'ts' });
  expect(await orderOf(['price', 'ts'] as never)).toEqual({ out: 'price' });
  expect(await orderOf({ column: 'ts', descending: true } as never)).toEqual({});
  expect(await orderOf('symbol' as never)).toEqual({});
});

test('a sort runs on one lane, and explain prints its share', async () => {
  const aggregations = { bins: { every: 10, columns: { n: agg.count() } } };
  const { bins } = rows()
    .sort({ by: 'ts', name: 'in order', memoryLimit: '2MiB' })
    .aggStream({ orderedOn: 'ts', aggregations });
  const { text, physical } = await explain(bins.collect(), { workers: 4 });
  expect(physical.stages.find((stage) => stage.name.includes('in order'))?.lanes).toBe(1);
  expect(text).toContain('in order: sort by ts, holds up to 2.0 MiB and spills the rest');
});

test('the share grows with the limit, and never falls below what a sort needs', async () => {
  const shareAt = async (memoryLimitBytes: number): Promise<number> => {
    const { physical } = await explain(rows().sort({ by: 'ts' }).collect(), { workers: 2, memoryLimitBytes });
    return physical.stages[0]?.operators[0]?.shareBytes ?? 0;
  };
  const [atMinimum, more, most] = [await shareAt(1), await shareAt(256 * 2 ** 20), await shareAt(2 ** 30)];
  expect(atMinimum).toBeGreaterThan(2 ** 20);
  expect(more).toBeGreaterThan(atMinimum);
  expect(most).toBeGreaterThan(256 * 2 ** 20);
});

test('the reference executor sorts stably, with nulls, NaN and -0 in their places', async () => {
  const given = [3, null, Number.NaN, -0, 0, -1, null, Infinity].map((price, ts) => ({
    ts: BigInt(ts),
    price,
    symbol: null,
    tags: null,
  }));
  const stream = createPipeline().source(fromIterable(SCHEMA, [given as never]));
  const { outputs } = await runReference([
    stream.sort({ by: 'price' }).collect(),
    stream.sort({ by: { column: 'price', descending: true, nulls: 'first' } }).collect(),
  ]);
  const order = outputs.map(({ batches }) => batches.flat().map(([ts]) => Number(ts)));
  expect(order).toEqual([
    [5, 3, 4, 0, 7, 2, 1, 6],
    [1, 6, 2, 7, 0, 3, 4, 5],
  ]);
});
