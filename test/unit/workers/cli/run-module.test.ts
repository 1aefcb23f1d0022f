import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { command } from '#support/command';
import { temporaryFolder } from '#support/temporary-folder';

const CORE = JSON.stringify(import.meta.resolve('@spillway/core'));

/** A module with a stream `s` of three rows, in a folder of its own. */
function moduleOf(text: string, name = 'job.mjs'): { cwd: string; name: string } {
  const cwd = temporaryFolder();
  const head = `import { createPipeline, defineOp, fromIterable, openStore, readCsv } from ${CORE};
const rows = [1, 2, 3].map((n) => ({ ts: \`2024-01-0\${n}\`, n }));
const s = createPipeline({ memoryLimit: '96MiB' }).source(fromIterable({ ts: 'timestamp[ms]', n: 'int64' }, rows, { orderedOn: 'ts' }));
`;
  writeFileSync(join(cwd, name), head + text);
  return { cwd, name };
}

it('runs the sinks that a module exports, and prints the rows of those that collect', async () => {
  const { cwd, name } = moduleOf('export default s.collect();');
  const { code, stdout, stderr } = await command(['run', name, '--workers', '1'], { cwd });
  expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('3 rows in') });
  expect(stdout).toBe('ts,n\n2024-01-01T00:00:00.000,1\n2024-01-02T00:00:00.000,2\n2024-01-03T00:00:00.000,3\n');
});

it('hands the arguments to a function, and prints the summary on the last line with --json', async () => {
  const { cwd, name } = moduleOf(
    'export default async ([folder, limit]) => s.limit(Number(limit.slice(2))).toStore(await openStore(folder), { a: "b" });',
  );
  const { code, stdout } = await command(['run', name, '--json', '--quiet', '--', join(cwd, 'out'), '--2'], { cwd });
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ ok: true, rowsOut: 2, memoryLimitBytes: 96 * 2 ** 20 });
  expect((await command(['cat', join(cwd, 'out'), 'a=b', '--columns', 'n'])).stdout).toBe('n\n1\n2\n');
});

it('prints the plan and the memory that it needs with --dry-run, and runs nothing', async () => {
  const { cwd, name } = moduleOf('export default s.collect();');
  const { code, stdout } = await command(['run', name, '--dry-run', '--memory-limit', '1MiB'], { cwd });
  expect(code).toBe(0);
  expect(stdout).toContain('TOO LOW');
  const json = await command(['run', name, '--dry-run', '--json'], { cwd });
  expect(JSON.parse(json.stdout)).toMatchObject({ ok: true, dryRun: true, memoryLimitBytes: 96 * 2 ** 20 });
});

it('refuses a limit below the minimum, naming the option, with a summary of nothing for programs', async () => {
  const { cwd, name } = moduleOf('export default s.collect();');
  const { code, stdout, stderr } = await command(['run', name, '--memory-limit', '1MiB', '--json'], { cwd });
  expect(code).toBe(1);
  expect(stderr).toMatch(/hint: give --memory-limit \d+MiB or more/);
  expect(JSON.parse(stdout)).toMatchObject({ ok: false, rowsIn: 0, error: { code: 'ERR_MEMORY_MINIMUM' } });
});

it('stops at Ctrl-C', async () => {
  const { cwd, name } = moduleOf('export default s.collect();');
  const { code, stderr } = await command(['run', name], { cwd, signal: AbortSignal.abort() });
  expect(code).toBe(130);
  expect(stderr).toContain('ERR_ABORTED');
});

it.each([
  ['', 'has no default export'],
  ['export const sinks = s.collect();', 'it exports sinks'],
  ['export default 7;', 'exports a number, not sinks'],
  ['export default () => {};', 'returns nothing, not sinks'],
  ['export default [];', 'exports no sinks'],
  ['export default s;', 'exports a stream that goes nowhere, not sinks'],
  ['export default s.toIterable();', 'which nobody reads here'],
  ['export default import("./nowhere.mjs");', 'nowhere.mjs'],
  ['export default async ([name]) => s.toStore(await openStore("x"), { name });', 'the key has nothing for "name"'],
  ['export default async ([name]) => s.toStore(await openStore("x"), { name });', 'without arguments'],
  ['throw new Error("by hand");', 'cannot be imported: by hand'],
  ['export default () => { throw new TypeError("of its own"); };', 'failed without arguments: of its own'],
  ['export default () => { throw new TypeError("of its own"); };', '--stack shows where in your code'],
])('a module with %j is refused in a sentence', async (text, sentence) => {
  const { cwd, name } = moduleOf(text);
  const { code, stdout, stderr } = await command(['run', name], { cwd });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain(sentence);
});

it('leaves what only the module can change in words of the library', async () => {
  const folder = temporaryFolder();
  const { cwd, name } = moduleOf(
    `const t = readCsv(${JSON.stringify(join(folder, 'short.csv'))}, { schema: { n: 'int64', m: 'int64' } }); export default createPipeline().source(t).collect();`,
  );
  writeFileSync(join(folder, 'short.csv'), 'n,m\n1,2\n3\n');
  const { code, stderr } = await command(['run', name], { cwd });
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("onBadRow: 'skip-and-report'") });
});

it('names the nearest module, and says what a folder and a TypeScript file are', async () => {
  const { cwd } = moduleOf('');
  expect((await command(['run', 'jb.mjs'], { cwd })).stderr).toContain('did you mean job.mjs?');
  mkdirSync(join(cwd, 'folder'));
  expect((await command(['run', 'folder'], { cwd })).stderr).toContain('is a folder');
  writeFileSync(join(cwd, 'job.ts'), '');
  const typed = await command(['run', 'job.ts'], { cwd });
  expect(typed.code).toBe(1);
});

it('hands over to the copy of the command that is installed beside the module', async () => {
  const { cwd, name } = moduleOf('export default s.collect();');
  const copy = join(cwd, 'node_modules/@spillway/workers');
  mkdirSync(copy, { recursive: true });
  const exports = { './command-line': './command-line.js' };
  writeFileSync(join(copy, 'package.json'), JSON.stringify({ name: '@spillway/workers', type: 'module', exports }));
  writeFileSync(
    join(copy, 'command-line.js'),
    'export async function commandLine(args, { stdout }) { stdout.write(args.join(" ")); return 7; }',
  );
  expect(await command(['run', name, '--', '-x'], { cwd })).toEqual({
    code: 7,
    stdout: `run ${name} -- -x`,
    stderr: '',
  });
});

it.each([
  [['--partitions', '3'], /option partitions is given without dask[^]*--dask local/],
  [['--dask', 'nonsense'], /option scheduler is "nonsense"[^]*tcp:\/\/HOST:PORT/],
])('says what is missing for a cluster: %j', async (args, text) => {
  const { cwd, name } = moduleOf('export default s.collect();');
  const { code, stderr } = await command(['run', name, ...args], { cwd });
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(text) });
});
