import { col, createPipeline, explain, fromIterable, type Sink } from '@spillway/core';
import { buildLogicalPlan, planStages, resolvePlan } from '@spillway/core/internal';
import { describe, expect, it } from 'vitest';

const SHAPE = { ts: 'timestamp[ms]', key: 'utf8', x: 'float64', y: 'int32' } as const;
const p = createPipeline({ memoryLimit: '1GiB' });
const rows = (name?: string) =>
  p.source(fromIterable(SHAPE, [], { orderedOn: 'ts', ...(name !== undefined && { name }) }));
const options = { strategy: 'asof', left: 'left', on: 'ts', by: ['key'], suffix: '_right' } as const;

async function plan(...sinks: Sink[]) {
  const logical = await resolvePlan(buildLogicalPlan(sinks));
  return { logical, physical: planStages(logical, { workers: 2 }) };
}

async function elastic(...sinks: Sink[]): Promise<unknown[]> {
  const { physical } = await plan(...sinks);
  return physical.stages.flatMap(({ input }) =>
    input.kind === 'edges' ? [input.inputs.map(({ port, isElastic }) => `${port} ${isElastic}`)] : [],
  );
}

describe('the stages of a join', () => {
  it('is one lane with an edge for each input; steps before it keep their lanes, steps behind are fused', async () => {
    const joined = p.joinStream({ right: rows('b').filter(col('x').gt(0)), left: rows('a') }, options);
    const { physical } = await plan(joined.filter(col('x_right').isNotNull()).collect());
    expect(physical.stages.map(({ name, lanes }) => `${name} ${lanes}`)).toEqual(['filter 2', 'joinStream+filter-2 1']);
    const producers = physical.stages.flatMap(({ input }) =>
      input.kind === 'edges' ? input.inputs.map(({ edge }) => physical.edges[edge]?.producer.kind) : [],
    );
    expect(producers).toEqual(['feeder', 'stage']);
  });

  it('explains where its rows come from', async () => {
    const left = rows('a');
    const sink = p.joinStream({ left, right: left }, { ...options, tolerance: '5s' }).collect();
    const { text } = await explain(sink);
    expect(text).toContain('asof join on left.ts = right.ts by key, within 5s');
    expect(text).toMatch(/left: stage 0 .*, may run ahead; right: stage 0 .*, may run ahead/);
  });
});

describe('inputs that can wait for each other', () => {
  it('are none where the sources are different, also when one goes elsewhere too', async () => {
    const left = rows('a');
    const joined = p.joinStream({ left, right: rows('b') }, options);
    expect(await elastic(joined.collect(), left.collect())).toEqual([['left false', 'right false']]);
  });

  it('are both behind a fan-out', async () => {
    const left = rows('a');
    const joined = p.joinStream({ left, right: left.filter(col('x').gt(0)) }, options);
    expect(await elastic(joined.collect())).toEqual([['left true', 'right true']]);
  });

  it('are those of two joins of the same sources', async () => {
    const [left, right] = [rows('a'), rows('b')];
    const one = p.joinStream({ left, right }, options);
    const other = p.joinStream({ left: right, right: left }, options);
    expect(await elastic(one.collect(), other.collect())).toEqual([
      ['left true', 'right true'],
      ['left true', 'right true'],
    ]);
  });

  it('are a join and one of its own inputs, though not the inputs of that join', async () => {
    const [left, right] = [rows('a'), rows('b')];
    const one = p.joinStream({ left, right }, options);
    const other = p.joinStream({ left: one, right }, { ...options, suffix: '_again' });
    expect(await elastic(other.collect())).toEqual([
      ['left false', 'right false'],
      ['left true', 'right true'],
    ]);
  });
});

describe('the columns of a join', () => {
  it('are the left ones, then the right ones that are not compared, nullable, the order kept', async () => {
    const { logical } = await plan(p.joinStream({ left: rows('a'), right: rows('b') }, options).collect());
    const node = logical.nodes.find(({ spec }) => spec.kind === 'joinStream');
    expect(node?.outputFields['out']?.map(({ name }) => name)).toEqual(['ts', 'key', 'x', 'y', 'x_right', 'y_right']);
    expect(node?.outputFields['out']?.at(-1)?.nullable).toBe(true);
    expect(node?.ordered).toEqual({ out: 'ts' });
  });

  it.each([
    [{ on: 'tz' }, 'ERR_COLUMN_UNKNOWN', /"left" has no column "tz", which on names/],
    [{ by: ['keys'] }, 'ERR_COLUMN_UNKNOWN', /"left" has no column "keys", which by names/],
    [{ on: 'x' }, 'ERR_TYPE_UNSUPPORTED', /"left" cannot be joined on "x" of type float64/],
    [{ by: ['x'] }, 'ERR_TYPE_UNSUPPORTED', /"left" cannot be joined by "x" of type float64/],
    [{ on: { left: 'ts', right: 'y' } }, 'ERR_SCHEMA', /"ts" of "left" is timestamp\[ms\] .*, "y" of "right" is int32/],
    [{ suffix: undefined }, 'ERR_SCHEMA', /"left" and "right" both have a column "x"/],
    [{ on: 'y', tolerance: '5s' }, 'ERR_OPTIONS', /tolerance is 5s, but the ordered column is int32, not a time/],
  ])('are refused when they do not fit: %o', async (more, code, message) => {
    const given = Object.fromEntries(
      Object.entries({ ...options, ...more }).filter(([, value]) => value !== undefined),
    );
    const sink = p.joinStream({ left: rows('a'), right: rows('b') }, given as never).collect();
    await expect(plan(sink)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it.each([
    [{ strategy: 'outer' }, /strategy is "outer"/],
    [{ left: 'centre' }, /left is "centre"/],
    [{ suffix: '' }, /suffix is ""/],
    [{ by: 'key' }, /by is "key"/],
    [{ by: ['key', 'key'] }, /by names a column of "left" twice/],
    [{ on: { left: 'ts' } }, /on names no column of "right"/],
    [{ tolerence: '5s' }, /no option "tolerence"/],
    [{ memoryLimit: 0 }, /memoryLimit is 0/],
  ])('are refused where they are written: %o', (more, message) => {
    const make = () => p.joinStream({ left: rows('a'), right: rows('b') }, { ...options, ...more } as never);
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_OPTIONS', message: expect.stringMatching(message) }));
  });

  it.each([
    [{ left: rows('a') }, /given 1 streams/],
    [{ left: rows('a'), right: {} }, /"right" is not a stream/],
    [
      { left: rows('a'), right: createPipeline().source(fromIterable(SHAPE, [])) },
      /"right" belongs to another pipeline/,
    ],
  ])('takes two streams of its own pipeline', (inputs, message) => {
    expect(() => p.joinStream(inputs as never, options as never)).toThrow(message);
  });
});
