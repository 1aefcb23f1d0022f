import { expect, test } from 'vitest';
import {
  aggregateHarness,
  aggregateSpec,
  aggregation,
  cutBatches,
  fieldsWithNulls,
  rowsOf,
  runLanes,
  runWhole,
  testArena,
  withSpill,
} from '../../../support/aggregate-harness.ts';
import { modelAggregate } from '../../../support/aggregate-model.ts';

const arena = testArena();

const FIELDS = fieldsWithNulls({ t: 'int64', key: 'utf8', value: 'float64' });
const COLUMNS = (['sum', 'mean', 'min', 'max', 'first', 'last', 'count', 'var'] as const).map((fn) => ({
  name: fn,
  fn,
  column: 'value',
}));

test('8,000 keys in a share of 300 KiB, over lanes, equal those in memory', async () => {
  const rows = rowsOf(FIELDS, 24_000, (index) => ({
    t: BigInt(Math.floor(index / 10_000)),
    key: index % 1000 === 7 ? null : `customer-${(index * 7919) % 8009}`,
    value: (index % 977) / 7,
  }));
  const spec = aggregateSpec(['key'], [aggregation('fine', 1, COLUMNS), aggregation('coarse', 10, COLUMNS)]);
  const sizes = [6000];
  const laneOf = (index: number): number => index % 2;
  const expected = await runLanes(arena, spec, FIELDS, cutBatches(arena, FIELDS, rows, sizes), 2, laneOf);
  await withSpill(async (spill) => {
    const batches = cutBatches(arena, FIELDS, rows, sizes);
    const options = { shareBytes: 300_000, spill };
    const actual = await runLanes(arena, spec, FIELDS, batches, 2, laneOf, undefined, options);
    expect(spill.spilledBytes).toBeGreaterThan(2 ** 20);
    expect(actual).toEqual(expected);
  });
});

test('sums that outgrow their states come back from the disk whole', async () => {
  const values = [1e300, 1e-300, -1e300, 3, 1e200, -1e-200];
  const rows = rowsOf(FIELDS, 400, (index) => ({ key: `k${index % 7}`, value: values[index % values.length] }));
  const spec = aggregateSpec(['key'], [aggregation('a', 10, COLUMNS.slice(0, 2)), aggregation('b', 20, COLUMNS)]);
  await withSpill(async (spill) => {
    const batches = cutBatches(arena, FIELDS, rows, [40]);
    const actual = await runWhole(arena, spec, FIELDS, batches, undefined, { shareBytes: 1, spill });
    expect(spill.spilledBytes).toBeGreaterThan(0);
    expect(actual).toEqual(modelAggregate(spec, FIELDS, rows));
  });
});

test('closed rows are counted alike whether their states were on disk or not', async () => {
  const rows = rowsOf(FIELDS, 3000, (index) => ({
    t: BigInt(Math.floor(index / 250)),
    key: `k${index % 90}`,
    value: index,
  }));
  const spec = aggregateSpec(['key'], [aggregation('a', 1, COLUMNS), aggregation('b', 3, COLUMNS)], {
    triggers: { rows: 500 },
  });
  const flushesAt = async (shareBytes: number): Promise<unknown> => {
    let seen: unknown;
    await withSpill(async (spill) => {
      const harness = aggregateHarness(arena, spec, FIELDS, { shareBytes, spill, emissionsVisible: true });
      for (const batch of cutBatches(arena, FIELDS, rows, [100])) await harness.operator.push(batch);
      await harness.operator.end();
      harness.operator.close();
      const { flushes, emissions } = harness;
      const inputs = emissions.filter((emission) => emission.inputs > 0).length;
      seen = { flushes, inputs, results: harness.results() };
      expect(spill.spilledBytes > 0).toBe(shareBytes === 1);
    });
    return seen;
  };
  expect(await flushesAt(1)).toEqual(await flushesAt(2 ** 26));
});

test('nothing is left where it is closed in the middle', async () => {
  const rows = rowsOf(FIELDS, 2000, (index) => ({
    t: BigInt(Math.floor(index / 700)),
    key: `k${index % 300}`,
    value: index,
  }));
  await withSpill(async (spill) => {
    const spec = aggregateSpec(['key'], [aggregation('a', 1, COLUMNS)], { triggers: { rows: 1e6 } });
    const { operator } = aggregateHarness(arena, spec, FIELDS, { shareBytes: 1, spill });
    for (const batch of cutBatches(arena, FIELDS, rows, [100])) await operator.push(batch);
    operator.close();
    expect(spill.spilledBytes).toBeGreaterThan(0);
  });
});
