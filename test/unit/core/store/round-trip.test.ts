import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Fields, openStore } from '@spillway/core';
import { expect, test } from 'vitest';

import { liveFiles, quote, sql } from '../../../support/duckdb.ts';
import { seededRandom } from '../../../support/random.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { everyType, randomRows, tsField } from '../formats/every-type.ts';
import { type Row, readRows, writeRows } from './write-rows.ts';

const key = { symbol: 'AAPL', freq: '1h' };
const fields: Fields = [...tsField, ...everyType];

test('every type comes back as it was, nulls, schema and metadata included', async () => {
  const root = join(temporaryFolder(), 'store');
  const rows = randomRows(seededRandom(), fields, 1000);
  const summary = await writeRows(root, key, fields, rows, {
    rowGroupTarget: 240,
    metadata: { note: 'naïve "quoted"' },
  });
  expect(summary).toMatchObject({ version: 0, rows: 1000, files: 5 });
  const dataset = await (await openStore(root)).dataset(key);
  expect(dataset.fields).toEqual(fields);
  expect(dataset.metadata).toEqual({ note: 'naïve "quoted"' });
  expect(dataset).toMatchObject({ version: 0, rows: 1000, orderedOn: 'ts' });
  expect(dataset.files().map((file) => file.rows)).toEqual([240, 240, 240, 240, 40]);
  expect(await readRows(dataset)).toEqual(rows);
});

test('DuckDB reads equal rows from the files that the log names', async () => {
  const root = temporaryFolder();
  const columns = fields.filter(
    (field) => !/^(list|fixed|binary|time(32|64)|duration|decimal|date|uint64)/.test(field.type),
  );
  const rows = randomRows(seededRandom(), columns, 2500);
  await writeRows(root, key, columns, rows, { rowGroupTarget: 1000 });
  const files = liveFiles(join(root, 'freq=1h', 'symbol=AAPL')).map(quote);
  const table = await sql(`SELECT * FROM read_parquet([${files.join()}])`);
  const scales: Record<string, bigint> = { s: 1_000_000n, ms: 1000n, us: 1n, ns: 1n };
  columns.forEach(({ name, type }, i) => {
    const scale = scales[/^timestamp\[(\w+)/.exec(type)?.[1] ?? ''] ?? 1n;
    const ours = rows.map((row) => {
      const value = row[name];
      if (value === null) return null;
      if (typeof value === 'bigint') return value * scale;
      return typeof value === 'number' && !type.startsWith('float') ? BigInt(value) : value;
    });
    expect(table.columns[i], name).toEqual(ours);
  });
});

/** A value as DuckDB writes it, for types that its client gives as objects. */
function asText(value: unknown, type: string): string | null {
  if (value === null) return null;
  if (type === 'date32') return new Date(Number(value) * 86_400_000).toISOString().slice(0, 10);
  if (type === 'date64') return new Date(Number(value)).toISOString().slice(0, 10);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex').toUpperCase();
  return Array.isArray(value) ? JSON.stringify(value) : String(value);
}

test('DuckDB reads equal dates, decimals, bytes, lists and durations', async () => {
  const root = temporaryFolder();
  const columns = fields.filter((field) =>
    /^(timestamp\[us, UTC\]|list|fixed|binary|time(32|64)|duration|decimal|uint64)/.test(field.type),
  );
  const dates: Fields = [
    { name: 'day', type: 'date32', nullable: true },
    { name: 'day_in_ms', type: 'date64', nullable: true },
  ];
  const all = [...columns, ...dates];
  const random = seededRandom();
  const rows = randomRows(random, columns, 500).map(
    (row, i): Row => ({ ...row, day: i, day_in_ms: i % 3 === 0 ? null : BigInt(i) * 86_400_000n }),
  );
  await writeRows(root, key, all, rows);
  const select = all.map(({ name, type }) => {
    if (type === 'binary' || type.startsWith('fixed')) return `hex(${name})`;
    return type.startsWith('list') ? `CAST(to_json(${name}) AS VARCHAR)` : `CAST(${name} AS VARCHAR)`;
  });
  const [file = ''] = liveFiles(join(root, 'freq=1h', 'symbol=AAPL'));
  const table = await sql(`SELECT ${select.join()} FROM ${quote(file)}`);
  all.forEach(({ name, type }, i) => {
    if (!type.startsWith('timestamp'))
      expect(table.columns[i], name).toEqual(rows.map((row) => asText(row[name], type)));
  });
});

test('the log is a Delta table of the protocol that its columns need', async () => {
  const root = temporaryFolder();
  await writeRows(root, { a: 'zoned' }, tsField, [{ ts: 1n }]);
  await writeRows(root, { a: 'naive' }, [{ name: 'ts', type: 'timestamp[us]', nullable: true }], [{ ts: 1n }]);
  const protocolOf = (folder: string): unknown =>
    readFileSync(join(root, folder, '_delta_log', '00000000000000000000.json'), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => (JSON.parse(line) as { protocol?: unknown }).protocol)
      .find((protocol) => protocol !== undefined);
  expect(protocolOf('a=zoned')).toEqual({ minReaderVersion: 1, minWriterVersion: 2 });
  expect(protocolOf('a=naive')).toEqual({
    minReaderVersion: 3,
    minWriterVersion: 7,
    readerFeatures: ['timestampNtz'],
    writerFeatures: ['timestampNtz'],
  });
});

test('statistics round outwards and tags are exact', async () => {
  const root = temporaryFolder();
  const columns: Fields = [
    ...tsField,
    { name: 'naive', type: 'timestamp[us]', nullable: true },
    { name: 'big', type: 'int64', nullable: true },
    { name: 'x', type: 'float64', nullable: true },
    { name: 'y', type: 'float64', nullable: true },
    { name: 's', type: 'utf8', nullable: true },
    { name: 'b', type: 'bool', nullable: true },
  ];
  await writeRows(root, { a: 'b' }, columns, [
    { ts: -1_500n, naive: 1n, big: 2n ** 62n + 1n, x: NaN, y: 1.5, s: `${'a'.repeat(31)}zz`, b: true },
    { ts: 1_000_001n, naive: 1n, big: null, x: 1, y: null, s: 'é', b: null },
  ]);
  const text = readFileSync(join(root, 'a=b', '_delta_log', '00000000000000000000.json'), 'utf8');
  const add = text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { add?: { stats: string; tags: Record<string, string> } })
    .find((action) => action.add)?.add;
  expect(add?.stats).toContain('"big":4611686018427387905');
  expect(JSON.parse(add?.stats ?? '')).toMatchObject({
    numRecords: 2,
    minValues: { ts: '1969-12-31T23:59:59.998Z', naive: '1970-01-01T00:00:00.000', y: 1.5, s: `${'a'.repeat(31)}z` },
    maxValues: { ts: '1970-01-01T00:00:01.001Z', naive: '1970-01-01T00:00:00.001', y: 1.5, s: 'é' },
    nullCount: { ts: 0, naive: 0, big: 1, x: 0, y: 1, s: 0, b: 1 },
  });
  expect(JSON.parse(add?.stats ?? '').minValues).not.toHaveProperty('x');
  expect(add?.tags).toMatchObject({
    'spillway.min': '-1500',
    'spillway.max': '1000001',
    'spillway.sequence': '1048575',
  });
});

test('a dataset without rows is committed, with its schema', async () => {
  const root = temporaryFolder();
  expect(await writeRows(root, key, fields, [])).toMatchObject({ version: 0, rows: 0, files: 0 });
  const dataset = await (await openStore(root)).dataset(key);
  expect(dataset.fields).toEqual(fields);
  expect(dataset.files()).toEqual([]);
});
