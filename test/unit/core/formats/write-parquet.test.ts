import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fields } from '@spillway/core';
import {
  batchToRows,
  createArena,
  ParquetWriter,
  readParquetInfo,
  rowsToBatch,
  sliceBatch,
  writeParquetFile,
} from '@spillway/core/internal';
import { describe, expect, test } from 'vitest';

import { quote, sql } from '../../../support/duckdb.ts';
import { seededRandom } from '../../../support/random.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { everyType, randomRows, tsField } from './every-type.ts';
import { readAll } from './read-parquet.ts';

const fields: Fields = [...tsField, ...everyType];
const options = { compression: 'none', rowGroupRows: 1_000_000 } as const;

function arenaOfRows(rows: Record<string, unknown>[], columns: Fields = fields) {
  const arena = createArena({ debug: true });
  return { arena, batch: rowsToBatch(arena, 1, columns, rows) };
}

describe('round trip', () => {
  test.each(['none', 'snappy', 'zstd'] as const)('every type with nulls, %s', async (compression) => {
    const path = join(temporaryFolder(), 'all.parquet');
    const { arena, batch } = arenaOfRows(randomRows(seededRandom(), fields, 1000));
    const written = await writeParquetFile([batch], { ...options, path, fields, compression, arena, orderedOn: 'ts' });
    const read = await readAll(path, { orderedOn: 'ts', batchRows: 300 });
    expect(read.rows).toEqual(batchToRows(batch));
    expect((await readParquetInfo(path)).fields).toEqual(fields);
    expect(written).toMatchObject({ path, rows: 1000, bytes: statSync(path).size });
    batch.release();
    expect(arena.usedSlabs()).toBe(0);
  });

  test('batches that are slices, and batches cut by push', async () => {
    const path = join(temporaryFolder(), 'cut.parquet');
    const { arena, batch } = arenaOfRows(randomRows(seededRandom(), fields, 500));
    const slice = sliceBatch(arena, 1, batch, 13, 400);
    const writer = await ParquetWriter.open({ ...options, path, fields, arena });
    await writer.push(slice, 0, 7);
    await writer.push(slice, 7, 393);
    await writer.end();
    expect((await readAll(path)).rows).toEqual(batchToRows(batch).slice(13, 413));
  });

  test('row groups are cut where asked', async () => {
    const path = join(temporaryFolder(), 'groups.parquet');
    const { arena, batch } = arenaOfRows(randomRows(seededRandom(), tsField, 1000), tsField);
    await writeParquetFile([batch, batch], { ...options, path, fields: tsField, arena, rowGroupRows: 300 });
    expect((await readParquetInfo(path)).rowGroups.map((group) => group.rows)).toEqual([
      300, 300, 300, 300, 300, 300, 200,
    ]);
  });

  test('a file without rows has the schema', async () => {
    const path = join(temporaryFolder(), 'empty.parquet');
    await writeParquetFile([], { ...options, path, fields, arena: createArena() });
    expect(await readParquetInfo(path)).toMatchObject({ rows: 0, fields });
    expect((await readAll(path)).cuts).toEqual([]);
  });
});

describe('as others see it', () => {
  test('DuckDB reads the same values', async () => {
    const path = join(temporaryFolder(), 'for duckdb.parquet');
    const columns = fields.filter(
      (field) =>
        /^(u?int|float|bool|utf8|timestamp|dictionary)/.test(field.type) && !field.type.startsWith('timestamp[ns, '),
    );
    const { arena, batch } = arenaOfRows(randomRows(seededRandom(), columns, 2000), columns);
    await writeParquetFile([batch], { ...options, path, fields: columns, compression: 'zstd', arena });
    const table = await sql(`SELECT * FROM ${quote(path)}`);
    const rows = batchToRows(batch);
    columns.forEach(({ name, type }, i) => {
      // DuckDB cuts nanoseconds with a zone (left out above), and has no column of seconds (they are plain integers in Parquet); `sql` gives times in microseconds.
      const scale = type.startsWith('timestamp[ms') ? 1000n : 1n;
      const ours = rows.map((row) => {
        const value = row[name];
        if (typeof value === 'bigint') return value * scale;
        return typeof value === 'number' && !type.startsWith('float') ? BigInt(value) : value;
      });
      expect(table.columns[i], name).toEqual(ours);
    });
  });
});

describe('statistics', () => {
  test('bounds are exact and leave out nulls and NaN', async () => {
    const path = join(temporaryFolder(), 'bounds.parquet');
    const columns: Fields = [
      { name: 'i', type: 'int64', nullable: true },
      { name: 'u', type: 'uint64', nullable: true },
      { name: 'f', type: 'float64', nullable: true },
      { name: 's', type: 'utf8', nullable: true },
      { name: 'd', type: 'dictionary<utf8>', nullable: true },
      { name: 'n', type: 'int32', nullable: true },
      { name: 'm', type: 'decimal(20, 2)', nullable: true },
    ];
    const { arena, batch } = arenaOfRows(
      [
        { i: -(2n ** 60n), u: 2n ** 63n, f: NaN, s: '\u{10000}', d: 'b', n: null, m: '-1.50' },
        { i: 5n, u: 1n, f: -2.5, s: '\uffff', d: 'a', n: null, m: '900000000000000000.25' },
        { i: null, u: null, f: 7, s: null, d: null, n: null, m: null },
      ],
      columns,
    );
    const { bounds } = await writeParquetFile([batch], { ...options, path, fields: columns, arena });
    expect(bounds).toEqual([
      { min: -(2n ** 60n), max: 5n, nullCount: 1, hasNaN: false },
      { min: 1n, max: 2n ** 63n, nullCount: 1, hasNaN: false },
      { min: -2.5, max: 7, nullCount: 0, hasNaN: true },
      { min: '\uffff', max: '\u{10000}', nullCount: 1, hasNaN: false },
      { min: 'a', max: 'b', nullCount: 1, hasNaN: false },
      { min: undefined, max: undefined, nullCount: 3, hasNaN: false },
      { min: -150n, max: 90_000_000_000_000_000_025n, nullCount: 1, hasNaN: false },
    ]);
  });

  test('bounds of random integers and texts are what sorting gives', async () => {
    const random = seededRandom();
    const columns: Fields = [
      { name: 'i', type: 'int64', nullable: false },
      { name: 'u', type: 'uint64', nullable: false },
      { name: 's', type: 'utf8', nullable: false },
    ];
    const bits = (): bigint =>
      (BigInt(random.integer(0, 2 ** 32 - 1)) << 32n) | BigInt(random.pick([0, 1, random.integer(0, 2 ** 32 - 1)]));
    const text = (): string =>
      Array.from({ length: random.integer(0, 7) }, () => random.pick(['\0', 'a', 'é'])).join('');
    for (let round = 0; round < 20; round += 1) {
      const rows = Array.from({ length: random.integer(1, 40) }, () => ({
        i: BigInt.asIntN(64, bits()),
        u: bits(),
        s: text(),
      }));
      const { arena, batch } = arenaOfRows(rows, columns);
      const path = join(temporaryFolder(), `${round}.parquet`);
      const { bounds } = await writeParquetFile([batch], { ...options, path, fields: columns, arena });
      const ends = <T>(values: T[], compare: (a: T, b: T) => number): { min: T | undefined; max: T | undefined } => {
        const sorted = values.sort(compare);
        return { min: sorted[0], max: sorted.at(-1) };
      };
      const byValue = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
      const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
      expect(bounds).toMatchObject([
        ends(
          rows.map((row) => row.i),
          byValue,
        ),
        ends(
          rows.map((row) => row.u),
          byValue,
        ),
        ends(
          rows.map((row) => row.s),
          byBytes,
        ),
      ]);
    }
  });
});

describe('encodings', () => {
  test('integers are deltas, unless a dictionary of few values is smaller', async () => {
    const random = seededRandom();
    const path = join(temporaryFolder(), 'encodings.parquet');
    const columns: Fields = [
      { name: 'counter', type: 'int64', nullable: true },
      { name: 'anything', type: 'int64', nullable: false },
      { name: 'station', type: 'int64', nullable: false },
      { name: 'small', type: 'int8', nullable: false },
    ];
    const extremes = [-(2n ** 63n), 2n ** 63n - 1n, 0n, -1n];
    const stations = Array.from({ length: 6 }, () => BigInt(random.integer(0, 2 ** 40)) * 1_000n);
    const { arena, batch } = arenaOfRows(
      Array.from({ length: 5000 }, (_, row) => ({
        counter: row % 7 === 0 ? null : BigInt(row * 3),
        anything: random.chance(0.01)
          ? random.pick(extremes)
          : BigInt(random.integer(-(2 ** 31), 2 ** 31)) * BigInt(random.integer(1, 2 ** 32 - 1)),
        station: random.pick(stations),
        small: random.integer(-3, 3),
      })),
      columns,
    );
    await writeParquetFile([batch], { ...options, path, fields: columns, arena });
    expect((await readAll(path)).rows).toEqual(batchToRows(batch));
    const table = await sql(`SELECT * FROM ${quote(path)}`);
    expect(table.columns[1]).toEqual(batchToRows(batch).map((row) => row['anything']));
    const chunks = await sql(`SELECT path_in_schema, encodings FROM parquet_metadata(${quote(path)})`);
    expect(chunks.columns[0]).toEqual(columns.map((field) => field.name));
    expect(chunks.columns[1]?.map((encodings) => String(encodings).includes('DICTIONARY'))).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });
});

describe('what is left behind', () => {
  test('nothing under the name until the end, and nothing at all after an abort', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'x.parquet');
    const { arena, batch } = arenaOfRows(randomRows(seededRandom(), tsField, 100), tsField);
    const writer = await ParquetWriter.open({ ...options, path, fields: tsField, arena });
    await writer.push(batch);
    expect(existsSync(path)).toBe(false);
    await writer.abort();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('an abort before the first batch', async () => {
    const folder = temporaryFolder();
    const writer = await ParquetWriter.open({
      ...options,
      path: join(folder, 'x.parquet'),
      fields: tsField,
      arena: createArena(),
    });
    await writer.abort();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('a folder that cannot be made is refused', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'file'), '');
    const path = join(folder, 'file', 'x.parquet');
    await expect(ParquetWriter.open({ ...options, path, fields: tsField, arena: createArena() })).rejects.toMatchObject(
      { file: path },
    );
  });
});
