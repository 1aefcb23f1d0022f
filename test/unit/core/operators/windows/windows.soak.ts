/** `npm run test:soak -- operators`: some thousand random aggregations, against the reference executor and against DuckDB. */
import { test } from 'vitest';
import { chooseSeed } from '#support/random';
import { checkWindowPlan } from '#support/random-window-plan';
import { checkAgainstDuckDb } from '#support/windows-against-duckdb';

const count = Number(process.env['SPILLWAY_WINDOWS'] ?? 2000);
const seed = chooseSeed();

test.each([
  ['the reference executor', checkWindowPlan],
  ['DuckDB', checkAgainstDuckDb],
])(
  'windows agree with %s',
  async (_, check) => {
    for (let index = 0; index < count; index++) {
      await check(seed + index).catch((cause: unknown) => {
        throw new Error(`SPILLWAY_SEED=${seed + index} SPILLWAY_WINDOWS=1`, { cause });
      });
    }
  },
  3_600_000,
);
