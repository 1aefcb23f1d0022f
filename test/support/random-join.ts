/** Random joins: two ordered streams with ties, nulls and every kind of key, cut into logical inputs anyhow. */
import { col, createPipeline, fromIterable, type Pipeline, type Sink, type Stream } from '@spillway/core';
import type { SeededRandom } from '#support/random';
import type { Row } from '#support/random-rows';

export const LEFT = {
  ts: 'timestamp[us]',
  symbol: 'utf8',
  venue: 'int32',
  price: 'float64',
  ok: 'bool',
  note: 'utf8',
  n: 'int64',
} as const;
export const RIGHT = {
  at: 'timestamp[us]',
  sym: 'dictionary<utf8>',
  place: 'int32',
  bid: 'float64',
  price: 'float64',
  live: 'bool',
  text: 'utf8',
  tags: 'list<int32>',
} as const;

export const JOIN_KINDS = [
  'asof',
  'asof forward',
  'asof nearest',
  'inner',
  'left',
  'full',
  'semi',
  'anti',
  'interval',
] as const;
export type JoinKind = (typeof JOIN_KINDS)[number];

export interface RandomJoin {
  kind: JoinKind;
  strict: boolean;
  interval: { from: string; to: string } | undefined;
  /** Unit of the right side's times. */
  unit: 'ms' | 'us' | 'ns';
  by: { left: 'symbol' | 'venue'; right: 'sym' | 'place' }[];
  /** Of the right side, beside keys, only columns of a fixed width, without nulls. */
  isPlain: boolean;
  tolerance: string | undefined;
  memoryLimit: number | undefined;
  /** Logical inputs. */
  left: Row[][];
  right: Row[][];
}

const KEYS = [
  { left: 'symbol', right: 'sym' },
  { left: 'venue', right: 'place' },
] as const;

export function randomJoin(random: SeededRandom, kind: JoinKind): RandomJoin {
  // Right times become left ones in a full join: they may not be finer.
  const unit = kind === 'full' ? random.pick(['us', 'ms'] as const) : random.pick(['us', 'us', 'ms', 'ns'] as const);
  const fromUs = random.integer(-6, 4);
  const span = random.pick([3, 40, 4000]);
  const times = (count: number): bigint[] =>
    Array.from({ length: count }, () => BigInt(random.integer(-span, span))).sort((a, b) =>
      a < b ? -1 : a > b ? 1 : 0,
    );
  const size = (): number => random.pick([0, 1, 7, 60, 300]);
  const symbols = ['A', 'B', 'naïve', '', null].slice(0, random.integer(1, 5));
  const symbol = (): unknown => random.pick(symbols);
  const maybe = <T>(value: T): T | null => (random.chance(0.2) ? null : value);
  const left = times(size()).map(
    (ts, row): Row => ({
      ts,
      symbol: symbol(),
      venue: maybe(random.integer(0, 2)),
      price: maybe(random.anyFloat()),
      ok: maybe(random.chance(0.5)),
      note: maybe(`l${row}`),
      n: BigInt(row),
    }),
  );
  const right = times(size()).map(
    (at, row): Row => ({
      // Of coarser steps, so that they are in order and some are equal; of finer ones, so that some lie between.
      at: unit === 'ms' ? at / 4n : unit === 'ns' ? at * 1000n + BigInt(row % 2) : at,
      sym: symbol(),
      place: maybe(random.integer(0, 2)),
      bid: maybe(random.anyFloat()),
      price: row,
      live: maybe(random.chance(0.5)),
      text: maybe(`text ${row}`),
      tags: maybe(Array.from({ length: random.integer(0, 3) }, (_, index) => row + index)),
    }),
  );
  const isAsof = kind.startsWith('asof');
  const isPlain = random.chance(0.4);
  const by = KEYS.filter(({ left: key }) => random.chance(0.5) && (kind !== 'full' || key === 'venue'));
  const rightRows = isPlain ? right.map((row) => plainRow(row, rightColumns(by))) : right;
  return {
    kind,
    unit,
    strict: isAsof && random.chance(0.4),
    interval: kind === 'interval' ? { from: `${fromUs}us`, to: `${fromUs + random.integer(0, 8)}us` } : undefined,
    by,
    isPlain,
    tolerance: isAsof && random.chance(0.5) ? `${random.pick([0, 1, 5, 1000])}us` : undefined,
    memoryLimit: random.chance(0.5) ? 1000 : undefined,
    left: cut(random, left),
    right: cut(random, unit === 'ns' ? rightRows.sort(byTime) : rightRows),
  };
}

/** Columns of a plain right side. */
function rightColumns(by: RandomJoin['by']): string[] {
  return ['at', 'bid', 'price', ...by.map(({ right }) => right)];
}

function plainRow(row: Row, columns: readonly string[]): Row {
  return Object.fromEntries(columns.map((name) => [name, name === 'bid' ? (row[name] ?? 0) : row[name]]));
}

function byTime(a: Row, b: Row): number {
  const [one, other] = [a['at'] as bigint, b['at'] as bigint];
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Into logical inputs, empty ones among them. */
export function cut<T>(random: SeededRandom, rows: readonly T[]): T[][] {
  const pieces: T[][] = [];
  for (let from = 0; from < rows.length; ) {
    const count = random.pick([0, 1, 3, 20, 200]);
    pieces.push(rows.slice(from, from + count));
    from += count;
  }
  return pieces;
}

/** The sinks of a join: its rows, and the rows of the batches as they can be seen. Made afresh for every run. */
export function sinksOf(given: RandomJoin, seen: number[] = []): [Sink, Sink] {
  const p = createPipeline({ memoryLimit: '256MiB' });
  const left = p.source(fromIterable(LEFT, given.left, { orderedOn: 'ts', name: 'left' }));
  const right = p.source(fromIterable(rightShapeOf(given), given.right, { orderedOn: 'at', name: 'right' }));
  const joined = joinOf(p, given, left, right);
  return [
    joined.collect(),
    joined.filter(col('n').ge(0n) as never).forEach((rows) => void seen.push(rows.length), { takes: 'rows' }),
  ];
}

/** Columns of its right side. */
export function rightShapeOf({ unit, isPlain, by }: RandomJoin): typeof RIGHT {
  const shape = { ...RIGHT, at: `timestamp[${unit}]` };
  const names = isPlain ? rightColumns(by) : Object.keys(shape);
  return Object.fromEntries(Object.entries(shape).filter(([name]) => names.includes(name))) as unknown as typeof RIGHT;
}

/** The join of two streams that have its rows, from wherever. */
export function joinOf(p: Pipeline, given: RandomJoin, left: Stream<typeof LEFT>, right: Stream<typeof RIGHT>): Stream {
  const [strategy, direction] = given.kind.split(' ');
  return p.joinStream({ right, left }, {
    strategy,
    ...(direction !== undefined && { direction }),
    ...(given.strict && { strict: true }),
    ...(given.interval !== undefined && { interval: given.interval }),
    left: 'left',
    on: { left: 'ts', right: 'at' },
    by: given.by,
    suffix: '_right',
    ...(given.tolerance !== undefined && { tolerance: given.tolerance }),
    ...(given.memoryLimit !== undefined && { memoryLimit: given.memoryLimit }),
  } as never) as unknown as Stream;
}
