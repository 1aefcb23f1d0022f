/** Sinks of files in folders by key. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  createPipeline,
  type Fields,
  fromIterable,
  readArrow,
  readCsv,
  readNdjson,
  readParquet,
  type Source,
} from '@spillway/core';
import type { FileFormat, FileParts } from '@spillway/core/internal';
import { run } from '@spillway/workers';
import { describe, expect, it } from 'vitest';
import { quote, sql } from '#support/duckdb';
import { chooseSeed, randomFrom } from '#support/random';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import type { Row } from './write-rows.ts';
import { writeWithCrashes } from './write-with-crashes.ts';

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

async function rowsOf(source: Source): Promise<Row[]> {
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

describe('a sink of folders by key', () => {
  it.each(Object.keys(FORMATS))('has the rows of each key in order, whenever it is lost: %s', async (kind) => {
    const seed = chooseSeed();
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
    const folder = join(temporaryFolder(), 'out');
    const path = join(folder, 'part.x');
    await writeWithCrashes({ type: 'file', path, format, keys, ...(parts && { parts }) }, rows, seed, KEYED);
    const folderOf = ({ key, lot }: (typeof rows)[number]): string =>
      [
        (KEYS.find(([value]) => value === key) as (typeof KEYS)[number])[1],
        `lot=${lot ?? '__HIVE_DEFAULT_PARTITION__'}`,
      ]
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
  });

  const TICKS = Array.from({ length: 5000 }, (_, at) => ({ ts: BigInt(at), symbol: `S${at % 7}`, qty: at }));
  const ticks = () =>
    createPipeline({ memoryLimit: '128MiB' }).source(
      fromIterable({ ts: 'timestamp[us]', symbol: 'utf8', qty: 'int64' }, [TICKS], { orderedOn: 'ts' }),
    );

  it('is what other readers know', async () => {
    const folder = temporaryFolder();
    const sink = ticks().toParquet(join(folder, 'part.parquet'), { partitionBy: 'symbol' });
    await run([sink], { workers: 2 }).done;
    const glob = quote(join(folder, '*', '*.parquet'));
    const { columns } = await sql(
      `SELECT symbol, count(*), sum(qty)::BIGINT FROM read_parquet(${glob}, hive_partitioning = true) GROUP BY 1 ORDER BY 1`,
    );
    const symbols = Array.from({ length: 7 }, (_, s) => `S${s}`);
    const of = (symbol: string) => TICKS.filter((tick) => tick.symbol === symbol);
    expect(columns).toEqual([
      symbols,
      symbols.map((symbol) => BigInt(of(symbol).length)),
      symbols.map((symbol) => BigInt(of(symbol).reduce((sum, { qty }) => sum + qty, 0))),
    ]);
  });

  it('goes on in further files where more keys come than may be open', async () => {
    const folder = temporaryFolder();
    const sink = ticks().toCsv(join(folder, 'part.csv'), { partitionBy: ['symbol'], maxOpenFiles: 3 });
    await run([sink], { workers: 2 }).done;
    expect(readdirSync(join(folder, 'symbol=S3'))[0]).toBe('part-00000.csv');
    const read = await rowsOf(readCsv(join(folder, 'symbol=S3', '*.csv'), { schema: { qty: 'int64' } }));
    expect(read.map(({ qty }) => Number(qty))).toEqual(TICKS.filter((_, at) => at % 7 === 3).map(({ qty }) => qty));
  });

  it('leaves nothing of a run that fails', async () => {
    const path = join(temporaryFolder(), 'out', 'part.parquet');
    const broken = createPipeline({ memoryLimit: '128MiB' })
      .source(
        fromIterable({ ts: 'int64', key: 'utf8' }, [[{ ts: 2n, key: 'a' }], [{ ts: 1n, key: 'b' }]], {
          orderedOn: 'ts',
        }),
      )
      .toParquet(path, { partitionBy: 'key' });
    await expect(run([broken]).done).rejects.toMatchObject({ code: 'ERR_INPUT_UNORDERED' });
    expect(existsSync(dirname(path)) ? readdirSync(dirname(path)) : []).toEqual([]);
  });

  it('refuses what cannot be', async () => {
    const path = join(temporaryFolder(), 'part.csv');
    const rows = createPipeline().source(fromIterable({ n: 'int64', x: 'float64', text: 'utf8' }, []));
    expect(() => rows.toCsv(path, { partitionBy: [] })).toThrow(/partitionBy is \[\]/);
    expect(() => rows.toCsv(path, { partitionBy: ['n', 'n'] })).toThrow(/names a column twice/);
    expect(() => rows.toCsv(path, { maxOpenFiles: 3 })).toThrow(/maxOpenFiles is given without partitionBy/);
    expect(() => rows.toCsv(path, { partitionBy: 'n', maxOpenFiles: 5000 })).toThrow(/maxOpenFiles is 5000/);
    await expect(run([rows.toCsv(path, { partitionBy: 'm' })]).done).rejects.toMatchObject({
      code: 'ERR_COLUMN_UNKNOWN',
    });
    await expect(run([rows.toCsv(path, { partitionBy: 'x' })]).done).rejects.toMatchObject({
      code: 'ERR_TYPE_UNSUPPORTED',
    });
    const long = createPipeline()
      .source(fromIterable({ text: 'utf8' }, [[{ text: 'x'.repeat(300) }]]))
      .toCsv(path, { partitionBy: 'text' });
    await expect(run([long]).done).rejects.toMatchObject({ code: 'ERR_VALUE', column: 'text' });
  });
});
