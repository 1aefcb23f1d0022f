import { agg, col, createPipeline, type Fields, fromIterable, type Sink } from '@spillway/core';
import { loadArrow, rowsOfArrow, runReference } from '@spillway/core/internal';
import { run } from '@spillway/workers';
import { describe, expect, it } from 'vitest';
import { plus } from '#fixtures/ops';
import { chooseSeed, randomFrom } from '#support/random';
import { randomJoin, sinksOf } from '#support/random-join';
import type { Row } from '#support/random-rows';

const SHAPE = { ts: 'timestamp[us]', key: 'utf8', value: 'int64' } as const;

/** `inputs` logical inputs of `size` rows, a row each 10 µs. */
function* series(inputs: number, size: number): Generator<Row[]> {
  for (let input = 0; input < inputs; input++) {
    yield Array.from({ length: size }, (_, index) => {
      const row = input * size + index;
      return { ts: BigInt(row * 10), key: `k${row % 7}`, value: BigInt(row) };
    });
  }
}

const pipeline = () => createPipeline({ memoryLimit: '192MiB' }).register({ plus });
const asof = { strategy: 'asof', left: 'left', on: 'ts', by: ['key'], suffix: '_right' } as const;

/** Runs the sinks that `make` gives through the reference and the workers; they have to agree. Gives the rows. */
async function agreed(make: () => Sink, workers: number): Promise<Row[]> {
  const { outputs } = await runReference([make()]);
  const sink = make();
  const rows = await run([sink], { workers, debug: true }).rows(sink);
  expect(rows.map((row) => Object.values(row))).toEqual(outputs[0]?.batches.flat().map((row) => [...row]));
  return rows as Row[];
}

describe.each([1, 2])('with %i workers', (workers) => {
  it.each(['asof', 'inner'] as const)('joins random streams as the reference does: %s', async (strategy) => {
    const arrow = await loadArrow();
    const first = chooseSeed();
    for (let seed = first; seed < first + 8; seed++) {
      const given = randomJoin(randomFrom(seed), strategy);
      const seen: number[] = [];
      const batches: number[] = [];
      const { outputs } = await runReference(sinksOf(given, seen));
      const sinks = sinksOf(given, batches);
      const job = run(sinks, { workers, debug: true });
      const table = await job.table(sinks[0]);
      const rows = table.batches.flatMap((batch) => rowsOfArrow(arrow, batch, outputs[0]?.fields as Fields));
      expect(rows, `SPILLWAY_SEED=${seed}`).toEqual(outputs[0]?.batches.flat());
      expect(batches, `SPILLWAY_SEED=${seed}`).toEqual(seen);
    }
  });

  it('joins a stream with a filtered copy of itself that stays silent for long', async () => {
    // Nothing comes on the right until the left has run far ahead of what rings and credits hold.
    const make = (): Sink => {
      const p = pipeline();
      const left = p.source(fromIterable(SHAPE, series(400, 50), { orderedOn: 'ts' }));
      const right = left.filter(col('value').ge(19_000n));
      return p.joinStream({ left, right }, asof).collect();
    };
    const rows = await agreed(make, workers);
    expect(rows).toHaveLength(20_000);
    expect(rows.filter((row) => row['value_right'] !== null)).toHaveLength(1000);
  });

  it('joins a stream with its own daily aggregate, whose rows come only at the end', async () => {
    const make = (): Sink => {
      const p = pipeline();
      const left = p.source(fromIterable(SHAPE, series(300, 20), { orderedOn: 'ts' }));
      const { bins } = left.aggStream({
        orderedOn: 'ts',
        by: ['key'],
        aggregations: { bins: { every: '1d', columns: { total: agg.sum('value') } } },
      });
      return p.joinStream({ left, bins }, { strategy: 'asof', left: 'left', on: 'ts', by: ['key'] }).collect();
    };
    const rows = await agreed(make, workers);
    expect(rows.every((row) => row['total'] !== null)).toBe(true);
  });

  it('holds on disk what runs ahead by more than its share', async () => {
    const p = createPipeline({ memoryLimit: '192MiB' });
    const left = p.source(fromIterable(SHAPE, series(600, 500), { orderedOn: 'ts' }));
    const right = left.filter(col('value').ge(299_000n));
    const sink = p
      .joinStream({ left, right }, { ...asof, memoryLimit: '1MiB' })
      .aggStream({
        orderedOn: 'ts',
        aggregations: { all: { every: '1d', columns: { n: agg.count(), matched: agg.count('value_right') } } },
      })
      .all.collect();
    const job = run([sink], { workers, debug: true });
    expect((await job.rows(sink)).map(({ n, matched }) => [Number(n), Number(matched)])).toEqual([[300_000, 1000]]);
    const { spilledBytes } = await job.done;
    // All but what the rings, a quarter of the limit and the batches at work hold.
    expect(spilledBytes).toBeGreaterThan(5 * 2 ** 20);
  });

  it('joins a stream with itself', async () => {
    const make = (): Sink => {
      const p = pipeline();
      const left = p.source(fromIterable(SHAPE, series(100, 50), { orderedOn: 'ts' }));
      return p.joinStream({ left, right: left }, asof).collect();
    };
    const rows = await agreed(make, workers);
    expect(rows.every((row) => row['value'] === row['value_right'])).toBe(true);
  });

  it('joins two streams twice on different columns, so that each join waits for the stream that the other one blocks', async () => {
    const SHAPE_OF_BOTH = { a: 'timestamp[us]', b: 'timestamp[us]', value: 'int64' } as const;
    const both = function* (a: bigint, b: bigint): Generator<Row[]> {
      for (const rows of series(300, 10))
        yield rows.map(({ ts, value }) => ({ a: (ts as bigint) + a, b: (ts as bigint) + b, value }));
    };
    const sinks = (): Sink[] => {
      const p = pipeline();
      const x = p.source(fromIterable(SHAPE_OF_BOTH, both(0n, 20_000n)));
      const y = p.source(fromIterable(SHAPE_OF_BOTH, both(20_000n, 0n)));
      const joined = (on: 'a' | 'b') =>
        p.joinStream({ x, y }, { strategy: 'asof', left: 'x', on, suffix: '_y' }).collect();
      return [joined('a'), joined('b')];
    };
    const { outputs } = await runReference(sinks());
    const given = sinks();
    const job = run(given, { workers, debug: true });
    for (const [index, sink] of given.entries()) {
      const rows = (await job.rows(sink)).map((row) => Object.values(row));
      expect(rows).toEqual(outputs[index]?.batches.flat().map((row) => [...row]));
    }
  });

  it('joins a join, through stages of several lanes before and behind', async () => {
    const make = (): Sink => {
      const p = pipeline();
      const source = (name: string) => p.source(fromIterable(SHAPE, series(60, 40), { orderedOn: 'ts', name }));
      const left = source('a').plus({ n: 1 });
      const first = p.joinStream({ left, right: source('b').filter(col('value').mod(3n).eq(0n)) }, asof);
      const second = p.joinStream(
        { first, third: source('c').select({ ts: col('ts'), own: col('value') }) },
        {
          strategy: 'asof',
          left: 'first',
          on: 'ts',
          tolerance: '5us',
        },
      );
      const { bins } = second.filter(col('value').gt(5n)).aggStream({
        orderedOn: 'ts',
        aggregations: { bins: { every: '1ms', columns: { n: agg.count('value_right'), own: agg.sum('own') } } },
      });
      return bins.collect();
    };
    expect((await agreed(make, workers)).length).toBeGreaterThan(20);
  });

  it('ends when the left side ends, though the right side goes on', async () => {
    const make = (): Sink => {
      const p = pipeline();
      const left = p.source(fromIterable(SHAPE, series(1, 3), { orderedOn: 'ts', name: 'left' }));
      const right = p.source(fromIterable(SHAPE, series(500, 50), { orderedOn: 'ts', name: 'right' }));
      return p.joinStream({ left, right }, asof).collect();
    };
    expect(await agreed(make, workers)).toHaveLength(3);
  });

  it('refuses a side that is not in order, naming it', async () => {
    const p = pipeline();
    const rows = [
      [
        { ts: 2n, key: 'a', value: 1n },
        { ts: 1n, key: 'a', value: 2n },
      ],
    ];
    const left = p.source(fromIterable(SHAPE, series(1, 3), { name: 'left' }));
    const right = p.source(fromIterable(SHAPE, rows, { name: 'right' }));
    const sink = p.joinStream({ left, right }, asof).collect();
    await expect(run([sink], { workers, debug: true }).done).rejects.toMatchObject({
      code: 'ERR_INPUT_UNORDERED',
      message: expect.stringContaining('"ts" of "right" goes back from 2 to 1 at row 1'),
    });
  });

  it('gives back everything when a step behind it fails', async () => {
    const p = pipeline();
    const left = p.source(fromIterable(SHAPE, series(100, 50), { orderedOn: 'ts' }));
    const joined = p.joinStream({ left, right: left.filter(col('value').gt(10n)) }, asof);
    let batches = 0;
    const sink = joined.forEach(() => {
      batches += 1;
      if (batches === 5) throw new Error('enough');
    });
    await expect(run([sink], { workers, debug: true }).done).rejects.toThrow(/enough/);
  });
});
