import { agg, col, createPipeline, type Sink } from '@spillway/core';
import { run } from '@spillway/workers';
import { describe, expect, it } from 'vitest';
import { made } from '#fixtures/random-ops';
import { digestTable } from '#support/digest';
import { runInPartitions } from '#support/partition-driver';
import { quickFolder } from '#support/temporary-folder';

/** The same answer from one process and from any number of partitions. */
async function expectSame(plan: () => Sink[], all: readonly number[], workers = 1): Promise<void> {
  const whole = plan();
  const job = run(whole, { workers: 1 });
  const expected = await Promise.all(whole.map(async (sink) => digestTable(await job.table(sink))));
  for (const partitions of all) {
    const cut = plan();
    const merge = await runInPartitions(cut, { partitions, folder: quickFolder(), workers });
    const got = await Promise.all(cut.map(async (sink) => digestTable(await merge.table(sink))));
    expect(got, `${partitions} partitions`).toEqual(expected);
  }
}

const source = () => createPipeline({ memoryLimit: '256MiB' }).source(made, { splits: 80, rows: 50 });

describe('a plan in partitions', () => {
  it('gives the rows of stateless steps in their order', async () => {
    await expectSame(
      () => [
        source()
          .filter(col('value').gt(10))
          .withColumns({ twice: col('x').mul(2) })
          .collect(),
      ],
      [1, 7],
    );
  });

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
      [1, 2, 7, 64],
      2,
    );
  });

  it.each(['asof', 'inner', 'left', 'semi', 'anti', 'interval'] as const)('joins: %s', async (strategy) => {
    await expectSame(() => [joined({ strategy })], [2, 7]);
  });

  it.each(['forward', 'nearest'] as const)('joins as of a time: %s', async (direction) => {
    await expectSame(() => [joined({ strategy: 'asof', direction, strict: direction === 'forward' })], [2, 7]);
  });

  it('joins without keys, then aggregates', async () => {
    await expectSame(() => {
      const p = createPipeline({ memoryLimit: '256MiB' });
      const trades = p.source(made, { splits: 30, rows: 40 }).filter(col('x').gt(0));
      const quotes = p.source(made, { splits: 12, rows: 100 }).select({ t: col('t'), bid: col('x') });
      const { bins } = p
        .joinStream({ trades, quotes }, { strategy: 'asof', left: 'trades', on: 't' })
        .aggStream({ orderedOn: 't', aggregations: { bins: { every: 9, columns: { sum: agg.sum('bid') } } } });
      return [bins.collect()];
    }, [1, 7]);
  });
});

function joined(options: {
  strategy: 'asof' | 'inner' | 'left' | 'semi' | 'anti' | 'interval';
  direction?: 'forward' | 'nearest';
  strict?: boolean;
}): Sink {
  const p = createPipeline({ memoryLimit: '256MiB' });
  const left = p.source(made, { splits: 30, rows: 40 }).filter(col('value').gt(3));
  const right = p
    .source(made, { splits: 9, rows: 130 })
    .filter(col('value').lt(9))
    .select({ t: col('t'), key: col('key'), bid: col('x') });
  const interval = options.strategy === 'interval' ? { interval: { from: -3, to: 2 }, suffix: '_right' } : {};
  return p
    .joinStream({ left, right }, { left: 'left', on: 't', by: ['key'], ...interval, ...options } as never)
    .collect();
}
