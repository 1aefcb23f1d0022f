import { type Arena, createArena } from '@spillway/core/internal';
import {
  outsideFraction,
  PRESSURE_BYTES,
  PressureSampler,
  SharedPressure,
  StallMeter,
} from '@spillway/workers/internal';
import { afterEach, beforeEach, expect, test } from 'vitest';

const MEBIBYTE = 2 ** 20;
let arena: Arena;
let shared: SharedPressure;
let sampler: PressureSampler;
let residentBytes = 0;
let events: Record<string, unknown>[];
let narrow: boolean[];
let arbitrated: number;

beforeEach(() => {
  arena = createArena({ maximumBytes: 16 * MEBIBYTE });
  const place = {
    at: arena.alloc(PRESSURE_BYTES, 1),
    memoryLimitBytes: 10 * MEBIBYTE,
  };
  residentBytes = 0;
  events = [];
  narrow = [];
  arbitrated = 0;
  const pool = { arenaBytes: 10 * MEBIBYTE, slabBytes: () => arena.bytesOf(1), keptBytes: () => 0 };
  shared = new SharedPressure(arena, place, pool, { bytes: () => residentBytes, close: () => {} });
  shared.begin();
  sampler = new PressureSampler({
    shared,
    rings: [{ setNarrow: (isNarrow) => void narrow.push(isNarrow) }],
    emitter: { emit: (name, event) => void events.push({ name, ...event }) },
    arbiter: { arbitrate: () => void (arbitrated += 1) },
    cascade: { look: () => {} },
    describe: () => 'join 7.0 MiB',
    maxSystemMemory: 1,
  });
  events.length = 0;
  narrow.length = 0;
});

afterEach(() => sampler.close());

test('a change of level is told once, with its action, and narrows or widens the rings', () => {
  shared.inject(0.85);
  sampler.sample();
  sampler.sample();
  shared.inject(0);
  sampler.sample();
  expect(events).toMatchObject([
    { name: 'pressure', level: 'high', action: 'pause sources, flush and cascade, spill', fraction: 0.85 },
    { name: 'pressure', level: 'normal', fraction: 0 },
  ]);
  expect(narrow).toEqual([true, false]);
});

test('from high on somebody has to give memory back', () => {
  shared.inject(0.79);
  sampler.sample();
  expect(arbitrated).toBe(0);
  shared.inject(0.81);
  sampler.sample();
  expect(arbitrated).toBe(1);
});

test('time that tasks of the machine stood still for want of memory counts, as a part of the time between two looks', () => {
  const readings = [1_000_000, 1_050_000, 1_250_000, undefined, 2_000_000];
  const meter = new StallMeter(() => readings.shift());
  expect([1000, 2000, 3000, 4000, 5000].map((nowMs) => meter.part(nowMs))).toEqual([0, 0.05, 0.2, 0, 0.375]);
  const machine = { totalBytes: 100, availableBytes: 90 };
  expect(outsideFraction(0.8, undefined, machine, 0.05)).toBeCloseTo(0.4);
  expect(outsideFraction(0.8, undefined, machine, 0.2)).toBe(0.95);
});

test.each([0.7, 0.8, 0.9])('use that swings five percent round %d changes the level at most once', (threshold) => {
  shared.inject(threshold - 0.05);
  sampler.sample();
  events.length = 0;
  for (let step = 0; step < 500; step += 1) {
    shared.inject(threshold + 0.05 * Math.sin(step));
    sampler.sample();
  }
  expect(events.length).toBe(1);
});

test('resident memory that swings round the promise asks for collections and alerts once', () => {
  shared.setIdle(MEBIBYTE);
  const before = shared.collections;
  for (let step = 0; step < 100; step += 1) {
    residentBytes = 12 * MEBIBYTE * (1 + 0.05 * Math.sin(step));
    sampler.sample();
  }
  expect(events).toMatchObject([{ name: 'alert', kind: 'memory' }]);
  expect(shared.collections).toBeGreaterThan(before);
});

test('what others use of the machine slows a run down and never fails it', () => {
  const machine = { totalBytes: 100, availableBytes: 60 };
  const group = { limitBytes: 100, workingSetBytes: 99, group: '/' };
  expect(outsideFraction(0.3, undefined, machine)).toBe(0.95);
  expect(outsideFraction(0.8, undefined, machine)).toBeCloseTo(0.4);
  expect(outsideFraction(0.8, group, machine)).toBeCloseTo(0.88);
  expect(outsideFraction(0.4, undefined, machine)).toBeCloseTo(0.8); // full, which is `high`
});
