import { test } from 'vitest';

import { seededRandom } from '../../../../support/random.ts';
import { runHistory } from '../random-writes.ts';

test('random writes give what a sorted array gives', async () => {
  const random = seededRandom();
  for (let history = 0; history < 15; history += 1) await runHistory(random);
});
