import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Run } from '@spillway/workers';
import { pushMetrics, writeMetrics } from '@spillway/workers/metrics';
import { expect, it } from 'vitest';
import { snapshotAt } from '../../../support/snapshots.ts';
import { sharedFolder } from '../../../support/temporary-folder.ts';

const folder = sharedFolder();
const job = { metrics: () => snapshotAt(1500) } as unknown as Run;

/** A gateway that answers so; resolves with what it was sent. */
async function gateway(
  status: number,
): Promise<{ address: string; sent: { path: string; body: string }[]; close(): void }> {
  const sent: { path: string; body: string }[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    sent.push({ path: `${request.method} ${request.url}`, body });
    response.writeHead(status).end('no such thing');
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return { address, sent, close: () => void server.close() };
}

it('replaces what was sent under the same name', async () => {
  const { address, sent, close } = await gateway(202);
  await pushMetrics(job, address, { job: 'nightly', labels: { instance: 'etl 3' } });
  close();
  expect(sent.map(({ path }) => path)).toEqual(['PUT /metrics/job/nightly/instance/etl%203']);
  expect(sent[0]?.body).toContain('spillway_run_seconds 1.5\n');
});

it.each([
  ['says what it answered', 400, 'it answered 400: no such thing'],
  ['says that nobody is there', 0, 'ECONNREFUSED'],
])('%s', async (_, status, message) => {
  const { address, close } = await gateway(status || 200);
  if (status === 0) close();
  await expect(pushMetrics(job, address)).rejects.toMatchObject({
    code: 'ERR_IO',
    message: expect.stringContaining(message),
  });
  close();
});

it('writes a file, whole, with the labels that tell runs apart', async () => {
  const path = join(folder, 'spillway.prom');
  await writeMetrics(job, path, { labels: { instance: 'a' } });
  await writeMetrics(job, path, { labels: { instance: 'b' } });
  expect(readFileSync(path, 'utf8')).toContain('spillway_run_seconds{job="spillway",instance="b"} 1.5\n');
  expect(readdirSync(folder)).toEqual(['spillway.prom']);
});

it('leaves nothing where it cannot write', async () => {
  mkdirSync(join(folder, 'taken.prom'));
  const path = join(folder, 'taken.prom');
  await expect(writeMetrics(job, path)).rejects.toMatchObject({ code: 'ERR_IO', file: path });
  expect(readdirSync(folder).sort()).toEqual(['spillway.prom', 'taken.prom']);
});
