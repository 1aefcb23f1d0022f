import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { type CommandResult, command } from '#support/command';
import { temporaryFolder } from '#support/temporary-folder';

const KEY = ['--store', 'store', '--key', 'a=b'];
let cwd: string;

beforeEach(() => {
  cwd = temporaryFolder();
});

function file(name: string, ...lines: string[]): string {
  writeFileSync(join(cwd, name), `${lines.join('\n')}\n`);
  return name;
}

const run = (...args: string[]): Promise<CommandResult> => command(args, { cwd });
const ingest = (...args: string[]): Promise<CommandResult> => run('ingest', ...args, ...KEY, '--workers', '1');
const rows = async (...args: string[]): Promise<string> => (await run('cat', 'store', 'a=b', ...args)).stdout;

const ORDERED = ['ts,price', '2024-01-01,1.5', '2024-01-02,2'];

it('puts files of a pattern into a dataset, and says what it is then', async () => {
  file('one.csv', ...ORDERED);
  file('two.csv', 'ts,price', '2024-01-03,3');
  const { code, stdout, stderr } = await ingest('*.csv', '--ordered-on', 'ts');
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
  expect(stderr).toContain("columns, as a sample of the first file suggests: --schema 'ts:date32,price:float64'");
  expect(stderr).toMatch(/done in .*: 3 rows in .*, 3 out/);
  expect(stderr).toContain('a=b is at version 0: 3 rows in ');
  expect(await rows()).toBe('ts,price\n2024-01-01,1.5\n2024-01-02,2\n2024-01-03,3\n');
});

it('merges into a dataset whose order and types it takes, and keeps the last of equal rows', async () => {
  await ingest(file('one.csv', ...ORDERED), '--ordered-on', 'ts', '--duplicates-on', 'ts', '--quiet');
  // A sample of these alone would be integers.
  const { code, stdout, stderr } = await ingest(
    file('two.csv', 'ts,price', '2024-01-02,7', '2024-01-04,8'),
    '--quiet',
    '--json',
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toMatchObject({ ok: true, rowsIn: 2, dataset: { key: { a: 'b' }, version: 1, rows: 3 } });
  expect(await rows()).toBe('ts,price\n2024-01-01,1.5\n2024-01-02,7\n2024-01-04,8\n');
});

it('reads text as it is told to', async () => {
  file('eu.txt', 'Zeit;Preis;Name', "01.02.2024 09:30;-;'a;b'", '02.02.2024 10:00;3,5;NA');
  const { code, stderr } = await ingest(
    ...['eu.txt', '--ordered-on', 'Zeit', '--delimiter', ';', '--quote', "'", '--null', 'NA', '--null', '-'],
    ...['--schema', 'Zeit:timestamp[s, UTC], Preis:utf8, Name:utf8', '--time-format', 'Zeit=%d.%m.%Y %H:%M'],
    ...['--time-zone', 'Europe/Berlin'],
  );
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expect(await rows()).toBe('Zeit,Preis,Name\n2024-02-01T08:30:00Z,,a;b\n2024-02-02T09:00:00Z,"3,5",\n');
});

it('takes files without a header, in tabs, and only some columns', async () => {
  file('plain.tsv', '1\tx\t2', '2\ty\t3');
  const { code } = await ingest('plain.tsv', '--no-header', '--ordered-on', 'column1', '--columns', 'column1,column3');
  expect(code).toBe(0);
  expect(await rows()).toBe('column1,column3\n1,2\n2,3\n');
});

it('reads back what cat and run wrote: a schema from a file, rows in JSON of its own', async () => {
  writeFileSync(
    join(cwd, 'schema.json'),
    '{ "ts": "timestamp[ms]", "price": { "type": "decimal(6, 2)", "nullable": false } }',
  );
  const { code, stderr } = await ingest(
    file('one.csv', ...ORDERED),
    '--schema',
    `@${join(cwd, 'schema.json')}`,
    '--ordered-on',
    'ts',
  );
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expect(await rows('--format', 'json', '--limit', '1')).toBe('{"ts":"2024-01-01T00:00:00.000","price":1.50}\n');
  expect((await run('ls', 'store', 'a=b')).stdout).toContain('price  decimal(6, 2), never null');
});

it('takes lines of JSON', async () => {
  file('log.ndjson', '{"ts":"2024-01-01T00:00:00Z","user":{"id":7}}', '{"ts":"2024-01-02T00:00:00Z","user":{"id":8}}');
  const { code } = await ingest('log.ndjson', '--ordered-on', 'ts');
  expect(code).toBe(0);
  expect(await rows('--columns', 'user.id')).toBe('user.id\n7\n8\n');
});

it('shows files, columns, plan and the least memory with --dry-run, and writes nothing', async () => {
  const { code, stdout } = await ingest(file('one.csv', ...ORDERED), '--ordered-on', 'ts', '--dry-run');
  expect(code).toBe(0);
  for (const text of ['one.csv, 37 B', "--schema 'ts:date32,price:float64'", 'at least', 'dataset a=b, merge'])
    expect(stdout).toContain(text);
  const json = await ingest('one.csv', '--ordered-on', 'ts', '--dry-run', '--json');
  expect(JSON.parse(json.stdout)).toMatchObject({
    dryRun: true,
    files: [join(cwd, 'one.csv')],
    columns: [{ name: 'ts' }, {}],
  });
  expect((await run('ls', 'store')).code).toBe(1);
});

it('without a store and a key says how to begin', async () => {
  const { code, stderr } = await run('ingest', file('one.csv', ...ORDERED));
  expect(code).toBe(2);
  expect(stderr).toContain('try: spillway ingest one.csv --store ./store --key name=one --ordered-on COLUMN --dry-run');
});

it('goes on every night with the files that are new', async () => {
  const args = ['*.csv', '--ordered-on', 'ts', '--resume', 'nightly', '--input-ends', 'more', '--quiet', '--json'];
  const nightly = async (...more: string[]) =>
    JSON.parse((await ingest(...args, ...more)).stdout) as Record<string, unknown>;
  file('1.csv', ...ORDERED);
  expect(await nightly()).toMatchObject({ ok: true, rowsIn: 2, dataset: { rows: 2 } });
  file('2.csv', 'ts,price', '2024-01-03,3');
  expect(await nightly()).toMatchObject({ ok: true, rowsIn: 1, dataset: { rows: 3 } });
  file('1.csv', ...ORDERED, '2024-01-02,9');
  expect(await nightly()).toMatchObject({ ok: false, error: { code: 'ERR_RESUME_SOURCE' } });
});

it('says that rows were put between others, and how they take the place of equal ones, or are refused', async () => {
  const args = [file('one.csv', ...ORDERED), '--ordered-on', 'ts'];
  await ingest(...args);
  const twice = await ingest(...args);
  expect(twice).toMatchObject({ code: 0, stderr: expect.stringContaining('; 2 before\n') });
  expect(twice.stderr).toContain('what is ingested twice is there twice. --duplicates-on keeps');
  expect(await ingest(...args, '--mode', 'append')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('has rows up to 2024-01-02'),
  });
  const replaced = await ingest(...args, '--duplicates-on', 'all');
  expect(replaced.stderr).toContain('; 4 before, 4 replaced by later ones');
  expect(replaced.stderr).not.toContain('warning');
  file('two.csv', 'ts,price', '2024-01-02,7');
  expect((await ingest('two.csv', '--mode', 'append')).stderr).not.toContain('warning');
  expect(await rows('--columns', 'price')).toBe('price\n1.5\n2\n7\n');
});

it('names both of two files that overlap, and what reads them together', async () => {
  file('a.csv', ...ORDERED);
  file('b.csv', 'ts,price', '2024-01-01,3', '2024-01-03,4');
  const { code, stderr } = await ingest('*.csv', '--ordered-on', 'ts');
  expect({ code, stderr }).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('the files overlap: --merge-files'),
  });
  expect(stderr).toContain(
    `${join(cwd, 'b.csv')}, row 0: "ts" is 2024-01-01 after 2024-01-02, with which ${join(cwd, 'a.csv')} ends`,
  );
  expect(await ingest('*.csv', '--ordered-on', 'ts', '--merge-files')).toMatchObject({ code: 0 });
  expect(await rows('--columns', 'price')).toBe('price\n1.5\n3\n2\n4\n');
});

it('puts columns in the order of the dataset, and those that are further behind', async () => {
  await ingest(file('one.csv', ...ORDERED), '--ordered-on', 'ts', '--quiet');
  file('two.csv', 'n,price,ts', '7,3,2024-01-03');
  const refused = await ingest('two.csv');
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('with --evolve') });
  expect(await ingest('two.csv', '--columns', 'price,ts')).toMatchObject({ code: 0 });
  expect(await ingest('two.csv', '--evolve', '--duplicates-on', 'ts')).toMatchObject({ code: 0 });
  expect(await rows('--from', '2024-01-02')).toBe('ts,price,n\n2024-01-02,2,\n2024-01-03,3,7\n');
});

it('stores columns under other names, also into a dataset that has these', async () => {
  file('names.csv', 'Trade Time,Last Price', '2024-01-01,1.5', '2024-01-02,2');
  const refused = await ingest('names.csv', '--ordered-on', 'Trade Time');
  expect(refused).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("--rename 'Trade Time=Trade_Time,Last Price=Last_Price'"),
  });
  const rename = ['--rename', 'Trade Time=ts,Last Price=price'];
  expect(await ingest('names.csv', '--ordered-on', 'Trade Time', ...rename)).toMatchObject({ code: 0 });
  file('more.csv', 'Last Price,Trade Time', '3,2024-01-03');
  expect((await ingest('more.csv')).stderr).toContain("if one of them is it: --rename 'Last Price=ts'");
  expect(await ingest('more.csv', ...rename)).toMatchObject({ code: 0 });
  expect(await rows()).toBe('ts,price\n2024-01-01,1.5\n2024-01-02,2\n2024-01-03,3\n');
  expect(await ingest('more.csv', '--rename', 'Last Prise=price')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('did you mean "Last Price"?'),
  });
});

describe('a wrong turn is told the right one', () => {
  it.each([
    [['one.csv'], 2, 'with --ordered-on. There are ts (date32), price (float64)'],
    [['one.csv', '--ordered-on', 'tss'], 1, 'did you mean "ts"?'],
    [['on.csv', '--ordered-on', 'ts'], 1, 'did you mean "one.csv"?'],
    [['*.tsv', '--ordered-on', 'ts'], 1, 'no file matches *.tsv'],
    [['.', '--ordered-on', 'ts'], 1, "*.csv'"],
    [['notes', '--ordered-on', 'ts'], 2, 'give --format'],
    [['one.csv', 'x.parquet', '--ordered-on', 'ts'], 2, 'ingest one format at a time'],
    [['x.parquet', '--null', 'NA', '--ordered-on', 'ts'], 2, '--null is for CSV; these are parquet'],
    [['x.parquet', '--time-zone', 'UTC', '--ordered-on', 'ts'], 2, '--time-zone is for text files; these are parquet'],
    [['x.ndjson', '--no-header', '--ordered-on', 'ts'], 2, '--no-header is for CSV; these are ndjson'],
    [['mixed.csv', '--ordered-on', 'ts'], 1, 'hint: give --sort'],
    [['bad.csv', '--ordered-on', 'ts'], 1, '--skip-bad-rows'],
    [['short.csv', '--ordered-on', 'ts'], 1, 'or leave such rows out with --skip-bad-rows'],
    [['ragged.csv'], 1, 'ragged.csv, line 2: 3 fields where 2 are expected'],
    [['names.csv'], 2, 'there is no column that rows can be ordered on, of times or of numbers: name (utf8)'],
    [['fine.csv', '--ordered-on', 'ts'], 1, "hint: give its format with --time-format 'ts=%d/%m/%Y'"],
    [['one.csv', '--ordered-on', 'ts', '--input-ends', 'more'], 2, 'name it with --resume'],
    [['empty.csv', '--ordered-on', 'ts'], 1, '--no-header and --schema'],
    [['header.csv', '--ordered-on', 'ts'], 1, 'name them with --schema'],
    [['one.csv', '--ordered-on', 'ts', '--row-group', '5x'], 2, '1d, 6h'],
    [['one.csv', '--ordered-on', 'ts', '--schema', 'ts:dat32'], 2, 'did you mean "date32"?'],
    [['one.csv', '--ordered-on', 'ts', '--schema', 'ts'], 2, 'write ts:timestamp[us],price:float64'],
    [['one.csv', '--ordered-on', 'ts', '--schema', '@nowhere'], 2, 'nowhere cannot be read'],
    [['one.csv', '--ordered-on', 'ts', '--columns', 'ts,prise'], 1, 'did you mean "price"?'],
    [['-', '--ordered-on', 'ts', '--resume', 'nightly'], 2, '--resume goes on with files'],
    [['one.csv', '--ordered-on', 'ts', '--resume', 'a/b'], 2, 'such as nightly'],
    [['one.csv', '--ordered-on', 'ts', '--memory-limit', '1MiB'], 1, 'hint: give --memory-limit'],
    [['one.csv', '--ordered-on', 'ts', '--skip-bad-rows', '--rejects', 'r'], 2, 'cannot be used with option'],
  ])('%j', async (args, code, text) => {
    file('one.csv', ...ORDERED);
    file('mixed.csv', 'ts,price', '2024-01-02,1', '2024-01-01,2');
    const many = Array.from({ length: 2100 }, (_, i) => `${i},1`);
    file('bad.csv', 'ts,price', ...many, '2100,cheap');
    file('short.csv', ...ORDERED, '2024-01-09');
    file('header.csv', 'ts,price');
    file('ragged.csv', 'ts,price', '2024-01-01,1,2');
    file('names.csv', 'name', 'a');
    file('fine.csv', 'ts', ...Array.from({ length: 2100 }, () => '2024-01-01'), '3/1/2024 09:30');
    writeFileSync(join(cwd, 'empty.csv'), '');
    writeFileSync(join(cwd, 'notes'), 'x');
    const failed = await ingest(...args);
    expect({ code: failed.code, stdout: failed.stdout }).toEqual({ code, stdout: '' });
    expect(failed.stderr).toContain(text);
    expect(failed.stderr).not.toContain('step files');
  });
});

it('leaves bad rows out and tells of them, or writes them to a file', async () => {
  const many = Array.from({ length: 2100 }, (_, i) => `${i},1`);
  file('bad.csv', 'n,price', ...many, '2100,cheap', '2101,2');
  const skipped = await ingest('bad.csv', '--ordered-on', 'n', '--skip-bad-rows');
  expect(skipped.stderr).toContain('line 2102: column "price": "cheap" is no int64');
  expect(skipped.stderr).toContain('1 bad row left out');
  const { code } = await ingest(
    'bad.csv',
    '--ordered-on',
    'n',
    '--rejects',
    join(cwd, 'rejects.csv'),
    '--mode',
    'overwrite',
  );
  expect(code).toBe(0);
  expect(readFileSync(join(cwd, 'rejects.csv'), 'utf8')).toContain('2100,cheap');
  expect(await rows('--from', '2100')).toBe('n,price\n2101,2\n');
});

it('takes Arrow files: what cat wrote goes in again', async () => {
  await ingest(file('one.csv', ...ORDERED), '--ordered-on', 'ts', '--quiet');
  const chunks: Buffer[] = [];
  await command(['cat', 'store', 'a=b', '--format', 'arrow'], { cwd, onBytes: (bytes) => chunks.push(bytes) });
  writeFileSync(join(cwd, 'one.arrows'), Buffer.concat(chunks));
  const { code, stderr } = await ingest('one.arrows', '--mode', 'overwrite', '--ordered-on', 'ts');
  expect({ code, stderr }).toMatchObject({
    code: 0,
    stderr: expect.stringContaining("columns: --schema 'ts:date32,price:float64'"),
  });
  expect(await rows('--limit', '1')).toBe('ts,price\n2024-01-01,1.5\n');
});

describe('standard input', () => {
  const pipe = (stdin: string, ...args: string[]): Promise<CommandResult> =>
    command(['ingest', '-', ...KEY, '--workers', '1', '--spill-directory', join(cwd, 'spill'), ...args], {
      cwd,
      stdin,
    });

  it.each([
    ['CSV', 'ts,price\n2024-01-01,1.5\n'],
    ['lines of JSON', '{"ts":"2024-01-01","price":1.5}\n'],
  ])('is taken as what it is: %s', async (_, text) => {
    const { code, stderr } = await pipe(text, '--ordered-on', 'ts');
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(await rows('--format', 'json')).toBe('{"ts":"2024-01-01","price":1.5}\n');
    expect(readdirSync(join(cwd, 'spill'))).toEqual([]);
  });

  it('is named in refusals, and leaves nothing behind', async () => {
    const { code, stderr } = await pipe('ts,price\n2024-01-01,1\n2024-01-02,1,2\n', '--ordered-on', 'ts');
    expect(code).toBe(1);
    expect(stderr).toContain('standard input, line 3: 3 fields where 2 are expected');
    expect(stderr).not.toContain('standard-input');
    expect(readdirSync(join(cwd, 'spill'))).toEqual([]);
  });

  it('may be empty, which is told', async () => {
    const { code, stderr } = await pipe('', '--ordered-on', 'ts');
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('there is no header') });
  });

  it('stands alone', async () => {
    expect(await run('ingest', '-', 'one.csv', ...KEY)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is ingested alone'),
    });
  });

  it('stops at Ctrl-C', async () => {
    const args = ['ingest', '-', ...KEY, '--spill-directory', join(cwd, 'spill')];
    const { code } = await command(args, { cwd, stdin: 'ts\n1\n', signal: AbortSignal.abort() });
    expect(code).toBe(130);
    expect(readdirSync(join(cwd, 'spill'))).toEqual([]);
  });
});
