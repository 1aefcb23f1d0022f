/** Aggregates over random windows go on from snapshots as if nothing had happened. */
import { test } from 'vitest';
import { chooseSeed } from '#support/random';
import { checkWindowRestarts } from '#support/random-window-plan';

const count = Number(process.env['SPILLWAY_WINDOWS'] ?? 12);

test('windows that go on from snapshots agree with the reference executor', async () => {
  const first = chooseSeed();
  for (let seed = first; seed < first + count; seed++) {
    await checkWindowRestarts(seed).catch((cause: unknown) => {
      throw new Error(`SPILLWAY_SEED=${seed} SPILLWAY_WINDOWS=1: ${String(cause)}`, { cause });
    });
  }
}, 600_000);
