import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { command } from '#support/command';
import { temporaryFolder } from '#support/temporary-folder';

const CORE = JSON.stringify(import.meta.resolve('@spillway/core'));

function jobFolder(rows = '[{ n: 1 }]'): string {
  const cwd = temporaryFolder();
  const text = `import { createPipeline, fromIterable } from ${CORE};
export default createPipeline({ memoryLimit: '96MiB' }).source(fromIterable({ n: 'int64' }, ${rows})).collect();
`;
  writeFileSync(join(cwd, 'job.mjs'), text);
  return cwd;
}

it('saves what the dashboard shows at the end as one file', async () => {
  const cwd = jobFolder();
  const report = join(cwd, 'report.html');
  const { code, stdout, stderr } = await command(['run', 'job.mjs', '--workers', '1', '--report', report], { cwd });
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'n\n1\n' });
  expect(stderr).toContain(`report: ${report}`);
  expect(readFileSync(report, 'utf8')).toContain('"ended":{"ok":true}');
});

it('saves it also for a job that fails', async () => {
  const cwd = jobFolder("[{ n: 1 }, { n: 'x' }]");
  const report = join(cwd, 'report.html');
  const { code } = await command(['run', 'job.mjs', '--workers', '1', '--report', report], { cwd });
  expect(code).toBe(1);
  expect(readFileSync(report, 'utf8')).toContain('"ended":{"ok":false}');
});

it('serves a dashboard while the job runs, and ends with it where nobody sits at a terminal', async () => {
  const cwd = jobFolder();
  const { code, stderr } = await command(['run', 'job.mjs', '--workers', '1', '--dashboard'], { cwd });
  expect(code).toBe(0);
  const [, url] = /dashboard: (http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]+)/.exec(stderr) ?? [];
  await expect(fetch(url as string)).rejects.toThrow('fetch failed');
});

it('keeps it open at a terminal until Ctrl-C, and the job is done all the same', async () => {
  const cwd = jobFolder();
  const stop = new AbortController();
  let said = '';
  const ended = command(['run', 'job.mjs', '--workers', '1', '--dashboard'], {
    cwd,
    columns: 80,
    signal: stop.signal,
    onMessages: (text) => {
      said = text;
    },
  });
  await expect.poll(() => said).toContain('the dashboard stays until Ctrl-C');
  const [, url] = /dashboard: (http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]+)/.exec(said) ?? [];
  expect((await fetch(url as string)).status).toBe(200);
  stop.abort();
  const { code, stdout, stderr } = await ended;
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'n\n1\n' });
  expect(stderr).toContain('the dashboard stays until Ctrl-C');
});

it('runs nothing when the port is taken, and says so', async () => {
  const cwd = jobFolder();
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const report = join(cwd, 'report.html');
  const { code, stderr } = await command(['run', 'job.mjs', `--dashboard=${port}`, '--report', report], { cwd });
  server.close();
  expect(code).toBe(1);
  expect(stderr).toContain(`the dashboard cannot listen on 127.0.0.1 port ${port}`);
  expect(existsSync(report)).toBe(false);
});

it('takes no module for a port', async () => {
  const cwd = jobFolder();
  const { code, stderr } = await command(['run', '--dashboard', 'job.mjs'], { cwd });
  expect(code).toBe(2);
  expect(stderr).toContain('--dashboard=9464');
});
