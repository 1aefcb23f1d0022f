/** The rules of aggregations, one by one, as `docs/guides/aggregations.md` has them. */
import { type AggregationOptions, agg, col, createPipeline, fromIterable, type Stream } from '@spillway/core';
import { runReference } from '@spillway/core/internal';
import { run } from '@spillway/workers';
import { describe, expect, it } from 'vitest';
import { failing, joined, product, untrue } from '#fixtures/aggregates';
import { seededRandom } from '#support/random';

type Given = Record<string, unknown>;

const SHAPE = { ts: 'timestamp[us]', k: 'utf8', x: 'float64', v: 'int64' } as const;

interface Asked {
  by?: string[];
  workers?: number;
  memoryLimit?: string;
  port?: string;
  shape?: Record<string, string>;
}

async function aggregate(
  batches: readonly (readonly Given[])[],
  options: AggregationOptions,
  { by = [], workers = 2, memoryLimit = '512MiB', port = 'a', shape = SHAPE }: Asked = {},
): Promise<Given[]> {
  const source = createPipeline({ memoryLimit }).source(
    fromIterable(shape as never, batches as never, { orderedOn: 'ts' as never }),
  ) as unknown as Stream;
  const streams = source.aggStream({ orderedOn: 'ts', by, aggregations: { a: options } }) as unknown as Record<
    string,
    Stream
  >;
  const sink = (streams[port] as Stream).collect();
  return run([sink], { workers }).rows(sink);
}

function at(text: string, rest: Given = {}): Given {
  return { ts: `${text}Z`, k: null, x: null, v: null, ...rest };
}

function column(rows: readonly Given[], name: string): unknown[] {
  return rows.map((row) => row[name]);
}

function labels(rows: readonly Given[]): string[] {
  return rows.map(({ ts }) => new Date(Number((ts as bigint) / 1000n)).toISOString().replace(':00.000Z', ''));
}

const n = { n: agg.count() };

describe('bins', () => {
  it('of 5 hours go on over midnight', async () => {
    const rows = await aggregate([[at('2026-01-01T23:30'), at('2026-01-02T00:30'), at('2026-01-02T02:00')]], {
      every: '5h',
      origin: '2026-01-01',
      columns: n,
    });
    expect(labels(rows)).toEqual(['2026-01-01T20:00', '2026-01-02T01:00']);
    expect(column(rows, 'n')).toEqual([2n, 1n]);
  });

  it('of days are 23 and 25 hours long where clocks change', async () => {
    const hours = Array.from({ length: 24 * 3 }, (_, hour) => ({
      ...at(''),
      ts: new Date(Date.UTC(2026, 2, 7, 5) + hour * 3_600_000),
    }));
    const rows = await aggregate([hours], { every: '1d', timeZone: 'America/New_York', columns: n });
    expect(column(rows, 'n')).toEqual([24n, 23n, 24n, 1n]);
    expect(labels(rows)[2]).toBe('2026-03-09T04:00');
  });

  it('of weeks begin on the day asked for', async () => {
    const rows = await aggregate([[at('2026-01-03T10:00'), at('2026-01-04T10:00'), at('2026-01-05T10:00')]], {
      every: '1w',
      weekStart: 'sunday',
      columns: n,
    });
    expect(labels(rows)).toEqual(['2025-12-28T00:00', '2026-01-04T00:00']);
  });

  it('of quarters and years are labelled on either end', async () => {
    const given = [[at('2025-12-31T23:00'), at('2026-02-01T00:00')]];
    expect(labels(await aggregate(given, { every: '1q', label: 'right', columns: n }))).toEqual([
      '2026-01-01T00:00',
      '2026-04-01T00:00',
    ]);
    expect(labels(await aggregate(given, { every: '2y', columns: n }))).toEqual([
      '2024-01-01T00:00',
      '2026-01-01T00:00',
    ]);
  });

  it('closed on the right take the rows at their end', async () => {
    const rows = await aggregate([[at('2026-01-01T10:00'), at('2026-01-01T10:01'), at('2026-01-01T11:00')]], {
      every: '1h',
      closed: 'right',
      label: 'right',
      columns: n,
    });
    expect(labels(rows)).toEqual(['2026-01-01T10:00', '2026-01-01T11:00']);
    expect(column(rows, 'n')).toEqual([1n, 2n]);
  });

  it('without rows are shown for every key from its first bin on', async () => {
    const rows = await aggregate(
      [[at('2026-01-01T10:00', { k: 'a' }), at('2026-01-01T12:00', { k: 'b' }), at('2026-01-01T13:00', { k: 'a' })]],
      { every: '1h', empty: 'null', columns: { ...n, last: agg.last('k') } },
      { by: ['k'] },
    );
    expect(rows.map(({ k, n: count, last }) => [k, count, last])).toEqual([
      ['a', 1n, 'a'],
      ['a', 0n, null],
      ['a', 0n, null],
      ['b', 1n, 'b'],
      ['a', 1n, 'a'],
      ['b', 0n, null],
    ]);
  });

  it('by edges refuse rows outside, naming the row', async () => {
    const given = [[at('2026-01-01T10:00')], [at('2026-01-01T11:00'), at('2026-01-03T00:00')]];
    const edges = ['2026-01-01', '2026-01-02'];
    await expect(aggregate(given, { edges, columns: n })).rejects.toMatchObject({ code: 'ERR_VALUE', column: 'ts' });
    expect(column(await aggregate(given, { edges, outside: 'drop', columns: n }), 'n')).toEqual([2n]);
  });

  it('that follow from rows come in the order of their labels', async () => {
    const given = [
      at('2026-01-01T10:00', { k: 'b' }),
      at('2026-01-01T10:01', { k: 'a' }),
      at('2026-01-01T10:05', { k: 'a' }),
      at('2026-01-01T10:06', { k: 'b' }),
    ];
    const rows = await aggregate([given], { gap: '3m', columns: n }, { by: ['k'] });
    expect(rows.map(({ k }) => k)).toEqual(['b', 'a', 'a', 'b']);
  });
});

describe('chained', () => {
  it('days give the weeks and the mean of weeks that the rows give', async () => {
    const rows = Array.from({ length: 2000 }, (_, index) => ({
      ...at(''),
      ts: new Date(Date.UTC(2026, 0, 1) + index * 1_234_567),
      x: 0.1 * index,
      v: BigInt(index % 7),
    }));
    const source = createPipeline().source(fromIterable(SHAPE, [rows] as never, { orderedOn: 'ts' }));
    const { days, weeks } = source.aggStream({
      orderedOn: 'ts',
      aggregations: {
        days: { every: '1d', columns: { total: agg.sum('v'), mean: agg.mean('x'), n: agg.count() } },
        weeks: { every: '1w', columns: { total: agg.sum('v'), mean: agg.mean('x') } },
      },
    });
    const { again } = days.aggStream({
      orderedOn: 'ts',
      aggregations: { again: { every: '1w', columns: { total: agg.sum('total'), mean: agg.wmean('mean', 'n') } } },
    });
    const sinks = [weeks.collect(), again.collect()] as const;
    const job = run(sinks, { workers: 2 });
    const [direct, chained] = await Promise.all([job.rows(sinks[0]), job.rows(sinks[1])]);
    expect(column(chained, 'total')).toEqual(column(direct, 'total'));
    for (const [index, row] of chained.entries()) expect(row['mean']).toBeCloseTo(direct[index]?.mean as number, 9);
  });
});

describe('integers', () => {
  const most = 2n ** 63n - 1n;
  const given = [[at('2026-01-01T10:00', { v: most }), at('2026-01-01T10:00', { v: 2n })]];

  it.each(['lattice', 'windows'])('beyond 64 bits end the run, naming the bin (%s)', async (way) => {
    const options: AggregationOptions = {
      every: '1h',
      ...(way === 'windows' && { closed: 'right' }),
      columns: { s: agg.sum('v') },
    };
    await expect(aggregate(given, options)).rejects.toMatchObject({ code: 'ERR_INTEGER_OVERFLOW', column: 's' });
  });

  it('wrap or become doubles when asked', async () => {
    const columns = { wrapped: agg.sum('v', { overflow: 'wrap' }), double: agg.sum('v', { overflow: 'float64' }) };
    expect(await aggregate(given, { every: '1h', columns })).toMatchObject([
      { wrapped: -(2n ** 63n) + 1n, double: 2 ** 63 },
    ]);
  });
});

describe('functions', () => {
  const values = (...xs: (number | null)[]): Given[][] => [xs.map((x) => at('2026-01-01T10:00', { x }))];

  it('give null, and counts 0, for a group without values', async () => {
    const columns = {
      nx: agg.count('x'),
      different: agg.nUnique('x'),
      roughly: agg.nUniqueApprox('x'),
      sum: agg.sum('x'),
      median: agg.median('x'),
      nearly: agg.quantileApprox('x', 0.5),
      weighted: agg.wmean('x', 'v'),
      best: agg.argMax('k', 'x'),
      product: agg.custom(product, 'x'),
    };
    const [row] = await aggregate(values(null, null), { every: '1h', columns });
    const { ts: _, ...rest } = row as Given;
    expect(rest).toEqual({
      nx: 0n,
      different: 0n,
      roughly: 0n,
      sum: null,
      median: null,
      nearly: null,
      weighted: null,
      best: null,
      product: null,
    });
  });

  it('of NaN and infinities', async () => {
    const columns = {
      low: agg.min('x'),
      high: agg.max('x'),
      sum: agg.sum('x'),
      top: agg.quantile('x', 1),
      different: agg.nUnique('x'),
      std: agg.std('x'),
    };
    const [row] = await aggregate(values(NaN, 1, Infinity, NaN, -0, 0), { every: '1h', columns });
    expect(row).toMatchObject({ low: -0, high: Infinity, sum: NaN, top: NaN, different: 4n, std: NaN });
  });

  it('take quantiles between two values as asked', async () => {
    const of = (interpolation: 'linear' | 'lower' | 'higher' | 'nearest') => agg.quantile('x', 0.5, { interpolation });
    const columns = { linear: of('linear'), lower: of('lower'), higher: of('higher'), nearest: of('nearest') };
    const [row] = await aggregate(values(4, 1, 2, 3), { every: '1h', columns });
    expect(row).toMatchObject({ linear: 2.5, lower: 2, higher: 3, nearest: 2 });
  });

  it('are within their error where they are approximate', async () => {
    const many = Array.from({ length: 20_000 }, (_, index) =>
      at('2026-01-01T10:00', { x: 1 + ((index * 7919) % 20_000), v: BigInt((index * 7919) % 5000) }),
    );
    const columns = {
      median: agg.quantileApprox('x', 0.5),
      low: agg.quantileApprox('x', 0.001),
      different: agg.nUniqueApprox('v'),
      exact: agg.nUnique('v'),
    };
    const [row] = (await aggregate([many], { every: '1h', columns })) as {
      median: number;
      low: number;
      different: bigint;
      exact: bigint;
    }[];
    expect(Math.abs((row?.median as number) / 10_000 - 1)).toBeLessThan(0.0101);
    expect(Math.abs((row?.low as number) / 20 - 1)).toBeLessThan(0.06);
    expect(row?.exact).toBe(5000n);
    expect(Math.abs(Number(row?.different) / 5000 - 1)).toBeLessThan(0.06);
  });

  it('that hold values refuse by name where memory ends', async () => {
    const p = createPipeline({ memoryLimit: '96MiB' });
    const chunk = (from: number): Given[] =>
      Array.from({ length: 50_000 }, (_, index) => ({ t: BigInt(from + index), x: from + index }));
    const chunks = function* (): Generator<Given[]> {
      for (let from = 0; from < 12_000_000; from += 50_000) yield chunk(from);
    };
    const source = p.source(fromIterable({ t: 'int64', x: 'float64' }, chunks() as never, { orderedOn: 't' }));
    const { all } = source.aggStream({
      orderedOn: 't',
      aggregations: { all: { every: 1_000_000_000, columns: { m: agg.median('x') } } },
    });
    const sink = all.collect();
    await expect(run([sink], { workers: 1 }).rows(sink)).rejects.toMatchObject({
      code: 'ERR_MEMORY_EXHAUSTED',
      message: expect.stringContaining('median for "m"'),
    });
  });

  it('what a long gap closes at once is told from open bins where memory ends', async () => {
    const rows = Array.from({ length: 2000 }, (_, key) => ({ t: 0n, key }));
    const { all } = createPipeline({ memoryLimit: '96MiB' })
      .source(fromIterable({ t: 'int64', key: 'int32' }, [[...rows, { t: 1000n, key: 0 }]], { orderedOn: 't' }))
      .aggStream({ orderedOn: 't', by: ['key'], aggregations: { all: { every: 1, empty: 'null', columns: n } } });
    await expect(run([all.collect()]).done).rejects.toMatchObject({
      code: 'ERR_MEMORY_EXHAUSTED',
      message: expect.stringMatching(/^\d+ rows of closed bins and snapshots of "all" came of one batch/u),
    });
  });
});

describe('functions of users', () => {
  const given = [
    [at('2026-01-01T10:00', { x: 2, k: 'a', v: 1n }), at('2026-01-01T10:00', { k: null })],
    [at('2026-01-01T10:00', { x: 5, k: 'b' })],
  ];

  it('take the rows in their order, with nulls where they ask for them', async () => {
    const columns = { product: agg.custom(product, 'x', { scale: 10 }), joined: agg.custom(joined, ['k', 'v']) };
    expect(await aggregate(given, { every: '1h', columns })).toMatchObject([{ product: 100, joined: 'a1;-;b;' }]);
  });

  it('that fail end the run, naming the function', async () => {
    const rows = [Array.from({ length: 5 }, () => at('2026-01-01T10:00', { x: 1 }))];
    await expect(aggregate(rows, { every: '1h', columns: { f: agg.custom(failing, 'x') } })).rejects.toMatchObject({
      code: 'ERR_OP_FAILED',
      message: expect.stringContaining('update of aggregate "failing"'),
    });
    await expect(aggregate(rows, { every: '1h', columns: { f: agg.custom(untrue, 'x') } })).rejects.toMatchObject({
      code: 'ERR_VALUE',
      column: 'f',
    });
  });

  it('need a merge to be in snapshots', async () => {
    const options: AggregationOptions = {
      every: '1h',
      snapshots: { every: '30m' },
      columns: { f: agg.custom(untrue, 'x') },
    };
    await expect(aggregate(given, options)).rejects.toMatchObject({ code: 'ERR_OPTIONS' });
  });
});

describe('filters and post steps', () => {
  it('see only some rows, and compute from results', async () => {
    const given = [
      [at('2026-01-01T10:00', { x: 3 }), at('2026-01-01T10:10', { x: -5 }), at('2026-01-01T11:00', { x: -1 })],
    ];
    const rows = await aggregate(given, {
      every: '1h',
      filter: col('x').gt(0),
      columns: { ...n, sum: agg.sum('x') },
      post: { twice: col('sum').mul(2), n: col('n').cast('float64') },
    });
    expect(rows.map(({ n: count, sum, twice }) => ({ count, sum, twice }))).toEqual([{ count: 1, sum: 3, twice: 6 }]);
  });

  it('a filter that is no condition is refused', async () => {
    await expect(aggregate([], { every: '1h', filter: col('x'), columns: n })).rejects.toMatchObject({
      code: 'ERR_EXPRESSION',
    });
  });
});

describe('an aggregate of an aggregate by keys', () => {
  it('is the same as one that gets its rows in order', async () => {
    const random = seededRandom();
    const batches = Array.from({ length: 40 }, (_, batch) =>
      Array.from({ length: 500 }, (__, row) => ({
        ts: BigInt(batch * 500 + row) * 1_000_000n,
        k: `${random.integer(0, 3000)}`,
        x: random.integer(-1000, 1000) / 7,
        v: BigInt(random.integer(-1000, 1000)),
      })),
    );
    const sink = () => {
      const keyed = createPipeline()
        .source(fromIterable(SHAPE, batches, { orderedOn: 'ts' }))
        .aggStream({
          orderedOn: 'ts',
          by: ['k'],
          aggregations: { a: { every: '10m', columns: { x: agg.sum('x'), v: agg.last('v') } } },
        });
      const columns = { n: agg.count(), x: agg.sum('x'), m: agg.mean('x'), d: agg.std('x'), low: agg.min('v') };
      return keyed.a.aggStream({ orderedOn: 'ts', aggregations: { b: { every: '1h', columns } } }).b.collect();
    };
    const { outputs } = await runReference([sink()]);
    const expected = outputs[0]?.batches.flat().map((row) => [...row]);
    for (const workers of [1, 2]) {
      const asked = sink();
      const rows = await run([asked], { workers, debug: true }).rows(asked);
      expect(rows.map((row) => Object.values(row))).toEqual(expected);
    }
  });
});
