import { agg, col, createPipeline, defineOp, defineSource, fromIterable, readParquet, type Sink } from '@spillway/core';
import { buildLogicalPlan, type PhysicalPlan, planStages, resolvePlan } from '@spillway/core/internal';
import { expect, test } from 'vitest';
import { probesOf } from '../../../support/plan-probes.ts';

const stateful = defineOp(import.meta.url, {
  name: 'stateful',
  output: 'same',
  create: () => ({ process: (batch) => batch }),
});
const remote = defineOp(import.meta.url, {
  name: 'remote',
  output: 'same',
  stateless: true,
  blocking: true,
  create: () => ({ process: (batch) => batch }),
});
const made = defineSource(import.meta.url, {
  name: 'made',
  schema: { t: 'int64', x: 'float64' },
  orderedOn: 't',
  splits: () => 4,
  create: () => ({ read: () => null }),
});

const p = createPipeline({ memoryLimit: '1GiB' });
const rows = () => p.source(fromIterable({ t: 'int64', x: 'float64' }, [], { orderedOn: 't' }));
const binned = { orderedOn: 't', aggregations: { bins: { every: 10, columns: { sum: agg.sum('x') } } } } as const;

const probes = probesOf([{ name: 't', type: 'int64', nullable: false }]);

async function plan(sinks: Sink[], workers = 2, memoryLimitBytes?: number): Promise<PhysicalPlan> {
  const options = memoryLimitBytes === undefined ? { workers } : { workers, memoryLimitBytes };
  return planStages(await resolvePlan(buildLogicalPlan(sinks), probes), options);
}

/** `stage ×lanes ← origin` and where its edges go. */
function describe({ stages, edges }: PhysicalPlan): string[] {
  return stages.map((stage) => {
    const { input } = stage;
    const edge = input.kind === 'edge' ? edges.find((candidate) => candidate.id === input.edge) : undefined;
    const from =
      edge === undefined
        ? 'splits'
        : edge.producer.kind === 'stage'
          ? `stage ${edge.producer.stage}`
          : edge.producer.kind;
    const to = stage.outputs.map((output) => edges.find((candidate) => candidate.id === output.edge)?.consumer.kind);
    return `${stage.name} ×${stage.lanes} ← ${from} → ${to.join(', ')}`;
  });
}

test('a source that goes straight to a sink needs no stage', async () => {
  const { stages, edges } = await plan([rows().collect()]);
  expect(stages).toEqual([]);
  expect(edges.map(({ producer, consumer }) => [producer.kind, consumer.kind])).toEqual([['feeder', 'main']]);
});

test('stateless steps run fused on all lanes', async () => {
  expect(
    describe(
      await plan(
        [
          rows()
            .filter(col('x').gt(0))
            .withColumns({ y: col('x').mul(2) })
            .collect(),
        ],
        3,
      ),
    ),
  ).toEqual(['filter+withColumns ×3 ← feeder → main']);
});

test('an aggregate behind them is halved, and what follows it runs with its final half', async () => {
  const { bins } = rows().filter(col('x').gt(0)).aggStream(binned);
  const physical = await plan([bins.filter(col('sum').gt(1)).collect()]);
  expect(describe(physical)).toEqual([
    'filter+aggStream:partial ×2 ← feeder → stage',
    'aggStream+filter-2 ×1 ← stage 0 → main',
  ]);
  expect(physical.edges.map((edge) => edge.carriesStates)).toEqual([false, true, false]);
  expect(physical.stages[1]?.operators[0]).toMatchObject({ half: 'final', inputs: [{ from: 'stage-input' }] });
});

test('one worker fuses everything into one lane', async () => {
  const { bins } = rows().filter(col('x').gt(0)).aggStream(binned);
  const physical = await plan([bins.memoryBuffer({ rows: 3 }).collect()], 1);
  expect(describe(physical)).toEqual(['filter+aggStream+memoryBuffer ×1 ← feeder → main']);
  expect(physical.stages[0]?.operators.map((operator) => operator.half)).toEqual(['whole', 'whole', 'whole']);
});

test('what depends on order begins a stage of one lane, and later stateless steps stay in it', async () => {
  expect(describe(await plan([rows().filter(col('x').gt(0)).map(stateful).filter(col('x').lt(9)).collect()]))).toEqual([
    'filter ×2 ← feeder → stage',
    'stateful+filter-2 ×1 ← stage 0 → main',
  ]);
});

test('branches of a source share its first stage', async () => {
  const stream = rows();
  const { bins } = stream.aggStream(binned);
  expect(
    describe(
      await plan([
        bins.collect(),
        stream.filter(col('x').gt(0)).collect(),
        stream.map(stateful).collect(),
        stream.collect(),
      ]),
    ),
  ).toEqual([
    'aggStream:partial+filter ×2 ← feeder → stage, main, main, stage',
    'aggStream ×1 ← stage 0 → main',
    'stateful ×1 ← stage 0 → main',
  ]);
});

test('ownStage cuts, also where fusion would be possible', async () => {
  expect(
    describe(await plan([rows().filter(col('x').gt(0)).filter(col('x').lt(9), { ownStage: true }).collect()])),
  ).toEqual(['filter ×2 ← feeder → stage', 'filter-2 ×2 ← stage 0 → main']);
});

test('an op that waits for something outside is alone in its stage', async () => {
  const physical = await plan([rows().filter(col('x').gt(0)).map(remote).filter(col('x').lt(9)).collect()]);
  expect(describe(physical)).toEqual([
    'filter ×2 ← feeder → stage',
    'remote ×2 ← stage 0 → stage',
    'filter-2 ×2 ← stage 1 → main',
  ]);
  expect(physical.stages.map((stage) => stage.blocking)).toEqual([false, true, false]);
});

test('lanes make generated rows themselves', async () => {
  const { bins } = p.source(made).aggStream(binned);
  expect(describe(await plan([bins.collect()]))).toEqual([
    'aggStream:partial ×2 ← splits → stage',
    'aggStream ×1 ← stage 0 → main',
  ]);
  expect(describe(await plan([p.source(made).map(stateful).collect()]))).toEqual([
    'made ×2 ← splits → stage',
    'stateful ×1 ← stage 0 → main',
  ]);
  expect(describe(await plan([p.source(made).map(stateful).collect()], 1))).toEqual(['stateful ×1 ← splits → main']);
});

test('sinks that write files take their edge on a writer', async () => {
  const { edges } = await plan([rows().filter(col('x').gt(0)).toParquet('/tmp/never-written.parquet')]);
  expect(edges.at(-1)?.consumer.kind).toBe('writer');
});

test('a limit below the minimum is refused, naming the minimum; the minimum itself is enough', async () => {
  const sink = p
    .source(readParquet('a.parquet', { orderedOn: 't' }))
    .memoryBuffer({ rows: 5 })
    .collect();
  const { minimumBytes } = await plan([sink], 1);
  await expect(plan([sink], 2, minimumBytes - 1)).rejects.toMatchObject({
    code: 'ERR_MEMORY_MINIMUM',
    expected: String(minimumBytes),
  });
  await expect(plan([sink], 2, minimumBytes)).resolves.toMatchObject({ memoryLimitBytes: minimumBytes });
});

test('where the limit is too low for all the lanes asked for, there are fewer', async () => {
  const sink = p
    .source(readParquet('a.parquet', { orderedOn: 't' }))
    .filter(col('t').gt(0))
    .collect();
  const lanes = async (workers: number, limit?: number): Promise<number | undefined> =>
    (await plan([sink], workers, limit)).stages[0]?.lanes;
  const { minimumBytes } = await plan([sink], 2);
  expect(await lanes(4)).toBe(4);
  expect(await lanes(4, minimumBytes)).toBe(2);
  expect(await lanes(2, minimumBytes - 1)).toBe(1);
});

test('credits never pass what is left of the limit', async () => {
  for (const memoryLimitBytes of [96 * 2 ** 20, 128 * 2 ** 20, 2 ** 30]) {
    const { bins } = rows().filter(col('x').gt(0)).aggStream(binned);
    const { edges } = await plan([bins.collect(), rows().collect()], 2, memoryLimitBytes);
    expect(edges.every((edge) => edge.creditBytes > 0)).toBe(true);
    expect(edges.reduce((sum, edge) => sum + edge.creditBytes, 0)).toBeLessThan(memoryLimitBytes);
  }
});
