import { test } from 'vitest';

import { seededRandom } from '../../../support/random.ts';
import { runHistory } from './random-writes.ts';

test('400 histories of random writes to a store give what a sorted array gives', async () => {
  const random = seededRandom();
  for (let history = 0; history < 400; history += 1) await runHistory(random);
}, 1_800_000);
