import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openStore } from '@spillway/core';
import { beforeAll, expect, it } from 'vitest';
import { command } from '#support/command';
import { runProgram } from '#support/process';
import { sharedFolder } from '#support/temporary-folder';

const cwd = sharedFolder();

beforeAll(async () => {
  const store = await openStore(join(cwd, 'market'));
  const schema = { ts: 'timestamp[us]', price: 'float64' } as const;
  for (const symbol of ['AAPL', 'MSFT'])
    await store.write({ symbol, freq: '1m' }, [{ ts: 0n, price: 1 }], { schema, orderedOn: 'ts' });
});

/** What may follow, without descriptions. */
async function follows(...words: string[]): Promise<string[]> {
  const { stdout } = await command(['complete', '--', ...words], { cwd });
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split('\t')[0] as string);
}

it.each([
  [['v'], ['verify', 'vacuum']],
  [
    ['cat', 'market', ''],
    ['freq=1m,symbol=AAPL', 'freq=1m,symbol=MSFT'],
  ],
  [['cat', 'market', 'freq=1m,symbol=M'], ['freq=1m,symbol=MSFT']],
  [['cat', '--limit', '7', 'market', 'freq=1m,symbol=A'], ['freq=1m,symbol=AAPL']],
  [
    ['cat', 'market', 'freq=1m,symbol=AAPL', '--columns', 'ts,'],
    ['ts,ts', 'ts,price'],
  ],
  [
    ['cat', 'market', 'freq=1m,symbol=AAPL', '--format', ''],
    ['csv', 'json', 'arrow'],
  ],
  [['cat', 'market', 'freq=1m,symbol=AAPL', '--co'], ['--columns']],
  [['ingest', '--mode', 'o'], ['overwrite']],
  [
    ['completion', ''],
    ['bash', 'zsh', 'fish'],
  ],
  [['ls', 'mark'], []],
  [['cat', 'nowhere', ''], []],
  [['nothing', ''], []],
])('%j may be followed by %j', async (words, expected) => {
  expect(await follows(...words)).toEqual(expected);
});

it('names commands with what they do, and not the hidden one', async () => {
  const { stdout } = await command(['complete', '--', '']);
  expect(stdout).toContain('ls\tlist the datasets of a store\n');
  expect(stdout).not.toContain('complete\t');
});

it('completes in bash, where words end at "="', async () => {
  const { stdout: script } = await command(['completion', 'bash']);
  writeFileSync(join(cwd, 'script'), script);
  const main = fileURLToPath(new URL('bin/spillway.js', import.meta.resolve('@spillway/workers/package.json')));
  const line = 'spillway cat market freq=1m,symbol=M';
  const test = `spillway() { '${process.execPath}' '${main}' "$@"; }; source ./script
COMP_LINE='${line}' COMP_POINT=${line.length} _spillway; printf '%s\\n' "\${COMPREPLY[@]}"`;
  expect(await runProgram('bash', ['-c', test], { cwd })).toMatchObject({ code: 0, stderr: '', stdout: 'MSFT\n' });
});
