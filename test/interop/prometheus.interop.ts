import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createPipeline } from '@spillway/core';
import { run } from '@spillway/workers';
import { startDashboard } from '@spillway/workers/dashboard';
import { injectPressure } from '@spillway/workers/internal';
import { prometheusText } from '@spillway/workers/metrics';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { snapshotAt } from '../support/snapshots.ts';

const MONITORING = fileURLToPath(new URL('../../packages/workers/monitoring/', import.meta.url));
const cleanups: (() => unknown)[] = [];
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'prometheus-'));
});
afterEach(async () => {
  injectPressure();
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  rmSync(folder, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts Prometheus with the shipped rules, looking at one address every half second. @returns its own address */
async function startPrometheus(target: string, token: string): Promise<string> {
  const config = {
    global: { scrape_interval: '500ms', evaluation_interval: '500ms' },
    rule_files: [join(MONITORING, 'alerts.yml')],
    scrape_configs: [
      { job_name: 'spillway', authorization: { credentials: token }, static_configs: [{ targets: [target] }] },
    ],
  };
  // YAML takes JSON.
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config));
  const address = `127.0.0.1:${await freePort()}`;
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${address}`,
    ],
    { stdio: 'ignore' },
  );
  cleanups.push(async () => {
    child.kill();
    await once(child, 'exit');
  });
  return `http://${address}`;
}

async function query(
  prometheus: string,
  expression: string,
): Promise<{ metric: Record<string, string>; value: [number, string] }[]> {
  try {
    const answer = await fetch(`${prometheus}/api/v1/query?query=${encodeURIComponent(expression)}`);
    const { data } = (await answer.json()) as {
      data: { result: { metric: Record<string, string>; value: [number, string] }[] };
    };
    return data.result;
  } catch {
    return []; // not up yet
  }
}

it('the shipped rules are right, fire from their causes, and a healthy run raises none', () => {
  for (const args of [
    ['check', 'rules', 'alerts.yml'],
    ['test', 'rules', 'alerts.test.yml'],
  ]) {
    const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: MONITORING, encoding: 'utf8' });
    expect(status, stdout + stderr).toBe(0);
  }
});

it('what is exposed is well-formed, and is what rules and dashboard ask for', async () => {
  const { text } = await prometheusText(snapshotAt(1000));
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  expect(status, stdout + stderr).toBe(0);
  const exposed = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
  const asked = ['alerts.yml', 'grafana.json'].flatMap((name) => [
    ...readFileSync(join(MONITORING, name), 'utf8').matchAll(/spillway_[a-z_]+/g),
  ]);
  expect(asked.length).toBeGreaterThan(20);
  for (const [name] of asked) expect(exposed).toContain(name);
});

it('a real Prometheus scrapes a run, with the token, and evaluates the rules', async () => {
  const input = createPipeline({ memoryLimit: '96MiB' }).pushSource({ value: 'int64' });
  const job = run(
    input.stream.forEach(() => {}, { name: 'out' }),
    { workers: 1 },
  );
  const dashboard = await startDashboard(job);
  cleanups.push(async () => {
    input.end();
    await job.done;
    await dashboard.close();
  });
  const { host } = new URL(dashboard.url);
  const prometheus = await startPrometheus(host, dashboard.token);
  await input.emit(Array.from({ length: 1000 }, (_, value) => ({ value })));
  const rowsSeen = async (): Promise<string | undefined> =>
    (await query(prometheus, 'spillway_rows_total{kind="source", name="pushSource"}'))[0]?.value[1];
  await expect.poll(rowsSeen).toBe('1000');
  expect((await query(prometheus, 'up'))[0]?.value[1]).toBe('1');
  // What the test's own process holds beside the run may well be told.
  const ofPressure = async (alerts: string): Promise<(string | undefined)[]> =>
    (await query(prometheus, alerts)).map(({ metric }) => metric['alertstate']);
  const now = 'ALERTS{alertname="SpillwayCriticalPressure"}';
  expect(await ofPressure(now)).toEqual([]);
  injectPressure(() => 0.97);
  await expect.poll(() => ofPressure(now)).toEqual(['firing']);
  // It was pending before, however late that is asked.
  expect(await ofPressure(`last_over_time(${now}[1h])`)).toEqual(expect.arrayContaining(['pending', 'firing']));
  injectPressure(() => 0.1);
  await expect.poll(() => ofPressure(now)).toEqual([]);
});
