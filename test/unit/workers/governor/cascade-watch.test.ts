import { CascadeWatch } from '@spillway/workers/internal';
import { beforeEach, expect, test } from 'vitest';

/** A ring as far as marks go: packets put and taken. */
class FakeRing {
  put = 0;
  taken = 0;
  mark = (): number => this.put;
  hasTaken = (mark: number): boolean => this.taken >= mark;
}

let reading: { state: 'calm' | 'chosen' | 'acting' | 'draining'; lane: number; heldBytes: number; forMs: number };
let acknowledged: number;
let woken: number[];
let events: unknown[];
let rings: FakeRing[];
let watch: CascadeWatch;

beforeEach(() => {
  reading = { state: 'calm', lane: 2, heldBytes: 100, forMs: 0 };
  acknowledged = 0;
  woken = [];
  events = [];
  rings = [new FakeRing(), new FakeRing()];
  const lanes = [{ lane: 2, stage: 'buffer', consumer: 0, gives: 'flush' as const, distance: 1 }];
  watch = new CascadeWatch({
    arbiter: { reading: () => reading, acknowledge: () => void (acknowledged += 1), place: { at: 0, lanes } },
    ringsBehind: () => rings.map((ring) => [ring]),
    wake: (lane) => void woken.push(lane),
    emitter: { emit: (name, event) => void events.push([name, event]) },
  });
});

const look = (state: typeof reading.state, forMs = 0): void => {
  reading = { ...reading, state, forMs };
  watch.look();
};

test('a victim that does not act at once is woken', () => {
  look('chosen', 1);
  expect(woken).toEqual([]);
  look('chosen', 6);
  expect(woken).toEqual([2]);
});

test('a cascade is over when everything has gone through to the sinks, ring by ring', () => {
  const [first, last] = rings as [FakeRing, FakeRing];
  look('acting');
  first.put = 3;
  look('draining');
  expect([acknowledged, events]).toEqual([0, [['reclaim', { stage: 'buffer', action: 'flush', bytes: 100 }]]]);
  first.taken = 3;
  last.put = 2;
  look('draining');
  expect(acknowledged).toBe(0);
  first.put = 9; // what comes later does not count
  last.taken = 2;
  look('draining');
  expect([acknowledged, events.length]).toEqual([1, 1]);
});
