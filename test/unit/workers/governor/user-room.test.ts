import { getEventListeners } from 'node:events';
import type { PipelineError } from '@spillway/core';
import { UserRoom } from '@spillway/workers/internal';
import { beforeEach, expect, test } from 'vitest';

const MEBIBYTE = 2 ** 20;
let overBytes: number;
let overshootBytes: number;
let told: PipelineError[];
let entered: string[];
let stop: AbortController;
/** Steps of the wait that were slept through; nobody sleeps for real. */
let slept: number;

beforeEach(() => {
  overBytes = 3 * MEBIBYTE;
  overshootBytes = 2 * MEBIBYTE;
  told = [];
  entered = [];
  stop = new AbortController();
  slept = 0;
});

const roomOf = (): UserRoom =>
  new UserRoom({
    heap: { check: () => overBytes, aliveBeyond: () => overBytes },
    shared: { overshootBytes: () => overshootBytes },
    statistics: { enter: (activity) => void entered.push(activity) },
    name: 'stage',
    signal: stop.signal,
    onUnmanaged: (error) => void told.push(error),
    sleep: async () => {
      slept += 1;
      await new Promise((resolve) => setImmediate(resolve));
    },
  });

/** What becomes of a wait, after it has been looked at so many times. */
async function afterSteps(wait: PromiseLike<void> | void, steps: number): Promise<string> {
  let state = 'waits';
  Promise.resolve(wait).then(
    () => (state = 'goes on'),
    (error: PipelineError) => (state = error.code),
  );
  for (const until = slept + steps; slept < until && state === 'waits'; )
    await new Promise((resolve) => setImmediate(resolve));
  return state;
}

test.each([
  ['code that keeps no more than its part', 0, 5],
  ['a promise that is kept', 5, 0],
])('%s is not waited for', (_, over, overshoot) => {
  overBytes = over;
  overshootBytes = overshoot;
  expect([roomOf().beforeCall(), roomOf().look(false), told]).toEqual([undefined, undefined, []]);
});

test('code that keeps too much while the promise is broken is not called before the answer', async () => {
  const room = roomOf();
  const wait = room.beforeCall();
  expect(await afterSteps(wait, 500)).toBe('waits');
  expect(room.beforeCall()).toBe(wait);
  expect(room.look(true)).toBe(wait);
  expect(told.map(({ message }) => message)).toEqual([
    expect.stringMatching(/"stage" keeps 3.0 MiB more .* 2.0 MiB beyond its limit/),
  ]);
  room.goOn();
  await wait;
  expect(entered).toEqual(['giving memory back', 'working']);
});

test('code that takes still more after the answer is waited for again', async () => {
  const room = roomOf();
  const first = room.look(false);
  room.goOn();
  await first;
  expect(await afterSteps(room.look(false), 5)).toBe('waits');
  expect(told).toHaveLength(2);
});

test('the lane goes on when the promise holds again', async () => {
  const wait = roomOf().look(false);
  expect(await afterSteps(wait, 5)).toBe('waits');
  overshootBytes = 0;
  await wait;
});

test('a wait that is over listens to nobody', async () => {
  const room = roomOf();
  const wait = room.look(false);
  expect(getEventListeners(stop.signal, 'abort')).toHaveLength(1);
  room.goOn();
  await wait;
  expect(getEventListeners(stop.signal, 'abort')).toHaveLength(0);
});

test('a lane that is to stop calls nobody again', async () => {
  const wait = roomOf().look(false);
  stop.abort();
  expect(await afterSteps(wait, 5)).toBe('ERR_ABORTED');
});

test('where nobody ever answers the lane fails by itself', async () => {
  expect(await afterSteps(roomOf().look(false), 5000)).toBe('ERR_MEMORY_EXHAUSTED');
  expect(slept).toBeLessThan(5000);
});

test('what asks many times a second is looked at a thousand times a second at most', () => {
  let looks = 0;
  const room = new UserRoom({
    heap: {
      check: () => {
        looks += 1;
        return 0;
      },
      aliveBeyond: () => 0,
    },
    shared: { overshootBytes: () => 0 },
    statistics: { enter: () => {} },
    name: 'stage',
    signal: stop.signal,
    onUnmanaged: () => {},
  });
  const from = performance.now();
  for (let call = 0; call < 10_000; call += 1) void room.beforeCall();
  expect(looks).toBeLessThanOrEqual(performance.now() - from + 2);
});
