import { join } from 'node:path';
import { expect, test } from 'vitest';

import { temporaryFolder } from '../support/temporary-folder.ts';
import { writersCase } from './store-writer-cases.ts';

test('eight processes write overlapping rows while two read: no lost write, no half-seen commit', async () => {
  expect(await writersCase(join(temporaryFolder(), 'store'), 1000)).toBeGreaterThanOrEqual(8);
});
