import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';

/** Integers and times (microseconds since 1970) are bigints, floats are numbers. */
export type Cell = null | boolean | bigint | number | string;

/** A result by columns, in the order of the query. */
export interface SqlTable {
  names: string[];
  columns: Cell[][];
  rows: number;
}

let connecting: Promise<DuckDBConnection> | undefined;

async function connect(): Promise<DuckDBConnection> {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  return connection;
}

function toCell(value: DuckDBValue, typeText: string): Cell {
  if (value === null || typeof value === 'boolean' || typeof value === 'bigint' || typeof value === 'string')
    return value;
  if (typeof value === 'number') return /INT/.test(typeText) ? BigInt(value) : value;
  if ('micros' in value) return value.micros as bigint;
  if ('millis' in value) return (value.millis as bigint) * 1000n;
  if ('nanos' in value) return value.nanos as bigint;
  return String(value);
}

/** Runs SQL in DuckDB (one in-memory instance a test file) and returns the result by columns. */
export async function sql(query: string): Promise<SqlTable> {
  connecting ??= connect();
  const reader = await (await connecting).runAndReadAll(query);
  const types = reader.columnTypes().map(String);
  const columns = reader.getColumns().map((column, i) => column.map((value) => toCell(value, types[i] as string)));
  return { names: reader.deduplicatedColumnNames(), columns, rows: reader.currentRowCount };
}

/** A text as a SQL literal. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

interface DeltaAction {
  add?: { path: string };
  remove?: { path: string };
}

/** Paths of the Parquet files that the newest version of a Delta table names, oldest addition first. */
export function liveFiles(tableFolder: string): string[] {
  const log = join(tableFolder, '_delta_log');
  const commits = readdirSync(log).filter((name) => /^\d{20}\.json$/.test(name));
  const live = new Set<string>();
  for (const commit of commits.sort()) {
    const lines = readFileSync(join(log, commit), 'utf8').split('\n').filter(Boolean);
    for (const action of lines.map((line) => JSON.parse(line) as DeltaAction)) {
      if (action.remove) live.delete(action.remove.path);
      if (action.add) live.add(action.add.path);
    }
  }
  return [...live].map((path) => join(tableFolder, decodeURIComponent(path)));
}

/** A `FROM` clause over the files that a Delta table's log names, with the position of each row in the whole. */
export function fromDelta(tableFolder: string): string {
  const files = liveFiles(tableFolder);
  if (files.length === 0) throw new Error(`the log of ${tableFolder} names no file`);
  return `read_parquet([${files.map(quote).join(', ')}])`;
}

/** Acceptance data as a table, with the types that DuckDB sees in it. */
export function truth(file: string): Promise<SqlTable> {
  return sql(`SELECT * FROM read_csv(${quote(file)}, parallel = false)`);
}

/** |a − b| in units of the larger; equal values (NaN with NaN too) are 0 apart. */
function distance(a: number, b: number): number {
  if (Object.is(a, b) || a === b) return 0;
  return Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b));
}

function isSame(actual: Cell, expected: Cell, relative: number): boolean {
  if (actual === expected) return true;
  if (typeof actual !== 'number' && typeof expected !== 'number') return false;
  if (actual === null || expected === null) return false;
  return distance(Number(actual), Number(expected)) <= relative;
}

/**
 * Fails, naming row and column, unless both have the same names in the same order, and the same rows: integers, texts
 * and times exactly, floats within `relative` (default 1e-11).
 */
export function expectEqualTables(actual: SqlTable, expected: SqlTable, relative = 1e-11): void {
  const describeShape = (table: SqlTable): string => `${table.rows} rows of ${table.names.join(', ')}`;
  if (describeShape(actual) !== describeShape(expected)) {
    throw new Error(`got ${describeShape(actual)}\nexpected ${describeShape(expected)}`);
  }
  for (const [c, name] of expected.names.entries()) {
    for (let row = 0; row < expected.rows; row += 1) {
      const [got, wanted] = [actual.columns[c]?.[row] ?? null, expected.columns[c]?.[row] ?? null];
      if (isSame(got, wanted, relative)) continue;
      throw new Error(
        `row ${row}, column "${name}": got ${got} (${typeof got}), expected ${wanted} (${typeof wanted})`,
      );
    }
  }
}
