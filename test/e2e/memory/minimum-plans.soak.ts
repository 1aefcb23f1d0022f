/** The same as `minimum-plans.test.ts`, for more plans and rows: `npm run test:soak -- memory`. */
import { expect, it } from 'vitest';
import { atTheMinimum } from '#support/at-the-minimum';
import { chooseSeed } from '#support/random';

const PLANS = Number(process.env['SPILLWAY_PLANS'] ?? 60);
const ROWS = 2_000_000;

it(`${PLANS} random plans end at exactly their minimum`, async () => {
  const firstSeed = chooseSeed();
  let spilling = 0;
  const problems: string[] = [];
  for (let seed = firstSeed; seed < firstSeed + PLANS; seed += 1) {
    try {
      const { actual, expected, description, spilledBytes } = await atTheMinimum(seed, ROWS, 1 + (seed % 3));
      expect(actual, description).toEqual(expected);
      if (spilledBytes > 0) spilling += 1;
    } catch (error) {
      const problem = `SPILLWAY_SEED=${seed}: ${(error as Error).message}`;
      console.log(problem);
      problems.push(problem);
    }
  }
  console.log(`seeds from ${firstSeed}: ${PLANS} plans, ${spilling} of them spilled`);
  expect(problems).toEqual([]);
  expect(spilling).toBeGreaterThan(PLANS / 10);
}, 1_800_000);
