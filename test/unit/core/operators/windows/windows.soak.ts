/** `npm run test:soak -- operators`: some thousand random aggregations, against the reference executor. */
import { test } from 'vitest';
import { chooseSeed } from '#support/random';
import { checkWindowPlan, checkWindowRestarts } from '#support/random-window-plan';

const count = Number(process.env['SPILLWAY_WINDOWS'] ?? 2000);
const seed = chooseSeed();

test.each([
  ['as they are', checkWindowPlan],
  ['going on from snapshots', checkWindowRestarts],
])(
  'windows agree with the reference executor: %s',
  async (_, check) => {
    for (let index = 0; index < count; index++) {
      await check(seed + index).catch((cause: unknown) => {
        throw new Error(`SPILLWAY_SEED=${seed + index} SPILLWAY_WINDOWS=1`, { cause });
      });
    }
  },
  3_600_000,
);
