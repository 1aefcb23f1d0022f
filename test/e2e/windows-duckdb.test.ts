import { test } from 'vitest';
import { chooseSeed } from '#support/random';
import { checkAgainstDuckDb } from '#support/windows-against-duckdb';

const TABLES = Number(process.env['SPILLWAY_TABLES'] ?? 30);
const firstSeed = chooseSeed();

test.each(Array.from({ length: TABLES }, (_, index) => firstSeed + index))(
  'aggregations agree with DuckDB, SPILLWAY_SEED=%i SPILLWAY_TABLES=1',
  checkAgainstDuckDb,
);
