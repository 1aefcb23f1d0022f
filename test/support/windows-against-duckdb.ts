/** One random table, aggregated over random windows by us and by DuckDB. */
import { type AggregationOptions, agg, col, createPipeline, fromIterable, type Stream } from '@spillway/core';
import { run } from '@spillway/workers';
import { type Cell, expectEqualTables, type SqlTable, sql } from '#support/duckdb';
import { randomFrom, type SeededRandom } from '#support/random';

const SHAPE = { ts: 'timestamp[us]', k: 'utf8', x: 'float64', v: 'int64', u: 'int32', w: 'float64' } as const;

interface TableRow {
  ts: bigint;
  k: string | null;
  x: number | null;
  v: bigint | null;
  u: number;
  w: number | null;
}

const MINUTE = 60_000_000n;

/** Rows around the days on which clocks change. */
function randomTable(random: SeededRandom): TableRow[] {
  const starts = [
    '2001-03-30T20:00Z',
    '2013-11-02T20:00Z',
    '1999-12-30T03:00Z',
    '1968-10-26T00:00Z',
    '2024-02-28T11:00Z',
  ];
  let ts = BigInt(Date.parse(random.pick(starts))) * 1000n;
  const steps = random.pick([
    [0n, 1n, 7n, 50n],
    [0n, 60n, 300n, 2000n],
    [0n, 0n, 1n, 20_000n],
  ]);
  const count = random.integer(1, random.pick([5, 60, 60, 300]));
  const order = Array.from({ length: count }, (_, index) => index).sort(() => random.next() - 0.5);
  return Array.from({ length: count }, (_, index) => {
    ts += random.pick(steps) * MINUTE + BigInt(random.pick([0, 0, 1, 999_999]));
    return {
      ts,
      k: random.chance(0.1) ? null : random.pick(['a', 'b', 'ä', '']),
      x: random.chance(0.15) ? null : random.integer(-400, 400) / 4,
      v: random.chance(0.15) ? null : BigInt(random.integer(-10, 1000)),
      u: order[index] as number,
      w: random.chance(0.1) ? null : random.integer(1, 20) / 2,
    };
  });
}

async function load(rows: readonly TableRow[]): Promise<void> {
  const values = rows.map(({ ts, k, x, v, u, w }, rn) => {
    const text = k === null ? 'NULL' : `'${k}'`;
    return `(make_timestamp(${ts}::BIGINT), ${text}, ${x ?? 'NULL'}, ${v ?? 'NULL'}, ${u}, ${w ?? 'NULL'}, ${rn})`;
  });
  await sql('CREATE OR REPLACE TABLE t (ts TIMESTAMP, k VARCHAR, x DOUBLE, v BIGINT, u INTEGER, w DOUBLE, rn BIGINT)');
  await sql(`INSERT INTO t VALUES ${values.join(', ')}`);
}

/** Bins of ours, and of a query: where rows with their label come from. */
interface Bins {
  options: Omit<AggregationOptions, 'columns'>;
  from: string;
}

const ZONES = ['UTC', 'America/New_York', 'Europe/Berlin', 'Asia/Kolkata', 'Australia/Lord_Howe'];

function randomBins(random: SeededRandom, isKeyed: boolean): Bins {
  const partition = isKeyed ? 'PARTITION BY k' : '';
  const kind = random.pick(['fixed', 'calendar', 'calendar', 'sliding', 'rows', 'sessions']);
  if (kind === 'fixed') {
    const minutes = random.pick([13, 60, 300, 420, 1440]);
    const origin = random.pick(['1970-01-01', '2000-01-03 05:17:00']);
    return {
      options: { every: `${minutes}m`, origin },
      from: `SELECT *, epoch_us(time_bucket(INTERVAL '${minutes} minutes', ts, TIMESTAMP '${origin}')) AS label FROM t`,
    };
  }
  if (kind === 'calendar') {
    const timeZone = random.pick(ZONES);
    const unit = random.pick(['day', 'week', 'month', 'quarter', 'year']);
    return {
      options: { every: `1 ${unit}`, timeZone },
      from: `SELECT *, epoch_us(date_trunc('${unit}', (ts AT TIME ZONE 'UTC') AT TIME ZONE '${timeZone}') AT TIME ZONE '${timeZone}') AS label FROM t`,
    };
  }
  if (kind === 'sliding') {
    const every = random.pick([15, 60]);
    const times = random.integer(2, 5);
    const bucket = `time_bucket(INTERVAL '${every} minutes', ts)`;
    return {
      options: { every: `${every}m`, period: `${every * times}m` },
      from: `SELECT t.*, epoch_us(${bucket} - INTERVAL '${every} minutes' * i) AS label FROM t, range(${times}) r(i)`,
    };
  }
  if (kind === 'rows') {
    const rows = random.integer(1, 9);
    return {
      options: { rows },
      from: `SELECT *, epoch_us(first_value(ts) OVER (PARTITION BY ${isKeyed ? 'k, ' : ''}bin ORDER BY rn)) AS label FROM
        (SELECT *, (row_number() OVER (${partition} ORDER BY rn) - 1) // ${rows} AS bin FROM t)`,
    };
  }
  const minutes = random.pick([5, 60, 600]);
  return {
    options: { gap: `${minutes}m` },
    from: `SELECT *, epoch_us(first_value(ts) OVER (PARTITION BY ${isKeyed ? 'k, ' : ''}bin ORDER BY rn)) AS label FROM
      (SELECT *, sum(brk) OVER (${partition} ORDER BY rn) AS bin FROM
        (SELECT *, CASE WHEN ts - lag(ts) OVER (${partition} ORDER BY rn) > INTERVAL '${minutes} minutes' THEN 1 ELSE 0 END AS brk FROM t))`,
  };
}

const COLUMNS = {
  n: [agg.count(), 'count(*)'],
  nx: [agg.count('x'), 'count(x)'],
  sx: [agg.sum('x'), 'sum(x)'],
  sv: [agg.sum('v'), 'sum(v)::BIGINT'],
  mean: [agg.mean('v'), 'avg(v)'],
  std: [agg.std('x'), 'stddev_samp(x)'],
  variance: [agg.var('v'), 'var_samp(v)'],
  low: [agg.min('x'), 'min(x)'],
  high: [agg.max('k'), 'max(k)'],
  first: [agg.first('v'), 'arg_min(v, rn)'],
  last: [agg.last('k'), 'arg_max(k, rn)'],
  median: [agg.median('x'), 'median(x)'],
  q9: [agg.quantile('v', 0.9), 'quantile_cont(v, 0.9)'],
  different: [agg.nUnique('v'), 'count(DISTINCT v)'],
  keys: [agg.nUnique('k'), 'count(DISTINCT k)'],
  leastV: [agg.argMin('v', 'u'), 'arg_min(v, u)'],
  mostK: [agg.argMax('k', 'u'), 'arg_max(k, u)'],
  weighted: [agg.wmean('x', 'w'), 'sum(x * w) FILTER (x IS NOT NULL) / sum(w) FILTER (x IS NOT NULL)'],
} as const;

/** @throws naming what is different */
export async function checkAgainstDuckDb(seed: number): Promise<void> {
  const random = randomFrom(seed);
  const rows = randomTable(random);
  await load(rows);
  const isKeyed = random.chance(0.6);
  const { options, from } = randomBins(random, isKeyed);
  const names = Object.keys(COLUMNS).filter(() => random.chance(0.5)) as (keyof typeof COLUMNS)[];
  const chosen: (keyof typeof COLUMNS)[] = names.length === 0 ? ['n'] : names;
  const isFiltered = random.chance(0.3) && options.rows === undefined && options.gap === undefined;
  const key = isKeyed ? ', k' : '';
  const query = `SELECT make_timestamp(label::BIGINT) AS ts${key}, ${chosen.map((name) => `${COLUMNS[name][1]} AS ${name}`).join(', ')}
    FROM (${from}) ${isFiltered ? 'WHERE v > 100' : ''} GROUP BY label${key}${options.rows === undefined ? '' : ', bin'} ORDER BY label${key} NULLS LAST${options.rows === undefined ? '' : ', bin'}`;
  const expected = await sql(query);
  const batches = Array.from({ length: Math.ceil(rows.length / 37) }, (_, index) =>
    rows.slice(37 * index, 37 * index + 37),
  );
  const source = createPipeline({ memoryLimit: '512MiB' }).source(
    fromIterable(SHAPE, batches as never, { orderedOn: 'ts' }),
  );
  const aggregation = {
    ...options,
    columns: Object.fromEntries(chosen.map((name) => [name, COLUMNS[name][0]])),
    ...(isFiltered && { filter: col('v').gt(100) }),
  };
  const { a } = (source as unknown as Stream).aggStream({
    orderedOn: 'ts',
    by: isKeyed ? ['k'] : [],
    aggregations: { a: aggregation },
  }) as unknown as { a: Stream };
  const sink = a.collect();
  const found = await run([sink], { workers: random.pick([1, 2]) }).rows(sink);
  const table: SqlTable = {
    names: expected.names,
    rows: found.length,
    columns: expected.names.map((name) => found.map((row) => cellOf(row[name]))),
  };
  try {
    expectEqualTables(table, expected);
  } catch (error) {
    throw new Error(
      `${JSON.stringify(options)} by ${isKeyed ? 'k' : 'nothing'}: ${(error as Error).message}\n${query}`,
    );
  }
}

function cellOf(value: unknown): Cell {
  return value instanceof Date ? BigInt(value.getTime()) * 1000n : (value as Cell);
}
