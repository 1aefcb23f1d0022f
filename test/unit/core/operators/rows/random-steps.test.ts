/** Every step over rows, on random rows cut anyhow, under pressure and with restarts, equals the reference executor. */
import { test } from 'vitest';
import { chooseSeed } from '#support/random';
import { checkStep, STEP_NAMES } from '#support/random-steps';

const count = Number(process.env['SPILLWAY_STEPS'] ?? 5);
const seed = chooseSeed();

test.each(STEP_NAMES.map((name, index) => [index, name] as const))('step %i: %s', (index) =>
  checkStep(index, seed, count),
);
