import { it } from 'vitest';
import { tryMutations } from '../support/ingest-mutations.ts';
import { chooseSeed } from '../support/random.ts';
import { quickSharedFolder } from '../support/temporary-folder.ts';

const folder = quickSharedFolder();

it.each(['csv', 'ndjson', 'arrow'] as const)(
  '25,000 %s files that are nearly right give the rows of the plain reader, or a refusal',
  async (kind) => {
    await tryMutations(chooseSeed(), 25_000, folder, [kind]);
  },
  3_000_000,
);
