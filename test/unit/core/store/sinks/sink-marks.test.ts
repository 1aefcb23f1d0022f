import { appendFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Fields, Source } from '@spillway/core';
import { createPipeline, openStore, readArrow, readCsv, readNdjson, readParquet } from '@spillway/core';
import {
  checkFileSink,
  createArena,
  type FileFormat,
  type FileParts,
  type FileSinkSpec,
  openFileSink,
  readParquetInfo,
  rowsToBatch,
  type SinkMark,
  stagingPath,
} from '@spillway/core/internal';
import { run } from '@spillway/workers';
import { expect, it } from 'vitest';
import { quote, sql } from '#support/duckdb';
import { chooseSeed, randomFrom } from '#support/random';
import { temporaryFolder } from '../../../../support/temporary-folder.ts';
import { type Row, readRows, storeSpec } from '../write-rows.ts';
import { FIELDS, writeWithCrashes } from '../write-with-crashes.ts';

const SCHEMA = { ts: 'int64', key: 'utf8', value: 'float64' } as const;
const FILES: Record<string, { format: FileFormat; read(path: string): Source }> = {
  csv: {
    format: { kind: 'csv', delimiter: ',', hasHeader: true, compression: 'gzip' },
    read: (path) => readCsv(path, { schema: SCHEMA }),
  },
  ndjson: { format: { kind: 'ndjson', compression: 'none' }, read: (path) => readNdjson(path, { schema: SCHEMA }) },
  arrow: { format: { kind: 'arrow', layout: 'file' }, read: (path) => readArrow(path) },
};

/** Rows in order, several to a value. */
function someRows(count: number): Row[] {
  return Array.from({ length: count }, (_, at) => ({
    ts: BigInt(Math.floor(at / 3)),
    key: `k${at % 2}`,
    value: at % 11 === 0 ? null : at / 2,
  }));
}

it.each(['store', 'store, last of equal rows', 'parquet', 'csv', 'ndjson', 'arrow'])(
  'a sink goes on from its last mark: %s',
  async (kind) => {
    const first = chooseSeed();
    for (let seed = first; seed < first + 4; seed++) {
      const rows = someRows(randomFrom(seed).integer(100, 1500));
      const folder = temporaryFolder();
      const shown = `seed ${seed}`;
      if (kind === 'parquet') {
        const path = join(folder, 'rows.parquet');
        await writeWithCrashes(
          { type: 'file', path, format: { kind: 'parquet', compression: 'snappy', rowGroupRows: 100 } },
          rows,
          seed,
        );
        const read = await sql(`SELECT ts, "key", "value" FROM ${quote(path)}`);
        expect(read.rows, shown).toBe(rows.length);
        expect(read.columns, shown).toEqual(FIELDS.map(({ name }) => rows.map((row) => row[name])));
        expect((await readParquetInfo(path)).rows, shown).toBe(rows.length);
        continue;
      }
      const plain = FILES[kind];
      if (plain !== undefined) {
        const path = join(folder, 'rows');
        await writeWithCrashes({ type: 'file', path, format: plain.format }, rows, seed);
        const sink = createPipeline().source(plain.read(path)).collect();
        const job = run([sink]);
        await job.done;
        expect(await job.rows(sink), shown).toEqual(rows);
        continue;
      }
      const target = 250;
      const given = storeSpec(
        folder,
        { name: 'x' },
        { rowGroupTarget: target, ...(kind !== 'store' && { duplicatesOn: ['key'] }) },
      );
      await writeWithCrashes(await checkFileSink(given, FIELDS), rows, seed);
      const dataset = await (await openStore(folder)).dataset({ name: 'x' });
      const isLast = (row: Row, at: number): boolean =>
        !rows.slice(at + 1, at + 3).some((other) => other['ts'] === row['ts'] && other['key'] === row['key']);
      expect(await readRows(dataset), shown).toEqual(kind === 'store' ? rows : rows.filter(isLast));
      const sizes = dataset.files().map((file) => file.rows);
      // Two neighbours that would fit into one have been put together.
      expect(
        sizes.every((size, at) => size + (sizes[at + 1] ?? target) > target),
        `${shown}: ${sizes}`,
      ).toBe(true);
    }
  },
);

/** Rows with times that are days of 2024, in order. */
const DAY_FIELDS: Fields = [{ name: 'ts', type: 'date32', nullable: false }, ...FIELDS.slice(1)];
const FIRST_DAY = 19_723;

const PARTS: Record<string, { parts: FileParts; names(rows: number): string[] }> = {
  rows: {
    parts: { kind: 'rows', rows: 70 },
    names: (rows) => Array.from({ length: Math.ceil(rows / 70) }, (_, at) => `rows-${String(at).padStart(5, '0')}.x`),
  },
  period: {
    parts: { kind: 'period', every: '1mo', on: 'ts' },
    names: (rows) => {
      const day = (at: number): string =>
        new Date((FIRST_DAY + Math.floor(at / 3)) * 86_400_000).toISOString().slice(0, 8);
      return [...new Set(Array.from({ length: rows }, (_, at) => `rows-${day(at)}01.x`))];
    },
  },
};

it.each(
  ['parquet', 'csv', 'ndjson', 'arrow'].flatMap((format) => Object.keys(PARTS).map((kind) => [format, kind] as const)),
)('a sink of several files goes on from its last mark: %s, by %s', async (kind, by) => {
  const seed = chooseSeed();
  const { parts, names } = PARTS[by] as (typeof PARTS)[string];
  const count = randomFrom(seed).integer(100, 1000);
  const rows = someRows(count).map((row) => ({ ...row, ts: FIRST_DAY + Number(row['ts']) }));
  const folder = temporaryFolder();
  const plain = FILES[kind];
  const format: FileFormat = plain?.format ?? { kind: 'parquet', compression: 'snappy', rowGroupRows: 100 };
  await writeWithCrashes({ type: 'file', path: join(folder, 'rows.x'), format, parts }, rows, seed, DAY_FIELDS);
  expect(readdirSync(folder).sort()).toEqual(names(count));
  const schema = { ts: 'date32', key: 'utf8', value: 'float64' } as const;
  const files = join(folder, '*.x');
  const readers: Record<string, Source> = {
    parquet: readParquet(files, { schema, orderedOn: 'ts' }),
    csv: readCsv(files, { schema, orderedOn: 'ts' }),
    ndjson: readNdjson(files, { schema, orderedOn: 'ts' }),
    arrow: readArrow(files, { schema, orderedOn: 'ts' }),
  };
  const sink = createPipeline()
    .source(readers[kind] as Source)
    .collect();
  const job = run([sink]);
  await job.done;
  expect(await job.rows(sink)).toEqual(rows);
});

it('a staged file that is shorter than its mark is refused', async () => {
  const path = join(temporaryFolder(), 'rows.parquet');
  const spec: FileSinkSpec = {
    type: 'file',
    path,
    format: { kind: 'parquet', compression: 'none', rowGroupRows: 100 },
  };
  const arena = createArena();
  const staging = stagingPath(spec, 'run');
  const sink = await openFileSink({ spec, fields: FIELDS, arena, staging });
  await sink.push(rowsToBatch(arena, 1, FIELDS, someRows(10)));
  const mark = await sink.mark(0, false);
  await sink.abort();
  appendFileSync(staging, 'what came later is cut off');
  const again = await openFileSink({ spec, fields: FIELDS, arena, staging, from: mark });
  expect(await again.end()).toMatchObject({ rows: 10, bytes: (mark as { bytes: number }).bytes });
  const longer = { ...mark, bytes: (mark as { bytes: number }).bytes + 1 } as SinkMark;
  await expect(openFileSink({ spec, fields: FIELDS, arena, staging, from: longer })).rejects.toMatchObject({
    code: 'ERR_IO',
    file: staging,
  });
});
