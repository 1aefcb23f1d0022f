import { test } from 'vitest';
import { checkAll, DUCKDB_CHECKS } from '#support/operators-against-duckdb';

test.each(DUCKDB_CHECKS)('$name agree with DuckDB', ({ check, inTests }) => checkAll(check, inTests), 300_000);
