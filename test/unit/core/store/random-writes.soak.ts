import { test } from 'vitest';

import { seededRandom } from '../../../support/random.ts';
import { runHistory } from './random-writes.ts';

test('1,000 histories of random writes to a store give what a sorted array gives', async () => {
  const random = seededRandom();
  for (let history = 0; history < 1000; history += 1) await runHistory(random);
}, 1_800_000);
