/** Two random tables, joined by us and by DuckDB. */
import { col, createPipeline, fromIterable, type Stream } from '@spillway/core';
import { run } from '@spillway/workers';
import { type Cell, expectEqualTables, quote, sql } from '#support/duckdb';
import { randomFrom, type SeededRandom } from '#support/random';
import { cut, JOIN_KINDS, type JoinKind } from '#support/random-join';

const LEFT = { ts: 'timestamp[us]', k: 'utf8', j: 'int32', x: 'float64', n: 'int64' } as const;
const RIGHT = { sym: 'dictionary<utf8>', m: 'int32', y: 'float64', z: 'utf8', rn: 'int64' } as const;
/** What is compared: both numbers tell which rows met, the others that their values came along. */
const RESULT = ['t', 'k', 'j', 'x', 'n', 'y', 'z', 'rn'] as const;

const UNIT_NS = { ms: 1_000_000n, us: 1000n, ns: 1n } as const;
type Unit = keyof typeof UNIT_NS;

interface Tables {
  unit: Unit;
  left: Record<string, unknown>[];
  right: Record<string, unknown>[];
}

function randomTables(random: SeededRandom, kind: JoinKind): Tables {
  // Right times become left ones in a full join: they may not be finer.
  const unit = kind === 'full' ? random.pick(['us', 'ms'] as const) : random.pick(['us', 'us', 'ms', 'ns'] as const);
  const span = random.pick([3, 30, 3000]);
  const size = (): number => random.pick([0, 1, 5, 40, 150]);
  const times = (step: bigint): bigint[] =>
    Array.from({ length: size() }, () => BigInt(random.integer(-span, span)) * step).sort((a, b) => Number(a - b));
  const keys = ['a', 'b', 'ä', '', null].slice(0, random.integer(1, 5));
  const maybe = <T>(value: T): T | null => (random.chance(0.15) ? null : value);
  const row = () => ({
    key: random.pick(keys),
    other: maybe(random.integer(0, 2)),
    value: maybe(random.integer(0, 99)),
  });
  return {
    unit,
    // Thousands of microseconds beside milliseconds, so that some are equal.
    left: times(unit === 'ms' ? 500n : 1n).map((ts, n) => {
      const { key, other, value } = row();
      return { ts, k: key, j: other, x: value, n: BigInt(n) };
    }),
    right: times(unit === 'ns' ? 500n : 1n).map((at, rn) => {
      const { key, other, value } = row();
      return { at, sym: key, m: other, y: value, z: maybe(`row ${rn}`), rn: BigInt(rn) };
    }),
  };
}

function literal(value: unknown): string {
  return value === null ? 'NULL' : typeof value === 'string' ? quote(value) : String(value);
}

/** A table whose times are integers of nanoseconds, as are those of the result. */
async function load(
  name: string,
  rows: readonly Record<string, unknown>[],
  time: string,
  unitNs: bigint,
): Promise<void> {
  const columns =
    name === 'l'
      ? 'k VARCHAR, j INTEGER, x DOUBLE, n BIGINT'
      : 'sym VARCHAR, m INTEGER, y DOUBLE, z VARCHAR, rn BIGINT';
  await sql(`CREATE OR REPLACE TABLE ${name} (t BIGINT, ${columns})`);
  if (rows.length === 0) return;
  const values = rows.map(({ [time]: at, ...others }) =>
    [(at as bigint) * unitNs, ...Object.values(others).map(literal)].join(', '),
  );
  await sql(`INSERT INTO ${name} VALUES (${values.join('), (')})`);
}

interface Asked {
  kind: JoinKind;
  keys: { left: 'k' | 'j'; right: 'sym' | 'm' }[];
  strict: boolean;
  /** Nanoseconds. */
  tolerance: bigint | undefined;
  from: bigint;
  to: bigint;
}

function randomQuestion(random: SeededRandom, kind: JoinKind): Asked {
  const keys = [
    { left: 'k', right: 'sym' },
    { left: 'j', right: 'm' },
  ] as const;
  const from = BigInt(random.integer(-8000, 4000));
  return {
    kind,
    // A full join puts keys of both sides into one column, of one type.
    keys: keys.filter(({ left }) => random.chance(0.5) && (kind !== 'full' || left === 'j')),
    strict: random.chance(0.4),
    tolerance: random.chance(0.5) ? BigInt(random.pick([0, 1000, 2500, 700_000])) : undefined,
    from,
    to: from + BigInt(random.integer(0, 8000)),
  };
}

/** The same join as SQL. Rows that are equal are told apart by their numbers. */
function queryOf({ kind, keys, strict, tolerance, from, to }: Asked): string {
  const equal = keys.map(({ left, right }) => `l.${left} = r.${right}`);
  const on = [...equal, 'l.t = r.t'].join(' AND ');
  const all = 'l.t, k, j, x, n, y, z, rn';
  const leftOnly = 'l.t, k, j, x, n, NULL::DOUBLE AS y, NULL::VARCHAR AS z, NULL::BIGINT AS rn';
  switch (kind) {
    case 'inner':
      return `SELECT ${all} FROM l JOIN r ON ${on} ORDER BY n, rn`;
    case 'left':
      return `SELECT ${all} FROM l LEFT JOIN r ON ${on} ORDER BY n, rn`;
    case 'full': {
      const key = keys.length === 0 ? 'j' : 'coalesce(j, m) AS j';
      return `SELECT coalesce(l.t, r.t) AS t, k, ${key}, x, n, y, z, rn FROM l FULL JOIN r ON ${on} ORDER BY 1, n IS NULL, n, rn`;
    }
    case 'semi':
      return `SELECT ${leftOnly} FROM l WHERE EXISTS (FROM r WHERE ${on}) ORDER BY n`;
    case 'anti':
      return `SELECT ${leftOnly} FROM l WHERE NOT EXISTS (FROM r WHERE ${on}) ORDER BY n`;
    case 'interval':
      return `SELECT ${all} FROM l JOIN r ON ${[...equal, `r.t BETWEEN l.t + ${from} AND l.t + ${to}`].join(' AND ')} ORDER BY n, rn`;
    default: {
      const { order, side } = ASOF[kind];
      const near = [...equal, side, ...(strict ? ['l.t <> r.t'] : [])];
      if (tolerance !== undefined) near.push(`abs(l.t - r.t) <= ${tolerance}`);
      return `SELECT ${all} FROM l LEFT JOIN r ON ${near.join(' AND ')}
        QUALIFY row_number() OVER (PARTITION BY n ORDER BY ${order}) = 1 ORDER BY n`;
    }
  }
}

/** Not as ASOF: that takes any of several equal rows, and rows whose key is null for equal. */
const ASOF = {
  asof: { side: 'r.t <= l.t', order: 'r.t DESC, rn DESC' },
  'asof forward': { side: 'r.t >= l.t', order: 'r.t, rn' },
  'asof nearest': { side: 'true', order: 'abs(l.t - r.t), r.t > l.t, if(r.t > l.t, rn, -rn)' },
} as const;

function joined(random: SeededRandom, { unit, left, right }: Tables, asked: Asked): Stream {
  const p = createPipeline({ memoryLimit: '512MiB' });
  const [strategy, direction] = asked.kind.split(' ');
  const isAsof = strategy === 'asof';
  const rightShape = { at: `timestamp[${unit}]`, ...RIGHT };
  const result = p.joinStream(
    {
      right: p.source(fromIterable(rightShape as never, cut(random, right) as never, { orderedOn: 'at' })),
      left: p.source(fromIterable(LEFT, cut(random, left) as never, { orderedOn: 'ts' })),
    },
    {
      strategy,
      ...(direction !== undefined && { direction }),
      left: 'left',
      on: { left: 'ts', right: 'at' },
      by: asked.keys,
      ...(isAsof && asked.strict && { strict: true }),
      ...(isAsof && asked.tolerance !== undefined && { tolerance: `${asked.tolerance}ns` }),
      ...(asked.kind === 'interval' && { interval: { from: `${asked.from}ns`, to: `${asked.to}ns` } }),
      // So little that right rows go to disk.
      ...(random.chance(0.3) && { memoryLimit: 1000 }),
    } as never,
  );
  return (result as unknown as Stream).withColumns({ t: col('ts').cast('int64').mul(1000) });
}

/** @throws naming what is different */
export async function checkJoinAgainstDuckDb(seed: number): Promise<void> {
  const random = randomFrom(seed);
  const kind = random.pick(JOIN_KINDS);
  const tables = randomTables(random, kind);
  const asked = randomQuestion(random, kind);
  await load('l', tables.left, 'ts', UNIT_NS.us);
  await load('r', tables.right, 'at', UNIT_NS[tables.unit]);
  const query = queryOf(asked);
  const expected = await sql(query);
  const stream = joined(random, tables, asked);
  const sink = stream.collect();
  const rows = await run([sink], { workers: random.pick([1, 1, 2]) }).rows(sink);
  const actual = {
    names: [...RESULT],
    rows: rows.length,
    columns: RESULT.map((name) => rows.map((row) => (row[name] ?? null) as Cell)),
  };
  try {
    expectEqualTables(actual, expected);
  } catch (error) {
    const text = JSON.stringify(asked, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
    throw new Error(`${text}, right times in ${tables.unit}: ${(error as Error).message}\n${query}`);
  }
}
