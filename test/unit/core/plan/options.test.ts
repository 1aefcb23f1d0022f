import { agg, createPipeline, defineOp, explain, fromIterable, readParquet } from '@spillway/core';
import { buildLogicalPlan } from '@spillway/core/internal';
import { expect, test } from 'vitest';

const clean = defineOp(import.meta.url, {
  name: 'clean',
  output: 'same',
  options: { maxPrice: 'number', mode: ['strict', 'loose', undefined], note: 'string?' },
  stateless: true,
  create: () => ({ process: (batch) => batch }),
});
const p = createPipeline({ memoryLimit: '256MiB' }).register({ clean });
const rows = () => p.source(fromIterable({ t: 'int64' }, []));
// biome-ignore lint/suspicious/noExplicitAny: these tests write what the compiler refuses
const loose = (stream: object): any => stream;

test("triggers mix with an op's own options", () => {
  const { nodes } = buildLogicalPlan([
    rows()
      .clean({ maxPrice: 5, iterMax: 3, memoryLimit: '1MiB', interval: '2s', accumulate: false, name: 'first' })
      .collect(),
  ]);
  expect(nodes[1]).toMatchObject({
    name: 'first',
    spec: {
      options: { maxPrice: 5 },
      triggers: { iterMax: 3, memoryLimitBytes: 2 ** 20, intervalMs: 2000 },
      accumulate: false,
    },
  });
});

test('options of an op are checked where they are written', () => {
  expect(() => loose(rows()).clean({})).toThrow(expect.objectContaining({ code: 'ERR_OP_OPTIONS', stage: 'clean' }));
  expect(() => loose(rows()).clean({ maxPrice: '5' })).toThrow(
    'option "maxPrice" of op "clean" is "5", expected number',
  );
  expect(() => loose(rows()).clean({ maxPrice: 5, mode: 'odd' })).toThrow('expected one of "strict", "loose"');
  expect(() => loose(rows()).clean({ maxPrice: 5, maxprise: 5 })).toThrow(
    expect.objectContaining({ code: 'ERR_OP_OPTIONS' }),
  );
});

test('an op cannot take the names of triggers for its options', () => {
  const define = () =>
    defineOp(import.meta.url, {
      output: 'same',
      options: { iterMax: 'number' },
      create: () => ({ process: () => null }),
    });
  expect(define).toThrow(expect.objectContaining({ code: 'ERR_OPTIONS' }));
});

test('options that cannot cross threads are refused', () => {
  const any = defineOp(import.meta.url, {
    output: 'same',
    options: { f: 'any' },
    create: () => ({ process: () => null }),
  });
  const refused = expect.objectContaining({
    code: 'ERR_OP_OPTIONS',
    message: expect.stringMatching(/^option "f" of op /),
  });
  expect(() => rows().map(any, { f: () => 1 })).toThrow(refused);
});

test.each([
  [{ iterMax: 0 }, 'iterMax is 0'],
  [{ rows: 1.5 }, 'rows is 1.5'],
  [{ memoryLimit: 'lots' }, 'not a size'],
  [{ memoryLimit: 0 }, 'memoryLimit is 0'],
  [{ interval: 'soon' }, 'interval'],
  [{ accumulate: 'yes' }, 'accumulate is yes'],
  [{ itermax: 3 }, 'memoryBuffer has no option "itermax"'],
])('a wrong trigger is refused: %j', (options, message) => {
  expect(() => loose(rows()).memoryBuffer(options)).toThrow(message);
});

test('steps get names of their own; a name that the user gives twice is refused', () => {
  const stream = rows();
  const { nodes } = buildLogicalPlan([
    stream.memoryBuffer({ rows: 1 }).memoryBuffer({ rows: 1 }).collect(),
    stream.collect(),
  ]);
  expect(nodes.map((node) => node.name)).toEqual([
    'fromIterable',
    'memoryBuffer',
    'memoryBuffer-2',
    'collect',
    'collect-2',
  ]);
  const twice = stream.memoryBuffer({ rows: 1, name: 'a' }).memoryBuffer({ rows: 1, name: 'a' });
  expect(() => buildLogicalPlan([twice.collect()])).toThrow(expect.objectContaining({ code: 'ERR_PLAN' }));
});

test('a step that several sinks need is in the plan once', () => {
  const shared = rows().clean({ maxPrice: 1 });
  const { nodes } = buildLogicalPlan([shared.collect(), shared.forEach(() => {})]);
  expect(nodes.filter((node) => node.spec.kind === 'op')).toHaveLength(1);
});

test('a plan is plain data', () => {
  const plan = buildLogicalPlan([
    rows()
      .clean({ maxPrice: 1 })
      .forEach(() => {}),
  ]);
  expect(structuredClone(plan)).toEqual(plan);
});

test('sinks of different pipelines do not run together', () => {
  const other = createPipeline().source(fromIterable({ t: 'int64' }, []));
  expect(() => buildLogicalPlan([rows().collect(), other.collect()])).toThrow(
    expect.objectContaining({ code: 'ERR_PLAN' }),
  );
});

test('an op cannot be registered under the name of a method', () => {
  expect(() => createPipeline().register({ filter: clean })).toThrow(expect.objectContaining({ code: 'ERR_OPTIONS' }));
});

test.each([
  [{}, 'there are no aggregations'],
  [{ h: { every: '1h', columns: {} } }, 'has no columns'],
  [{ h: { every: '1 month 3 days', columns: { n: agg.count() } } }, 'month'],
  [{ h: { every: '1d', timeZone: 'America/Gotham', columns: { n: agg.count() } } }, 'America/Gotham'],
  [{ h: { columns: { n: agg.count() } } }, 'has no bins'],
  [{ h: { every: '1h', rows: 5, columns: { n: agg.count() } } }, 'bins by every and by rows'],
  [{ h: { rows: 5, origin: '2026-01-01', columns: { n: agg.count() } } }, 'origin has no meaning for bins by rows'],
  [{ h: { rows: 0, columns: { n: agg.count() } } }, 'rows is 0'],
  [{ h: { rows: 5, empty: 'null', columns: { n: agg.count() } } }, 'never empty'],
  [{ h: { edges: ['2026-01-02', '2026-01-01'], columns: { n: agg.count() } } }, 'do not ascend'],
  [{ h: { edges: ['2026-01-02'], columns: { n: agg.count() } } }, '1 edges'],
  [{ h: { every: '1mo', period: '40d', columns: { n: agg.count() } } }, 'every is 1mo and period 40d'],
  [{ h: { every: '1mo', origin: '2026-01-02', columns: { n: agg.count() } } }, 'cannot start on 2026-01-02'],
  [{ h: { every: '1h', closed: 'both', columns: { n: agg.count() } } }, 'closed is both'],
  [{ h: { gap: '1h', snapshots: { every: '1m' }, columns: { n: agg.count() } } }, 'no one current bin'],
  [{ h: { every: '1h', snapshots: {}, columns: { n: agg.count() } } }, 'either every or at'],
  [{ h: { every: '1h', columns: { n: 'count' } } }, 'column "n" of aggregation "h" is count'],
  [{ h: { every: '1h', column: { n: agg.count() } } }, 'has no option "column"'],
])('a wrong aggregation is refused: %j', (aggregations, message) => {
  expect(() => loose(rows()).aggStream({ orderedOn: 't', aggregations })).toThrow(message);
});

test('wrong sinks and sources are refused', () => {
  expect(() => loose(rows()).toStore({}, { freq: '1h' })).toThrow(expect.objectContaining({ code: 'ERR_OPTIONS' }));
  expect(() => loose(rows()).toStore({ root: '/x' }, {})).toThrow(expect.objectContaining({ code: 'ERR_KEY' }));
  expect(() => loose(rows()).toStore({ root: '/x' }, { key: { a: 'b' }, mode: 'replace' })).toThrow(
    expect.objectContaining({ code: 'ERR_SINK_MODE' }),
  );
  expect(() => loose(rows()).toParquet('x', { compression: 'gzip' })).toThrow(
    expect.objectContaining({ code: 'ERR_OPTIONS' }),
  );
  expect(() => readParquet([])).toThrow(expect.objectContaining({ code: 'ERR_OPTIONS' }));
  expect(() => fromIterable({ t: 'int64' }, [], { orderedOn: 'u' as 't' })).toThrow(
    expect.objectContaining({ code: 'ERR_COLUMN_UNKNOWN' }),
  );
  expect(() => fromIterable({ t: 'int65' as 'int64' }, [])).toThrow(expect.objectContaining({ code: 'ERR_SCHEMA' }));
});

test('two sinks cannot write the same place, and a key has to be one', () => {
  const [stream, store] = [rows(), { root: '/x' }];
  const write =
    (...sinks: Parameters<typeof buildLogicalPlan>[0]) =>
    () =>
      buildLogicalPlan(sinks);
  expect(write(stream.toStore(store, { a: '1' }), stream.toStore(store, { a: '1' }))).toThrow('both write /x/a=1');
  expect(write(stream.toParquet('a.parquet'), stream.toParquet('./a.parquet'))).toThrow('both write');
  expect(write(stream.toStore(store, { a: '1' }), stream.toStore(store, { a: '2' }))).not.toThrow();
  expect(() => stream.toStore(store, { 'a/b': '1' })).toThrow(expect.objectContaining({ code: 'ERR_KEY' }));
});

test('a plan explains itself', async () => {
  const { text, physical } = await explain(
    rows()
      .clean({ maxPrice: 1, iterMax: 2 })
      .memoryBuffer({ interval: '1s', iterMax: 2 })
      .memoryBuffer({ iterMax: 9 })
      .collect(),
  );
  expect(physical.stages).toHaveLength(1);
  expect(text).toContain('stage 0 (1 lane) ← fromIterable');
  expect(text).toContain('clean: op clean, stateless, flushes at 2 inputs, its flushes can be seen');
  expect(text).toContain('DEPENDS ON TIMING: memoryBuffer flushes every 1000 ms');
});
