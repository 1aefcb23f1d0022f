/** Plans put together at random for cutting: sources that can be cut, in files and made by code, steps of every crossing, joins, aggregates. */
import { join } from 'node:path';
import {
  agg,
  col,
  createPipeline,
  openStore,
  readArrow,
  readCsv,
  readNdjson,
  readParquet,
  readStore,
  type Sink,
  type Stream,
} from '@spillway/core';
import { run } from '@spillway/workers';
import { dropMultiples, made } from '#fixtures/random-ops';
import type { SeededRandom } from '#support/random';

const SHAPE = { t: 'int64', key: 'utf8', x: 'float64', value: 'int64' } as const;

type Rows = Stream<typeof SHAPE>;
type Pipeline = ReturnType<typeof createPipeline>;
type Open = (p: Pipeline) => Rows;

/** What is made once and planned often: a plan belongs to one run. */
export interface RandomCut {
  description: string;
  plan(): Sink[];
}

const KINDS = ['made', 'csv', 'ndjson', 'arrow', 'parquet', 'store'] as const;

/** A source of some rows; those of files are written first. */
async function randomSource(random: SeededRandom, folder: string, log: string[]): Promise<Open> {
  const kind = random.pick(KINDS);
  const options = { splits: random.integer(1, 14), rows: random.integer(1, 40) };
  log.push(`${kind} ${JSON.stringify(options)}`);
  if (kind === 'made') return (p) => p.source(made, options);
  const from = createPipeline({ memoryLimit: '256MiB' }).source(made, options);
  const path = (part: number, end: string): string => join(folder, `${kind}-${part}.${end}`);
  if (kind === 'store') {
    const store = await openStore(join(folder, 'store'));
    const key = { name: `rows${random.integer(0, 1e9)}` };
    await run(from.toStore(store, { key, rowGroupTarget: random.integer(5, 60) })).done;
    const dataset = await store.dataset(key);
    return (p) => p.source(readStore(dataset)) as never;
  }
  if (kind === 'parquet') {
    const file = path(random.integer(0, 1e9), 'parquet');
    await run(from.toParquet(file, { rowGroupRows: random.integer(8, 70) })).done;
    return (p) => p.source(readParquet(file, { orderedOn: 't' })) as never;
  }
  const rows = options.splits * options.rows;
  const number = random.integer(0, 1e9);
  const files = random.integer(1, 5);
  for (let file = 0; file < files; file++) {
    const bound = (index: number): bigint => BigInt(Math.floor((index * rows) / files / 3));
    const own = createPipeline({ memoryLimit: '256MiB' })
      .source(made, options)
      .filter(
        col('t')
          .ge(bound(file))
          .and(col('t').lt(file === files - 1 ? 2n ** 40n : bound(file + 1))),
      );
    const target = path(number + file, kind);
    await run(kind === 'csv' ? own.toCsv(target) : kind === 'ndjson' ? own.toNdjson(target) : own.toArrow(target)).done;
  }
  const paths = Array.from({ length: files }, (_, file) => path(number + file, kind));
  const given = { orderedOn: 't' } as const;
  return (p) => {
    if (kind === 'arrow') return p.source(readArrow(paths, given)) as never;
    return kind === 'csv'
      ? p.source(readCsv(paths, { ...given, schema: SHAPE }))
      : p.source(readNdjson(paths, { ...given, schema: SHAPE }));
  };
}

type Step = (rows: Rows) => Rows;

const ALL = { t: col('t'), key: col('key'), x: col('x'), value: col('value') };

const STEPS: Readonly<Record<string, (n: number) => (rows: Rows) => unknown>> = {
  filter: (n) => (rows) => rows.filter(col('value').gt(n)),
  compute: (n) => (rows) => rows.withColumns({ x: col('x').mul(n).add(col('value').cast('float64')) }),
  op: (n) => (rows) => (rows as never as { dropMultiples(o: object): Rows }).dropMultiples({ by: 2 + Math.abs(n) }),
  rename: () => (rows) => rows.rename({ x: 'y' }).rename({ y: 'x' }).select(ALL),
  nulls: () => (rows) => rows.dropNulls('key').select(ALL),
  lag: (n) => (rows) =>
    rows
      .lag({ before: 'x' }, { rows: 1 + Math.abs(n), by: ['key'] })
      .withColumns({ x: col('before') })
      .select(ALL),
  rolling: (n) => (rows) =>
    rows
      .rolling(
        { sum: agg.sum('x'), most: agg.max('value') },
        n > 3 ? { period: n, on: 't' } : { rows: 5 + n, ...(n % 2 === 0 && { by: ['key'] }) },
      )
      .withColumns({ x: col('sum'), value: col('most') })
      .select(ALL),
  distinct: () => (rows) => rows.distinct({ by: 'key' }),
  sort: (n) => (rows) => rows.sort({ by: ['t', { column: 'x', descending: n > 3 }] }),
  restore: (n) => (rows) => rows.sort({ by: [{ column: 'key', descending: n > 3 }, 'x'] }).sort({ by: 't' }),
  slice: (n) => (rows) => rows.slice(Math.abs(n), 400, 1 + Math.abs(n % 3)),
  latest: (n) => (rows) => rows.filter(col('t').ge(BigInt(n))),
};

/** Steps that run in partitions, and now and then one that does not. */
function randomSteps(random: SeededRandom, log: string[], most: number): Step {
  const steps: Step[] = [];
  for (let count = random.integer(0, most); count > 0; count--) {
    const isCut = random.chance(0.8);
    const kind = random.pick(
      isCut
        ? ['filter', 'compute', 'op', 'rename', 'nulls', 'latest', 'sort', 'restore', 'lag', 'rolling']
        : Object.keys(STEPS),
    );
    const n = random.integer(-4, 12);
    log.push(`${kind} ${n}`);
    steps.push((STEPS[kind] as (typeof STEPS)[string])(n) as Step);
  }
  return (rows) => steps.reduce((at, step) => step(at), rows);
}

/** Aggregates of several kinds over one stream. */
function randomEnd(random: SeededRandom, log: string[]): (rows: Rows) => Sink[] {
  const kind = random.pick(['rows', 'bins', 'windows', 'both']);
  const every = random.pick([1, 3, 10, 200]);
  const by = random.chance(0.5) ? { by: ['key'] as const } : {};
  const isFiltered = random.chance(0.3);
  log.push(`${kind} ${every} ${JSON.stringify(by)}${isFiltered ? ' filtered' : ''}`);
  const columns = {
    sum: agg.sum('x'),
    mean: agg.mean('x'),
    first: agg.first('value'),
    last: agg.last('key'),
    most: agg.max('key'),
    n: agg.count(),
    deviation: agg.std('x'),
  };
  const own = isFiltered ? { filter: col('value').gt(5) } : {};
  const bins = (rows: Rows): Sink[] => {
    const { fine, coarse } = rows.aggStream({
      orderedOn: 't',
      ...by,
      aggregations: { fine: { every, columns, ...own }, coarse: { every: 20 * every, columns: { sum: agg.sum('x') } } },
    } as never) as never as Record<string, Rows>;
    return [(fine as Rows).collect() as Sink, (coarse as Rows).collect() as Sink];
  };
  const windows = (rows: Rows): Sink[] => {
    const { sliding, sessions } = rows.aggStream({
      orderedOn: 't',
      ...by,
      aggregations: {
        sliding: { every, period: 3 * every, columns, ...own },
        sessions: { gap: 1 + (every % 7), columns: { n: agg.count(), sum: agg.sum('x') } },
      },
    } as never) as never as Record<string, Rows>;
    return [(sliding as Rows).collect() as Sink, (sessions as Rows).collect() as Sink];
  };
  if (kind === 'rows') return (rows) => [rows.collect() as Sink];
  if (kind === 'bins') return bins;
  return kind === 'windows' ? windows : (rows) => [...bins(rows), rows.filter(col('x').gt(0)).collect() as Sink];
}

const JOINS = [
  { strategy: 'asof' },
  { strategy: 'asof', strict: true },
  { strategy: 'asof', tolerance: 4 },
  { strategy: 'asof', direction: 'forward' },
  { strategy: 'asof', direction: 'nearest' },
  { strategy: 'asof', direction: 'nearest', tolerance: 2 },
  { strategy: 'inner' },
  { strategy: 'left' },
  { strategy: 'semi' },
  { strategy: 'anti' },
  { strategy: 'full' },
  { strategy: 'interval', interval: { from: -4, to: 3 } },
] as const;

/** Joins what comes to a second source, and goes on with its columns. */
async function randomJoin(
  random: SeededRandom,
  folder: string,
  log: string[],
): Promise<(rows: Rows, p: Pipeline) => Rows> {
  const options = random.pick(JOINS);
  const by = random.chance(0.7) ? { by: ['key'] } : {};
  log.push(`join ${JSON.stringify({ ...options, ...by })} with`);
  const open = await randomSource(random, folder, log);
  const steps = randomSteps(random, log, 2);
  return (left, p) => {
    const right = steps(open(p)).rename({ x: 'bid', value: 'other' });
    const sides = { left, right } as never;
    const joined = p.joinStream(sides, { left: 'left', on: 't', ...by, ...options, suffix: '_right' } as never);
    const hasRight = options.strategy !== 'semi' && options.strategy !== 'anti';
    const columns = hasRight ? { ...ALL, x: (col('x') as never as { add(o: unknown): never }).add(col('bid')) } : ALL;
    return (joined as never as { select(c: object): Rows }).select(columns);
  };
}

/** The same plan can be made any number of times. */
export async function randomCut(random: SeededRandom, folder: string): Promise<RandomCut> {
  const log: string[] = [];
  const open = await randomSource(random, folder, log);
  const before = randomSteps(random, log, 2);
  const join = random.chance(0.5) ? await randomJoin(random, folder, log) : undefined;
  const after = randomSteps(random, log, 2);
  const end = randomEnd(random, log);
  return {
    description: log.join(' | '),
    plan: () => {
      const p = createPipeline({ memoryLimit: '256MiB' }).register({ dropMultiples });
      const rows = before(open(p as never));
      return end(after(join === undefined ? rows : join(rows, p as never)));
    },
  };
}
