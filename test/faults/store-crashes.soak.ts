import { join } from 'node:path';
import { expect, it } from 'vitest';

import { chooseSeed } from '../support/random.ts';
import { quickSharedFolder } from '../support/temporary-folder.ts';
import { type CrashMode, countChanges, crashCase } from './store-crash-cases.ts';

const root = join(quickSharedFolder(), 'store');

it('300 crashes of a store writer, each change of a scenario by kill, loss and failure', async () => {
  let seed = chooseSeed() % 10_000;
  let crashes = 0;
  for (; crashes < 300; seed += 1) {
    const changes = countChanges(root, seed);
    for (let change = 1; change <= changes; change += 1) {
      const mode = (['kill', 'lose', 'fail'] as const satisfies CrashMode[])[change % 3] ?? 'kill';
      try {
        await crashCase(root, seed, change, mode);
      } catch (error) {
        throw new Error(`seed ${seed}, change ${change} of ${changes}, ${mode}`, { cause: error });
      }
      crashes += 1;
    }
  }
  expect(crashes).toBeGreaterThanOrEqual(300);
}, 3_000_000);
