import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HistoryFolder, noFlushes } from '@spillway/workers/internal';
import { beforeAll, expect, it } from 'vitest';
import { type CommandResult, command } from '#support/command';
import { PLAN, pastRun } from '#support/past-runs';
import { sharedFolder, temporaryFolder } from '#support/temporary-folder';

const CORE = JSON.stringify(import.meta.resolve('@spillway/core'));
const history = sharedFolder();
const env = { SPILLWAY_HISTORY: history };
const [first, second, third] = [pastRun(1), pastRun(2), pastRun(3)];

beforeAll(async () => {
  const folder = new HistoryFolder(history);
  await folder.add(first);
  await folder.add(pastRun(2, { flushes: { ...noFlushes(), memory: 1200 }, elapsedMs: 2000 }));
  await folder.add(
    pastRun(
      3,
      { ok: false, error: { name: 'PipelineError', code: 'ERR_ORDER', message: 'not in order' } as never },
      { plan: 'c'.repeat(32), title: 'other' },
    ),
  );
});

function looking(...args: string[]): Promise<CommandResult> {
  return command(args, { env });
}

it('lists runs, the last one at the end, with how each ended', async () => {
  const { code, stdout } = await looking('runs');
  const lines = stdout.trimEnd().split('\n');
  expect(code).toBe(0);
  expect(lines.slice(2).map((line) => line.split(/\s+/)[0])).toEqual([first.id, second.id, third.id]);
  expect(lines.at(-2)).toMatch(/1,200 +done$/);
  expect(lines.at(-1)).toMatch(/ERR_ORDER$/);
});

it('lists those with the plan of one, as many as are asked for, also for programs', async () => {
  const { stdout } = await looking('runs', first.id, '--json');
  const { runs } = JSON.parse(stdout) as { runs: object[] };
  expect(runs).toMatchObject([
    { id: first.id, ok: true },
    { id: second.id, flushes: { memory: 1200 } },
  ]);
  const last = await looking('runs', '--limit', '1');
  expect(last.stdout).not.toContain(second.id);
  expect(last.stderr).toContain('2 older ones');
});

it('says so where no run has left a record', async () => {
  const { code, stderr } = await looking('runs', '--history', join(history, 'none'));
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('no run has left a record') });
});

it('is wrong usage where the environment switches records off', async () => {
  const { code, stderr } = await command(['runs'], { env: { SPILLWAY_HISTORY: 'off' } });
  expect(code).toBe(2);
  expect(stderr).toContain('--history FOLDER');
});

it('reports a run by the beginning of its id', async () => {
  const { stdout } = await looking('report', '20260103');
  expect(stdout).toContain(`${second.id}  ticks → hourly`);
  expect(stdout).toContain('1,200 flushes');
});

it('names the error of one that failed', async () => {
  expect((await looking('report', 'last')).stdout).toContain('ERR_ORDER in 1.0 s');
});

it('sets a run beside the one before it with the same plan', async () => {
  const { stdout } = await looking('report', second.id, '--against', 'previous');
  expect(stdout).toContain(`against ${first.id}: the same plan`);
  expect(stdout).toMatch(/^time +1\.0 s +2\.0 s +\+100 %$/m);
  expect(stdout).toMatch(/^forced flushes +0 +1,200 +new$/m);
});

it('refuses a run that is not there, and one that has none before it', async () => {
  expect((await looking('report', '1999')).stderr).toContain('spillway runs lists them');
  const { code, stderr } = await looking('report', first.id, '--against', 'previous');
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('no run before') });
});

it('saves the page of its dashboard, and gives the record to programs', async () => {
  const html = join(temporaryFolder(), 'run.html');
  const { stdout } = await looking('report', second.id, '--html', html, '--json', '--against', first.id);
  expect(readFileSync(html, 'utf8')).toContain('"title":"ticks → hourly"');
  expect(JSON.parse(stdout)).toMatchObject({ ok: true, run: { id: second.id, plan: PLAN }, against: { id: first.id } });
});

it('completes ids', async () => {
  const { stdout } = await looking('complete', '--', 'report', '20260102');
  expect(stdout).toBe(`${first.id}\n`);
  expect((await looking('complete', '--', 'report', 'last', '--against', 'p')).stdout).toBe('previous\n');
});

it('a run leaves its record where --history says, and none with --no-history', async () => {
  const cwd = temporaryFolder();
  const text = `import { createPipeline, fromIterable } from ${CORE};
export default createPipeline({ memoryLimit: '96MiB' }).source(fromIterable({ n: 'int64' }, [{ n: 1 }, { n: 2 }])).collect();
`;
  writeFileSync(join(cwd, 'job.mjs'), text);
  const job = ['run', 'job.mjs', '--workers', '1', '--quiet'];
  await command([...job, '--history', 'mine'], { cwd, env });
  await command([...job, '--no-history'], { cwd, env: { SPILLWAY_HISTORY: 'mine' } });
  expect(readdirSync(join(cwd, 'mine'))).toHaveLength(1);
  const { stdout } = await command(['report', 'last', '--history', 'mine', '--json'], { cwd, env });
  expect(JSON.parse(stdout)).toMatchObject({ run: { summary: { ok: true, rowsIn: 2, rowsOut: 2 }, workers: 1 } });
});
