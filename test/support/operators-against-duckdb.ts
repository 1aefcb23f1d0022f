/** What is compared with DuckDB, and on how many random tables. */
import { checkJoinAgainstDuckDb } from '#support/joins-against-duckdb';
import { chooseSeed } from '#support/random';
import { checkAgainstDuckDb } from '#support/windows-against-duckdb';

export const DUCKDB_CHECKS = [
  { name: 'joins', check: checkJoinAgainstDuckDb, inTests: 240, inSoak: 12_000 },
  { name: 'aggregations', check: checkAgainstDuckDb, inTests: 140, inSoak: 8000 },
] as const;

/** Runs a check on as many random tables, or on `SPILLWAY_TABLES`. @throws naming the seed */
export async function checkAll(check: (seed: number) => Promise<void>, count: number): Promise<void> {
  const first = chooseSeed();
  const tables = Number(process.env['SPILLWAY_TABLES'] ?? count);
  for (let seed = first; seed < first + tables; seed++) {
    await check(seed).catch((cause: unknown) => {
      throw new Error(`SPILLWAY_SEED=${seed} SPILLWAY_TABLES=1: ${cause instanceof Error ? cause.message : cause}`, {
        cause,
      });
    });
  }
}
