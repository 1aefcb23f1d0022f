import { it } from 'vitest';
import { tryMutations } from '../support/ingest-mutations.ts';
import { chooseSeed } from '../support/random.ts';
import { quickSharedFolder } from '../support/temporary-folder.ts';

const folder = quickSharedFolder();

it('2,000 files that are nearly right give the rows of the plain readers, or a refusal', async () => {
  await tryMutations(chooseSeed(), 2000, folder, ['csv', 'ndjson', 'arrow']);
});
