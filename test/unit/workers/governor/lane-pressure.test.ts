import { type Arena, createArena } from '@spillway/core/internal';
import { LanePressure, PRESSURE_BYTES, SharedPressure } from '@spillway/workers/internal';
import { beforeEach, expect, test } from 'vitest';

const MEBIBYTE = 2 ** 20;
let arena: Arena;
let shared: SharedPressure;
let residentBytes = 0;
let waitsForAnswer: Promise<void> | undefined;
const looks: boolean[] = [];

beforeEach(() => {
  arena = createArena({ maximumBytes: 16 * MEBIBYTE });
  const place = {
    at: arena.alloc(PRESSURE_BYTES, 1),
    memoryLimitBytes: 10 * MEBIBYTE,
  };
  residentBytes = 0;
  waitsForAnswer = undefined;
  looks.length = 0;
  const pool = { arenaBytes: MEBIBYTE, slabBytes: () => arena.bytesOf(1), keptBytes: () => 0 };
  shared = new SharedPressure(arena, place, pool, { bytes: () => residentBytes, close: () => {} });
  shared.begin();
  shared.setIdle(MEBIBYTE);
});

/** A chain that holds so much, of which a flush leaves so much. */
function chainHolding(bytes: number, leaves = 0) {
  const chain = {
    bytes,
    flushes: 0,
    flush: () => {
      chain.flushes += 1;
      chain.bytes = leaves;
    },
    reportHeld: () => {},
    heldBytes: () => chain.bytes,
    stuck: () => ({ bytes: 5, operator: 2 }),
  };
  return chain;
}

let heldSaid: number;
let stuckSaid: { bytes: number; operator: number } | undefined;
let isVictim: boolean;
let rowsBehind: boolean;
let acted: number;
let sleptMs: number;

beforeEach(() => {
  heldSaid = -1;
  isVictim = true;
  rowsBehind = false;
  acted = 0;
  sleptMs = 0;
});

const laneOf = (isSource = false): LanePressure =>
  new LanePressure({
    shared,
    arbiter: {
      isBusy: false,
      arbitrate: () => {},
      begins: () => isVictim && heldSaid > 0,
      acted: () => void (acted += 1),
    },
    userRoom: {
      look: (hasCollected) => {
        looks.push(hasCollected);
        return waitsForAnswer;
      },
    },
    consumer: {
      setHeld: (bytes) => void (heldSaid = bytes),
      setStuck: (bytes, operator) => void (stuckSaid = { bytes, operator }),
    },
    lane: 3,
    makesBytes: 0,
    isSource,
    hasRowsBehind: () => rowsBehind,
    sleep: async (ms) => void (sleptMs += ms),
  });

test('nothing is flushed while memory does not press', async () => {
  const chain = chainHolding(MEBIBYTE);
  shared.inject(0.75);
  await laneOf().relieve(chain);
  expect(chain.flushes).toBe(0);
});

test('what a flush left, and what no flush gets, is said to be stuck', async () => {
  const chain = chainHolding(MEBIBYTE, 1000);
  const lane = laneOf();
  shared.inject(0.85);
  await lane.relieve(chain);
  await lane.relieve(chain);
  expect([heldSaid, stuckSaid]).toEqual([0, { bytes: 1005, operator: 2 }]);
});

test('what is held is flushed when memory presses', async () => {
  const chain = chainHolding(MEBIBYTE);
  shared.inject(0.85);
  await laneOf().relieve(chain);
  expect(chain.flushes).toBe(1);
});

test('what a flush could not give back is not flushed again', async () => {
  const chain = chainHolding(2 * MEBIBYTE, MEBIBYTE);
  const lane = laneOf();
  shared.inject(0.85);
  for (let look = 0; look < 5; look += 1) await lane.relieve(chain);
  expect(chain.flushes).toBe(1);
  chain.bytes = 3 * MEBIBYTE;
  await lane.relieve(chain);
  expect(chain.flushes).toBe(2);
});

test('a lane that is not the victim says what it could give, and gives nothing', async () => {
  const chain = chainHolding(MEBIBYTE);
  isVictim = false;
  shared.inject(0.85);
  await laneOf().relieve(chain);
  expect([chain.flushes, heldSaid, acted]).toEqual([0, MEBIBYTE, 0]);
});

test('a victim says that it has acted, also when its flush has failed', async () => {
  shared.inject(0.85);
  const failing = { ...chainHolding(MEBIBYTE), flush: () => Promise.reject(new Error('disk')) };
  await expect(laneOf().relieve(failing)).rejects.toThrow('disk');
  expect(acted).toBe(1);
});

test('at critical a lane waits for stages nearer the sinks while these have rows, and never for ever', async () => {
  shared.inject(0.95);
  isVictim = false;
  await laneOf().relieve(chainHolding(0));
  expect(sleptMs).toBe(0);
  rowsBehind = true;
  await laneOf().relieve(chainHolding(0));
  expect(sleptMs).toBe(20);
});

test('a source waits for a moment, never for ever', async () => {
  shared.inject(0.95);
  await laneOf(true).relieve(chainHolding(0));
  expect([shared.level, sleptMs]).toEqual(['critical', 20]);
});

test('code of users that keeps too much is waited for, and memory is given back meanwhile', async () => {
  let answer = (): void => {};
  waitsForAnswer = new Promise((resolve) => {
    answer = resolve;
  });
  const chain = chainHolding(MEBIBYTE);
  shared.inject(0.85);
  let isOver = false;
  const relieved = Promise.resolve(laneOf().relieve(chain)).then(() => {
    isOver = true;
  });
  while (acted === 0) await new Promise((resolve) => setImmediate(resolve));
  expect([isOver, chain.flushes]).toEqual([false, 1]);
  answer();
  await relieved;
});

test('after a collection that the run asked for, what is alive counts though nothing has grown', () => {
  const lane = laneOf();
  void lane.relieve(chainHolding(0));
  shared.askForCollection();
  void lane.relieve(chainHolding(0));
  void lane.relieve(chainHolding(0));
  expect(looks).toEqual([false, true, false]);
});
