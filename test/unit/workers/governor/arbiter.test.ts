import { Arbiter, type ArbiterPlace } from '@spillway/workers/internal';
import { beforeEach, describe, expect, test } from 'vitest';

const MEBIBYTE = 2 ** 20;
const place: ArbiterPlace = {
  at: 0,
  lanes: [
    { lane: 0, stage: 'sort', consumer: 0, gives: 'spill', distance: 2 },
    { lane: 1, stage: 'buffer', consumer: 1, gives: 'flush', distance: 1 },
    { lane: 2, stage: 'last', consumer: 2, gives: 'flush', distance: 0 },
  ],
};
let held: number[];
let unused: number;
let lent: number;
let nowMs: number;
let arbiter: Arbiter;

beforeEach(() => {
  held = [0, 0, 0];
  unused = 0;
  lent = 0;
  nowMs = 1000;
  const pool = {
    heldBytes: (consumer: number) => held[consumer] as number,
    unusedBytes: () => unused,
    makeRoom: (bytes: number) => {
      lent += bytes;
      unused -= bytes;
      return true;
    },
  };
  arbiter = new Arbiter(new SharedArrayBuffer(64), place, pool, () => nowMs);
  arbiter.begin();
});

describe('victims', () => {
  test('what is reserved and not used goes first, and nobody has to flush when that is enough', () => {
    held = [MEBIBYTE, MEBIBYTE, MEBIBYTE];
    unused = 3 * MEBIBYTE;
    arbiter.arbitrate(2 * MEBIBYTE);
    expect([arbiter.reading().state, lent]).toEqual(['calm', 2 * MEBIBYTE]);
    arbiter.arbitrate(2 * MEBIBYTE);
    expect([arbiter.reading().state, lent]).toEqual(['chosen', 3 * MEBIBYTE]);
  });

  test('then the flushable stage nearest a sink, however little it holds', () => {
    held = [9 * MEBIBYTE, 5 * MEBIBYTE, MEBIBYTE];
    arbiter.arbitrate(4 * MEBIBYTE);
    expect(arbiter.reading()).toMatchObject({ state: 'chosen', lane: 2, heldBytes: MEBIBYTE });
  });

  test('one who stands still until there is room is not chosen', () => {
    held = [0, 5 * MEBIBYTE, MEBIBYTE];
    expect([arbiter.couldGive(2), arbiter.couldGive(1)]).toEqual([true, true]);
    arbiter.arbitrate(4 * MEBIBYTE, 2);
    expect(arbiter.reading()).toMatchObject({ state: 'chosen', lane: 1 });
    held = [0, 5 * MEBIBYTE, 1000];
    expect([arbiter.couldGive(2), arbiter.couldGive(1)]).toEqual([true, false]);
  });

  test('then a spill; nobody at all when nobody holds enough to be worth it', () => {
    held = [9 * MEBIBYTE, 1000, 1000];
    arbiter.arbitrate(4 * MEBIBYTE);
    expect(arbiter.reading()).toMatchObject({ state: 'chosen', lane: 0 });
    held = [1000, 0, 0];
    expect(arbiter.begins(0)).toBe(true);
    arbiter.acted();
    arbiter.acknowledge();
    arbiter.arbitrate(4 * MEBIBYTE);
    expect(arbiter.reading().state).toBe('calm');
  });
});

describe('one cascade at a time', () => {
  beforeEach(() => {
    held = [0, 5 * MEBIBYTE, MEBIBYTE];
    arbiter.arbitrate(MEBIBYTE);
  });

  test('only the victim acts, once', () => {
    expect([arbiter.begins(1), arbiter.begins(2), arbiter.begins(2)]).toEqual([false, true, false]);
  });

  test('the next is chosen when the sinks have what was given, not before', () => {
    arbiter.begins(2);
    held[2] = 0;
    arbiter.arbitrate(MEBIBYTE);
    expect(arbiter.reading().state).toBe('acting');
    arbiter.acted();
    arbiter.arbitrate(MEBIBYTE);
    expect(arbiter.reading()).toMatchObject({ state: 'draining', lane: 2 });
    arbiter.acknowledge();
    arbiter.arbitrate(MEBIBYTE);
    expect(arbiter.reading()).toMatchObject({ state: 'chosen', lane: 1 });
  });

  test('a sink that is slow does not keep the next from being chosen', () => {
    arbiter.begins(2);
    arbiter.acted();
    held[2] = 0;
    nowMs += 101;
    arbiter.arbitrate(MEBIBYTE);
    expect(arbiter.reading()).toMatchObject({ state: 'chosen', lane: 1 });
  });

  test('a victim that does not act is passed over, and may be chosen again after the next', () => {
    nowMs += 201;
    arbiter.arbitrate(MEBIBYTE);
    expect(arbiter.reading()).toMatchObject({ state: 'chosen', lane: 1 });
    expect(arbiter.begins(2)).toBe(false);
    arbiter.begins(1);
    arbiter.acted();
    arbiter.acknowledge();
    arbiter.arbitrate(MEBIBYTE);
    expect(arbiter.reading()).toMatchObject({ state: 'chosen', lane: 2 });
  });
});
