import { agg, col, createPipeline, defineOp, fromIterable, lit, readParquet, type Sink } from '@spillway/core';
import {
  buildLogicalPlan,
  fileProbes,
  type PlanProbes,
  planStages,
  type ResolvedPlan,
  resolvePlan,
} from '@spillway/core/internal';
import { describe, expect, test } from 'vitest';

const schema = { ts: 'timestamp[us]', symbol: 'utf8', price: 'float64', qty: 'int32' } as const;
const p = createPipeline();
const trades = () => p.source(fromIterable(schema, [], { orderedOn: 'ts' }));

/** Resolves sinks of any stream: what the compiler would refuse is written with `any`. */
function resolve(...sinks: Sink[]): Promise<ResolvedPlan> {
  return resolvePlan(buildLogicalPlan(sinks));
}
// biome-ignore lint/suspicious/noExplicitAny: these tests write what the compiler refuses
const loose = (stream: object): any => stream;

test('columns and their types are followed to every sink', async () => {
  const { hourly } = trades()
    .filter(col('price').gt(0))
    .withColumns({ notional: col('price').mul(col('qty')), hour: col('ts').dt.hour() })
    .aggStream({
      orderedOn: 'ts',
      by: ['symbol'],
      aggregations: {
        hourly: { every: '1h', columns: { volume: agg.sum('qty'), value: agg.sum('notional'), n: agg.count() } },
      },
    });
  const { nodes } = await resolve(hourly.collect());
  expect(nodes.at(-1)?.inputFields[0]?.map(({ name, type }) => `${name} ${type}`)).toEqual([
    'ts timestamp[us]',
    'symbol utf8',
    'volume int64',
    'value float64',
    'n int64',
  ]);
});

test('a wrong column is refused with the step and the nearest name', async () => {
  await expect(resolve(loose(trades()).filter(col('prise').gt(0)).collect())).rejects.toMatchObject({
    code: 'ERR_COLUMN_UNKNOWN',
    stage: 'filter',
    column: 'prise',
    hint: 'did you mean "price"?',
  });
});

test('an operation without meaning is refused with the expression', async () => {
  await expect(
    resolve(
      loose(trades())
        .withColumns({ x: col('symbol').mul(2) })
        .collect(),
    ),
  ).rejects.toMatchObject({
    code: 'ERR_EXPRESSION',
    stage: 'withColumns',
    message: 'withColumns: column "x": symbol * 2: mul has no meaning for utf8 and int64',
  });
});

test('a null literal alone has no type, beside another it takes that', async () => {
  await expect(
    resolve(
      loose(trades())
        .select({ x: lit(null) })
        .collect(),
    ),
  ).rejects.toMatchObject({ code: 'ERR_EXPRESSION' });
  const { nodes } = await resolve(
    trades()
      .select({ x: col('price').add(null) })
      .collect(),
  );
  expect(nodes.at(-1)?.inputFields[0]).toEqual([{ name: 'x', type: 'float64', nullable: true }]);
});

test('an op is refused the columns that it declares and does not get', async () => {
  const needs = defineOp(import.meta.url, {
    input: { price: 'float64', bid: 'float64' },
    output: 'same',
    create: () => ({ process: () => null }),
  });
  await expect(resolve(loose(trades()).map(needs).collect())).rejects.toMatchObject({
    code: 'ERR_COLUMN_UNKNOWN',
    column: 'bid',
  });
  const casts = defineOp(import.meta.url, {
    input: { qty: 'int64' },
    output: 'same',
    create: () => ({ process: () => null }),
  });
  await expect(resolve(loose(trades()).map(casts).collect())).rejects.toMatchObject({
    code: 'ERR_SCHEMA',
    column: 'qty',
    expected: 'int64',
  });
});

test("an op's output may follow from its input", async () => {
  const doubles = defineOp(import.meta.url, {
    output: (input) => ({ ...input, extra: 'bool' }),
    create: () => ({ process: () => null }),
  });
  const { nodes } = await resolve(trades().select('ts').map(doubles).collect());
  expect(nodes.at(-1)?.inputFields[0]?.map((field) => field.name)).toEqual(['ts', 'extra']);
});

test('a store sink is ordered on what its stream is ordered on', async () => {
  const store = { root: '/nowhere' };
  const renamed = trades().select({ at: col('ts'), price: col('price') });
  const { nodes } = await resolve(renamed.toStore(store, { freq: '1h' }));
  expect(nodes.at(-1)?.spec).toMatchObject({
    sink: { type: 'store', orderedOn: 'at', key: { freq: '1h' }, mode: 'merge' },
  });
  const lost = trades().withColumns({ ts: col('ts').cast('timestamp[s]') });
  await expect(resolve(lost.toStore(store, { freq: '1h' }))).rejects.toMatchObject({ code: 'ERR_OPTIONS' });
});

test('text cannot order a dataset', async () => {
  await expect(
    resolve(trades().toStore({ root: '/x' }, { key: { a: 'b' }, orderedOn: 'symbol' })),
  ).rejects.toMatchObject({ code: 'ERR_TYPE_UNSUPPORTED', column: 'symbol' });
});

const file = (path: string, fields: Record<string, string>) => ({
  path,
  fileBytes: 1,
  rows: 10,
  rowGroups: [],
  leaves: [],
  createdBy: undefined,
  metadata: {},
  unsupported: [{ name: 'odd', reason: 'it is a struct' }],
  fields: Object.entries(fields).map(([name, type]) => ({ name, type, nullable: false })),
});

function probes(files: Record<string, Record<string, string>>): PlanProbes {
  return {
    expandPaths: () => Promise.resolve(Object.keys(files)),
    readParquetInfo: (path) => Promise.resolve(file(path, files[path] as Record<string, string>) as never),
  };
}

const two = probes({
  'a.parquet': { ts: 'int64', x: 'float64', y: 'utf8' },
  'b.parquet': { ts: 'int64', x: 'float64', y: 'utf8' },
});

function resolveFiles(sink: Sink, given: PlanProbes = two): Promise<ResolvedPlan> {
  return resolvePlan(buildLogicalPlan([sink]), given);
}

test('a Parquet source reads the columns that are used, and no others', async () => {
  const stream = p.source(readParquet('*.parquet', { orderedOn: 'ts' }));
  const { nodes } = await resolveFiles(stream.filter(col('x').gt(1)).select('y').collect());
  expect(nodes[0]?.spec).toMatchObject({ source: { paths: ['a.parquet', 'b.parquet'], columns: ['x', 'y'] } });
  expect(nodes[0]?.outputFields['out']?.map((field) => field.name)).toEqual(['x', 'y']);
});

test('an op that declares its input lets go of other columns; one that does not gets all', async () => {
  const stream = p.source(readParquet('*.parquet', { columns: ['ts', 'x', 'y'] }));
  const declares = defineOp(import.meta.url, {
    input: { x: 'float64' },
    output: 'same',
    create: () => ({ process: () => null }),
  });
  const takesAll = defineOp(import.meta.url, { output: 'same', create: () => ({ process: () => null }) });
  const columns = async (sink: Sink) =>
    ((await resolveFiles(sink)).nodes[0]?.outputFields['out'] ?? []).map((field) => field.name);
  expect(await columns(stream.map(declares).select('y').collect())).toEqual(['x', 'y']);
  expect(await columns(stream.map(takesAll).select('y').collect())).toEqual(['ts', 'x', 'y']);
});

test('files that disagree are refused naming both types', async () => {
  const given = probes({ 'a.parquet': { x: 'float64' }, 'b.parquet': { x: 'int64' } });
  await expect(resolveFiles(p.source(readParquet('*')).select('x').collect(), given)).rejects.toMatchObject({
    code: 'ERR_SCHEMA',
    file: 'b.parquet',
    value: 'int64',
    expected: 'float64',
  });
});

test('a schema that does not fit the file is refused', async () => {
  const stream = p.source(readParquet('*', { schema: { x: 'int32' } }));
  await expect(resolveFiles(stream.collect())).rejects.toMatchObject({
    code: 'ERR_SCHEMA',
    column: 'x',
    value: 'float64',
  });
});

test('"all columns" does not mean all but those that cannot be read', async () => {
  await expect(resolveFiles(p.source(readParquet('*')).collect())).rejects.toMatchObject({
    code: 'ERR_TYPE_UNSUPPORTED',
    column: 'odd',
  });
  await expect(resolveFiles(p.source(readParquet('*', { columns: ['x'] })).collect())).resolves.toBeDefined();
  await expect(resolveFiles(p.source(readParquet('*')).select('x').collect())).resolves.toBeDefined();
});

test('an op whose module cannot be imported is refused before anything starts', async () => {
  const gone = defineOp('file:///nowhere/ops.js', { output: 'same', create: () => ({ process: () => null }) });
  const plan = buildLogicalPlan([trades().map(gone).collect()]);
  const moved = structuredClone(plan);
  const { spec } = moved.nodes[1] as (typeof moved.nodes)[number];
  if (spec.kind === 'op') spec.op.url = 'file:///elsewhere/ops.js';
  await expect(resolvePlan(moved)).rejects.toMatchObject({
    code: 'ERR_OP_IMPORT',
    hint: expect.stringContaining('import.meta.url'),
  });
  if (spec.kind === 'op') spec.op = { ...spec.op, url: 'file:///nowhere/ops.js', ordinal: 7 };
  await expect(resolvePlan(moved)).rejects.toMatchObject({ code: 'ERR_OP_IMPORT' });
});

describe('a sink that merges', () => {
  const minimum = async (rows: number, other: boolean) => {
    const probes = { ...fileProbes, largestStoredGroup: () => Promise.resolve({ rows, bytes: rows * 8 }) };
    const stream = other ? trades().withColumns({ exact: col('qty').cast('uint64') }) : trades();
    const plan = await resolvePlan(buildLogicalPlan([stream.toStore({ root: '/x' }, { freq: '1h' })]), probes);
    return planStages(plan, { workers: 1 }).minimumBytes;
  };

  test('has the same minimum for stored row groups of any size, where our kernels read them', async () => {
    expect(await minimum(20_000_000, false)).toBe(await minimum(1_000_000, false));
  });

  test('counts the largest one where the library does', async () => {
    expect((await minimum(2_000_000, true)) - (await minimum(1_000_000, true))).toBeGreaterThan(
      1_000_000 * (2 * 8 + 8),
    );
  });
});

test('what is no sink is refused as that, and no sinks as none', () => {
  expect(() => buildLogicalPlan([undefined as unknown as Sink])).toThrow('one of the sinks is not a sink');
  expect(() => buildLogicalPlan([])).toThrow('there are no sinks to run');
});
