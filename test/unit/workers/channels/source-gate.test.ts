import { type Arena, createArena } from '@spillway/core/internal';
import { GATE_BYTES, SourceGate } from '@spillway/workers/internal';
import { beforeEach, expect, it } from 'vitest';

let arena: Arena;
let gate: SourceGate;
let arenaAt: number;

beforeEach(() => {
  arena = createArena({ maximumBytes: 2 ** 20, debug: true });
  arenaAt = arena.alloc(GATE_BYTES, 1);
  gate = new SourceGate(arena, arenaAt);
  gate.begin(0);
});

/** Whether a promise is settled by the next turn but one. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.then(
    () => (settled = true),
    () => (settled = true),
  );
  await new Promise((resolve) => setTimeout(resolve, 5));
  return settled;
}

it('an open gate keeps nobody', () => {
  expect([gate.claim(), gate.claim()]).toEqual([0, 1]);
  expect(gate.pass(1)).toBeUndefined();
});

it('shut, it says how far the source had got, lets that pass, and keeps the rest until it opens', async () => {
  gate.claim();
  gate.claim();
  expect(gate.close()).toBe(2);
  const late = gate.claim();
  expect([late, gate.pass(0), gate.pass(1)]).toEqual([2, undefined, undefined]);
  const waiting = Promise.resolve(gate.pass(late));
  expect(await isSettled(waiting)).toBe(false);
  gate.open();
  await waiting;
});

it('lets sequences through one by one', async () => {
  gate.close();
  const [first, second] = [gate.pass(0), gate.pass(1)].map((passed) => Promise.resolve(passed)) as [
    Promise<void>,
    Promise<void>,
  ];
  gate.limit(1);
  await first;
  expect(await isSettled(second)).toBe(false);
  gate.limit(2);
  await second;
});

it('ends all waiting when the run is stopping', async () => {
  gate.close();
  const passing = Promise.resolve(gate.pass(0));
  const ending = gate.untilOpen();
  gate.fail();
  await expect(passing).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  await expect(ending).rejects.toMatchObject({ code: 'ERR_ABORTED' });
});

it('knows when all there is has been claimed, and behind a shut gate nobody sees the end', () => {
  gate.setTotal(2);
  gate.claim();
  expect(gate.isExhausted()).toBe(false);
  gate.claim();
  expect(gate.isExhausted()).toBe(true);
  gate.close();
  expect(gate.isExhausted()).toBe(false);
  gate.limit(3);
  expect(gate.isExhausted()).toBe(true);
});

it('counts on beyond 2^32', async () => {
  const first = 2 ** 32 - 1;
  gate.begin(first);
  expect([gate.claim(), gate.claim(), gate.close()]).toEqual([first, first + 1, first + 2]);
  expect(gate.pass(first + 1)).toBeUndefined();
  expect(await isSettled(Promise.resolve(gate.pass(first + 2)))).toBe(false);
  gate.countDone();
  gate.countDone();
  expect([gate.isDone(first + 1), gate.isDone(first + 2)]).toEqual([false, true]);
  gate.fail();
});

it('failing ends the wait of one whom a thread was waking when it died', async () => {
  gate.close();
  const waiting = Promise.resolve(gate.pass(5));
  await Promise.resolve();
  // The fourth word says that somebody sleeps: the thread has taken that back, and did not get as far as notifying.
  const asleep = 3;
  arena.i32[(arenaAt >>> 2) + asleep] = 0;
  gate.fail();
  await expect(waiting).rejects.toMatchObject({ code: 'ERR_ABORTED' });
});
