/** Random plans over more rows than they may hold end at exactly their minimum, with the answer that they give with much memory. */
import { expect, it } from 'vitest';
import { atTheMinimum } from '#support/at-the-minimum';
import { chooseSeed } from '#support/random';

const PLANS = Number(process.env['SPILLWAY_PLANS'] ?? 2);
const ROWS = Number(process.env['SPILLWAY_ROWS'] ?? 300_000);

const firstSeed = chooseSeed();

it.each(Array.from({ length: PLANS }, (_, index) => firstSeed + index))(
  'SPILLWAY_SEED=%i SPILLWAY_PLANS=1',
  async (seed) => {
    const { actual, expected, description } = await atTheMinimum(seed, ROWS, 1 + (seed % 3));
    expect(actual, description).toEqual(expected);
  },
);
