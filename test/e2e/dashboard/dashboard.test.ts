import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPipeline } from '@spillway/core';
import { type MetricsSnapshot, type Run, run } from '@spillway/workers';
import { type Dashboard, startDashboard } from '@spillway/workers/dashboard';
import { afterEach, beforeEach, expect, it } from 'vitest';

const SCHEMA = { value: 'int64' } as const;
const newInput = () => createPipeline({ memoryLimit: '96MiB' }).pushSource(SCHEMA);

let input: ReturnType<typeof newInput>;
let job: Run;
let dashboard: Dashboard;
beforeEach(async () => {
  input = newInput();
  job = run(
    input.stream.memoryBuffer({ name: 'packs', iterMax: 3 }).forEach(() => {}, { name: 'out' }),
    { workers: 1 },
  );
  dashboard = await startDashboard(job, { title: 'values </script><b>' });
});
afterEach(async () => {
  input.end();
  await job.done;
  await dashboard.close();
});

/** A request as a client may write it, path untouched. */
function get(path: string, headers: Record<string, string> = {}): Promise<{ message: IncomingMessage; text: string }> {
  const { hostname, port } = new URL(dashboard.url);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path, headers: { authorization: `Bearer ${dashboard.token}`, ...headers } });
    sent.on('error', reject);
    sent.on('response', async (message) => {
      let text = '';
      for await (const chunk of message) text += chunk;
      resolve({ message, text });
    });
    sent.end();
  });
}

it('serves the page and its parts, under a policy that allows nothing from elsewhere', async () => {
  const { message, text } = await get('/');
  expect(message.statusCode).toBe(200);
  expect(message.headers['content-security-policy']).toMatch(
    /^default-src 'none'; script-src 'self'; style-src 'self';/,
  );
  const parts = [...text.matchAll(/(?:src|href)="(?!data:)([^"]+)"/g)].map((match) => match[1] as string);
  expect(parts.length).toBeGreaterThan(3);
  for (const part of parts) {
    const served = await get(`/${part}`);
    expect(served.message.statusCode, part).toBe(200);
    expect(served.text.length, part).toBeGreaterThan(200);
  }
});

it('listens on this machine alone unless told otherwise', () => {
  expect(new URL(dashboard.url).hostname).toBe('127.0.0.1');
});

it.each([
  ['/', { authorization: '' }, 401],
  ['/', { host: 'evil.example' }, 421],
  ['/events', { origin: 'http://evil.example' }, 403],
  ['/../package.json', {}, 404],
  ['/%2e%2e/package.json', {}, 404],
  ['/..%2f..%2fpackage.json', {}, 404],
  ['/page/../../package.json', {}, 404],
  ['//etc/passwd', {}, 404],
])('refuses %s with %j', async (path, headers, status) => {
  const { message, text } = await get(path, headers);
  expect(message.statusCode).toBe(status);
  expect(text).toBe(`${status}\n`);
});

it('gives the snapshot and what Prometheus reads', async () => {
  await input.emit([{ value: 1 }]);
  const snapshot = JSON.parse((await get('/snapshot.json')).text) as MetricsSnapshot;
  expect(snapshot.sources).toMatchObject([{ name: 'pushSource', rows: 1 }]);
  const { message, text } = await get('/metrics');
  expect(message.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(text).toContain('spillway_rows_total{kind="source",name="pushSource"} 1');
});

it('streams snapshots to a page, and tells it the end', async () => {
  const { hostname, port } = new URL(dashboard.url);
  const headers = { authorization: `Bearer ${dashboard.token}` };
  const message = await new Promise<IncomingMessage>((resolve) =>
    request({ hostname, port, path: '/events', headers }, resolve).end(),
  );
  const seen: string[] = [];
  const reading = (async () => {
    for await (const chunk of message) {
      seen.push(...[...String(chunk).matchAll(/^event: (\w+)$/gm)].map((match) => match[1] as string));
      if (seen.includes('snapshot')) input.end();
      if (seen.includes('ended')) break;
    }
  })();
  await reading;
  expect([...new Set(seen)]).toEqual(['start', 'snapshot', 'ended']);
});

it('saves a report that is one file, with its data inside, and asks for nothing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'report-'));
  await dashboard.saveReport(join(folder, 'report.html'));
  const text = readFileSync(join(folder, 'report.html'), 'utf8');
  rmSync(folder, { recursive: true });
  expect(text).toContain('values \\u003c/script>\\u003cb>');
  expect(text).not.toMatch(/ (?:src|href)="(?!data:)/);
  const [, data] = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(text) ?? [];
  expect(JSON.parse(data as string)).toMatchObject({
    title: 'values </script><b>',
    snapshot: { sinks: [{ name: 'out' }] },
  });
});

it('refuses a port that is taken, and says what to do', async () => {
  const { port } = new URL(dashboard.url);
  await expect(startDashboard(job, { port: Number(port) })).rejects.toMatchObject({
    code: 'ERR_OPTIONS',
    hint: expect.stringContaining('leave the port out'),
  });
});
