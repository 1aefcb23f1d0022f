/** Every operator goes on from a snapshot, or has nothing to go on with: whoever adds one has to say so here. */
import {
  agg,
  col,
  createPipeline,
  defineAggregate,
  defineFold,
  explain,
  fromIterable,
  type Stream,
} from '@spillway/core';
import {
  type Batch,
  batchToRows,
  buildChain,
  createArena,
  LaneSpill,
  type OperatorSpec,
  recoveryOf,
  rowsToBatch,
  type StageChain,
  type StageSpec,
} from '@spillway/core/internal';
import { expect, it } from 'vitest';
import { product } from '#fixtures/aggregates';
import { diesCounting } from '#fixtures/crashes';
import { addUp, totals } from '#fixtures/ops';
import { chainServices, NOWHERE, stagesOf } from '#support/driven-stage';
import { restartChain } from '#support/restart-chain';
import { temporaryFolder } from '#support/temporary-folder';

const SHAPE = { n: 'int64', value: 'int64', x: 'float64', key: 'utf8', tags: 'list<utf8>' } as const;
const pipeline = () => createPipeline({ memoryLimit: '512MiB' }).register({ diesCounting });
const rowsOf = (p: ReturnType<typeof pipeline>) => p.source(fromIterable(SHAPE, [], { orderedOn: 'n' }));
type Rows = ReturnType<typeof rowsOf>;

/** Two streams of the same rows, whose columns have different names. */
function sides(p: ReturnType<typeof pipeline>) {
  const other = p.source(fromIterable({ m: 'int64', y: 'float64', name: 'utf8' }, [], { orderedOn: 'm' }));
  return { left: rowsOf(p), right: other };
}

function joined(options: object): Stream {
  const p = pipeline();
  const on = { left: 'n', right: 'm' };
  const by = [{ left: 'key', right: 'name' }];
  const whole = { left: 'left', on, by, ...options };
  return (p.joinStream as unknown as (inputs: object, options: object) => Stream)(sides(p), whole);
}

const one = (step: (rows: Rows) => unknown) => (): Stream[] => [step(rowsOf(pipeline())) as Stream];
const several = (step: (p: ReturnType<typeof pipeline>) => unknown) => (): Stream[] => [step(pipeline()) as Stream];

const windows = (rows: Rows): Stream =>
  (rows.aggStream as unknown as (options: object) => Record<string, Stream>)({
    orderedOn: 'n',
    by: ['key'],
    aggregations: {
      plain: { every: 10, columns: { sum: agg.sum('x') } },
      sliding: { every: 10, period: 50, columns: { median: agg.median('x'), own: agg.custom(product, 'x') } },
      sessions: { gap: 3, filter: col('x').gt(0), columns: { different: agg.nUnique('key') } },
      counts: { rows: 7, columns: { last: agg.last('x') } },
      edges: { edges: [0, 5, 100], columns: { some: agg.nUniqueApprox('x'), at: agg.argMax('key', 'x') } },
    },
  })['plain'] as Stream;

/** By kind of operator: streams that have it. Undefined for what is none: ends, and steps that become expressions. */
const STREAMS: Record<OperatorSpec['kind'], (() => Stream[]) | undefined> = {
  source: undefined,
  sink: undefined,
  dropNulls: undefined,
  makeStates: undefined,
  mergeStates: undefined,
  tail: undefined,
  fillNulls: undefined,
  filter: one((s) => s.filter(col('n').gt(1))),
  select: one((s) => s.select({ n: col('n') })),
  withColumns: one((s) => s.withColumns({ twice: col('x').mul(2) })),
  rename: one((s) => s.rename({ n: 'k' })),
  op: () => [
    rowsOf(pipeline()).diesCounting({ at: 1, times: 1, how: 'exit', marker: '' }) as never,
    rowsOf(pipeline()).scan(addUp) as never,
  ],
  memoryBuffer: one((s) => s.memoryBuffer({ iterMax: 3 })),
  memoryAccumulate: one((s) => s.memoryAccumulate(totals, { iterMax: 3 })),
  sort: one((s) => s.sort({ by: 'x' })),
  aggStream: one(windows),
  joinStream: () => [
    joined({ strategy: 'asof' }),
    joined({ strategy: 'asof', direction: 'forward' }),
    joined({ strategy: 'asof', direction: 'nearest' }),
    joined({ strategy: 'inner' }),
    joined({ strategy: 'left' }),
    joined({ strategy: 'full' }),
    joined({ strategy: 'semi' }),
    joined({ strategy: 'anti' }),
    joined({ strategy: 'interval', interval: { from: -5, to: 5 } }),
  ],
  slidingWindow: one((s) => s.slidingWindow(10, { every: 5 })),
  flatten: one((s) => s.flatten('tags')),
  slice: one((s) => s.slice(1, 9, 2)),
  distinct: () => [rowsOf(pipeline()).distinct() as never, rowsOf(pipeline()).distinct({ max: 5 }) as never],
  partition: () => [
    rowsOf(pipeline()).partition(3) as never,
    rowsOf(pipeline()).partition('key') as never,
    rowsOf(pipeline()).partition(3, { by: ['key'] }) as never,
  ],
  partitionUnique: one((s) => s.partitionUnique(3, { by: ['key'] })),
  shift: () => [
    rowsOf(pipeline()).lag({ before: 'x' }, { by: ['key'] }) as never,
    rowsOf(pipeline()).lead({ after: 'x' }) as never,
    rowsOf(pipeline()).lead({ after: 'x' }, { by: ['key'] }) as never,
    rowsOf(pipeline()).diff({ change: 'x' }) as never,
  ],
  rolling: one((s) => s.rolling({ mean: agg.mean('x') }, { rows: 5, by: ['key'] })),
  reorder: one((s) => s.reorder({ on: 'n', allowedLateness: 5 })),
  delay: one((s) => s.delay('1s')),
  rateLimit: one((s) => s.rateLimit('1s')),
  latest: one((s) => s.latest()),
  union: several((p) => p.union({ a: rowsOf(p), b: rowsOf(p) })),
  mergeOrdered: several((p) => p.mergeOrdered({ a: rowsOf(p), b: rowsOf(p) }, { on: 'n' })),
  zip: several((p) => p.zip(sides(p))),
  combineLatest: several((p) => p.combineLatest(sides(p))),
  collectUntilFlush: several((p) => rowsOf(p).collectUntilFlush(rowsOf(p))),
};

it.each(Object.entries(STREAMS))('%s goes on from a snapshot', async (kind, streams) => {
  const folder = temporaryFolder();
  const found: string[] = [];
  for (const stream of streams?.() ?? []) {
    for (const stage of await stagesOf(stream.collect())) {
      const arena = createArena({ maximumBytes: 2 ** 24 });
      const outputs = stage.outputs.map(() => NOWHERE);
      const spill = new LaneSpill({ folder, lane: '0' });
      const chain = await buildChain(stage, chainServices(arena, outputs, { spill }));
      found.push(...stage.operators.map(({ spec }) => spec.kind));
      expect(['snapshot', 'stateless']).toEqual(expect.arrayContaining(chain.operators.map(recoveryOf)));
      await chain.close();
    }
    expect((await explain(stream.collect())).text).not.toContain('BARRIERS');
  }
  if (streams !== undefined) expect(found).toContain(kind);
});

class Tally {
  count = 0;
}

const tally = defineFold(import.meta.url, {
  name: 'tally',
  output: { n: 'int64' },
  init: () => new Tally(),
  update: (state) => state,
  finish: ({ count }) => ({ n: [BigInt(count)] }),
});

const listed = defineAggregate(import.meta.url, {
  name: 'listed',
  output: 'float64',
  init: () => ({ values: [] as number[], best: () => 0 }),
  update: (state) => state,
  finish: () => 0,
});

it('explain names folds and functions whose states cannot be saved', async () => {
  const rows = rowsOf(pipeline());
  const { bins } = rows.aggStream({
    orderedOn: 'n',
    aggregations: { bins: { every: 10, columns: { own: agg.custom(listed, 'x') } } },
  });
  const { text, recoveryGaps } = await explain([
    rows.memoryAccumulate(tally, { iterMax: 2 }).collect(),
    bins.collect(),
  ]);
  expect(recoveryGaps.map(({ outcome, reason }) => [outcome, reason])).toEqual([
    ['start', 'cannot be saved: its state is a Tally'],
    ['start', 'cannot be saved: its state.best is a function'],
  ]);
  expect(text).toContain('NO BARRIERS: tally cannot be saved: its state is a Tally');
});

/** Steps that depend on timing, driven by hand: what comes out, in two lives. */
async function twoLives(
  stream: Stream,
  drive: (
    chain: StageChain,
    given: (n: number, port?: number) => Promise<void>,
    pass: (ms: number) => void,
  ) => Promise<void>,
  andThen: (
    chain: StageChain,
    given: (n: number, port?: number) => Promise<void>,
    pass: (ms: number) => void,
  ) => Promise<void>,
): Promise<unknown[]> {
  const arena = createArena({ maximumBytes: 2 ** 24, debug: true });
  const folder = temporaryFolder();
  const stage = (await stagesOf(stream.collect())).at(-1) as StageSpec;
  let nowMs = 0;
  const seen: unknown[] = [];
  const push = (batch: Batch): void => {
    seen.push(...batchToRows(batch).map(({ n, m }) => [n, m].filter((value) => value !== undefined).map(Number)));
    batch.release();
  };
  const build = (): Promise<StageChain> => buildChain(stage, chainServices(arena, [{ push }], { now: () => nowMs }));
  let chain = await build();
  const given = async (n: number, port?: number): Promise<void> => {
    const fields = stage.operators[0]?.inputFields[port ?? 0] ?? [];
    const row = Object.fromEntries(fields.map(({ name, type }) => [name, type === 'int64' ? BigInt(n) : null]));
    await chain.push(rowsToBatch(arena, 1, fields, [row]), port);
  };
  const pass = (ms: number): void => void (nowMs += ms);
  await drive(chain, given, pass);
  chain = await restartChain(
    chain,
    { arena, spill: undefined, folder, kept: new Set(), build, setListening: () => {} },
    [],
  );
  await andThen(chain, given, pass);
  await chain.close();
  expect(arena.usedSlabs()).toBe(0);
  return seen;
}

it('delay goes on with what waits, at the times that it waits for', async () => {
  const seen = await twoLives(
    rowsOf(pipeline())
      .select({ n: col('n') })
      .delay('10ms') as never,
    async (chain, given, pass) => {
      await given(1);
      pass(4);
      await given(2);
      pass(6);
      for (const operator of chain.operators) await operator.flush('interval');
    },
    async (chain, given, pass) => {
      await given(3);
      pass(4);
      for (const operator of chain.operators) await operator.flush('interval');
      pass(10);
      await chain.end();
    },
  );
  expect(seen).toEqual([[1], [2], [3]]);
});

it('combineLatest goes on with the latest rows', async () => {
  const p = pipeline();
  const { left, right } = sides(p);
  const inputs = { left: left.select({ n: col('n') }), right: right.select({ m: col('m') }) };
  const seen = await twoLives(
    p.combineLatest(inputs) as never,
    async (_, given) => {
      await given(1, 0);
      await given(2, 1);
    },
    async (_, given) => {
      await given(3, 0);
      await given(4, 1);
    },
  );
  expect(seen).toEqual([
    [1, 2],
    [3, 2],
    [3, 4],
  ]);
});
