import { agg, createPipeline, defineFold, defineOp, fromIterable, type Sink } from '@spillway/core';
import { buildLogicalPlan, resolvePlan } from '@spillway/core/internal';
import { expect, test } from 'vitest';

const stateless = defineOp(import.meta.url, {
  name: 'stateless',
  output: 'same',
  stateless: true,
  create: () => ({ process: (batch) => batch }),
});
const stateful = defineOp(import.meta.url, {
  name: 'stateful',
  output: 'same',
  create: () => ({ process: (batch) => batch }),
});
const observer = defineOp(import.meta.url, {
  name: 'observer',
  output: 'same',
  observes: 'batches',
  create: () => ({ process: (batch) => batch }),
});
const fold = defineFold(import.meta.url, {
  name: 'fold',
  output: { n: 'int64' },
  init: () => 0,
  update: (n) => n,
  finish: (n) => ({ n: [n] }),
});

const rows = (deterministic = false) => createPipeline({ deterministic }).source(fromIterable({ t: 'int64' }, []));

/** Names of the steps whose cuts can be seen. */
async function visible(...sinks: Sink[]): Promise<string[]> {
  const { nodes } = await resolvePlan(buildLogicalPlan(sinks));
  return nodes.filter((node) => node.emissionsVisible).map((node) => node.name);
}

test('nobody sees the cuts of a buffer before rows are collected', async () => {
  expect(await visible(rows().memoryBuffer({ rows: 10 }).collect())).toEqual([]);
});

test('a callback sees them, through steps that hand them on', async () => {
  const stream = rows()
    .memoryBuffer({ rows: 10 })
    .select('t')
    .map(stateless)
    .forEach(() => {});
  expect(await visible(stream)).toEqual(['fromIterable', 'memoryBuffer', 'select', 'stateless']);
});

test('a step that counts inputs sees them', async () => {
  expect(await visible(rows().memoryBuffer({ rows: 10 }).memoryBuffer({ iterMax: 2 }).collect())).toEqual([
    'fromIterable',
    'memoryBuffer',
  ]);
});

test('an op that observes batches sees them', async () => {
  expect(await visible(rows().memoryBuffer({ rows: 10 }).map(observer).collect())).toEqual([
    'fromIterable',
    'memoryBuffer',
  ]);
});

test('what a fold emits depends on its flushes', async () => {
  expect(await visible(rows().memoryAccumulate(fold, { rows: 10 }).collect())).toEqual(['fromIterable', 'fold']);
});

test('an op that keeps state may emit it at a flush; a stateless one cannot', async () => {
  expect(await visible(rows().map(stateful, { rows: 10 }).collect())).toContain('stateful');
  expect(await visible(rows().map(stateless, { rows: 10 }).collect())).toEqual([]);
});

test("memoryLimit 'auto' is refused where flushes can be seen, and only there", async () => {
  await expect(
    visible(
      rows()
        .memoryBuffer({ memoryLimit: 'auto' })
        .forEach(() => {}),
    ),
  ).rejects.toMatchObject({ code: 'ERR_OPTIONS', stage: 'memoryBuffer' });
  await expect(visible(rows().memoryBuffer({ memoryLimit: 'auto' }).collect())).resolves.toEqual([]);
});

test('an interval whose flushes can be seen depends on timing, and a deterministic plan refuses it', async () => {
  const sinkOf = (deterministic: boolean) =>
    rows(deterministic).memoryBuffer({ interval: '5s' }).memoryBuffer({ iterMax: 3, name: 'counts' }).collect();
  const { timingDependence } = await resolvePlan(buildLogicalPlan([sinkOf(false)]));
  expect(timingDependence).toEqual([
    { node: 'memoryBuffer', reason: 'flushes every 5000 ms, and its flushes can be seen by counts' },
  ]);
  await expect(resolvePlan(buildLogicalPlan([sinkOf(true)]))).rejects.toMatchObject({
    code: 'ERR_TIMING_DEPENDENT',
    stage: 'memoryBuffer',
  });
});

test('an interval that nobody sees is deterministic', async () => {
  const { bins } = rows(true).aggStream({
    orderedOn: 't',
    interval: '1s',
    aggregations: { bins: { every: 5, columns: { n: agg.count() } } },
  });
  expect(await visible(bins.collect())).toEqual([]);
});
