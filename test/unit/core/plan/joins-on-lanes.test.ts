import {
  agg,
  col,
  createPipeline,
  explain,
  fromIterable,
  fromShared,
  type SharedTable,
  type Sink,
  type Stream,
  shareTable,
} from '@spillway/core';
import { buildLogicalPlan, type PhysicalPlan, planStages, resolvePlan } from '@spillway/core/internal';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const SHAPE = { ts: 'timestamp[us]', key: 'int32', x: 'float64' } as const;
const FINE = { ts: 'timestamp[ns]', key: 'int32', x: 'float64' } as const;
const options = { strategy: 'asof', left: 'left', on: 'ts', by: ['key'], suffix: '_right' } as const;

let table: SharedTable<typeof SHAPE>;
let half: SharedTable<typeof SHAPE>;
let fine: SharedTable<typeof FINE>;
beforeAll(async () => {
  const row = { ts: 1n, key: 1, x: 1 };
  table = await shareTable(SHAPE, [[row, row, row, row] as never]);
  half = await shareTable(SHAPE, [[row, row] as never]);
  fine = await shareTable(FINE, [[{ ts: 1n, key: 1, x: 1 }] as never]);
});
afterAll(() => {
  table.release();
  half.release();
  fine.release();
});

const p = createPipeline({ memoryLimit: '512MiB' });
const rows = (name: string) => p.source(fromShared(name === 'a' ? table : half, { orderedOn: 'ts', name }));

async function plan(sinks: Sink[], more: Parameters<typeof planStages>[1] = { workers: 2 }): Promise<PhysicalPlan> {
  return planStages(await resolvePlan(buildLogicalPlan(sinks)), more);
}

const stagesOf = ({ stages }: PhysicalPlan): string[] => stages.map(({ name, lanes }) => `${name} ${lanes}`);

/** Lanes that share a join. */
async function sharing(sink: Sink, more?: Parameters<typeof planStages>[1]): Promise<number[]> {
  const { stages } = await plan([sink], more);
  return stages.flatMap(({ side, lanes }) => (side === undefined ? [] : [lanes]));
}

describe('a join that lanes share', () => {
  it('is a step behind its left input, and each lane has an edge of its own for the right rows', async () => {
    const { all } = p
      .joinStream({ left: rows('a').filter(col('x').gt(0)), right: rows('b') }, options)
      .filter(col('x_right').isNotNull())
      .aggStream({ orderedOn: 'ts', aggregations: { all: { every: '1h', columns: { n: agg.count() } } } });
    const physical = await plan([all.collect()], { workers: 3 });
    const stage = physical.stages.find(({ side }) => side !== undefined);
    expect(stagesOf(physical)).toEqual(['filter+joinStream+filter-2+aggStream:partial 3', 'aggStream 1', 'b 3']);
    expect(stage?.side?.operator).toBe(1);
    expect(stage?.side?.edges.map((edge) => physical.edges[edge]?.consumer)).toEqual(
      [0, 1, 2].map((lane) => ({ kind: 'stage', stage: stage?.id, lane })),
    );
    expect(
      physical.edges.filter(({ consumer }) => consumer.kind === 'stage' && consumer.stage === stage?.id),
    ).toHaveLength(3);
  });

  it('is the only one of its stage, and takes rows on several lanes also behind a step of one', async () => {
    const shared = async (left: Stream<typeof SHAPE>): Promise<string[]> => {
      const joined = p.joinStream({ left, right: rows('b').sort({ by: ['ts'] }) }, options);
      const again = p.joinStream({ left: joined, right: rows('c') }, { ...options, suffix: '_again' });
      const { stages } = await plan([again.collect()]);
      return stages.flatMap(({ side, name, lanes }) => (side === undefined ? [] : [`${name} ${lanes}`]));
    };
    expect(await shared(rows('a'))).toEqual(['joinStream 2', 'joinStream-2 2']);
    // Nobody has found sorted rows in order but the first join.
    expect(await shared(rows('a').sort({ by: ['ts'] }))).toEqual(['joinStream-2 2']);
  });

  it('is there for one right row at most, where rows do not depend on each other, and nobody asked for barriers', async () => {
    const right = rows('b');
    const joined = (more: object) =>
      p.joinStream({ left: rows('a'), right }, { ...options, ...more } as never).collect();
    expect(await sharing(joined({}))).toEqual([2]);
    expect(await sharing(joined({ direction: 'nearest' }))).toEqual([]);
    expect(await sharing(joined({ strategy: 'semi' }))).toEqual([2]);
    const turned = p.joinStream({ left: rows('b'), right: rows('a') }, options).collect();
    expect(await sharing(turned)).toEqual([]);
    for (const strategy of ['inner', 'left', 'full']) expect(await sharing(joined({ strategy }))).toEqual([]);
    expect(await sharing(joined({ ownStage: true }))).toEqual([]);
    expect(await sharing(joined({}), { workers: 1 })).toEqual([]);
    expect(await sharing(joined({}), { workers: 2, joinsOnOneLane: true })).toEqual([]);
    expect(await sharing(p.joinStream({ left: right, right }, options).collect())).toEqual([]);
    const fineRight = p.source(fromShared(fine, { orderedOn: 'ts' }));
    expect(await sharing(p.joinStream({ left: rows('a'), right: fineRight }, options).collect())).toEqual([]);
  });

  it('is not there where a source may wait for what becomes of its rows, the order is not known, or code of users runs', async () => {
    const fed = p.source(fromIterable(SHAPE, [], { orderedOn: 'ts' }));
    expect(await sharing(p.joinStream({ left: rows('a'), right: fed }, options).collect())).toEqual([]);
    const unordered = p.source(fromShared(table, { name: 'a' }));
    expect(await sharing(p.joinStream({ left: unordered, right: rows('b') }, options).collect())).toEqual([]);
    const folded = rows('b').aggStream({
      orderedOn: 'ts',
      aggregations: { all: { every: '1h', columns: { last: agg.last('x'), key: agg.last('key') } } },
    }).all;
    expect(await sharing(p.joinStream({ left: rows('a'), right: folded }, { ...options, by: [] }).collect())).toEqual([
      2,
    ]);
  });

  it('is on one lane where the limit leaves its lanes too little', async () => {
    const wide = p.joinStream({ left: rows('a'), right: rows('b') }, options).collect();
    const least = (await plan([wide])).minimumBytes;
    expect(await sharing(wide, { workers: 2, memoryLimitBytes: least + 2 ** 20 })).toEqual([]);
    const capped = p.joinStream({ left: rows('a'), right: rows('b') }, { ...options, memoryLimit: '1MiB' }).collect();
    expect(await sharing(capped)).toEqual([]);
  });

  it('is explained', async () => {
    const { text } = await explain(p.joinStream({ left: rows('a'), right: rows('b') }, options).collect());
    expect(text).toMatch(/right: .*b.*, all rows to each lane/);
    expect(text).toContain('NO BARRIERS: joinStream is shared by several lanes');
  });
});
