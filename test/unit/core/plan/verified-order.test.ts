import { agg, col, createPipeline, defineOp, fromIterable, fromShared, shareTable } from '@spillway/core';
import { buildLogicalPlan, resolvePlan } from '@spillway/core/internal';
import { expect, test } from 'vitest';

const same = defineOp(import.meta.url, { output: 'same', create: () => ({ process: (batch) => batch }) });
const schema = { t: 'int64', v: 'float64' } as const;
const options = { orderedOn: 't', aggregations: { a: { every: 10, columns: { n: agg.count() } } } } as const;

async function isTrusted(sink: Parameters<typeof buildLogicalPlan>[0][number]): Promise<boolean> {
  const { nodes } = await resolvePlan(buildLogicalPlan([sink]));
  return nodes.some(({ spec }) => spec.kind === 'aggStream' && spec.orderTrusted === true);
}

async function sharedSource() {
  const table = await shareTable(schema, [{ t: BigInt64Array.of(1n, 2n), v: Float64Array.of(1, 2) }]);
  return { table, source: createPipeline().source(fromShared(table, { orderedOn: 't' })) };
}

test('rows verified at the source are not compared again behind steps that keep them in order', async () => {
  const { table, source } = await sharedSource();
  expect(await isTrusted(source.aggStream(options).a.collect())).toBe(true);
  const kept = source
    .filter(col('v').gt(0))
    .withColumns({ w: col('v').mul(2) })
    .memoryBuffer({ rows: 10 });
  expect(await isTrusted(kept.aggStream(options).a.collect())).toBe(true);
  table.release();
});

test('a registered op, another column or an unverified source take the trust away', async () => {
  const { table, source } = await sharedSource();
  expect(await isTrusted(source.map(same).aggStream(options).a.collect())).toBe(false);
  const replaced = source.withColumns({ t: col('t').mul(-1) });
  expect(await isTrusted(replaced.aggStream(options).a.collect())).toBe(false);
  const fed = createPipeline().source(fromIterable(schema, []));
  expect(await isTrusted(fed.aggStream(options).a.collect())).toBe(false);
  table.release();
});
