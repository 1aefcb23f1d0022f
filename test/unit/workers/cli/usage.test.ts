import { join } from 'node:path';
import { openStore } from '@spillway/core';
import { expect, it } from 'vitest';
import { command } from '#support/command';
import { temporaryFolder } from '#support/temporary-folder';

const COMMANDS = ['run', 'ingest', 'ls', 'cat', 'verify', 'vacuum', 'import-oups', 'export-oups', 'completion'];

it.each(['', ...COMMANDS])('help of "%s" has examples, goes to standard output and is no failure', async (name) => {
  const { code, stdout, stderr } = await command([...(name === '' ? [] : [name]), '--help']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain(`Usage: spillway ${name}`);
  expect(stdout).toMatch(/Examples:\n {2}\S.*\n {4}\$ .*spillway /);
});

it('names all commands', async () => {
  const { stdout } = await command(['--help']);
  for (const name of COMMANDS) expect(stdout).toContain(`  ${name} `);
});

it('prints its version', async () => {
  expect(await command(['--version'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
});

it.each([
  [['lss', 'x'], 'Did you mean ls?'],
  [['ls', 'x', '--jsn'], 'Did you mean --json?'],
  [['cat', 'x'], "missing required argument 'key'"],
  [['cat', 'x', 'AAPL'], 'symbol=AAPL,freq=1h'],
  [['cat', 'x', 'a=1,a=2'], '"a" is there twice'],
  [['cat', 'x', 'a=b', '--format', 'xml'], 'Allowed choices are csv, json, arrow'],
  [['cat', 'x', 'a=b', '--limit', '-1'], 'Write a whole number from 0 on'],
  [['run', 'x.js', '--memory-limit', '12XB'], '256MiB'],
  [['run', 'x.js', '--memory-limit', '0'], '256MiB'],
  [['run', 'x.js', '--checkpoint-every', '1'], '90s'],
  [['cat', 'x', 'a=b', '--columns', 'ts,price,ts'], '"ts" is there twice'],
  [['run', 'x.js', '--workers', '0'], 'Write a whole number from 1 on'],
  [['import-oups', 'x', 'y', '--keys', 'a b'], 'exchange/symbol,year:integer'],
  [['completion', 'tcsh'], 'Allowed choices are bash, zsh, fish'],
])('%j is wrong usage, and is told the right one', async (args, text) => {
  const { code, stdout, stderr } = await command(args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(text);
});

it('without a command prints help, as wrong usage', async () => {
  const { code, stdout, stderr } = await command([]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain('Usage: spillway');
});

it('colours errors where asked to, and never with NO_COLOR', async () => {
  const coloured = await command(['ls', '/nowhere'], { env: { FORCE_COLOR: '1' } });
  expect(coloured.stderr).toContain('\u001b[31m');
  const plain = await command(['ls', '/nowhere'], { env: { FORCE_COLOR: '1', NO_COLOR: '1' } });
  expect(plain.stderr).toMatch(/^ERR_STORE_NOT_FOUND: /);
});

it('prints stacks only when asked', async () => {
  expect((await command(['ls', '/nowhere'])).stderr).not.toContain('    at ');
  expect((await command(['ls', '/nowhere', '--stack'])).stderr).toContain('    at ');
});

it.each([
  [['ls', '--json'], "missing required argument 'store'"],
  [['ls', 'x', '--jsno', '--json'], "unknown option '--jsno'"],
  [['ingest', 'x.csv', '--json'], 'say which store'],
])('%j has one object with --json, too', async (args, text) => {
  const { code, stdout } = await command(args);
  expect(code).toBe(2);
  expect(JSON.parse(stdout)).toMatchObject({
    ok: false,
    error: { code: 'ERR_OPTIONS', message: expect.stringMatching(new RegExp(`^${text}`)) },
  });
});

it.each([['csv'], ['json']])(
  'says so where standard output cannot be written, as of a full disk, as %s',
  async (format) => {
    const store = join(temporaryFolder(), 'store');
    await (await openStore(store)).write({ a: 'b' }, [{ n: 1 }], { schema: { n: 'int64' }, orderedOn: 'n' });
    const { code, stderr } = await command(['cat', store, 'a=b', '--format', format], { outputError: 'ENOSPC' });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/^ERR_IO: standard output cannot be written: the disk is full\n {2}hint: /),
    });
  },
);

it('has one object on the last line with --json, also when it fails', async () => {
  const { code, stdout } = await command(['ls', '/nowhere', '--json']);
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ ok: false, error: { code: 'ERR_STORE_NOT_FOUND' } });
});
