import { col, createPipeline, fromIterable, PipelineError } from '@spillway/core';
import { buildLogicalPlan, fieldsFromShape, resolvePlan, runReference } from '@spillway/core/internal';
import { run } from '@spillway/workers';
import { describe, expect, test } from 'vitest';
import { chooseSeed, randomFrom } from '#support/random';
import { randomRows } from '#support/random-rows';
import { cutAtRandom, expectLikeReference } from '#support/step-harness';

const SHAPE = { n: 'int64', text: 'utf8', flag: 'bool', x: 'float64', tags: 'list<int32>' } as const;
const numbers = (count: number) => Array.from({ length: count }, (_, n) => ({ n }));
const source = (rows: readonly object[]) =>
  createPipeline().source(fromIterable({ n: 'int32' }, [rows.slice(0, 3), rows.slice(3)] as never));

/** The batches that a callback sees. */
async function windows(stream: ReturnType<typeof source>): Promise<number[][]> {
  const seen: number[][] = [];
  const sink = stream.forEach((rows) => void seen.push(rows.map(({ n }) => n as number)), { takes: 'rows' });
  await run([sink], { workers: 2 }).done;
  return seen;
}

describe('slidingWindow', () => {
  test('every row ends a window of the last two rows, the first one of one row', async () => {
    const seen = await windows(source(numbers(10)).slidingWindow(2));
    expect(seen).toEqual([[0], [0, 1], [1, 2], [2, 3], [3, 4], [4, 5], [5, 6], [6, 7], [7, 8], [8, 9]]);
  });

  test('without partial windows the first one is whole', async () => {
    const seen = await windows(source(numbers(10)).slidingWindow(2, { partial: false }));
    expect(seen).toHaveLength(9);
    expect(seen[0]).toEqual([0, 1]);
  });

  test('the end of input gives rows that no window had', async () => {
    expect(await windows(source(numbers(10)).slidingWindow(4, { every: 4 }))).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
    expect(await windows(source(numbers(8)).slidingWindow(4, { every: 4 }))).toHaveLength(2);
    expect((await windows(source(numbers(7)).slidingWindow(5, { every: 2 }))).at(-1)).toEqual([3, 4, 5, 6]);
  });

  test('a stream without rows has no windows', async () => {
    expect(await windows(source([]).slidingWindow(3))).toEqual([]);
  });

  test('windows are numbered, and what follows may rely on that order', async () => {
    const sink = source(numbers(4)).slidingWindow(2, { number: 'window' }).collect();
    const { plan, outputs } = await runReference([sink]);
    expect(outputs[0]?.batches.flat()).toEqual([
      [0n, 0n],
      [0n, 1n],
      [1n, 1n],
      [1n, 2n],
      [2n, 2n],
      [2n, 3n],
      [3n, 3n],
    ]);
    expect(plan.nodes.at(-2)?.ordered).toEqual({ out: 'window' });
  });

  test('a number that has the name of a column is refused', async () => {
    const sink = source([]).slidingWindow(2, { number: 'n' }).collect();
    const error: unknown = await resolvePlan(buildLogicalPlan([sink])).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ERR_SCHEMA', column: 'n' });
  });

  test.each([[{ every: 3 }], [{ every: 0 }], [{ number: '' }], [{ memoryLimit: 0 }]])('%j is refused', (options) => {
    expect(() => source([]).slidingWindow(2, options)).toThrow(PipelineError);
  });

  test('random windows equal the reference, in memory and on disk', async () => {
    const first = chooseSeed();
    const count = Number(process.env['SPILLWAY_STEPS'] ?? 40);
    let spilledBytes = 0;
    for (let seed = first; seed < first + count; seed++) {
      const random = randomFrom(seed);
      const rows = random.integer(1, random.pick([3, 60]));
      const options = {
        every: random.integer(1, rows),
        partial: random.chance(0.7),
        ...(random.chance(0.5) && { number: 'window' }),
        ...(random.chance(0.4) && { memoryLimit: random.integer(1, 2000) }),
      };
      const inputs = cutAtRandom(random, randomRows(random, fieldsFromShape(SHAPE), random.pick([0, 1, 20, 150])));
      const stream = createPipeline()
        .source(fromIterable(SHAPE, inputs as never))
        .slidingWindow(rows, options);
      const sink = random.chance(0.5) ? stream.collect() : stream.forEach(() => {});
      const message = `SPILLWAY_SEED=${seed} SPILLWAY_STEPS=1 slidingWindow(${rows}, ${JSON.stringify(options)})`;
      spilledBytes += await expectLikeReference(random, sink, [inputs], message);
    }
    if (count > 20) expect(spilledBytes).toBeGreaterThan(0);
  });

  test('windows that do not fit into memory are read from disk', async () => {
    const rows = Array.from({ length: 20_000 }, (_, n) => ({ n, text: 'x'.repeat(20) }));
    const build = (memoryLimit?: string) =>
      createPipeline({ memoryLimit: '64MiB' })
        .source(fromIterable({ n: 'int64', text: 'utf8' }, [rows.slice(0, 9000), rows.slice(9000)]))
        .slidingWindow(15_000, { every: 5000, ...(memoryLimit !== undefined && { memoryLimit }) })
        .filter(col('n').mod(7).ne(0))
        .collect();
    const small = build('100KiB');
    const job = run([small], { workers: 2 });
    expect((await job.done).spilledBytes).toBeGreaterThan(0);
    const whole = build();
    const other = run([whole], { workers: 1 });
    await other.done;
    expect(await job.rows(small)).toEqual(await other.rows(whole));
  });
});
