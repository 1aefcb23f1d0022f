/** Steps over rows, on random rows cut anyhow, under pressure and with restarts, beside the reference executor. */
import { agg, createPipeline, fromIterable, type Sink, type Stream } from '@spillway/core';
import { randomFrom, type SeededRandom } from '#support/random';
import type { Row } from '#support/random-rows';
import { cutAtRandom, expectLikeReference } from '#support/step-harness';

const SHAPE = {
  n: 'int64',
  key: 'utf8',
  code: 'dictionary<utf8>',
  x: 'float64',
  flag: 'bool',
  at: 'timestamp[us]',
  tags: 'list<int32>',
  bytes: 'binary',
} as const;
type Rows = Stream<typeof SHAPE>;

function randomRows(random: SeededRandom, count: number): Row[] {
  const maybe = <T>(value: T): T | null => (random.chance(0.15) ? null : value);
  return Array.from({ length: count }, (_, row) => ({
    n: maybe(BigInt(random.integer(-3, 3))),
    key: maybe(random.pick(['a', 'b', 'ä', '', 'a;1'])),
    code: maybe(random.pick(['x', 'y', 'z'])),
    x: maybe(random.pick([0, -0, 1.5, Number.NaN, Infinity, random.next()])),
    flag: maybe(random.chance(0.5)),
    at: BigInt(row * 10),
    tags: maybe(Array.from({ length: random.integer(0, 3) }, () => maybe(random.integer(0, 9)))),
    bytes: maybe(Uint8Array.from({ length: random.integer(0, 2) }, () => random.integer(0, 1))),
  }));
}

type Step = [name: string, apply: (stream: Rows) => Stream];

function steps(random: SeededRandom): Step[] {
  const keys = random.pick<('n' | 'key' | 'code' | 'flag')[]>([['key'], ['n', 'code'], ['flag'], ['code', 'key', 'n']]);
  const any = random.pick<(keyof typeof SHAPE)[]>([['x'], ['tags', 'bytes'], ['key'], ['x', 'n', 'flag']]);
  const rows = random.integer(1, random.pick([2, 30]));
  const [from, to, step] = [random.integer(0, 40), random.pick([null, random.integer(0, 80)]), random.integer(1, 5)];
  const keep = random.pick<'first' | 'last'>(['first', 'last']);
  const by = random.chance(0.5) ? { by: keys } : {};
  return [
    [`limit(${rows})`, (s) => s.limit(rows)],
    [`slice(${from}, ${to}, ${step})`, (s) => s.slice(from, to, step)],
    ['distinct', (s) => s.distinct()],
    [`distinct by ${any}`, (s) => s.distinct({ by: any })],
    [`distinct by ${any}, the last ${rows}`, (s) => s.distinct({ by: any, max: rows })],
    [`partition(${rows})`, (s) => s.partition(rows)],
    [`partition(${any})`, (s) => s.partition(any)],
    [`partition(${rows}, ${any})`, (s) => s.partition(rows, { by: any })],
    [`partitionUnique(${rows}, ${any}, ${keep})`, (s) => s.partitionUnique(rows, { by: any, keep })],
    [
      `lag ${rows} ${JSON.stringify(by)}`,
      (s) => s.lag({ x1: 'x', key1: 'key', tags1: 'tags' }, { rows, ...by }) as Stream,
    ],
    [`lead ${rows}`, (s) => s.lead({ x1: 'x', bytes1: 'bytes', code1: 'code' }, { rows }) as Stream],
    [
      `lead ${rows} by ${keys}`,
      (s) =>
        s.lead(
          { x1: 'x', key1: 'key', tags1: 'tags' },
          { rows, by: keys, ...(random.chance(0.5) && { memoryLimit: 400 }) },
        ) as Stream,
    ],
    [`diff ${rows} ${JSON.stringify(by)}`, (s) => s.diff({ dx: 'x', dn: 'n', since: 'at' }, { rows, ...by }) as Stream],
    [
      `rolling ${rows} ${JSON.stringify(by)}`,
      (s) =>
        s.rolling(
          {
            sum: agg.sum('x'),
            mean: agg.mean('x'),
            low: agg.min('x'),
            high: agg.max('x'),
            total: agg.sum('n'),
            flags: agg.sum('flag'),
            first: agg.first('key'),
            last: agg.last('code'),
            least: agg.min('key'),
            rows: agg.count(),
            values: agg.count('x'),
          },
          { rows: random.chance(0.2) ? 'all' : rows, minRows: random.integer(1, 3), ...by },
        ) as Stream,
    ],
    [
      `rolling ${rows * 5}us ${JSON.stringify(by)}`,
      (s) =>
        s.rolling(
          { std: agg.std('n'), var: agg.var('x'), mean: agg.mean('n'), high: agg.max('at') },
          { period: `${rows * 5}us`, on: 'at', ...by },
        ) as Stream,
    ],
    ['flatten', (s) => s.flatten('tags') as Stream],
    ['rename', (s) => s.rename({ n: 'm', tags: 'list' }) as Stream],
    ['dropNulls', (s) => s.dropNulls()],
    [`dropNulls(${any})`, (s) => s.dropNulls(...any)],
    ['fillNulls', (s) => s.fillNulls({ n: 7, key: 'none', x: 0.5, flag: true })],
    ['cast', (s) => s.cast({ n: 'float32', key: 'dictionary<utf8>', at: 'timestamp[ns]' }) as Stream],
    ['pluck', (s) => s.pluck('key', 'tags') as Stream],
  ];
}

/** What each step is called, with options of one seed. */
export const STEP_NAMES: readonly string[] = steps(randomFrom(1)).map(([name]) => name);

/** Runs one of the steps on so many seeds. */
export async function checkStep(index: number, firstSeed: number, count: number): Promise<void> {
  for (let seed = firstSeed; seed < firstSeed + count; seed++) {
    const random = randomFrom(seed);
    const [name, apply] = steps(random)[index] as Step;
    const inputs = cutAtRandom(random, randomRows(random, random.pick([0, 1, 20, 120])));
    const stream = apply(createPipeline().source(fromIterable(SHAPE, inputs as never)));
    const sink = random.chance(0.5) ? stream.collect() : stream.forEach(() => {});
    await expectLikeReference(random, sink, [inputs], `SPILLWAY_SEED=${seed} SPILLWAY_STEPS=1 ${name}`);
  }
}

/** One of the steps on the rows of a seed, as a sink. */
export function stepSink(index: number, seed: number): { name: string; sink: Sink } {
  const random = randomFrom(seed);
  const [name, apply] = steps(random)[index] as Step;
  const inputs = cutAtRandom(random, randomRows(random, 120));
  return { name, sink: apply(createPipeline().source(fromIterable(SHAPE, inputs as never))).collect() };
}
