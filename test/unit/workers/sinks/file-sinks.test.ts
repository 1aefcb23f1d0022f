import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import {
  createPipeline,
  fromIterable,
  readArrow,
  readCsv,
  readNdjson,
  readParquet,
  type Shape,
  type Sink,
  type Source,
} from '@spillway/core';
import { run } from '@spillway/workers';
import { tableFromIPC } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { quote, sql } from '#support/duckdb';
import { type SeededRandom, seededRandom } from '../../../support/random.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

type Row = Record<string, unknown>;

const SHAPE = {
  t: 'timestamp[us, UTC]',
  big: 'int64',
  tiny: 'uint8',
  real: 'float64',
  text: 'utf8',
  word: 'dictionary<utf8>',
  flag: 'bool',
  day: 'date32',
  money: 'decimal(12, 3)',
} as const satisfies Shape;

function randomRows(random: SeededRandom, rows: number): Row[] {
  const orNull = <T>(value: T): T | null => (random.chance(0.1) ? null : value);
  return Array.from({ length: rows }, (_, row) => ({
    t: BigInt(row) * 1_000_003n,
    big: orNull(BigInt.asIntN(64, BigInt(random.integer(0, 2 ** 31)) ** 2n * 7n)),
    tiny: orNull(random.integer(0, 255)),
    real: orNull(random.pick([0.1, -0, 1e300, Number.NaN, Infinity, -2.5, random.next()])),
    text: orNull(
      random.pick(['', 'a', 'a,b', 'say "hello"', 'two\nlines', '\r', 'Zürich', '日本\t🌩', ' blank ', 'NA', 'null']),
    ),
    word: orNull(random.pick(['x', 'y,', 'z"'])),
    flag: orNull(random.chance(0.5)),
    day: orNull(random.integer(-1000, 30_000)),
    money: orNull(
      `${random.integer(-999, 999)}.${String(random.integer(0, 999)).padStart(3, '0')}`.replace(/^-0\./, '-1.'),
    ),
  }));
}

async function rowsOf(source: Source<Shape>): Promise<Row[]> {
  const sink = createPipeline({ memoryLimit: '256MiB' }).source(source).collect();
  const job = run([sink], { workers: 2 });
  await job.done;
  return (await job.rows(sink)) as Row[];
}

function streamOf(rows: readonly Row[]) {
  return createPipeline({ memoryLimit: '256MiB' }).source(fromIterable(SHAPE, [rows], { orderedOn: 't' }));
}

describe('sinks of files', () => {
  it.each([
    'rows.csv',
    'rows.tsv',
    'rows.csv.gz',
    'rows.ndjson',
    'rows.ndjson.gz',
    'rows.arrow',
    'rows.arrows',
    'rows.parquet',
  ])('write what our sources read again: %s', async (name) => {
    const random = seededRandom();
    const rows = randomRows(random, 5000);
    const path = join(temporaryFolder(), name);
    const stream = streamOf(rows);
    const sink: Sink = name.includes('.arrow')
      ? stream.toArrow(path)
      : name.includes('.ndjson')
        ? stream.toNdjson(path)
        : name.includes('.parquet')
          ? stream.toParquet(path)
          : stream.toCsv(path);
    await run([sink], { workers: 2 }).done;
    const options = { schema: SHAPE, orderedOn: 't' };
    const read = name.includes('.arrow')
      ? readArrow(path, options)
      : name.includes('.ndjson')
        ? readNdjson(path, options)
        : name.includes('.parquet')
          ? readParquet(path, options)
          : readCsv(path, options);
    expect(await rowsOf(read as Source<Shape>)).toEqual(rows);
  });

  it('write what DuckDB and Arrow read as the same rows', async () => {
    const rows = randomRows(seededRandom(), 3000).map((row): Row => ({ ...row, real: 1.25 }));
    const folder = temporaryFolder();
    const at = (name: string): string => join(folder, name);
    const stream = streamOf(rows);
    const sinks = [stream.toCsv(at('r.csv.gz')), stream.toNdjson(at('r.ndjson.gz')), stream.toArrow(at('r.arrow'))];
    await run(sinks, { workers: 2 }).done;
    const columns = 'big, tiny, real, "text", word, flag, CAST(money AS VARCHAR) AS money';
    const types =
      "{big: 'BIGINT', tiny: 'UTINYINT', real: 'DOUBLE', text: 'VARCHAR', word: 'VARCHAR', flag: 'BOOLEAN', money: 'DECIMAL(12,3)'}";
    const expected = ['big', 'tiny', 'real', 'text', 'word', 'flag', 'money'].map((name) =>
      rows.map(({ [name]: value }) => (name === 'tiny' && typeof value === 'number' ? BigInt(value) : value)),
    );
    const csv = await sql(
      `SELECT ${columns} FROM read_csv(${quote(at('r.csv.gz'))}, types = ${types}, allow_quoted_nulls = false, strict_mode = true)`,
    );
    expect(csv.columns).toEqual(expected);
    const json = await sql(`SELECT ${columns} FROM read_ndjson(${quote(at('r.ndjson.gz'))}, columns = ${types})`);
    expect(json.columns).toEqual(expected);
    const table = tableFromIPC(readFileSync(at('r.arrow')));
    expect(table.schema.fields.map((field) => `${field.name} ${field.type}`)).toContain(
      't Timestamp<MICROSECOND, UTC>',
    );
    expect([...(table.getChild('text') ?? [])]).toEqual(expected[3]);
    expect([...(table.getChild('big') ?? [])]).toEqual(expected[0]);
  });

  it('write several files where asked for, by size and by period', async () => {
    const rows = randomRows(seededRandom(), 20_000);
    const folder = temporaryFolder();
    const stream = streamOf(rows);
    const sinks = [
      stream.toCsv(join(folder, 'size', 'r.csv'), { parts: { bytes: '100KiB' } }),
      stream.toParquet(join(folder, 'hours', 'at {part}.parquet'), { parts: { every: '1h', on: 't' } }),
      stream.toArrow(join(folder, 'rows', 'r.arrow'), { parts: { rows: 7000 } }),
    ];
    await run(sinks, { workers: 2 }).done;
    const hours = Array.from(
      { length: 6 },
      (_, hour) => `at 1970-01-01${hour === 0 ? '' : `T0${hour}-00-00Z`}.parquet`,
    );
    expect(readdirSync(join(folder, 'hours'))).toEqual(hours);
    expect(readdirSync(join(folder, 'rows'))).toEqual(['r-00000.arrow', 'r-00001.arrow', 'r-00002.arrow']);
    expect(readdirSync(join(folder, 'size')).length).toBeGreaterThan(1);
    const options = { schema: SHAPE, orderedOn: 't' };
    expect(await rowsOf(readCsv(join(folder, 'size', 'r-*.csv'), options) as Source<Shape>)).toEqual(rows);
    expect(await rowsOf(readParquet(join(folder, 'hours', '*.parquet'), options) as Source<Shape>)).toEqual(rows);
  });

  it('refuse parts that cannot be', async () => {
    const stream = streamOf([]);
    const path = join(temporaryFolder(), 'r.csv');
    expect(() => stream.toCsv(path, { parts: { rows: 0 } })).toThrow(/parts.rows/);
    expect(() => stream.toCsv(path, { parts: { rows: 1, bytes: 2 } as never })).toThrow(/give one of|parts is/);
    expect(() => stream.toCsv('r-{part}.csv')).toThrow(/there are no parts/);
    const sink = stream.toCsv(path, { parts: { every: '1d', on: 'text' } });
    await expect(run([sink]).done).rejects.toThrow(/which has no periods/);
  });

  it('write files without rows that still say their columns', async () => {
    const folder = temporaryFolder();
    const stream = streamOf([]);
    const sinks = [
      stream.toCsv(join(folder, 'a.csv')),
      stream.toCsv(join(folder, 'b.csv.gz'), { header: false }),
      stream.toNdjson(join(folder, 'c.ndjson')),
      stream.toArrow(join(folder, 'd.arrow')),
    ];
    await run(sinks).done;
    expect(readFileSync(join(folder, 'a.csv'), 'utf8')).toBe(`${Object.keys(SHAPE).join(',')}\n`);
    expect(gunzipSync(readFileSync(join(folder, 'b.csv.gz'))).length).toBe(0);
    expect(readFileSync(join(folder, 'c.ndjson'), 'utf8')).toBe('');
    expect(await rowsOf(readArrow(join(folder, 'd.arrow')) as Source<Shape>)).toEqual([]);
  });

  it('leave an older file as it is when the run fails, and nothing else', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'out.csv');
    await run([streamOf([{ t: 1n }]).toCsv(path)]).done;
    const before = readFileSync(path, 'utf8');
    const broken = createPipeline()
      .source(fromIterable(SHAPE, [[{ t: 1n }], [{ t: 0n }]], { orderedOn: 't' }))
      .toCsv(path);
    await expect(run([broken]).done).rejects.toMatchObject({ code: 'ERR_INPUT_UNORDERED' });
    expect(readFileSync(path, 'utf8')).toBe(before);
    expect(readdirSync(folder)).toEqual(['out.csv']);
  });

  it('refuse options that mean nothing', () => {
    const stream = streamOf([]);
    expect(() => stream.toCsv('')).toThrow(/toCsv: the path is ""/);
    expect(() => stream.toCsv('a.csv', { delimiter: '"' })).toThrow(/delimiter is/);
    expect(() => stream.toArrow('a.arrow', { layout: 'feather' as never })).toThrow(/layout is "feather"/);
    expect(() => stream.toNdjson('a', { compression: 'zstd' as never })).toThrow(/compression is "zstd"/);
    expect(existsSync('a.csv')).toBe(false);
  });
});
