import { it } from 'vitest';
import { tryCsvTables } from '../support/csv-against-duckdb.ts';
import { chooseSeed } from '../support/random.ts';
import { quickSharedFolder } from '../support/temporary-folder.ts';

const folder = quickSharedFolder();

it('100 random tables as CSV, of every type and however cut, are the rows that DuckDB reads', async () => {
  await tryCsvTables(chooseSeed(), 100, folder);
});
