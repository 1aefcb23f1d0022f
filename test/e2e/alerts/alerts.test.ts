import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createPipeline } from '@spillway/core';
import { type AlertEvent, run } from '@spillway/workers';
import { expect, it } from 'vitest';
import { hangs } from '#fixtures/faults';

const SCHEMA = { value: 'int64' } as const;

/** Feeds single rows until told to stop. */
async function feed(input: { emit(rows: { value: number }[]): Promise<void> }, isOver: () => boolean): Promise<void> {
  for (let value = 0; !isOver(); value += 1) await input.emit([{ value }]);
}

it('raises a slow sink, posts it, shows it in the snapshot, and clears it when it has caught up', async () => {
  const posted: AlertEvent[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    posted.push(JSON.parse(body));
    response.end();
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const webhook = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const input = createPipeline({ memoryLimit: '96MiB' }).pushSource(SCHEMA);
  const slow = () => new Promise<void>((resolve) => setTimeout(resolve, 5));
  const lines: string[] = [];
  const rules = { 'slow-sink': { for: '60ms', threshold: 0.5 } };
  const job = run(input.stream.forEach(slow, { name: 'slow' }), {
    workers: 1,
    alerts: { every: '20ms', rules, webhook, log: (line) => void lines.push(line) },
  });
  let isOver = false;
  const feeding = feed(input, () => isOver);
  const told: string[] = [];
  job.on('alert', ({ state, stage }) => told.push(`${state} ${stage}`));
  const seen = (state: AlertEvent['state']): Promise<AlertEvent> =>
    new Promise((resolve) => job.on('alert', (alert) => alert.state === state && resolve(alert)));
  const cleared = seen('cleared');
  expect(await seen('raised')).toMatchObject({ kind: 'slow-sink', stage: 'slow', severity: 'warning' });
  expect(job.metrics().alerts).toMatchObject([{ kind: 'slow-sink', stage: 'slow' }]);
  isOver = true;
  await feeding;
  await cleared;
  expect(job.metrics().alerts).toEqual([]);
  input.end();
  await job.done;
  // On a machine that stalls it may be raised once more before everything is taken.
  expect(told.slice(0, 2)).toEqual(['raised slow', 'cleared slow']);
  await expect.poll(() => posted.length).toBe(told.length);
  await new Promise((resolve) => server.close(resolve));
  expect(posted.map(({ state, stage }) => `${state} ${stage}`)).toEqual(told);
  expect(lines[0]).toMatch(/ warning slow-sink raised slow: sink "slow" holds the run up/);
});

it('clears a stall when the stage goes on', async () => {
  const input = createPipeline({ memoryLimit: '96MiB' }).register({ hangs }).pushSource(SCHEMA);
  let letGo = (): void => {};
  const gate = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const sink = input.stream.forEach(() => gate, { name: 'held' });
  const job = run(sink, { workers: 1, stallTimeout: '40ms' });
  const states: string[] = [];
  const both = new Promise<void>((resolve) =>
    job.on('alert', ({ kind, state, stage }) => {
      if (stage !== 'held') return;
      states.push(`${kind} ${state}`);
      if (state === 'raised') letGo();
      else resolve();
    }),
  );
  await input.emit([{ value: 1 }]);
  await both;
  input.end();
  await job.done;
  expect(states).toEqual(['stalled raised', 'stalled cleared']);
});
