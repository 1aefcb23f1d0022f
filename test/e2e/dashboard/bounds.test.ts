/** What clients can take of the process that serves them: connections and bytes, counted inside the server. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { createPipeline } from '@spillway/core';
import { type Run, run } from '@spillway/workers';
import { type Dashboard, startDashboard } from '@spillway/workers/dashboard';
import { afterEach, beforeEach, expect, it } from 'vitest';

const newInput = () => createPipeline({ memoryLimit: '96MiB' }).pushSource({ value: 'int64' });

let input: ReturnType<typeof newInput>;
let job: Run;
let dashboard: Dashboard;
/** Of the dashboard, once it has been asked something. */
let server: Server | undefined;
const serving = new Set<Socket>();
const clients: Socket[] = [];

function onRequest(message: unknown): void {
  const { server: asked, socket } = message as { server: Server; socket: Socket };
  server = asked;
  serving.add(socket);
}

beforeEach(async () => {
  subscribe('http.server.request.start', onRequest);
  input = newInput();
  job = run(
    input.stream.forEach(() => {}, { name: 'out' }),
    { workers: 1 },
  );
  dashboard = await startDashboard(job);
});
afterEach(async () => {
  unsubscribe('http.server.request.start', onRequest);
  for (const client of clients.splice(0)) client.destroy();
  serving.clear();
  input.end();
  await job.done;
  await dashboard.close();
});

/** Connects and asks, and reads nothing. */
async function ask(...paths: string[]): Promise<Socket> {
  const { hostname, port, host } = new URL(dashboard.url);
  const client = connect({ host: hostname, port: Number(port) });
  clients.push(client);
  client.on('error', () => {}); // refused: that is what is asked for
  client.pause();
  const requests = paths.map(
    (path) => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${dashboard.token}\r\n\r\n`,
  );
  await new Promise<void>((resolve) => client.write(requests.join(''), () => resolve()));
  return client;
}

function connections(): Promise<number> {
  return new Promise((resolve, reject) =>
    server?.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
  );
}

const snapshot = async (): Promise<number> => {
  const headers = { authorization: `Bearer ${dashboard.token}`, connection: 'close' };
  return (await fetch(new URL('/snapshot.json', dashboard.url), { headers })).status;
};

it('has at most 64 connections, however many are tried', async () => {
  await ask('/snapshot.json');
  await expect.poll(() => server !== undefined).toBe(true);
  const { hostname, port } = new URL(dashboard.url);
  const closed: Promise<unknown>[] = [];
  for (let index = 0; index < 1000; index += 1) {
    const socket = connect({ host: hostname, port: Number(port) });
    clients.push(socket);
    socket.on('error', () => {});
    closed.push(new Promise((resolve) => socket.on('close', resolve)));
  }
  let gone = 0;
  for (const each of closed) void each.then(() => (gone += 1));
  await expect.poll(() => gone).toBeGreaterThanOrEqual(937);
  expect(await connections()).toBeLessThanOrEqual(64);
  await input.emit([{ value: 1 }]);
  expect(job.metrics().sources[0]?.rows).toBe(1);
  for (const client of clients) client.destroy();
  await expect.poll(() => snapshot().catch(() => 0)).toBe(200);
});

it('streams to at most 32 pages', async () => {
  for (let index = 0; index < 40; index += 1) await ask('/events');
  await expect.poll(() => serving.size).toBe(40);
  const refused = async (): Promise<number> =>
    clients.filter((client) => String(client.read() ?? '').includes(' 503 ')).length;
  await expect.poll(refused).toBeGreaterThan(0);
});

it('keeps at most a few snapshots for a client that reads nothing, whatever it asks for', async () => {
  await ask('/events');
  await ask(...Array.from({ length: 2000 }, () => '/page.js'));
  await expect.poll(() => serving.size).toBe(2);
  let most = 0;
  const start = performance.now();
  while (performance.now() - start < 800) {
    await input.emit([{ value: 1 }]);
    most = Math.max(most, ...[...serving].map(({ writableLength }) => writableLength));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(most).toBeLessThan(512 * 1024);
  expect(await snapshot()).toBe(200);
});
