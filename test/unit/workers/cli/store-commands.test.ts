import { appendFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DatasetKey, openStore } from '@spillway/core';
import { tableFromIPC } from 'apache-arrow';
import { beforeAll, describe, expect, it } from 'vitest';
import { command } from '#support/command';
import { sharedFolder, temporaryFolder } from '#support/temporary-folder';

const folder = sharedFolder();
const store = join(folder, 'market');
const SCHEMA = {
  ts: 'timestamp[us]',
  symbol: 'utf8',
  price: 'float64',
  n: 'int64',
  cost: 'decimal(10, 2)',
  on: 'bool',
} as const;

async function write(root: string, key: DatasetKey, rows: Record<string, unknown>[]): Promise<void> {
  await (await openStore(root)).write(key, rows, { schema: SCHEMA, orderedOn: 'ts' });
}

const ROWS = [
  { ts: '2024-01-02T09:30:00', symbol: 'AAPL', price: 187.25, n: 9_007_199_254_740_993n, cost: '12.30', on: true },
  { ts: '2024-01-02T09:31:00.5', symbol: 'say "hi", all', price: null, n: -1n, cost: null, on: false },
  { ts: '2024-01-03T00:00:00', symbol: '', price: 1e-7, n: 0n, cost: '-0.01', on: null },
];

beforeAll(async () => {
  await write(store, { symbol: 'AAPL', freq: '1m' }, ROWS);
  await write(store, { symbol: 'MSFT', freq: '1m' }, ROWS.slice(0, 1));
});

describe('ls', () => {
  it('lists datasets with rows, range and size', async () => {
    const { code, stdout, stderr } = await command(['ls', 'market'], { cwd: folder });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const line = stdout.split('\n').find((text) => text.startsWith('freq=1m,symbol=AAPL'));
    expect(line).toMatch(/ 3 +2024-01-02T09:30:00.000000 +2024-01-03T00:00:00.000000 +1 /);
  });

  it('shows columns and types of what a part of a key stands for', async () => {
    const { stdout } = await command(['ls', store, 'symbol=MSFT']);
    expect(stdout).toContain('freq=1m,symbol=MSFT');
    expect(stdout).toContain('cost    decimal(10, 2)');
    expect(stdout).not.toContain('AAPL');
  });

  it('is one JSON object with --json', async () => {
    const { stdout } = await command(['ls', store, '--json']);
    const listed = JSON.parse(stdout) as { ok: boolean; datasets: { key: object; rows: number }[] };
    expect(listed.ok).toBe(true);
    expect(listed.datasets.map(({ key, rows }) => ({ key, rows }))).toEqual([
      { key: { freq: '1m', symbol: 'AAPL' }, rows: 3 },
      { key: { freq: '1m', symbol: 'MSFT' }, rows: 1 },
    ]);
  });

  it('says of an empty folder that there is nothing yet', async () => {
    const { code, stdout, stderr } = await command(['ls', temporaryFolder()]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(stderr).toContain('no datasets yet');
  });

  it('names the nearest folder when the store is not there', async () => {
    const { code, stderr } = await command(['ls', join(folder, 'markt')]);
    expect(code).toBe(1);
    expect(stderr).toContain('ERR_STORE_NOT_FOUND');
    expect(stderr).toMatch(/did you mean .*market\?/);
  });

  it('says what a folder is that is no store', async () => {
    const other = temporaryFolder();
    writeFileSync(join(other, 'notes.txt'), 'x');
    const { code, stderr } = await command(['ls', other]);
    expect(code).toBe(1);
    expect(stderr).toContain('is not a store: it holds "notes.txt"');
  });
});

describe('cat', () => {
  const key = 'symbol=AAPL,freq=1m';

  it('prints rows as CSV: exact numbers, ISO times, nulls empty, empty texts quoted', async () => {
    const { code, stdout } = await command(['cat', store, key]);
    expect(code).toBe(0);
    expect(stdout).toBe(
      [
        'ts,symbol,price,n,cost,on',
        '2024-01-02T09:30:00.000000,AAPL,187.25,9007199254740993,12.30,true',
        '2024-01-02T09:31:00.500000,"say ""hi"", all",,-1,,false',
        '2024-01-03T00:00:00.000000,"",1e-7,0,-0.01,',
        '',
      ].join('\n'),
    );
  });

  it('prints a JSON object a line', async () => {
    const { stdout } = await command([
      'cat',
      store,
      key,
      '--format',
      'json',
      '--limit',
      '2',
      '--columns',
      'symbol,n,price',
    ]);
    expect(stdout).toBe(
      '{"symbol":"AAPL","n":9007199254740993,"price":187.25}\n{"symbol":"say \\"hi\\", all","n":-1,"price":null}\n',
    );
  });

  it('prints a range, without a header where none is wanted', async () => {
    const range = ['--from', '2024-01-02T09:31', '--to', '2024-01-03', '--columns', 'ts'];
    const { stdout } = await command(['cat', store, key, ...range, '--no-header']);
    expect(stdout).toBe('2024-01-02T09:31:00.500000\n');
  });

  it('prints an Arrow stream', async () => {
    const chunks: Buffer[] = [];
    const { stdout } = await command(['cat', store, key, '--format', 'arrow', '--columns', 'n', '--limit', '2'], {
      onBytes: (bytes) => chunks.push(bytes),
    });
    expect(stdout.length).toBeGreaterThan(0);
    expect([...(tableFromIPC(Buffer.concat(chunks)).getChild('n') ?? [])]).toEqual([9_007_199_254_740_993n, -1n]);
  });

  it('names the nearest column', async () => {
    const { code, stdout, stderr } = await command(['cat', store, key, '--columns', 'ts,prize']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('did you mean "price"?');
  });

  it('names the nearest key', async () => {
    const { code, stderr } = await command(['cat', store, 'symbol=AAPLE,freq=1m']);
    expect(code).toBe(1);
    expect(stderr).toContain('did you mean "freq=1m,symbol=AAPL"?');
  });

  it('takes as much of a key as tells which, and lists those that it may mean', async () => {
    expect((await command(['cat', store, 'symbol=MSFT', '--columns', 'symbol'])).stdout).toBe('symbol\nAAPL\n');
    const { code, stderr } = await command(['cat', store, 'freq=1m']);
    expect(code).toBe(2);
    expect(stderr).toContain(
      'freq=1m stands for 2 datasets: name one of\n  freq=1m,symbol=AAPL\n  freq=1m,symbol=MSFT',
    );
  });

  it('refuses a bound that is none of the ordered column as wrong usage', async () => {
    const { code, stderr } = await command(['cat', store, key, '--from', 'yesterday']);
    expect(code).toBe(2);
    expect(stderr).toContain('--from is "yesterday", which is no timestamp[us]: write it as 2024-01-31');
  });

  it('ends quietly when nobody reads on', async () => {
    const { code, stderr } = await command(['cat', store, key], { outputError: 'EPIPE' });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});

describe('verify', () => {
  it('is done when everything is as the logs say', async () => {
    const { code, stdout } = await command(['verify', store]);
    expect(code).toBe(0);
    expect(stdout).toContain('ok       freq=1m,symbol=AAPL  3 rows in 1 file');
  });

  it('fails naming the damaged file, also as JSON', async () => {
    const root = join(temporaryFolder(), 'store');
    await write(root, { a: 'b' }, ROWS);
    const data = readdirSync(join(root, 'a=b')).find((name) => name.endsWith('.parquet')) as string;
    appendFileSync(join(root, 'a=b', data), 'x');
    const { code, stdout, stderr } = await command(['verify', root]);
    expect(code).toBe(1);
    expect(stdout).toContain('damaged  a=b');
    expect(stdout).toContain(data);
    expect(stderr).toContain('1 of 1 dataset damaged');
    const json = await command(['verify', root, '--json']);
    expect({ code: json.code, ok: (JSON.parse(json.stdout) as { ok: boolean }).ok }).toEqual({ code: 1, ok: false });
  });
});

describe('vacuum', () => {
  it('says what it would remove, and removes it', async () => {
    const root = join(temporaryFolder(), 'store');
    await write(root, { a: 'b' }, ROWS);
    await write(root, { a: 'b' }, ROWS);
    const files = (): number => readdirSync(join(root, 'a=b')).filter((name) => name.endsWith('.parquet')).length;
    const dry = await command(['vacuum', root, '--retention', '0s', '--dry-run']);
    expect(dry.stdout).toContain('would remove 1 file');
    expect(files()).toBe(2);
    const { code, stdout } = await command(['vacuum', root, '--retention', '0s', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, files: 1 });
    expect(files()).toBe(1);
  });

  it('takes durations as people write them', async () => {
    const { code, stderr } = await command(['vacuum', store, '--retention', '2 fortnights']);
    expect(code).toBe(2);
    expect(stderr).toContain('Write a duration such as 2d');
  });
});

it('takes integers of a store whose keys have a schema', async () => {
  const root = join(temporaryFolder(), 'store');
  mkdirSync(root);
  const opened = await openStore(root, { keys: { levels: [{ symbol: 'text', year: 'integer' }] } });
  await opened.write({ symbol: 'A', year: 2024 }, ROWS, { schema: SCHEMA, orderedOn: 'ts' });
  const { code, stdout } = await command(['cat', root, 'symbol=A,year=2024', '--columns', 'n', '--limit', '1']);
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'n\n9007199254740993\n' });
});
