import { describe, expect, it } from 'vitest';
import { chooseSeed, randomFrom } from '#support/random';

describe('seeded random numbers', () => {
  it('come again from the same seed', () => {
    const seed = chooseSeed();
    const first = randomFrom(seed);
    const again = randomFrom(seed);
    const draw = (random: ReturnType<typeof randomFrom>) => Array.from({ length: 100 }, () => random.integer(-5, 5));
    expect(draw(first)).toEqual(draw(again));
  });

  it('stay inside the range asked for and reach both ends', () => {
    const random = randomFrom(1);
    const drawn = new Set(Array.from({ length: 1000 }, () => random.integer(-2, 2)));
    expect([...drawn].sort((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2]);
  });

  it('include floats that are not ordinary', () => {
    const random = randomFrom(7);
    const drawn = Array.from({ length: 10_000 }, () => random.anyFloat());
    expect(drawn.some(Number.isNaN)).toBe(true);
    expect(drawn.some((value) => Math.abs(value) > 1e200)).toBe(true);
    expect(drawn.some((value) => value !== 0 && Math.abs(value) < 1e-200)).toBe(true);
  });
});
