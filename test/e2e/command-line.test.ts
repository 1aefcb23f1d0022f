/** The command as it is installed, in processes of its own. What it does is tested in `unit/workers/cli`. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openStore } from '@spillway/core';
import { expect, it } from 'vitest';
import { command } from '#support/command';
import { runNode, runProgram } from '#support/process';
import { temporaryFolder } from '#support/temporary-folder';

const SPILLWAY = fileURLToPath(new URL('bin/spillway.js', import.meta.resolve('@spillway/workers/package.json')));
const CORE = JSON.stringify(import.meta.resolve('@spillway/core'));

it('is a program: results on standard output, the rest on standard error, 2 for wrong usage', async () => {
  const help = await runProgram(SPILLWAY, ['ls', '--help']);
  expect(help).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('spillway ls ./market') });
  expect(await runNode([SPILLWAY, 'sl'])).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining('mean ls?'),
  });
});

it('says how to find what node cannot parse', async () => {
  const cwd = temporaryFolder();
  writeFileSync(join(cwd, 'job.mjs'), 'export default [ ;');
  const { code, stderr } = await runNode([SPILLWAY, 'run', 'job.mjs'], { cwd });
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringMatching(/hint: node --check .*job.mjs shows the line\n$/),
  });
});

it('ends quietly when who reads it has gone', async () => {
  const store = join(temporaryFolder(), 'store');
  const rows = Array.from({ length: 50_000 }, (_, n) => ({
    n,
    text: `row ${n} of many, and long enough to fill a pipe`,
  }));
  await (await openStore(store)).write({ a: 'b' }, rows, { schema: { n: 'int64', text: 'utf8' }, orderedOn: 'n' });
  const script = `set -o pipefail; '${process.execPath}' '${SPILLWAY}' cat '${store}' a=b | head -n 2`;
  const { code, stdout, stderr } = await runProgram('bash', ['-c', script]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toBe('n,text\n0,"row 0 of many, and long enough to fill a pipe"\n');
});

it.each(['SIGINT', 'SIGHUP'] as const)(
  'ends with 130 after %s, with nothing committed and nothing left',
  async (signal) => {
    const program = `import { createPipeline, fromIterable, openStore } from ${CORE};
async function* rows() {
  for (let n = 0; ; n += 1) {
    if (n % 1000 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    if (n === 20000) console.error('on its way');
    yield { n };
  }
}
const s = createPipeline({ memoryLimit: '128MiB' }).source(fromIterable({ n: 'int64' }, rows(), { orderedOn: 'n', batchRows: 1000 }));
export default async () => s.toStore(await openStore('out'), { a: 'b' });
`;
    const kill = { signal, afterText: 'on its way' } as const;
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'endless.mjs'), program);
    const { code, stdout, stderr } = await runNode([SPILLWAY, 'run', 'endless.mjs', '--json'], { cwd, kill });
    expect({ code, stderr }).toMatchObject({ code: 130, stderr: expect.stringContaining(`stopped by ${signal}`) });
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, error: { code: 'ERR_ABORTED' } });
    const left = existsSync(join(cwd, 'out')) ? readdirSync(join(cwd, 'out'), { recursive: true }) : [];
    expect(left.filter((name) => String(name).includes('.parquet') || String(name).endsWith('.json'))).toEqual([]);
  },
);

it('does what the guide shows: files into a store, hours of them by a module, rows out again', async () => {
  const cwd = temporaryFolder();
  const guide = readFileSync(new URL('../../docs/guides/command-line.md', import.meta.url), 'utf8');
  const module = /```js\n\/\/ hourly\.js\n(.*?)```/s.exec(guide)?.[1] as string;
  writeFileSync(join(cwd, 'hourly.mjs'), module.replaceAll("'@spillway/core'", CORE));
  writeFileSync(
    join(cwd, 'ticks.csv'),
    'ts,price,qty\n2024-01-02T09:30:00,10,1\n2024-01-02T09:45:00,12,2\n2024-01-02T10:00:00,11,4\n',
  );
  const ingest = ['ingest', 'ticks.csv', '--store', './market', '--key', 'symbol=AAPL,freq=tick', '--ordered-on', 'ts'];
  expect(await command(ingest, { cwd })).toMatchObject({ code: 0 });
  expect(await runNode([SPILLWAY, 'run', 'hourly.mjs', 'AAPL'], { cwd })).toMatchObject({ code: 0, stdout: '' });
  expect((await command(['cat', 'market', 'freq=1h'], { cwd })).stdout).toBe(
    'ts,open,close,volume\n2024-01-02T09:00:00.000000,10,12,3\n2024-01-02T10:00:00.000000,11,11,4\n',
  );
});
