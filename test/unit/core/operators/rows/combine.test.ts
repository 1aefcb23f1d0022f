/** Steps with several inputs, whatever comes first, equal the reference executor. */
import { createPipeline, fromIterable, type Stream } from '@spillway/core';
import { runReference } from '@spillway/core/internal';
import { run } from '@spillway/workers';
import { describe, expect, test } from 'vitest';
import { chooseSeed, randomFrom, type SeededRandom } from '#support/random';
import type { Row } from '#support/random-rows';
import { cutAtRandom, driveStage, expectLikeReference } from '#support/step-harness';

const SHAPE = { t: 'int64', text: 'utf8', code: 'dictionary<utf8>', x: 'float64', tags: 'list<utf8>' } as const;

function randomRows(random: SeededRandom, label: string): Row[] {
  const maybe = <T>(value: T): T | null => (random.chance(0.2) ? null : value);
  const span = random.pick([3, 60, 1000]);
  const times = Array.from({ length: random.pick([0, 1, 10, 80]) }, () => random.integer(0, span)).sort(
    (a, b) => a - b,
  );
  return times.map((t, row) => ({
    t: BigInt(t),
    text: maybe(`${label}${row}`),
    code: maybe(random.pick(['a', 'b', label])),
    x: maybe(random.anyFloat()),
    tags: maybe([label, null]),
  }));
}

const count = Number(process.env['SPILLWAY_STEPS'] ?? 25);

/** Sources of random rows, and what they were made of. */
function sources(random: SeededRandom, most: number) {
  const p = createPipeline();
  const inputs = Array.from({ length: random.integer(2, most) }, (_, index) =>
    cutAtRandom(random, randomRows(random, 'abcd'[index] as string)),
  );
  const streams = inputs.map((given) => p.source(fromIterable(SHAPE, given as never)));
  return { p, inputs, streams };
}

describe('several streams', () => {
  test('mergeOrdered, with ties, on disk and in memory', async () => {
    const first = chooseSeed();
    for (let seed = first; seed < first + count; seed++) {
      const random = randomFrom(seed);
      const { p, inputs, streams } = sources(random, 4);
      const named = Object.fromEntries(streams.map((stream, index) => [`s${index}`, stream]));
      const options = { on: 't' as const, ...(random.chance(0.5) && { memoryLimit: 500 }) };
      const merged = p.mergeOrdered(named, options) as Stream;
      const sink = random.chance(0.5) ? merged.collect() : merged.forEach(() => {});
      await expectLikeReference(random, sink, inputs, `SPILLWAY_SEED=${seed} SPILLWAY_STEPS=1`);
    }
  });

  test('a stream merged and zipped with a late copy of itself is held, on disk beyond the limit', async () => {
    const rows = Array.from({ length: 20_000 }, (_, t) => ({ t, text: `row ${t}` }));
    const inputs = Array.from({ length: 20 }, (_, input) => rows.slice(1000 * input, 1000 * input + 1000));
    const p = createPipeline({ memoryLimit: '256MiB' });
    const early = p.source(fromIterable({ t: 'int64', text: 'utf8' }, inputs, { orderedOn: 't' }));
    const late = early.sort({ by: 't' });
    const limit = { memoryLimit: '20KiB' } as const;
    const merged = p.mergeOrdered({ early, late }, { on: 't', ...limit }).collect();
    const zipped = p.zip({ early, late: late.rename({ t: 'u', text: 'copy' }) }, limit).collect();
    for (const workers of [1, 2]) {
      const job = run([merged, zipped], { workers, debug: true });
      expect((await job.done).spilledBytes).toBeGreaterThan(0);
      expect((await job.rows(merged)).map(({ t }) => Number(t))).toEqual(rows.flatMap(({ t }) => [t, t]));
      expect((await job.rows(zipped)).every(({ t, u, text, copy }) => t === u && text === copy)).toBe(true);
    }
  });

  test('zip', async () => {
    const first = chooseSeed();
    for (let seed = first; seed < first + count; seed++) {
      const random = randomFrom(seed);
      const { p, inputs, streams } = sources(random, 3);
      const named = Object.fromEntries(
        streams.map((stream, index) => {
          const names = Object.keys(SHAPE).map((name) => [name, `${name}${index}`]);
          return [`s${index}`, index === 0 ? stream : stream.rename(Object.fromEntries(names))];
        }),
      );
      const zipped = p.zip(named as never) as Stream;
      const sink = random.chance(0.5) ? zipped.collect() : zipped.forEach(() => {});
      const { outputs } = await runReference([sink]);
      const rows = outputs[0]?.batches.flat() ?? [];
      expect(rows).toHaveLength(Math.min(...inputs.map((given) => given.flat().length)));
      // Renaming is a stage before: the zip alone is driven with the columns as they are renamed.
      const renamed = inputs.map((given, index) =>
        given.map((batch) =>
          batch.map((row) =>
            index === 0
              ? row
              : Object.fromEntries(Object.entries(row).map(([name, value]) => [`${name}${index}`, value])),
          ),
        ),
      );
      const q = createPipeline();
      const shapes = renamed.map((_, index) =>
        Object.fromEntries(Object.entries(SHAPE).map(([name, type]) => [index === 0 ? name : `${name}${index}`, type])),
      );
      const direct = Object.fromEntries(
        renamed.map((given, index) => [`s${index}`, q.source(fromIterable(shapes[index] as never, given as never))]),
      );
      const alone = q.zip(direct as never, random.chance(0.5) ? { memoryLimit: 500 } : {}) as Stream;
      const end = random.chance(0.5) ? alone.collect() : alone.forEach(() => {});
      await expectLikeReference(random, end, renamed, `SPILLWAY_SEED=${seed} SPILLWAY_STEPS=1`);
    }
  });

  test('union gives every row once, those of one stream in order', async () => {
    const first = chooseSeed();
    for (let seed = first; seed < first + count; seed++) {
      const random = randomFrom(seed);
      const { p, inputs, streams } = sources(random, 3);
      const union = p.union(Object.fromEntries(streams.map((stream, index) => [`s${index}`, stream]))) as Stream;
      const { batches } = await driveStage(random, union.collect(), inputs);
      const { outputs } = await runReference([union.collect()]);
      const textOf = (rows: readonly (readonly unknown[])[], label: string): unknown[] =>
        rows.map(([, text]) => text).filter((text) => typeof text === 'string' && text.startsWith(label));
      const expected = (outputs[0]?.batches ?? []).flat();
      expect(batches.flat()).toHaveLength(expected.length);
      for (const label of ['a', 'b', 'c']) expect(textOf(batches.flat(), label)).toEqual(textOf(expected, label));
    }
  });

  test('columns in another order are the same columns, others are refused by name', async () => {
    const p = createPipeline();
    const left = p.source(fromIterable({ a: 'int32', b: 'utf8' }, [[{ a: 1, b: 'x' }]]));
    const right = p.source(fromIterable({ b: 'utf8', a: 'int32' }, [[{ a: 2, b: 'y' }]]));
    const { outputs } = await runReference([p.union({ left, right }).collect()]);
    expect(outputs[0]?.batches.flat()).toEqual([
      [1n, 'x'],
      [2n, 'y'],
    ]);
    const other = p.source(fromIterable({ a: 'int64', b: 'utf8' }, []));
    const error: unknown = await runReference([p.union({ left, other } as never).collect()]).catch((reason) => reason);
    expect(error).toMatchObject({ code: 'ERR_SCHEMA', column: 'a', value: 'int64', expected: 'int32' });
  });

  test('steps that depend on the order of arrival are refused in a deterministic plan', async () => {
    const p = createPipeline({ deterministic: true });
    const a = p.source(fromIterable({ a: 'int32' }, []));
    const b = p.source(fromIterable({ b: 'int32' }, []));
    for (const stream of [p.combineLatest({ a, b }), p.zipLatest({ a, b }, { lossless: 'b' }), p.union({ a, c: a })]) {
      const error: unknown = await runReference([stream.collect()]).catch((reason) => reason);
      expect(error).toMatchObject({ code: 'ERR_TIMING_DEPENDENT' });
    }
    await runReference([a.collectUntilFlush(b).collect()]);
    const seen: unknown = await runReference([a.collectUntilFlush(b).forEach(() => {})]).catch((reason) => reason);
    expect(seen).toMatchObject({ code: 'ERR_TIMING_DEPENDENT' });
  });
});
