import { agg, createPipeline, fromIterable, type Sink } from '@spillway/core';
import { buildLogicalPlan, resolvePlan } from '@spillway/core/internal';
import { expect, test } from 'vitest';

const SHAPE = { t: 'timestamp[us]', k: 'int32', x: 'float64' } as const;
const byKey = () =>
  createPipeline()
    .source(fromIterable(SHAPE, [], { orderedOn: 't' }))
    .aggStream({
      orderedOn: 't',
      by: ['k'],
      aggregations: { a: { every: '1h', columns: { x: agg.sum('x') } } },
    });

async function unseen(...sinks: Sink[]): Promise<boolean> {
  const { nodes } = await resolvePlan(buildLogicalPlan(sinks));
  return nodes.some(({ tiesUnseen }) => tiesUnseen === true);
}

const ORDERLESS = { n: agg.count(), s: agg.sum('x'), m: agg.mean('x'), v: agg.var('x'), h: agg.max('x') };

test('sums, counts and extremes of what an aggregate by keys gives do not show its order', async () => {
  const { b } = byKey().a.aggStream({ orderedOn: 't', aggregations: { b: { every: '1d', columns: ORDERLESS } } });
  expect(await unseen(b.collect())).toBe(true);
});

test('a sink beside them shows it', async () => {
  const { a } = byKey();
  const { b } = a.aggStream({ orderedOn: 't', aggregations: { b: { every: '1d', columns: ORDERLESS } } });
  expect(await unseen(a.collect(), b.collect())).toBe(false);
});

test('first values, bins of rows, and steps between show it', async () => {
  const first = byKey().a.aggStream({
    orderedOn: 't',
    aggregations: { b: { every: '1d', columns: { x: agg.first('x') } } },
  });
  expect(await unseen(first.b.collect())).toBe(false);
  const rows = byKey().a.aggStream({ orderedOn: 't', aggregations: { b: { rows: 3, columns: ORDERLESS } } });
  expect(await unseen(rows.b.collect())).toBe(false);
  const limited = byKey()
    .a.limit(3)
    .aggStream({ orderedOn: 't', aggregations: { b: { every: '1d', columns: ORDERLESS } } });
  expect(await unseen(limited.b.collect())).toBe(false);
});
