/**
 * Parquet files that are nearly right, and tables of any shape: what was written by us and by another program has bytes changed anywhere, and
 * gives rows or a refusal; what we write is read as it was. Nothing may leak.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PipelineError } from '@spillway/core';
import {
  batchToRows,
  createArena,
  ParquetWriter,
  readParquetInfo,
  readParquetRows,
  rowsToBatch,
} from '@spillway/core/internal';
import { expect } from 'vitest';
import { everyType, shapedRows, tsField } from '../unit/core/formats/every-type.ts';
import { readAll } from '../unit/core/formats/read-parquet.ts';
import { quote, sql } from './duckdb.ts';
import { randomFrom, type SeededRandom } from './random.ts';

const arena = createArena({ debug: true });

const QUERY = `SELECT i AS a, (hash(i) % 50)::VARCHAR AS b, CASE WHEN i % 5 = 0 THEN NULL ELSE hash(i)::DOUBLE END AS c, i % 2 = 0 AS d,
  repeat('ü', (i % 9)::INTEGER) AS e, (hash(i) % 9)::FLOAT AS f, DATE '2000-01-01' + (i % 500)::INTEGER AS g FROM range(700) t(i)`;
const WAYS = ['V1', 'V2'].flatMap((version) =>
  ['snappy', 'uncompressed', 'zstd', 'lz4_raw'].map((codec) => ({ version, codec })),
);

let othersFiles: Promise<Buffer[]> | undefined;

/** Files of the same rows by another program, in all ways that our kernels read. */
async function writeOthers(folder: string): Promise<Buffer[]> {
  const files: Buffer[] = [];
  for (const { version, codec } of WAYS) {
    const path = join(folder, `${version}-${codec}.parquet`);
    await sql(
      `COPY (${QUERY}) TO ${quote(path)} (FORMAT parquet, CODEC '${codec}', PARQUET_VERSION ${version}, ROW_GROUP_SIZE 2048)`,
    );
    files.push(readFileSync(path));
  }
  return files;
}

/** A table of some columns, in pages and row groups of any size. */
async function writeOurs(random: SeededRandom, path: string): Promise<Record<string, unknown>[]> {
  const fields = [...tsField, ...everyType.filter(() => random.chance(0.15))].filter(
    ({ type }) => !type.startsWith('list'),
  );
  const batch = rowsToBatch(arena, 1, fields, shapedRows(random, fields, random.integer(1, 400)));
  const writer = await ParquetWriter.open({
    ...{ path, fields, arena, rowGroupRows: random.pick([7, 100, 100_000]) },
    compression: random.pick(['none', 'snappy', 'snappy', 'zstd'] as const),
    ...(random.chance(0.5) ? { orderedOn: 'ts' } : {}),
  });
  for (let from = 0; from < batch.rows; ) {
    const rows = Math.min(batch.rows - from, random.integer(1, 300));
    await writer.push(batch, from, rows);
    from += rows;
  }
  await writer.end();
  const rows = batchToRows(batch);
  batch.release();
  return rows;
}

/** A few changes of a few bytes; the size stays, but for a file that is cut off. */
function mutated(random: SeededRandom, good: Buffer): Buffer {
  const bytes = Buffer.from(random.chance(0.05) ? good.subarray(0, random.integer(0, good.length)) : good);
  for (let left = random.integer(1, 4); left > 0 && bytes.length > 0; left--) {
    const at = random.integer(0, bytes.length - 1);
    if (random.chance(0.5)) bytes[at] = (bytes[at] as number) ^ (1 << random.integer(0, 7));
    else
      bytes.fill(
        random.pick([0, 1, 127, 128, 255, random.integer(0, 255)]),
        at,
        Math.min(at + random.integer(1, 6), bytes.length),
      );
  }
  return bytes;
}

/** Anything but rows, or a refusal with a code, a file and a hint, is a bug. */
async function readOrRefuse(random: SeededRandom, path: string): Promise<void> {
  try {
    const info = await readParquetInfo(path);
    await readParquetRows({
      ...{ path, arena, owner: 1, batchRows: random.integer(1, 500), firstRow: 0, isLast: true },
      rowGroups: info.rowGroups.map(({ index }) => index),
      columns: info.fields.map(({ name }) => name).filter((name, at, all) => all.indexOf(name) === at),
      publish: (batch) => batch.release(),
    });
  } catch (error) {
    if (!(error instanceof PipelineError) || error.code === 'ERR_INTERNAL') throw error;
    expect([error.hint ?? '', error.file ?? '']).not.toContain('');
  }
}

/** Tries so many files, from a seed on. */
export async function tryParquetMutations(first: number, count: number, folder: string): Promise<void> {
  const others = await (othersFiles ??= writeOthers(folder));
  const path = join(folder, 'mutated.parquet');
  for (let seed = first; seed < first + count; seed++) {
    const random = randomFrom(seed);
    try {
      const isOurs = seed % 3 === 0;
      if (isOurs) {
        const rows = await writeOurs(random, path);
        expect((await readAll(path, { batchRows: random.integer(1, 500) })).rows).toEqual(rows);
      }
      writeFileSync(path, mutated(random, isOurs ? readFileSync(path) : random.pick(others)));
      await readOrRefuse(random, path);
      expect(arena.usedSlabs()).toBe(0);
    } catch (error) {
      throw new Error(`SPILLWAY_SEED=${seed}`, { cause: error });
    }
  }
}
