import type { Fields } from '@spillway/core';
import { type AggregateColumn, type AggregateSpec, type Batch, rowsToBatch } from '@spillway/core/internal';
import { expect, test } from 'vitest';
import {
  aggregateHarness,
  aggregateSpec,
  aggregation,
  type Harness,
  type HarnessOptions,
  testArena,
} from '../../../support/aggregate-harness.ts';

const FIELDS: Fields = [{ name: 't', type: 'int64', nullable: false }];
const COUNT = [{ name: 'n', fn: 'count' as const }];
const TENS = [aggregation('tens', 10, COUNT)];

const arena = testArena();

function times(...values: number[]): Batch {
  return rowsToBatch(arena, 7, FIELDS, { t: values.map(BigInt) });
}

async function withAggregate(
  spec: AggregateSpec,
  options: HarnessOptions,
  work: (harness: Harness) => Promise<void>,
): Promise<void> {
  const harness = aggregateHarness(arena, spec, FIELDS, options);
  try {
    await work(harness);
  } finally {
    harness.operator.close();
  }
}

const VISIBLE = { emissionsVisible: true };

test('where cuts can be seen, closed bins wait for iterMax; the open bin stays', async () => {
  await withAggregate(
    aggregateSpec([], TENS, { triggers: { iterMax: 3 } }),
    VISIBLE,
    async ({ operator, emissions, flushes }) => {
      await operator.push(times(1, 11));
      await operator.push(times(12, 25));
      expect(emissions).toEqual([]);
      await operator.push(times(31));
      expect(emissions).toEqual([
        {
          port: 'tens',
          inputs: 1,
          rows: [
            { t: 0n, n: 1n },
            { t: 10n, n: 2n },
            { t: 20n, n: 1n },
          ],
        },
      ]);
      await operator.push(times(35));
      await operator.end();
      expect(emissions.slice(1)).toEqual([{ port: 'tens', inputs: 1, rows: [{ t: 30n, n: 2n }] }]);
      expect(flushes.map(({ reason, inputs }) => [reason, inputs])).toEqual([
        ['iterations', 3],
        ['end', 1],
      ]);
    },
  );
});

test('pieces of one logical input do not count', async () => {
  await withAggregate(
    aggregateSpec([], TENS, { triggers: { iterMax: 1 } }),
    VISIBLE,
    async ({ operator, emissions }) => {
      await operator.push(rowsToBatch(arena, 7, FIELDS, { t: [1n, 15n] }, 0));
      expect(emissions).toEqual([]);
      await operator.push(rowsToBatch(arena, 7, FIELDS, { t: [25n] }, 1));
      expect(emissions.map(({ rows }) => rows.length)).toEqual([2]);
    },
  );
});

test('the rows trigger counts closed rows of all aggregations', async () => {
  const spec = aggregateSpec([], [aggregation('ones', 1, COUNT), aggregation('tens', 10, COUNT)], {
    triggers: { rows: 4 },
  });
  await withAggregate(spec, VISIBLE, async ({ operator, emissions, flushes }) => {
    await operator.push(times(1, 2, 3, 4));
    expect(emissions).toEqual([]);
    await operator.push(times(11));
    expect(emissions.map(({ port, rows }) => [port, rows.length])).toEqual([
      ['ones', 4],
      ['tens', 1],
    ]);
    expect(flushes).toEqual([{ reason: 'rows', inputs: 2, rows: 5 }]);
  });
});

test('the memory trigger counts logical bytes of closed rows', async () => {
  await withAggregate(
    aggregateSpec([], TENS, { triggers: { memoryLimitBytes: 32 } }),
    VISIBLE,
    async ({ operator, emissions, flushes }) => {
      await operator.push(times(1, 11));
      expect(emissions).toEqual([]);
      await operator.push(times(21));
      expect(flushes.map(({ reason }) => reason)).toEqual(['memory']);
      expect(emissions).toHaveLength(1);
    },
  );
});

test('the interval runs from the first input after a flush', async () => {
  let clock = 100;
  await withAggregate(
    aggregateSpec([], TENS, { triggers: { intervalMs: 50 } }),
    { now: () => clock },
    async ({ operator, emissions }) => {
      expect(operator.dueAt?.()).toBeUndefined();
      await operator.push(times(1, 11));
      clock = 120;
      await operator.push(times(21));
      expect(operator.dueAt?.()).toBe(150);
      await operator.flush('interval');
      expect(emissions.map(({ rows }) => rows.length)).toEqual([2]);
      expect(operator.dueAt?.()).toBeUndefined();
    },
  );
});

test('pressure emits closed bins, but never where cuts can be seen', async () => {
  for (const emissionsVisible of [true, false]) {
    await withAggregate(aggregateSpec([], TENS), { emissionsVisible }, async ({ operator, emissions }) => {
      await operator.push(times(1, 11));
      await operator.flush('pressure');
      expect(emissions).toHaveLength(emissionsVisible ? 0 : 1);
    });
  }
});

test('without accumulate, every logical input hands on what it closed', async () => {
  await withAggregate(aggregateSpec([], TENS, { accumulate: false }), VISIBLE, async ({ operator, emissions }) => {
    for (const t of [1, 11, 12, 21]) await operator.push(times(t));
    expect(emissions.map(({ rows }) => rows)).toEqual([[{ t: 0n, n: 1n }], [{ t: 10n, n: 2n }]]);
  });
});

test('a coarse bin closes with the finer bin that passes its end', async () => {
  const spec = aggregateSpec([], [aggregation('tens', 10, COUNT), aggregation('hundreds', 100, COUNT)], {
    accumulate: false,
  });
  await withAggregate(spec, {}, async ({ operator, emissions }) => {
    await operator.push(times(1, 55, 105));
    expect(emissions.map(({ port, rows }) => [port, rows.length])).toEqual([
      ['tens', 2],
      ['hundreds', 1],
    ]);
  });
});

test('where nobody sees the cut, many closed rows are handed on at once; pieces hold at most 8,192 rows', async () => {
  const rows = 150_000;
  await withAggregate(
    aggregateSpec([], [aggregation('ones', 1, COUNT)]),
    {},
    async ({ operator, emissions, results }) => {
      await operator.push(
        rowsToBatch(arena, 7, FIELDS, { t: BigInt64Array.from({ length: rows }, (_, row) => BigInt(row)) }),
      );
      const sizes = emissions.map((emission) => emission.rows.length);
      expect(Math.max(...sizes)).toBe(8192);
      expect(sizes.length).toBeLessThan(60);
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBeGreaterThan(rows - 8192);
      await operator.end();
      expect(results()['ones']?.map(({ t }) => Number(t))).toEqual(Array.from({ length: rows }, (_, row) => row));
    },
  );
});

test('a receiver that makes it wait gets the batches one after the other', async () => {
  const spec = aggregateSpec([], [aggregation('ones', 1, COUNT), aggregation('tens', 10, COUNT)]);
  const harness = aggregateHarness(arena, spec, FIELDS);
  const log: string[] = [];
  for (const [port, output] of Object.entries(harness.context.outputs)) {
    output.push = async (batch) => {
      log.push(`${port} begins`);
      await Promise.resolve();
      log.push(`${port} ${batch.rows}`);
      batch.release();
    };
  }
  await harness.operator.push(times(1, 2, 13));
  await harness.operator.end();
  harness.operator.close();
  expect(log).toEqual(['ones begins', 'ones 3', 'tens begins', 'tens 2']);
});

test('what is held counts as the batch will count', async () => {
  const fields: Fields = [
    { name: 't', type: 'int32', nullable: false },
    { name: 'key', type: 'utf8', nullable: true },
    { name: 'ok', type: 'bool', nullable: true },
    { name: 'v', type: 'int16', nullable: true },
    { name: 'city', type: 'dictionary<utf8>', nullable: true },
  ];
  const columns: AggregateColumn[] = [
    { name: 'n', fn: 'count' },
    { name: 'min', fn: 'min', column: 'v' },
    { name: 'std', fn: 'std', column: 'v' },
    { name: 'any', fn: 'max', column: 'ok' },
    { name: 'city', fn: 'last', column: 'city' },
    { name: 'first', fn: 'first', column: 'key' },
  ];
  const spec = aggregateSpec(['key', 'ok'], [aggregation('a', 10, columns)], { triggers: { iterMax: 100 } });
  const { operator, logicalBytes } = aggregateHarness(arena, spec, fields, VISIBLE);
  const rows = Array.from({ length: 90 }, (_, row) => ({
    t: row,
    key: row % 7 === 0 ? null : 'k'.repeat(row % 5),
    ok: row % 4 === 0 ? null : row % 3 === 0,
    v: row % 2 === 0 ? null : row,
    city: row % 11 === 0 ? null : `city ${row % 3}`,
  }));
  await operator.push(rowsToBatch(arena, 7, fields, rows));
  const held = operator.held?.();
  await operator.flush('interval');
  operator.close();
  expect(held).toMatchObject({ inputs: 1, bytes: logicalBytes.reduce((sum, bytes) => sum + bytes) });
  expect(held?.bytes).toBeGreaterThan(1000);
});

test('held tells inputs since the last flush, rows of open and closed bins, and bytes', async () => {
  await withAggregate(aggregateSpec([], TENS), {}, async ({ operator }) => {
    await operator.push(times(1, 11, 21));
    const held = operator.held?.();
    expect(held).toMatchObject({ inputs: 1, rows: 3 });
    expect(held?.bytes).toBeGreaterThan(0);
  });
});
