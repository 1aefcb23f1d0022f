import type { Figure } from '@spillway/bench/measure/figure';
import { exponentText, scalingsOf } from '@spillway/bench/measure/scaling';
import { expect, it } from 'vitest';

const at = (rows: number, ours: number, processorMs?: number): Figure => ({
  workload: 'W1',
  what: 'x',
  rows,
  ours,
  ...(processorMs !== undefined && { processorMs }),
  unit: 'ms',
});

it('an exponent is that of the work without what starting takes', () => {
  const [scaling] = scalingsOf([1, 1e3, 1e4, 1e5].map((rows) => at(rows, 7 + (rows === 1 ? 0 : rows ** 1.5 / 1000))));
  expect(scaling?.startMs).toBe(7);
  expect(scaling?.exponent).toBeCloseTo(1.5, 10);
});

it('sizes that hardly stand out from starting do not count', () => {
  const [scaling] = scalingsOf([at(1, 10), at(1e3, 10.5), at(1e4, 20), at(1e5, 110)]);
  expect(scaling?.exponent).toBeCloseTo(1, 10);
  expect(scalingsOf([at(1, 10), at(1e3, 10.5), at(1e4, 20)])[0]?.exponent).toBeUndefined();
});

it('of figures at one size the first counts: it is of our side alone, as those of smaller sizes are', () => {
  const [scaling] = scalingsOf([at(1, 10), at(1e3, 20), at(1e4, 110), at(1e4, 200)]);
  expect(scaling?.points.map(({ ms }) => ms)).toEqual([10, 20, 110]);
});

it('a workload that was measured at one size has no exponent', () => {
  expect(scalingsOf([at(1e5, 110), at(1e5, 110)])).toEqual([]);
});

it('processor time has an exponent of its own, where it was taken at all sizes', () => {
  const sizes = [1, 1e3, 1e4, 1e5];
  const [scaling] = scalingsOf(sizes.map((rows) => at(rows, 7 + (rows === 1 ? 0 : rows ** 1.5), rows)));
  expect(scaling?.processorExponent).toBeCloseTo(1, 3);
  expect(scaling && exponentText(scaling)).toBe('1.50 (1.00)');
  const [without] = scalingsOf(sizes.map((rows) => at(rows, rows, rows === 1 ? undefined : rows)));
  expect(without && exponentText(without)).toBe('1.00');
});
