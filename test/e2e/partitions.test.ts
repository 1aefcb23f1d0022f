import { agg, col, createPipeline, type Sink } from '@spillway/core';
import { run } from '@spillway/workers';
import { describe, expect, it } from 'vitest';
import { made } from '#fixtures/random-ops';
import { digestTable } from '#support/digest';
import { runInPartitions } from '#support/partition-driver';
import { quickFolder } from '#support/temporary-folder';

const PARTITIONS = [1, 2, 7, 64];

/** The same answer from one process and from any number of partitions. */
async function expectSame(plan: () => Sink[], workers = 1): Promise<void> {
  const whole = plan();
  const job = run(whole, { workers: 1 });
  const expected = await Promise.all(whole.map(async (sink) => digestTable(await job.table(sink))));
  for (const partitions of PARTITIONS) {
    const cut = plan();
    const merge = await runInPartitions(cut, { partitions, folder: quickFolder(), workers });
    const got = await Promise.all(cut.map(async (sink) => digestTable(await merge.table(sink))));
    expect(got, `${partitions} partitions`).toEqual(expected);
  }
}

const source = () => createPipeline({ memoryLimit: '256MiB' }).source(made, { splits: 80, rows: 50 });

describe('a plan in partitions', () => {
  it('gives the rows of stateless steps in their order', async () => {
    await expectSame(() => [
      source()
        .filter(col('value').gt(10))
        .withColumns({ twice: col('x').mul(2) })
        .collect(),
    ]);
  });

  it('merges the states of an aggregate', async () => {
    await expectSame(() => {
      const { fine, coarse } = source().aggStream({
        orderedOn: 't',
        by: ['key'],
        aggregations: {
          fine: { every: 7, columns: { sum: agg.sum('x'), first: agg.first('x'), n: agg.count(), std: agg.std('x') } },
          coarse: { every: 70, columns: { last: agg.last('value'), least: agg.min('key') } },
        },
      });
      return [fine.collect(), coarse.collect()];
    }, 2);
  });
});
