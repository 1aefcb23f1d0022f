/** `npm run test:soak -- operators`: joins and aggregations of 20,000 random tables, against DuckDB. */
import { test } from 'vitest';
import { checkAll, DUCKDB_CHECKS } from '#support/operators-against-duckdb';

test.each(DUCKDB_CHECKS)('$name agree with DuckDB', ({ check, inSoak }) => checkAll(check, inSoak), 3_600_000);
