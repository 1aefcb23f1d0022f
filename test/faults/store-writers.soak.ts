import { join } from 'node:path';
import { expect, it } from 'vitest';

import { temporaryFolder } from '../support/temporary-folder.ts';
import { writersCase } from './store-writer-cases.ts';

it('eight processes write overlapping rows for a minute while two read', async () => {
  const commits = await writersCase(join(temporaryFolder(), 'store'), 60_000);
  process.stdout.write(`${commits} commits\n`);
  expect(commits).toBeGreaterThanOrEqual(8);
});
