/** `npm run test:soak -- operators`: some thousand random inputs for the steps over rows. */
import { test } from 'vitest';
import { chooseSeed } from '#support/random';
import { checkStep, STEP_NAMES } from '#support/random-steps';

const count = Number(process.env['SPILLWAY_STEPS'] ?? 500);
const seed = chooseSeed();

test.each(STEP_NAMES.map((name, index) => [index, name] as const))('step %i: %s', (index) =>
  checkStep(index, seed, count),
);
