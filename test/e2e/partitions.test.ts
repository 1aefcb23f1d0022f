import { agg, col, createPipeline, explain, lit, type Sink, when } from '@spillway/core';
import { run } from '@spillway/workers';
import { describe, expect, it } from 'vitest';
import { made } from '#fixtures/random-ops';
import { digestTable } from '#support/digest';
import { type DriverOptions, runInPartitions } from '#support/partition-driver';
import { chooseSeed, randomFrom } from '#support/random';
import { randomCut } from '#support/random-cut';
import { quickFolder } from '#support/temporary-folder';

/** The same answer from one process and from any number of partitions. */
async function expectSame(
  plan: () => Sink[],
  all: readonly number[],
  more: Partial<DriverOptions> = {},
): Promise<void> {
  const whole = plan();
  const job = run(whole, { workers: 1 });
  const expected = await Promise.all(whole.map(async (sink) => digestTable(await job.table(sink))));
  for (const partitions of all) {
    const cut = plan();
    const merge = await runInPartitions(cut, { partitions, folder: quickFolder(), workers: 1, ...more });
    const got = await Promise.all(cut.map(async (sink) => digestTable(await merge.table(sink))));
    expect(got, `${partitions} partitions`).toEqual(expected);
  }
}

const pipeline = () => createPipeline({ memoryLimit: '256MiB' });
const source = () => pipeline().source(made, { splits: 70, rows: 20 });

function joined(options: object): Sink {
  const p = pipeline();
  const left = p.source(made, { splits: 30, rows: 20 }).filter(col('value').gt(3));
  const right = p.source(made, { splits: 9, rows: 65 }).filter(col('value').lt(9)).rename({ x: 'bid', value: 'other' });
  return p
    .joinStream({ left, right }, { left: 'left', on: 't', suffix: '_right', ...options } as never)
    .collect() as Sink;
}

/** Every second partition, and range of a sort, is cut in two, as if it were too large. */
const isOddAndWhole = ({ partition, piece }: { partition: number; piece?: string }): boolean =>
  partition % 2 === 1 && piece === undefined;

describe('a plan in partitions', () => {
  it('merges the states of an aggregate', async () => {
    await expectSame(
      () => {
        const { fine, coarse } = source().aggStream({
          orderedOn: 't',
          by: ['key'],
          aggregations: {
            fine: {
              every: 7,
              columns: { sum: agg.sum('x'), first: agg.first('x'), n: agg.count(), std: agg.std('x') },
            },
            coarse: { every: 70, columns: { last: agg.last('value'), least: agg.min('key') } },
          },
        });
        return [fine.collect(), coarse.collect()];
      },
      [1, 7],
      { workers: 2 },
    );
  });

  it.each([
    ['texts', ['key', 'x']],
    ['numbers with NaN and null', [{ column: 'odd', descending: true, nulls: 'first' }, 'key']],
    ['numbers, largest last', [{ column: 'odd', nulls: 'first' }]],
    ['times', [{ column: 'at', descending: true }]],
    ['unsigned integers', ['large']],
    ['dates', ['day', 'key']],
    ['a value that all rows have', ['same']],
    ['truth, which is not divided', ['yes']],
  ])('sorts range by range: %s', async (_, by) => {
    const some = when(col('value').gt(8), col('x').sub(0.5), lit(null));
    const odd = when(col('value').eq(3), lit(0).div(0), some as never) as never;
    await expectSame(
      () => [
        source()
          .withColumns({
            odd,
            at: col('value').mul(-7).cast('timestamp[us]'),
            large: col('t').cast('uint64'),
            day: col('value').cast('int32').cast('date32'),
            same: lit(1),
            yes: col('value').gt(4),
          })
          .sort({ by } as never)
          .collect(),
      ],
      [4],
      { isTooLarge: isOddAndWhole },
    );
  });

  it('goes on in the ranges of a sort: a join of sorted rows, a sort of what it gives, aggregated', async () => {
    await expectSame(
      () => {
        const p = pipeline();
        const left = p.source(made, { splits: 30, rows: 20 }).filter(col('value').gt(3)).sort({ by: 't' });
        const unsorted = p.source(made, { splits: 9, rows: 65 }).filter(col('value').lt(9));
        const right = unsorted
          .sort({ by: [{ column: 't' }, 'x'] })
          .select({ t: col('t'), key: col('key'), bid: col('x') });
        const joined = p.joinStream({ left, right }, { strategy: 'asof', left: 'left', on: 't', by: ['key'] });
        const { bins } = joined.sort({ by: 'value' }).aggStream({
          orderedOn: 'value',
          by: ['key'],
          aggregations: { bins: { every: 2, columns: { sum: agg.sum('bid'), first: agg.first('t') } } },
        });
        return [bins.collect(), joined.limit(40).collect(), joined.sort({ by: 'bid' }).collect()];
      },
      [1, 6],
      { isTooLarge: isOddAndWhole },
    );
  });

  it.each<[string, (rows: ReturnType<typeof source>) => unknown]>([
    ['lag', (rows) => rows.lag({ before: 'x', then: 'key' }, { rows: 3 })],
    [
      'lag by key, over partitions',
      (rows) => rows.filter(col('value').gt(7)).lag({ before: 'x' }, { rows: 4, by: ['key'] }),
    ],
    ['diff of sorted rows', (rows) => rows.sort({ by: 'x' }).diff({ change: 'value' }, { by: ['key'] })],
    [
      'rolling over rows',
      (rows) =>
        rows.rolling(
          { sum: agg.sum('x'), least: agg.min('x'), of: agg.sum('value'), n: agg.count() },
          { rows: 9, minRows: 3 },
        ),
    ],
    [
      'rolling over rows of a key',
      (rows) => rows.rolling({ std: agg.std('x'), first: agg.first('value') }, { rows: 5, by: ['key'] }),
    ],
    [
      'rolling over a period, longer than a partition',
      (rows) => rows.rolling({ mean: agg.mean('x'), last: agg.last('key') }, { period: 90, on: 't', by: ['key'] }),
    ],
    ['rolling over a short period', (rows) => rows.rolling({ most: agg.max('x') }, { period: 2, on: 't' })],
    [
      'one behind the other',
      (rows) =>
        rows
          .lag({ before: 'x' }, { by: ['key'] })
          .filter(col('before').lt(col('x')))
          .memoryBuffer({ rows: 5 })
          .rolling({ sum: agg.sum('before') }, { period: 7, on: 't' }),
    ],
  ])('looks back over partitions: %s', async (_, step) => {
    const end = (): Sink[] => [(step(source()) as ReturnType<typeof source>).collect() as Sink];
    await expectSame(end, [5]);
    const { text } = await explain(end(), { dask: true });
    expect(text).not.toMatch(/(lag|diff|rolling): at the end/);
  });

  it('does not join rows with those that are sorted out of them in the partitions', async () => {
    await expectSame(() => {
      const p = pipeline();
      const left = p.source(made, { splits: 30, rows: 20 });
      const right = left.sort({ by: 't' }).select({ t: col('t'), key: col('key'), bid: col('x') });
      const joined = p.joinStream({ left, right }, { strategy: 'asof', left: 'left', on: 't', by: ['key'] });
      return [joined.collect()];
    }, [3]);
  });

  it.each([
    { strategy: 'asof' },
    { strategy: 'asof', direction: 'nearest', by: ['key'] },
    { strategy: 'interval', interval: { from: -3, to: 2 }, by: ['key'] },
  ])('joins: $strategy $direction', async (options) => {
    await expectSame(() => [joined(options)], [3]);
  });

  it('keeps dictionaries, also of rows that reach over a partition', async () => {
    const texts = (rows: ReturnType<typeof source>) =>
      rows.select({ t: col('t'), key: col('key').cast('dictionary<utf8>'), x: col('x') });
    await expectSame(() => {
      const p = pipeline();
      const left = texts(p.source(made, { splits: 12, rows: 20 }));
      const right = texts(p.source(made, { splits: 5, rows: 49 }).filter(col('value').lt(9)));
      const options = { strategy: 'asof', left: 'left', on: 't', by: ['key'], suffix: '_right' } as const;
      return [left.collect(), p.joinStream({ left, right }, options).collect()];
    }, [3]);
  });

  it('runs plans put together at random', async () => {
    const random = randomFrom(chooseSeed());
    for (let plan = 0; plan < 3; plan++) {
      const { description, plan: make } = await randomCut(random, quickFolder());
      // Some partitions are cut in two, as if they were too large.
      await expectSame(make, [random.integer(2, 9)], { isTooLarge: () => random.chance(0.2) }).catch(
        (error: unknown) => {
          throw new Error(`seed ${random.seed}, plan ${plan}: ${description}`, { cause: error });
        },
      );
    }
  });

  it('says where each step runs', async () => {
    const rows = source().filter(col('x').gt(0));
    const sinks = [rows.sort({ by: 'x' }).collect(), rows.lead({ after: 'x' }).collect()];
    const { crossings, text } = await explain(sinks, { dask: true });
    expect(crossings?.map(({ node, runs }) => [node, runs])).toEqual([
      ['made', 'tasks'],
      ['filter', 'tasks'],
      ['sort', 'ranges'],
      ['collect', 'end'],
      ['lead', 'end'],
      ['collect-2', 'end'],
    ]);
    expect(text).toContain('lead: at the end, on the coordinator (looks at rows behind)');
  });
});
