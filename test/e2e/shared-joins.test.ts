import {
  agg,
  col,
  createPipeline,
  explain,
  type Fields,
  fromShared,
  type SharedTable,
  type Sink,
  shareTable,
} from '@spillway/core';
import { loadArrow, rowsOfArrow, runReference } from '@spillway/core/internal';
import { run } from '@spillway/workers';
import { afterEach, describe, expect, it } from 'vitest';
import { chooseSeed, randomFrom } from '#support/random';
import { joinOf, LEFT, randomJoin, rightShapeOf, sinksOf } from '#support/random-join';

const tables: SharedTable[] = [];
afterEach(() => {
  for (const table of tables.splice(0)) table.release();
});

async function shared<T extends SharedTable>(table: Promise<T>): Promise<T> {
  const made = await table;
  tables.push(made);
  return made;
}

const SERIES = { ts: 'timestamp[us]', key: 'int32', value: 'int64' } as const;

/** A row each `stepUs`; then `more` of no value, which are to be left out: the planner counts rows of sources. */
function series(rows: number, stepUs: number, keys: number, batchRows: number, more = 0) {
  const length = rows + more;
  const ts = BigInt64Array.from({ length }, (_, row) => BigInt(Math.min(row, rows) * stepUs));
  const key = Int32Array.from({ length }, (_, row) => (row * 7919) % keys);
  const value = BigInt64Array.from({ length }, (_, row) => (row < rows ? BigInt(row) : -1n));
  return shared(shareTable(SERIES, [{ ts, key, value }], { batchRows }));
}

const pipeline = () => createPipeline({ memoryLimit: '512MiB' });
const asof = { strategy: 'asof', left: 'left', on: 'ts', by: ['key'], suffix: '_right' } as const;

/** Joins that lanes share. */
async function sharedJoins(...sinks: Sink[]): Promise<number> {
  const { physical } = await explain(sinks);
  return physical.stages.filter(({ side }) => side?.edges.length === 2).length;
}

/** Runs it, so many joins of it shared, on one lane and on several; gives the rows. */
async function agreed(joins: number, make: () => Sink): Promise<Record<string, unknown>[]> {
  expect(await sharedJoins(make())).toBe(joins);
  const [one, ...others] = await Promise.all(
    [1, 2, 3].map(async (workers) => {
      const sink = make();
      return run([sink], { workers, debug: true }).rows(sink);
    }),
  );
  for (const other of others) expect(other).toEqual(one);
  return one as Record<string, unknown>[];
}

describe('joins that lanes share', () => {
  it.each(['asof', 'semi', 'anti'] as const)('give what the reference gives of random streams: %s', async (kind) => {
    const arrow = await loadArrow();
    const first = chooseSeed();
    for (let seed = first; seed < first + 4; seed++) {
      const random = randomFrom(seed);
      const given = { ...randomJoin(random, kind), unit: 'us' as const, memoryLimit: undefined };
      const right = given.right.flat().sort((a, b) => Number((a['at'] as bigint) - (b['at'] as bigint)));
      const { outputs } = await runReference([sinksOf({ ...given, right: [right] })[0]]);
      const options = () => ({ batchRows: random.pick([1, 5, 64]) });
      // Twice as many left rows as right ones, as the planner wants them; nobody sees those of no number.
      const lefts = given.left.flat();
      const last = { ...lefts[0], ts: 10_000_000n, symbol: null, price: null, ok: null, note: null, n: -1n };
      const more = Array.from({ length: 2 * right.length + 1 }, () => last);
      const left = await shared(shareTable(LEFT, [[...lefts, ...more] as never], options()));
      const rights = await shared(shareTable(rightShapeOf(given), [right as never], options()));
      const p = pipeline();
      const joined = joinOf(
        p,
        given,
        p.source(fromShared(left, { orderedOn: 'ts' })).filter(col('n').ge(0n)) as never,
        p.source(fromShared(rights, { orderedOn: 'at' })) as never,
      );
      const sink = joined.collect();
      expect(await sharedJoins(sink)).toBe(1);
      const table = await run([sink], { workers: 2, debug: true }).table(sink);
      const rows = table.batches.flatMap((batch) => rowsOfArrow(arrow, batch, outputs[0]?.fields as Fields));
      expect(rows, `SPILLWAY_SEED=${seed}`).toEqual(outputs[0]?.batches.flat());
    }
  });

  it('go on whichever side is longer, denser, or cut into more batches than its edge holds', async () => {
    for (const [leftStep, rightStep, leftBatch, rightBatch] of [
      [1, 50, 700, 9],
      [50, 1, 9, 700],
      [7, 7, 50, 50],
    ] as const) {
      const left = await series(4000, leftStep, 13, leftBatch, 4000);
      const right = await series(4000, rightStep, 13, rightBatch);
      const rows = await agreed(1, () => {
        const p = pipeline();
        const sides = {
          left: p.source(fromShared(left, { orderedOn: 'ts' })).filter(col('value').ge(0n)),
          right: p.source(fromShared(right, { orderedOn: 'ts' })).filter(col('value').mod(3n).ne(0n)),
        };
        return p
          .joinStream(sides, { ...asof, tolerance: '10us' })
          .aggStream({
            orderedOn: 'ts',
            by: ['key'],
            aggregations: {
              all: {
                every: '50ms',
                columns: { n: agg.count(), matched: agg.count('value_right'), sum: agg.sum('value_right') },
              },
            },
          })
          .all.collect();
      });
      expect(rows.reduce((sum, { n }) => sum + Number(n), 0)).toBe(4000);
    }
  });

  it('do not wait for a lane that runs ahead through batches in which a filter left nothing', async () => {
    // The first left batch needs all right rows; behind it are more empty ones than its lane's output has places.
    const ts = BigInt64Array.from({ length: 5000 }, () => 1_000_000n);
    const value = BigInt64Array.from({ length: 5000 }, (_, row) => (row < 10 ? BigInt(row) : -1n));
    const left = await shared(shareTable(SERIES, [{ ts, key: new Int32Array(5000), value }], { batchRows: 10 }));
    const right = await series(2000, 10, 1, 4);
    const rows = await agreed(1, () => {
      const p = pipeline();
      const some = p.source(fromShared(left, { orderedOn: 'ts' })).filter(col('value').ge(0n));
      return p.joinStream({ left: some, right: p.source(fromShared(right, { orderedOn: 'ts' })) }, asof).collect();
    });
    expect(rows.map((row) => row['value_right'])).toEqual(Array.from({ length: 10 }, () => 1999n));
  });

  it('follow each other, each in a stage of its own, and take what another join gives on their right', async () => {
    const [a, b, c] = [await series(1500, 10, 7, 20), await series(700, 20, 7, 5), await series(350, 40, 7, 100)];
    const rows = await agreed(3, () => {
      const p = pipeline();
      const source = (table: typeof a) => p.source(fromShared(table, { orderedOn: 'ts' }));
      const chained = p.joinStream({ left: source(a), right: source(b) }, asof);
      const inner = p.joinStream({ left: source(b), right: source(c) }, { ...asof, suffix: '_inner' });
      return p.joinStream({ chained, inner }, { ...asof, left: 'chained', suffix: '_both' }).collect();
    });
    expect(rows).toHaveLength(1500);
  });

  it('are several behind one source', async () => {
    const [a, b, c] = [await series(1500, 10, 7, 20), await series(700, 20, 7, 5), await series(350, 40, 7, 100)];
    const results = await Promise.all(
      [1, 2].map(async (workers) => {
        const p = pipeline();
        const left = p.source(fromShared(a, { orderedOn: 'ts' }));
        const sinks = [b, c].map((table) =>
          p.joinStream({ left, right: p.source(fromShared(table, { orderedOn: 'ts' })) }, asof).collect(),
        );
        expect(await sharedJoins(...sinks)).toBe(2);
        const job = run(sinks, { workers, debug: true });
        return Promise.all(sinks.map((sink) => job.rows(sink)));
      }),
    );
    expect(results[1]).toEqual(results[0]);
  });

  it('say in all lanes alike what is wrong with a right side', async () => {
    const left = await series(5000, 10, 3, 100);
    const ts = BigInt64Array.from({ length: 900 }, (_, row) => BigInt(row === 600 ? 0 : row * 50));
    const right = await shared(
      shareTable(SERIES, [{ ts, key: new Int32Array(900), value: new BigInt64Array(900) }], { batchRows: 50 }),
    );
    for (const workers of [1, 2]) {
      const p = pipeline();
      const sides = {
        left: p.source(fromShared(left, { orderedOn: 'ts' })),
        right: p.source(fromShared(right, { orderedOn: 'ts', orderTrusted: true, name: 'right' })),
      };
      const job = run([p.joinStream(sides, asof).collect()], { workers, debug: true });
      await expect(job.done).rejects.toMatchObject({ code: 'ERR_INPUT_UNORDERED', row: 600 });
    }
  });
});
