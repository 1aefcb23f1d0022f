import { join } from 'node:path';
import { expect, test } from 'vitest';

import { chooseSeed } from '../support/random.ts';
import { quickSharedFolder } from '../support/temporary-folder.ts';
import { type CrashMode, countChanges, crashCase, somePoints } from './store-crash-cases.ts';

const root = join(quickSharedFolder(), 'store');
const seed = chooseSeed() % 10_000;
let changes: number | undefined;

test.each<[CrashMode, number]>([
  ['kill', 7],
  ['lose', 6],
  ['fail', 5],
])(
  'a writer that dies at any change (%s) leaves the last commit whole',
  async (mode, count) => {
    changes ??= countChanges(root, seed);
    for (const change of somePoints(seed, changes, count)) {
      try {
        await crashCase(root, seed, change, mode);
      } catch (error) {
        throw new Error(`seed ${seed}, change ${change} of ${changes}`, { cause: error });
      }
    }
  },
  240_000,
);

test('a commit before its data files is found out', async () => {
  await expect(crashCase(root, seed, 0, 'broken')).rejects.toMatchObject({ code: 'ERR_FILE_NOT_FOUND' });
});
