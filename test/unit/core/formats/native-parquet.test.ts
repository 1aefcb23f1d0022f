import { join } from 'node:path';
import { canReadNatively, parseType, readParquetInfo } from '@spillway/core/internal';
import { describe, expect, it } from 'vitest';
import { quote, sql } from '../../../support/duckdb.ts';
import { seededRandom } from '../../../support/random.ts';
import { sharedFolder } from '../../../support/temporary-folder.ts';
import { readAll } from './read-parquet.ts';

const folder = sharedFolder();

/** Columns of every type that our kernels read, with many and with few values, runs and jumps, in order and not. */
const COLUMNS = `
  TIMESTAMP '2001-01-01' + to_microseconds(i * 250000) AS ts,
  i AS int64, (i * 7919 % 1000)::INTEGER AS int32, (hash(i) % 60000)::USMALLINT AS uint16, (i % 100 - 50)::TINYINT AS int8,
  hash(i) AS uint64, (hash(i + 1) % 4000000000)::UINTEGER AS uint32,
  (hash(i) % 1000000)::DOUBLE / 1000 AS float64, (i % 17)::FLOAT / 4 AS float32, i % 3 = 0 AS bool,
  DATE '2000-01-01' + (i % 5000)::INTEGER AS date32, TIME '00:00:00' + to_seconds(i % 86400) AS time64,
  'key' || (hash(i) % 50)::VARCHAR AS dictionary, repeat('ü', (i % 9)::INTEGER) || hash(i)::VARCHAR AS utf8,
  encode('b' || i::VARCHAR) AS "binary"`;
const NAMES = [...COLUMNS.matchAll(/AS "?(\w+)"?/g)].map(([, name]) => name as string);

async function write(name: string, rows: number, nulls: string, options: string): Promise<string> {
  const path = join(folder, `${name}.parquet`);
  const columns = NAMES.map((column) =>
    nulls === '' ? `"${column}"` : `CASE WHEN ${nulls} THEN NULL ELSE "${column}" END AS "${column}"`,
  );
  await sql(
    `COPY (SELECT ${columns.join(', ')} FROM (SELECT i, ${COLUMNS} FROM range(${rows}) t(i))) TO ${quote(path)} (FORMAT parquet, ${options})`,
  );
  return path;
}

/** Whole numbers are numbers here and bigints there; doubles have to be the same bits. */
function comparable(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex').toUpperCase();
  return Object.is(value, -0) ? '-0' : String(value);
}

async function expectSameAsDuckDb(path: string): Promise<void> {
  const info = await readParquetInfo(path);
  const request = {
    path,
    rowGroups: info.rowGroups.map(({ index }) => index),
    batchRows: 10_000,
    firstRow: 0,
    isLast: true,
  };
  const bound = { ...request, columns: NAMES, fields: info.fields, copied: info.fields };
  expect(canReadNatively(info, bound as never)).toBe(true);
  const { rows, leaked, cuts } = await readAll(path, { batchRows: 10_000 });
  const table = await sql(
    `SELECT * REPLACE (date32 - DATE '1970-01-01' AS date32, hex("binary") AS "binary") FROM ${quote(path)}`,
  );
  for (const [index, { name, type }] of info.fields.entries()) {
    const column = table.columns[index] as ArrayLike<unknown>;
    const differs = rows.findIndex((row, at) => comparable(row[name]) !== comparable(column[at]));
    expect([name, parseType(type).text, differs, rows[differs]?.[name], column[differs]]).toEqual([
      name,
      type,
      -1,
      undefined,
      undefined,
    ]);
  }
  expect(rows.length).toBe(info.rows);
  expect(leaked).toBe(0);
  expect(cuts.every(({ rows: count }) => count <= 10_000)).toBe(true);
}

describe('Parquet by our own kernels equals what DuckDB reads', () => {
  const nulls = {
    'no nulls': '',
    'some nulls': 'hash(i) % 7 = 0',
    'all but some nulls': 'hash(i) % 100 <> 3',
    'all nulls': 'true',
  };
  for (const version of ['V1', 'V2'])
    for (const codec of ['uncompressed', 'snappy', 'lz4_raw', 'zstd'])
      it(`format ${version}, ${codec}`, async () => {
        const random = seededRandom();
        for (const [name, condition] of Object.entries(nulls)) {
          const rows = random.integer(1, 12_000);
          const options = `CODEC '${codec}', PARQUET_VERSION ${version}, ROW_GROUP_SIZE ${random.pick([2048, 4096, 122_880])}`;
          await expectSameAsDuckDb(await write(`${name}-${version}-${codec}`, rows, condition, options));
        }
      });
});
