import { createPipeline, fromIterable, type Sink } from '@spillway/core';
import { boundedSources, buildLogicalPlan, resolvePlan } from '@spillway/core/planner';
import { expect, it } from 'vitest';
import { addUp, totals } from '#fixtures/ops';

const p = createPipeline();
const source = p.source(fromIterable({ n: 'int64' }, [], { name: 'numbers' }));

async function bounds(...sinks: Sink[]): Promise<string[][]> {
  const plan = await resolvePlan(buildLogicalPlan(sinks));
  return [...boundedSources(plan).values()].map((steps) => [...steps]);
}

it('a source is bounded by the limits on all ways from it to a sink', async () => {
  const limited = source.limit(3, { name: 'three' });
  expect(await bounds(limited.collect())).toEqual([['three']]);
  const sorted = source.sort({ by: 'n' }).slice(2, 9, 2, { name: 'some' });
  expect(await bounds(limited.collect(), sorted.collect())).toEqual([['three', 'some']]);
});

it('it is not where a sink has all rows, or a slice has no end', async () => {
  expect(await bounds(source.limit(3).collect(), source.collect())).toEqual([]);
  expect(await bounds(source.slice(3).collect())).toEqual([]);
  expect(
    await bounds(
      source
        .tap(() => {})
        .limit(3)
        .collect(),
    ),
  ).toEqual([]);
});

it('nor where a step with code of its own would see fewer inputs without rows', async () => {
  expect(
    await bounds(source.limit(3).rename({ n: 'value' }).memoryAccumulate(totals, { iterMax: 2 }).collect()),
  ).toEqual([]);
  expect(await bounds(source.limit(3).scan(addUp).collect())).toEqual([['limit']]);
});
