import { it } from 'vitest';
import { tryCsvTables } from '../support/csv-against-duckdb.ts';
import { chooseSeed } from '../support/random.ts';
import { quickSharedFolder } from '../support/temporary-folder.ts';

const folder = quickSharedFolder();

it('10,000 random tables as CSV, of every type and however cut, are the rows that DuckDB reads', async () => {
  await tryCsvTables(chooseSeed(), 10_000, folder);
}, 3_000_000);
