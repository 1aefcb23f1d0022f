/** The table "Rules of order and sameness" of the guide to steps over rows, cell by cell. */
import { agg, createPipeline, fromIterable, type Stream } from '@spillway/core';
import { run } from '@spillway/workers';
import { describe, expect, it } from 'vitest';

const SHAPE = { t: 'int64', x: 'float64' } as const;
const ODD = [3, NaN, null, -0, 0, 1, NaN, -Infinity, null, 2];
type Numbers = Stream<{ readonly t: 'int64'; readonly x: 'float64' }>;

/** What a step gives for such values of x, at times 0, 1, 2 … unless they are given. */
async function given(
  values: readonly (number | null)[],
  step: (rows: Numbers) => { collect(): ReturnType<Numbers['collect']> },
  times: readonly number[] = values.map((_, index) => index),
): Promise<Record<string, unknown>[]> {
  const rows = values.map((x, index) => ({ t: BigInt(times[index] ?? 0), x }));
  const p = createPipeline({ memoryLimit: '64MiB' });
  const sink = step(p.source(fromIterable(SHAPE, rows, { orderedOn: 't', batchRows: 3 }))).collect();
  return run(sink, { workers: 1 }).rows(sink);
}
const column = (rows: readonly Record<string, unknown>[], name: string): unknown[] => rows.map((row) => row[name]);

describe('sort', () => {
  it.each([
    ['ascending', { column: 'x' }, [-Infinity, -0, 0, 1, 2, 3, NaN, NaN, null, null]],
    ['descending', { column: 'x', descending: true }, [NaN, NaN, 3, 2, 1, -0, 0, -Infinity, null, null]],
    ['nulls first', { column: 'x', nulls: 'first' }, [null, null, -Infinity, -0, 0, 1, 2, 3, NaN, NaN]],
  ] as const)('%s', async (_, by, expected) => {
    expect(column(await given(ODD, (rows) => rows.sort({ by })), 'x')).toEqual(expected);
  });

  it('leaves rows with equal keys as they came', async () => {
    expect(column(await given([0, NaN, -0, 0, NaN], (rows) => rows.sort({ by: 'x' })), 't')).toEqual([
      0n,
      2n,
      3n,
      1n,
      4n,
    ]);
  });

  it('orders texts by their bytes', async () => {
    const texts = ['b', 'é', 'B', null, 'ab', ''].map((x) => ({ x }));
    const sink = createPipeline({ memoryLimit: '64MiB' })
      .source(fromIterable({ x: 'utf8' }, texts))
      .sort({ by: 'x' })
      .collect();
    expect(column(await run(sink, { workers: 1 }).rows(sink), 'x')).toEqual(['', 'B', 'ab', 'b', 'é', null]);
  });
});

it('distinct: null, NaN and zero are one value each, and the first row stays', async () => {
  const rows = await given(ODD, (all) => all.distinct({ by: 'x' }));
  expect(column(rows, 't')).toEqual([0n, 1n, 2n, 3n, 5n, 7n, 9n]);
});

describe('rolling', () => {
  it('skips nulls, and NaN as aggregates do', async () => {
    const columns = {
      n: agg.count('x'),
      sum: agg.sum('x'),
      min: agg.min('x'),
      max: agg.max('x'),
      first: agg.first('x'),
    };
    const rows = await given([3, NaN, null, null, -0, 0], (all) => all.rolling(columns, { rows: 2 }));
    expect(column(rows, 'n')).toEqual([1n, 2n, 1n, 0n, 1n, 2n]);
    expect(column(rows, 'sum')).toEqual([3, NaN, NaN, null, -0, 0]);
    expect(column(rows, 'min')).toEqual([3, 3, NaN, null, -0, -0]);
    expect(column(rows, 'max')).toEqual([3, 3, NaN, null, -0, 0]);
    expect(column(rows, 'first')).toEqual([3, 3, NaN, null, -0, -0]);
  });

  it('lets a row go that is exactly the period old, and sees rows of one time as they come', async () => {
    const rows = await given(
      [1, 2, 4, 8, 16, 32],
      (all) => all.rolling({ sum: agg.sum('x') }, { period: 10, on: 't' }),
      [0, 0, 5, 10, 10, 11],
    );
    expect(column(rows, 'sum')).toEqual([1, 3, 7, 12, 28, 60]);
  });

  it('has no results before so many rows, with values or not', async () => {
    const rows = await given([1, null, 2, 4], (all) =>
      all.rolling({ sum: agg.sum('x'), n: agg.count('x') }, { rows: 3, minRows: 3 }),
    );
    expect(column(rows, 'sum')).toEqual([null, null, 3, 6]);
    expect(column(rows, 'n')).toEqual([null, null, 2n, 2n]);
  });
});

it('no rows give no rows', async () => {
  const steps = [
    (rows: Numbers) => rows.sort({ by: 'x' }),
    (rows: Numbers) => rows.distinct({ by: 'x' }),
    (rows: Numbers) => rows.rolling({ sum: agg.sum('x') }, { rows: 2 }),
  ];
  for (const step of steps) expect(await given([], step)).toEqual([]);
});
