/** Rows by keys, through a sink of folders that is lost now and then, against what each folder should have. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createPipeline, type Fields, readArrow, readCsv, readNdjson, readParquet, type Source } from '@spillway/core';
import type { FileFormat, FileParts } from '@spillway/core/internal';
import { run } from '@spillway/workers';
import { expect } from 'vitest';
import { randomFrom } from '#support/random';
import { quickFolder } from '../../../../support/temporary-folder.ts';
import type { Row } from '../write-rows.ts';
import { writeWithCrashes } from '../write-with-crashes.ts';

const SCHEMA = { ts: 'date32', key: 'utf8', lot: 'int32', value: 'float64' } as const;
const KEYED: Fields = Object.entries(SCHEMA).map(([name, type]) => ({ name, type, nullable: name !== 'ts' }));
const FIRST_DAY = 19_723;

/** Values, and the folders that they name. */
const KEYS: readonly (readonly [string | null, string])[] = [
  ['AAPL', 'key=AAPL'],
  ['BTC/USD', 'key=BTC%2FUSD'],
  ['a b', 'key=a b'],
  ['', 'key='],
  ['..', 'key=..'],
  ['Zürich 100%', 'key=Zürich 100%25'],
  ['x\u0001\u0085', 'key=x%01%C2%85'],
  [null, 'key=__HIVE_DEFAULT_PARTITION__'],
];

const FORMATS: Readonly<Record<string, { format: FileFormat; read(path: string | string[]): Source }>> = {
  parquet: {
    format: { kind: 'parquet', compression: 'snappy', rowGroupRows: 100 },
    read: (path) => readParquet(path, { schema: SCHEMA }),
  },
  'parquet by the library': {
    format: { kind: 'parquet', compression: 'zstd', rowGroupRows: 100 },
    read: (path) => readParquet(path, { schema: SCHEMA }),
  },
  csv: {
    format: { kind: 'csv', delimiter: ',', hasHeader: true, compression: 'gzip' },
    read: (path) => readCsv(path, { schema: SCHEMA }),
  },
  ndjson: { format: { kind: 'ndjson', compression: 'none' }, read: (path) => readNdjson(path, { schema: SCHEMA }) },
  arrow: { format: { kind: 'arrow', layout: 'file' }, read: (path) => readArrow(path, { schema: SCHEMA }) },
};

const PARTS: readonly (FileParts | undefined)[] = [
  undefined,
  { kind: 'rows', rows: 40 },
  { kind: 'period', every: '1mo', on: 'ts' },
];

export async function rowsOf(source: Source): Promise<Row[]> {
  const sink = createPipeline().source(source).collect();
  const job = run([sink]);
  await job.done;
  return (await job.rows(sink)) as Row[];
}

function filesIn(folder: string): Map<string, string[]> {
  const byFolder = new Map<string, string[]>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const name = entry.parentPath.slice(folder.length + 1);
    byFolder.set(name, [...(byFolder.get(name) ?? []), join(entry.parentPath, entry.name)].sort());
  }
  return byFolder;
}

export const KEYED_FORMATS: readonly string[] = Object.keys(FORMATS);

/** One random case. Formats, keys, parts and the files that may be open are those of the seed. */
export async function tryKeyedSink(kind: string, seed: number): Promise<void> {
  const random = randomFrom(seed);
  const { format, read } = FORMATS[kind] as (typeof FORMATS)[string];
  const firstKey = random.integer(0, KEYS.length - 4);
  const rows = Array.from({ length: random.integer(100, 400) }, (_, at) => ({
    ts: FIRST_DAY + Math.floor(at / 3),
    key: (KEYS[firstKey + random.integer(0, 3)] as (typeof KEYS)[number])[0],
    lot: random.integer(0, 1) === 0 ? null : -1,
    value: at / 2,
  }));
  const parts = PARTS[random.integer(0, PARTS.length - 1)];
  const columns = random.integer(0, 1) === 0 ? ['key'] : ['key', 'lot'];
  const keys = { columns, mostOpen: random.integer(1, 6) };
  const folder = join(quickFolder(), 'out');
  const path = join(folder, 'part.x');
  await writeWithCrashes({ type: 'file', path, format, keys, ...(parts && { parts }) }, rows, seed, KEYED);
  const folderOf = ({ key, lot }: (typeof rows)[number]): string =>
    [(KEYS.find(([value]) => value === key) as (typeof KEYS)[number])[1], `lot=${lot ?? '__HIVE_DEFAULT_PARTITION__'}`]
      .slice(0, columns.length)
      .join('/');
  const files = filesIn(folder);
  expect([...files.keys()].sort()).toEqual([...new Set(rows.map(folderOf))].sort());
  // Names of periods that were cut are not in the order of the rows.
  const inOrder = parts?.kind !== 'period';
  for (const [name, paths] of files) {
    const found = await rowsOf(read(paths));
    if (!inOrder) found.sort((a, b) => Number(a['value']) - Number(b['value']));
    expect(found, name).toEqual(rows.filter((row) => folderOf(row) === name));
  }
}
