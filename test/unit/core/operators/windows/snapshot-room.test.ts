import { agg, createPipeline, fromIterable } from '@spillway/core';
import { test } from 'vitest';
import { randomFrom } from '#support/random';
import { expectLikeReference } from '#support/step-harness';

const SHAPE = { t: 'int64', key: 'utf8' } as const;

/** Two bins are open, with a full one between them; then come snapshots, and a new bin as soon as they have been taken. */
test('a new bin of rows has room behind any number of snapshots', async () => {
  for (let snapshots = 165; snapshots <= 175; snapshots++) {
    const first = ['c', 'a', 'a', 'a'].map((key) => ({ t: 0n, key }));
    const inputs = [first, [{ t: BigInt(snapshots), key: 'd' }]];
    const { bins } = createPipeline()
      .source(fromIterable(SHAPE, inputs, { orderedOn: 't' }))
      .aggStream({
        orderedOn: 't',
        by: ['key'],
        aggregations: { bins: { rows: 2, snapshots: { every: 1 }, columns: { n: agg.count() } } },
        rows: 100_000,
      });
    await expectLikeReference(randomFrom(snapshots), bins.collect(), [inputs], `${snapshots} snapshots`, false);
  }
});
