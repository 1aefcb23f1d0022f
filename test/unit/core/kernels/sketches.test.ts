import { estimateUnique, hashWords, QuantileBuckets, registerOf, selectRank, zerosOf } from '@spillway/core/internal';
import { expect, it } from 'vitest';
import { seededRandom } from '#support/random';

it('a bucket stands for its values within the relative error, and buckets ascend with values', () => {
  const random = seededRandom();
  for (const relativeError of [0.001, 0.01, 0.3]) {
    const buckets = new QuantileBuckets(relativeError);
    const values = Array.from({ length: 2000 }, () => random.anyFloat())
      .filter((value) => Math.abs(value) >= 2 ** -1022 && Number.isFinite(value))
      .sort((a, b) => a - b);
    let before = -Infinity;
    for (const value of values) {
      const bucket = buckets.bucketOf(value);
      expect(bucket).toBeGreaterThanOrEqual(before);
      before = bucket;
      const error = Math.abs(buckets.valueOf(bucket) / value - 1);
      expect(error, String(value)).toBeLessThanOrEqual(relativeError * (1 + 1e-9));
    }
  }
});

it('what is no finite number has a bucket of its own', () => {
  const buckets = new QuantileBuckets(0.01);
  for (const value of [0, Infinity, -Infinity, NaN]) expect(buckets.valueOf(buckets.bucketOf(value))).toBe(value);
  expect(buckets.bucketOf(NaN)).toBeGreaterThan(buckets.bucketOf(Infinity));
});

it('registers tell how many different values there were, within four standard errors', () => {
  for (const precision of [8, 12]) {
    for (const different of [1, 10, 300, 5000, 100_000]) {
      const registers = new Uint8Array(2 ** precision);
      const hash = { high: 0, low: 0 };
      for (let value = 0; value < different; value++) {
        hashWords(value >>> 3, value, hash);
        const register = registerOf(hash, precision);
        registers[register] = Math.max(registers[register] as number, zerosOf(hash, precision));
      }
      const counts: number[] = [];
      for (const held of registers) counts[held] = (counts[held] ?? 0) + 1;
      const error = Math.abs(estimateUnique(counts, precision) / different - 1);
      expect(error, `${different} at ${precision}`).toBeLessThanOrEqual(
        Math.max((4 * 1.04) / 2 ** (precision / 2), 0.5 / different),
      );
    }
  }
});

it('the value of a rank is the one that sorting gives, NaN last', () => {
  const random = seededRandom();
  for (let round = 0; round < 200; round++) {
    const values = Float64Array.from({ length: random.integer(1, 60) }, () =>
      random.pick([NaN, 1, 1, 2, -5, Infinity, -Infinity, random.next()]),
    );
    const sorted = [...values].sort((a, b) => Number(Number.isNaN(a)) - Number(Number.isNaN(b)) || a - b || 0);
    const rank = random.integer(0, values.length - 1);
    expect(selectRank(Float64Array.of(9, ...values, 9), 1, values.length, rank)).toBe(sorted[rank]);
  }
});
