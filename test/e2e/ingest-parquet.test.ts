import { it } from 'vitest';
import { tryParquetMutations } from '../support/parquet-mutations.ts';
import { chooseSeed } from '../support/random.ts';
import { quickSharedFolder } from '../support/temporary-folder.ts';

const folder = quickSharedFolder();

it('120 Parquet files that are nearly right give rows or a refusal, and tables of any shape come back', async () => {
  await tryParquetMutations(chooseSeed(), 120, folder);
});
