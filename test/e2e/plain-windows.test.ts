/** Random bins and snapshots, however the rows are cut into batches, against their rules written as plain loops. */
import { type AggregationOptions, agg, createPipeline, fromIterable, type Stream } from '@spillway/core';
import { run } from '@spillway/workers';
import { expect, it } from 'vitest';
import { type PlainBin, type PlainOptions, type PlainRow, plainBins, plainSnapshots } from '#support/plain-windows';
import { type SeededRandom, seededRandom } from '#support/random';

const SIDES = ['left', 'right'] as const;

function randomRows(random: SeededRandom): PlainRow[] {
  let t = random.integer(-20, 20);
  return Array.from({ length: random.pick([0, 1, 2, 5, 12, 30]) }, () => ({
    t: (t += random.pick([0, 0, 1, 1, 2, 5, 13])),
    k: random.pick(['a', 'b', 'c', null]),
    v: random.chance(0.25) ? null : random.integer(-9, 9),
  }));
}

function randomOptions(random: SeededRandom, last: number): PlainOptions {
  const common = { closed: random.pick(SIDES), label: random.pick(SIDES) };
  const kind = random.pick(['every', 'every', 'period', 'edges', 'rows', 'gap']);
  const empty = random.chance(0.5) ? { empty: 'null' as const } : {};
  const snapshots = random.chance(0.7) ? { snapshots: randomPoints(random, last) } : {};
  if (kind === 'every')
    return { ...common, ...empty, ...snapshots, every: random.pick([3, 5, 10]), origin: random.pick([0, -7, 2]) };
  if (kind === 'period')
    return { ...common, ...empty, every: random.pick([2, 3, 5]), period: random.pick([1, 4, 6, 10]) };
  if (kind === 'rows') return { ...common, ...snapshots, rows: random.pick([1, 2, 3, 7]) };
  if (kind === 'gap') return { ...common, gap: random.pick([1, 4]) };
  const edges = [random.integer(-40, -25)];
  while ((edges.at(-1) as number) < last + 5) edges.push((edges.at(-1) as number) + random.integer(1, 15));
  return { ...common, ...empty, ...snapshots, edges };
}

function randomPoints(random: SeededRandom, last: number): NonNullable<PlainOptions['snapshots']> {
  const closed = random.pick(SIDES);
  if (random.chance(0.6)) return { closed, every: random.pick([1, 2, 5, 7]), label: random.pick(SIDES) };
  const points = Array.from({ length: random.integer(1, 5) }, () => random.integer(-25, last + 10));
  return { closed, at: [...new Set(points)].sort((a, b) => a - b) };
}

function cut(random: SeededRandom, rows: readonly PlainRow[]): object[][] {
  const batches: object[][] = [];
  for (let from = 0; from < rows.length; ) {
    const size = random.pick([0, 1, 2, 3, 100]);
    batches.push(rows.slice(from, from + size).map((row) => ({ ...row, t: BigInt(row.t) })));
    from += size;
  }
  return batches;
}

const plain = (rows: readonly Record<string, unknown>[]): unknown[] =>
  rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [name, typeof value === 'bigint' ? Number(value) : value]),
    ),
  );

it('bins and snapshots are those of plain loops', async () => {
  const random = seededRandom();
  for (let round = 0; round < 25; round++) {
    const rows = randomRows(random);
    const options = randomOptions(random, rows.at(-1)?.t ?? 0);
    const by = random.chance(0.6) ? ['k'] : [];
    const columns = {
      ...{ n: agg.count(), sum: agg.sum('v'), first: agg.first('v'), last: agg.last('v') },
      median: agg.median('v'),
    };
    const shape = { t: 'int64', k: 'utf8', v: 'int32' } as const;
    const source = createPipeline().source(fromIterable(shape, cut(random, rows) as never, { orderedOn: 't' }));
    const streams = source.aggStream({
      orderedOn: 't',
      by: by as never,
      aggregations: { a: { ...options, columns } as AggregationOptions },
    }) as unknown as { a: Stream; aSnapshots?: Stream };
    const sinks = [streams.a.collect(), ...(streams.aSnapshots === undefined ? [] : [streams.aSnapshots.collect()])];
    const job = run(sinks, { workers: 2 });
    const results = await Promise.all(sinks.map((sink) => job.rows(sink)));
    const wanted: PlainBin[][] = [plainBins(rows, options, by.length > 0)];
    if (options.snapshots !== undefined) wanted.push(plainSnapshots(rows, options, by.length > 0));
    expect(results.map(plain), JSON.stringify({ options, by, rows })).toEqual(wanted);
  }
}, 120_000);
