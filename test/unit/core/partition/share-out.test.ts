import { shareOut } from '@spillway/core/internal';
import { expect, it } from 'vitest';
import { chooseSeed, randomFrom } from '#support/random';

it('shares equal units out evenly', () => {
  expect(shareOut([1, 1, 1, 1, 1, 1, 1], 3)).toEqual([
    [0, 3],
    [3, 5],
    [5, 7],
  ]);
});

it('gives no more parts than units', () => {
  expect(shareOut([4, 2], 64)).toEqual([
    [0, 1],
    [1, 2],
  ]);
});

it('gives nothing where there is nothing', () => {
  expect(shareOut([], 4)).toEqual([]);
});

it('covers all units once, in order, in no more parts than asked for', () => {
  const random = randomFrom(chooseSeed());
  for (let round = 0; round < 500; round++) {
    const weights = Array.from({ length: random.integer(1, 30) }, () => random.pick([0, 0, 1, 5, 100]));
    const parts = random.integer(1, 12);
    const ranges = shareOut(weights, parts);
    expect(ranges.length).toBeLessThanOrEqual(parts);
    expect(ranges.every(([from, to]) => from < to)).toBe(true);
    expect(ranges.flatMap(([from, to]) => Array.from({ length: to - from }, (_, index) => from + index))).toEqual([
      ...weights.keys(),
    ]);
  }
});
