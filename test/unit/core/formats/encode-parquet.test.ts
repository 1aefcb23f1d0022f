import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Fields } from '@spillway/core';
import {
  batchToRows,
  createArena,
  ParquetWriter,
  parquetLibrary,
  parquetLibraryBytes,
  readParquetInfo,
  rowsToBatch,
  writeParquetFile,
} from '@spillway/core/internal';
import { tableFromIPC } from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import { quote, sql } from '../../../support/duckdb.ts';
import { seededRandom } from '../../../support/random.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { everyType, shapedRows, tsField } from './every-type.ts';
import { readAll } from './read-parquet.ts';

type Row = Record<string, unknown>;

/** Lists are the library's. */
const fields: Fields = [...tsField, ...everyType.filter(({ type }) => !type.startsWith('list'))];
const options = { rowGroupRows: 1_000_000, orderedOn: 'ts' } as const;

/** A value as text: the same for every reader, bit for bit. */
function text(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return Object.is(value, -0) ? '-0' : String(value);
}

/** What the library makes of a file, by columns, unconverted. */
function byLibrary(path: string): Map<string, string[]> {
  const { api } = parquetLibrary();
  const table = tableFromIPC(api.readParquet(readFileSync(path)).intoIPCStream());
  return new Map(
    table.schema.fields.map((field, index) => {
      const column = table.getChildAt(index);
      const values: string[] = [];
      for (const data of column?.data ?? []) {
        const isBytes = data.valueOffsets !== undefined || data.dictionary !== undefined || field.typeId === 6;
        for (let row = 0; row < data.length; row += 1) {
          if (!data.getValid(row)) values.push('null');
          else if (isBytes) values.push(text(column?.get(values.length)));
          else if (data.values.length === 4 * data.length) {
            const [a = 0, b = 0, c = 0, d = 0] = data.values.subarray(4 * row, 4 * row + 4) as Uint32Array;
            values.push(
              String(BigInt.asIntN(128, (BigInt(d) << 96n) | (BigInt(c) << 64n) | (BigInt(b) << 32n) | BigInt(a))),
            );
          } else if (data.values.length === 5 * data.length)
            values.push(text(data.values.subarray(5 * row, 5 * row + 5)));
          else values.push(text(data.values[row]));
        }
      }
      return [field.name, values];
    }),
  );
}

function expectSame(columns: Fields, rows: Row[], other: (name: string, index: number) => string[]): void {
  for (const [index, { name, type }] of columns.entries()) {
    const unscaled = type.startsWith('decimal') ? (value: unknown) => text(value).replace('.', '') : text;
    const mine = rows.map((row) => unscaled(row[name]));
    const values = other(name, index);
    const plain = type.startsWith('decimal')
      ? mine.map((value) => (value === 'null' ? value : String(BigInt(value))))
      : mine;
    const differs = plain.findIndex((value, row) => value !== values[row]);
    expect([name, values.length, differs, plain[differs], values[differs]]).toEqual([
      name,
      rows.length,
      -1,
      undefined,
      undefined,
    ]);
  }
}

describe('files by our own encoder', () => {
  test.each(['none', 'light', 'snappy'] as const)(
    '%s: our reader, the library and DuckDB read the same rows',
    async (codec) => {
      const random = seededRandom();
      for (let round = 0; round < 4; round += 1) {
        const arena = createArena({ debug: true });
        const expected = shapedRows(random, fields, random.pick([1, 17, 900, 3000]));
        const batch = rowsToBatch(arena, 1, fields, expected);
        const path = join(temporaryFolder(), `${round}.parquet`);
        const rowGroupRows = random.pick([200, 1000, 1_000_000]);
        const before = parquetLibraryBytes();
        const writer = await ParquetWriter.open({ ...options, path, fields, compression: codec, rowGroupRows, arena });
        for (let from = 0; from < batch.rows; ) {
          const rows = Math.min(batch.rows - from, random.pick([1, 100, 5000]));
          await writer.push(batch, from, rows);
          from += rows;
        }
        await writer.end();
        expect(parquetLibraryBytes()).toBe(before);
        const rows = batchToRows(batch);
        expect((await readAll(path, { orderedOn: 'ts', batchRows: 300 })).rows).toEqual(rows);
        expect((await readParquetInfo(path)).fields).toEqual(fields);
        const library = byLibrary(path);
        expectSame(fields, rows, (name) => library.get(name) ?? []);
        // Times of other units are converted by DuckDB; bytes come as text. Both are compared by the library above.
        const simple = fields.filter(({ type }) => /^(u?int|float|bool|utf8|dictionary|timestamp\[us)/.test(type));
        const table = await sql(`SELECT ${simple.map(({ name }) => `"${name}"`).join(', ')} FROM ${quote(path)}`);
        expectSame(simple, rows, (_, index) => (table.columns[index] ?? []).map(text));
        batch.release();
        expect(arena.usedSlabs()).toBe(0);
      }
    },
  );

  test('many pages: dictionaries that become too large, and more pages than are held in memory', async () => {
    const random = seededRandom();
    const arena = createArena({ debug: true });
    const count = 200_000;
    const columns: Fields = [
      { name: 'ts', type: 'int64', nullable: false },
      { name: 'few_then_many', type: 'int64', nullable: false },
      { name: 'texts', type: 'utf8', nullable: false },
      ...Array.from({ length: 6 }, (_, i) => ({ name: `x${i}`, type: 'float64', nullable: false }) as const),
    ];
    const each = <T>(make: (row: number) => T): T[] => Array.from({ length: count }, (_, row) => make(row));
    const many = (row: number): number => (row < 50_000 ? row % 7 : 1e9 + random.integer(0, 2 ** 50));
    const values = {
      ts: BigInt64Array.from(each((row) => BigInt(row))),
      few_then_many: BigInt64Array.from(each((row) => BigInt(many(row)))),
      texts: each((row) => `text ${many(row)}`),
      ...Object.fromEntries(columns.slice(3).map(({ name }) => [name, Float64Array.from(each(() => random.next()))])),
    };
    const batch = rowsToBatch(arena, 1, columns, values);
    const path = join(temporaryFolder(), 'many.parquet');
    const { chunks } = await writeParquetFile([batch], {
      ...{ ...options, path, fields: columns, arena, compression: 'none' },
    });
    expect(chunks.reduce((sum, { bytes }) => sum + bytes, 0)).toBeGreaterThan(10_000_000);
    // The largest column was written while the others were made.
    expect(chunks.find(({ offset }) => offset === 4)?.column).toMatch(/^x/);
    for (const { offset, bytes, crc32: sum } of chunks)
      expect(crc32(readFileSync(path).subarray(offset, offset + bytes))).toBe(sum);
    const { rows } = await readAll(path, { orderedOn: 'ts' });
    expectSame(columns, rows, (name) => Array.from(values[name as 'ts'], text));
    const sums = columns.slice(3).map(({ name }) => `bit_xor(hash("${name}"))`);
    const other = await sql(`SELECT sum(few_then_many), count(DISTINCT texts), ${sums} FROM ${quote(path)}`);
    expect(other.columns.slice(0, 2).flat()).toEqual([
      values.few_then_many.reduce((a, b) => a + b),
      BigInt(new Set(values.texts).size),
    ]);
  });

  test('light: prices are frames where that is shorter, behind nulls they stay as they are', async () => {
    const random = seededRandom();
    const arena = createArena({ debug: true });
    const names = ['price', 'narrow', 'late', 'noise', 'gaps'] as const;
    const columns: Fields = [
      { name: 'ts', type: 'int64', nullable: false },
      ...names.map((name) => ({ name, type: name === 'narrow' ? 'float32' : 'float64', nullable: true }) as const),
    ];
    const price = (): number => random.integer(0, 1_000_000) / 100;
    const rows = Array.from({ length: 70_000 }, (_, row) => ({
      ts: BigInt(row),
      price: price(),
      narrow: Math.fround(1000 + random.next() * 20),
      late: row < 40_000 ? null : price(),
      noise: random.anyFloat(),
      gaps: random.chance(0.2) ? null : price(),
    }));
    const batch = rowsToBatch(arena, 1, columns, rows);
    const path = join(temporaryFolder(), 'light.parquet');
    const light = await writeParquetFile([batch], {
      ...{ ...options, path, fields: columns, arena, compression: 'light' },
    });
    const codecs = Object.fromEntries(light.chunks.map(({ column, codec }) => [column, codec]));
    expect(codecs).toEqual({ ts: 0, price: 6, narrow: 6, late: 0, noise: 0, gaps: 6 });
    const chunk = light.chunks.find(({ column }) => column === 'price');
    expect(chunk?.bytes).toBeLessThan(0.75 * 8 * rows.length);
    const read = (await readAll(path, { orderedOn: 'ts' })).rows;
    expectSame(columns, rows, (name) => read.map((row) => text(row[name])));
    const library = byLibrary(path);
    expectSame(columns, rows, (name) => library.get(name) ?? []);
    const table = await sql(`SELECT * FROM ${quote(path)}`);
    expectSame(columns, rows, (_, index) => (table.columns[index] ?? []).map(text));
    batch.release();
  });
});

describe('what a footer says', () => {
  test('encodings, and statistics that no reader can misunderstand', async () => {
    const arena = createArena();
    const columns: Fields = [
      { name: 'ts', type: 'timestamp[us, UTC]', nullable: false },
      { name: 'price', type: 'float64', nullable: true },
      { name: 'nan', type: 'float64', nullable: true },
      { name: 'zero', type: 'float32', nullable: true },
      { name: 'long', type: 'utf8', nullable: true },
      { name: 'unsigned', type: 'uint8', nullable: true },
      { name: 'none', type: 'int32', nullable: true },
    ];
    const rows = Array.from({ length: 1000 }, (_, row) => ({
      ts: BigInt(row * row),
      price: row % 10,
      nan: row === 5 ? NaN : row,
      zero: row % 2 === 0 ? 0 : -0,
      long: row === 0 ? null : 'é'.repeat(100) + row,
      unsigned: 100 + (row % 156),
      none: null,
    }));
    const path = join(temporaryFolder(), 'footer.parquet');
    const batch = rowsToBatch(arena, 1, columns, rows);
    await writeParquetFile([batch], { ...options, path, fields: columns, arena, compression: 'none' });
    const { columns: found } = await sql(
      `SELECT encodings, stats_null_count, stats_min_value, stats_max_value FROM parquet_metadata(${quote(path)})`,
    );
    expect(found[0]?.map((encodings) => String(encodings))).toEqual([
      'RLE, DELTA_BINARY_PACKED',
      'PLAIN, RLE, RLE_DICTIONARY',
      'PLAIN, RLE',
      'PLAIN, RLE, RLE_DICTIONARY',
      'PLAIN, RLE',
      'RLE, DELTA_BINARY_PACKED',
      'PLAIN, RLE',
    ]);
    expect(found[1]).toEqual([0n, 0n, 0n, 0n, 1n, 0n, 1000n]);
    expect(found[2]).toEqual(['1970-01-01 00:00:00+00', '-0.0', null, '-0.0', 'é'.repeat(32), '100', null]);
    expect(found[3]?.slice(1)).toEqual(['9.0', null, '0.0', `${'é'.repeat(31)}ê`, '255', null]);
    expect((await sql(`SELECT count(*) FROM ${quote(path)} WHERE nan > 2000`)).columns).toEqual([[1n]]);
    expect((await sql(`SELECT count(*) FROM ${quote(path)} WHERE long > 'é'`)).columns).toEqual([[999n]]);
  });
});
