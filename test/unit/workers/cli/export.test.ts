import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { beforeEach, expect, it } from 'vitest';
import { type CommandResult, command } from '#support/command';
import { temporaryFolder } from '#support/temporary-folder';

const LINES = Array.from({ length: 96 }, (_, hour) => {
  const at = new Date(Date.UTC(2024, 0, 1, hour)).toISOString().slice(0, 19);
  return `${at},S${hour % 3},${hour}`;
});
let cwd: string;

const run = (...args: string[]): Promise<CommandResult> => command(args, { cwd });
const exported = (...args: string[]): Promise<CommandResult> =>
  run('export', 'store', 'a=b', ...args, '--workers', '1', '--no-history');

beforeEach(async () => {
  cwd = temporaryFolder();
  writeFileSync(join(cwd, 'in.csv'), `${['ts,symbol,n', ...LINES].join('\n')}\n`);
  await run('ingest', 'in.csv', '--store', 'store', '--key', 'a=b', '--ordered-on', 'ts', '--quiet', '--no-history');
});

it('writes rows of a dataset into a file of the format that its name says', async () => {
  const { code, stderr, stdout } = await exported('out.csv.gz', '--from', '2024-01-02', '--limit', '2', '--json');
  expect({ code, ...JSON.parse(stdout) }).toMatchObject({
    code: 0,
    ok: true,
    rowsOut: 2,
    path: join(cwd, 'out.csv.gz'),
  });
  expect(stderr).toContain(`2 rows in ${join(cwd, 'out.csv.gz')}`);
  expect(gunzipSync(readFileSync(join(cwd, 'out.csv.gz'))).toString()).toBe(
    'ts,symbol,n\n2024-01-02T00:00:00.000000,S0,24\n2024-01-02T01:00:00.000000,S1,25\n',
  );
});

it('writes a file for each period, which are read back as they were', async () => {
  expect(await exported('days/d.parquet', '--parts', '1d', '--compression', 'zstd', '--quiet')).toMatchObject({
    code: 0,
    stderr: '',
  });
  const names = [1, 2, 3, 4].map((day) => `d-2024-01-0${day}.parquet`);
  expect(readdirSync(join(cwd, 'days'))).toEqual(names);
  await run('ingest', 'days/*.parquet', '--store', 'store', '--key', 'a=c', '--ordered-on', 'ts', '--no-history');
  expect((await run('cat', 'store', 'a=c')).stdout).toBe((await run('cat', 'store', 'a=b')).stdout);
});

it('writes a folder for each key', async () => {
  const { code, stderr } = await exported('keys/part.ndjson', '--partition-by', 'symbol', '--columns', 'symbol,n');
  expect({ code, stderr }).toMatchObject({
    code: 0,
    stderr: expect.stringContaining(`96 rows in ${join(cwd, 'keys')}\n`),
  });
  const text = readFileSync(join(cwd, 'keys', 'symbol=S1', 'part-00000.ndjson'), 'utf8');
  expect(text.split('\n').slice(0, 2)).toEqual(['{"symbol":"S1","n":1}', '{"symbol":"S1","n":4}']);
});

it('shows with --dry-run what it would do, and does nothing', async () => {
  const { code, stdout } = await exported('x/p.parquet', '--partition-by', 'symbol', '--parts', '10', '--dry-run');
  expect({ code, stdout }).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('none, in folders by symbol, at most 256 open, one for each 10 rows'),
  });
  expect(existsSync(join(cwd, 'x'))).toBe(false);
});

it.each([
  [['rows'], 2, 'give --format csv, tsv'],
  [['rows.csv', '--compression', 'zstd'], 2, 'is not for csv, which has none, gzip'],
  [['rows.csv.zst'], 2, 'end the name with .gz, or write Parquet'],
  [['rows.parquet', '--no-header'], 2, '--no-header is for CSV; this is parquet'],
  [['rows.csv', '--max-open-files', '3'], 2, 'is for --partition-by'],
  [['rows.csv', '--parts', 'many'], 2, '256MiB, or a period'],
  [['rows.csv', '--columns', 'symbl'], 1, 'did you mean "symbol"?'],
  [['rows.csv', '--partition-by', 'symbl'], 1, 'did you mean "symbol"?'],
  [['rows.csv', '--from', 'yesterday'], 2, 'write it as 2024-01-31'],
])('a wrong turn is told the right one: %j', async (args, code, text) => {
  expect(await exported(...args)).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(text) });
  expect(readdirSync(cwd).sort()).toEqual(['in.csv', 'store']);
});
