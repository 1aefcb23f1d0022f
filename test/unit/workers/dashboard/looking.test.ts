import type { JobEvents, Run } from '@spillway/workers';
import { type Dashboard, startDashboard } from '@spillway/workers/dashboard';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { snapshotAt } from '#support/snapshots';

const MINUTE_MS = 60_000;

let dashboard: Dashboard;
let taken: number;

/** A job of which nothing is known but when it is looked at. */
const job = {
  metrics: () => {
    taken += 1;
    return snapshotAt(performance.now());
  },
  done: new Promise(() => {}),
  on: (_name: keyof JobEvents, _listener: unknown) => () => {},
} as unknown as Run;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  taken = 0;
  dashboard = await startDashboard(job, { title: 'a job' });
});
afterEach(async () => {
  await dashboard.close();
  vi.useRealTimers();
});

/** Opens the stream of snapshots, as a page does. */
async function openStream(): Promise<() => Promise<void>> {
  const stop = new AbortController();
  const headers = { authorization: `Bearer ${dashboard.token}` };
  const response = await fetch(new URL('/events', dashboard.url), { headers, signal: stop.signal });
  const reading = response.text().catch(() => {});
  return async () => {
    stop.abort();
    await reading;
  };
}

it('takes ever fewer snapshots while nobody looks', () => {
  vi.advanceTimersByTime(MINUTE_MS);
  const inFirst = taken;
  expect(inFirst).toBeGreaterThan(50);
  expect(inFirst).toBeLessThan(150);
  vi.advanceTimersByTime(29 * MINUTE_MS);
  taken = 0;
  vi.advanceTimersByTime(30 * MINUTE_MS);
  expect(taken).toBeLessThan(50);
});

it('takes four a second from the moment on that somebody does, and stops when they have gone', async () => {
  vi.advanceTimersByTime(30 * MINUTE_MS);
  const stop = await openStream();
  taken = 0;
  vi.advanceTimersByTime(MINUTE_MS);
  expect(taken).toBe(240);
  await stop();
  await expect
    .poll(() => {
      taken = 0;
      vi.advanceTimersByTime(MINUTE_MS);
      return taken;
    })
    .toBeLessThan(5);
});

it('has a past to show to whoever comes late', async () => {
  vi.advanceTimersByTime(30 * MINUTE_MS);
  const headers = { authorization: `Bearer ${dashboard.token}` };
  const response = await fetch(new URL('/events', dashboard.url), { headers });
  const reader = response.body?.getReader();
  let text = '';
  while (!text.includes('\n\ndata') && !/data: .*\n\n/.test(text))
    text += new TextDecoder().decode((await reader?.read())?.value);
  const [, start] = /event: start\ndata: (.*)\n\n/.exec(text) ?? [];
  await reader?.cancel();
  expect(JSON.parse(start as string).history.length).toBeGreaterThan(100);
});
