import { agg, createPipeline, fromIterable, type Stream } from '@spillway/core';
import { runReference } from '@spillway/core/internal';
import { run } from '@spillway/workers';
import { describe, expect, test } from 'vitest';
import { chooseSeed, randomFrom } from '#support/random';
import { cutAtRandom, expectLikeReference } from '#support/step-harness';

const SHAPE = { ts: 'timestamp[ms]', text: 'utf8', n: 'int32' } as const;
const rowsAt = (times: readonly number[]) => times.map((ts, n) => ({ ts, text: `r${n}`, n }));
const source = (times: readonly number[]) => createPipeline().source(fromIterable(SHAPE, [rowsAt(times)]));

async function numbers(stream: Stream): Promise<unknown[]> {
  const { outputs } = await runReference([stream.collect()]);
  return (outputs[0]?.batches ?? []).flat().map(([ts]) => Number(ts));
}

describe('reorder', () => {
  test('random disorder, cut anyhow, equals the reference executor', async () => {
    const first = chooseSeed();
    const count = Number(process.env['SPILLWAY_STEPS'] ?? 25);
    for (let seed = first; seed < first + count; seed++) {
      const random = randomFrom(seed);
      const spread = random.integer(0, 40);
      let at = 0;
      const times = Array.from({ length: random.pick([0, 1, 30, 200]) }, () => {
        at += random.integer(0, 4);
        return at - random.integer(0, random.chance(0.1) ? 2 * spread : spread);
      });
      const inputs = cutAtRandom(random, rowsAt(times));
      const lateRows = random.pick(['drop-and-count', 'side'] as const);
      const stream = createPipeline().source(fromIterable(SHAPE, inputs as never));
      const memoryLimit = random.pick(['1B', '2KiB', '1MiB']);
      const options = { on: 'ts' as const, allowedLateness: `${spread}ms`, memoryLimit };
      const { inOrder, late } =
        lateRows === 'side'
          ? stream.reorder({ ...options, lateRows })
          : { inOrder: stream.reorder({ ...options, lateRows }), late: undefined };
      const followed = late !== undefined && random.chance(0.5) ? late : inOrder;
      const sink = random.chance(0.5) ? followed.collect() : followed.forEach(() => {});
      await expectLikeReference(random, sink, [inputs], `SPILLWAY_SEED=${seed} SPILLWAY_STEPS=1`);
    }
  });

  test('rows within the lateness come in order, equal ones as they came', async () => {
    const times = [10, 7, 12, 12, 9, 20, 18, 30];
    expect(await numbers(source(times).reorder({ on: 'ts', allowedLateness: '5ms' }))).toEqual(
      [...times].sort((a, b) => a - b),
    );
  });

  test('a row that lies further behind fails the run, by number and with both values', async () => {
    const sink = source([10, 20, 9]).reorder({ on: 'ts', allowedLateness: '5ms' }).collect();
    await expect(run([sink]).done).rejects.toMatchObject({
      code: 'ERR_INPUT_UNORDERED',
      column: 'ts',
      row: 2,
      value: '9',
    });
  });

  test('late rows are left out and counted', async () => {
    const sink = source([10, 20, 9, 21, 3])
      .reorder({ on: 'ts', allowedLateness: '5ms', lateRows: 'drop-and-count' })
      .collect();
    const job = run([sink], { workers: 2 });
    const summary = await job.done;
    expect(summary.stages.reduce((sum, { lateRows }) => sum + lateRows, 0)).toBe(2);
    expect(await job.rows(sink)).toHaveLength(3);
  });

  test('late rows are a stream of their own, and an aggregate may rely on the order of the others', async () => {
    const { inOrder, late } = source([10, 20, 9, 16, 21, 3, 40]).reorder({
      on: 'ts',
      allowedLateness: '5ms',
      lateRows: 'side',
    });
    const bins = inOrder.aggStream({
      orderedOn: 'ts',
      aggregations: { bins: { every: '10ms', columns: { n: agg.count() } } },
    }).bins;
    const sinks = [bins.collect(), late.collect()] as const;
    const job = run(sinks, { workers: 2 });
    await job.done;
    expect((await job.rows(sinks[0])).map(({ n }) => Number(n))).toEqual([2, 2, 1]);
    expect((await job.rows(sinks[1])).map(({ n }) => n)).toEqual([2, 5]);
  });

  test('more rows than the limit allows wait on disk, and come in order', async () => {
    const random = randomFrom(chooseSeed());
    const times = Array.from({ length: 50_000 }, (_, n) => n - random.integer(0, Math.min(n, 20_000)));
    const sink = source(times).reorder({ on: 'ts', allowedLateness: '20s', memoryLimit: '40KiB' }).collect();
    const job = run([sink], { debug: true });
    const { spilledBytes } = await job.done;
    expect(spilledBytes).toBeGreaterThan(0);
    const sorted = times.map((ts, n) => ({ ts, n })).sort((a, b) => a.ts - b.ts || a.n - b.n);
    expect((await job.rows(sink)).map(({ n }) => n)).toEqual(sorted.map(({ n }) => n));
  });

  test.each([
    [{ on: 'ts' }],
    [{ on: '', allowedLateness: '1s' }],
    [{ on: 'ts', allowedLateness: '-1s' }],
    [{ on: 'ts', allowedLateness: '1s', lateRows: 'keep' }],
  ])('%j is refused', (options) => {
    expect(() => source([]).reorder(options as never)).toThrow(expect.objectContaining({ code: 'ERR_OPTIONS' }));
  });
});
