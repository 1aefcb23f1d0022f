import { trendOf } from '@spillway/workers/internal';
import { expect, it } from 'vitest';

const row = (count: number, of: (n: number) => number): number[] => Array.from({ length: count }, (_, n) => of(n));

it('finds a row that rises, and by how much', () => {
  expect(trendOf(row(12, (n) => 100 + 5 * n))).toMatchObject({ slope: 5, middle: 127.5 });
});

it('is not led astray by a few values', () => {
  const values = row(20, (n) => 100 + 5 * n);
  values[3] = 100_000;
  values[17] = 0;
  expect(trendOf(values)?.slope).toBeCloseTo(5, 0);
});

it('finds none in values that swing, stay, or are few', () => {
  expect(trendOf(row(40, (n) => (n * 7919) % 97))).toBeUndefined();
  expect(trendOf(row(40, () => 5))).toBeUndefined();
  expect(trendOf(row(7, (n) => n))).toBeUndefined();
});
