/** Aggregations over windows of every kind, put together at random, over an int64 column `t`. */
import { type AggregationOptions, agg, col } from '@spillway/core';
import { joined, product } from '#fixtures/aggregates';
import type { SeededRandom } from '#support/random';

export const WINDOW_SHAPE = { t: 'int64', key: 'utf8', x: 'float64', value: 'int64', small: 'int16' } as const;

export interface WindowRow {
  t: bigint;
  key: string | null;
  x: number | null;
  value: bigint | null;
  small: number | null;
}

/** Ordered rows with repeated times, gaps, nulls, NaN and infinities. */
export function windowRows(random: SeededRandom, count: number): WindowRow[] {
  let t = BigInt(random.integer(-50, 50));
  return Array.from({ length: count }, () => {
    t += BigInt(random.pick([0, 0, 0, 1, 1, 2, 3, 9, 40]));
    return {
      t,
      key: random.chance(0.1) ? null : random.pick(['a', 'b', 'ä', '', 'zz']),
      x: random.chance(0.15)
        ? null
        : random.pick([0, -0, 1.5, -2.25, 1e300, -1e300, 5e-324, NaN, Infinity, 0.1, random.next()]),
      value: random.chance(0.1) ? null : BigInt(random.integer(-1000, 1000)),
      small: random.chance(0.1) ? null : random.integer(-5, 5),
    };
  });
}

const COLUMNS = {
  n: agg.count(),
  nx: agg.count('x'),
  sum: agg.sum('x'),
  total: agg.sum('value'),
  mean: agg.mean('x'),
  std: agg.std('value'),
  low: agg.min('x'),
  high: agg.max('value'),
  firstKey: agg.first('key'),
  lastKey: agg.last('key'),
  least: agg.min('key'),
  last: agg.last('x'),
  firstSmall: agg.first('small'),
  wrapped: agg.sum('value', { overflow: 'wrap' }),
  asFloat: agg.sum('small', { overflow: 'float64' }),
  weighted: agg.wmean('x', 'small'),
  weightedWhole: agg.wmean('value', 'small'),
  keyOfLeast: agg.argMin('key', 'x'),
  valueOfMost: agg.argMax('value', 'key'),
  medianX: agg.median('x'),
  lowQuarter: agg.quantile('value', 0.25),
  highest: agg.quantile('small', 0.9, { interpolation: 'nearest' }),
  nearly: agg.quantileApprox('x', 0.5),
  different: agg.nUnique('x'),
  differentKeys: agg.nUnique('key'),
  someKeys: agg.nUniqueApprox('key', { precision: 5 }),
  someValues: agg.nUniqueApprox('value'),
  product: agg.custom(product, 'small', { scale: 2 }),
  joined: agg.custom(joined, ['key', 'value']),
};

function bins(random: SeededRandom): Partial<AggregationOptions> & { kind: string } {
  const kind = random.pick(['fixed', 'sliding', 'apart', 'edges', 'rows', 'sessions']);
  const every = random.pick([1, 3, 10, 60]);
  if (kind === 'fixed') return { kind, every, origin: random.integer(-5, 5) };
  if (kind === 'sliding') return { kind, every, period: every * random.integer(1, 4) + random.integer(0, 2) };
  if (kind === 'apart') return { kind, every: every + 5, period: every };
  if (kind === 'edges') {
    let edge = random.integer(-60, 40);
    const edges = Array.from({ length: random.integer(2, 12) }, () => (edge += random.integer(1, 60)));
    return { kind, edges, outside: 'drop' };
  }
  if (kind === 'rows') return { kind, rows: random.integer(1, 7) };
  return { kind, gap: random.integer(0, 12) };
}

/** One aggregation with options of all sorts. `columns` default to those of the kernels. */
export function randomWindows(
  random: SeededRandom,
  columns: AggregationOptions['columns'] = COLUMNS,
): AggregationOptions {
  const { kind, ...own } = bins(random);
  const hasSnapshots = kind !== 'sliding' && kind !== 'apart' && kind !== 'sessions' && random.chance(0.4);
  const canBeEmpty = kind !== 'sessions' && (kind !== 'rows' || hasSnapshots);
  const names = Object.keys(columns).filter(() => random.chance(0.4));
  const chosen = names.length === 0 ? Object.keys(columns).slice(0, 1) : names;
  return {
    ...own,
    columns: Object.fromEntries(chosen.map((name) => [name, columns[name] as (typeof COLUMNS)['n']])),
    ...(random.chance(0.3) && { closed: 'right' }),
    ...(random.chance(0.3) && { label: 'right' }),
    ...(canBeEmpty && random.chance(0.3) && { empty: 'null' }),
    ...(random.chance(0.3) && { filter: random.pick([col('value').gt(0), col('x').isNull(), col('small').eq(100)]) }),
    ...(hasSnapshots && {
      snapshots: {
        ...(random.chance(0.5)
          ? { every: random.pick([1, 2, 5, 7]) }
          : { at: [-30, -3, 0, 5, 6, 20, 90, 91].filter(() => random.chance(0.7)) }),
        ...(random.chance(0.5) && { closed: random.pick(['left', 'right'] as const) }),
      },
    }),
  };
}

/** What an aggregation is, for messages. */
export function describeWindows({ columns, filter, ...rest }: AggregationOptions): string {
  return `${JSON.stringify(rest)} ${Object.keys(columns).join(' ')}${filter === undefined ? '' : ' filtered'}`;
}

/** Rows cut into batches, some of them empty. */
export function cutRows<T>(random: SeededRandom, rows: readonly T[]): T[][] {
  const batches: T[][] = [];
  for (let from = 0; from < rows.length; ) {
    const size = random.pick([0, 1, 1, 2, 7, 30, 100]);
    batches.push(rows.slice(from, from + size));
    from += size;
  }
  return batches;
}
