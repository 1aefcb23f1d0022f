import { type Arena, createArena } from '@spillway/core/internal';
import { PRESSURE_BYTES, type PressurePlace, SharedPressure } from '@spillway/workers/internal';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

const MEBIBYTE = 2 ** 20;
let arena: Arena;
let place: PressurePlace;
let residentBytes = 0;

const pool = { arenaBytes: 10 * MEBIBYTE, slabBytes: () => arena.bytesOf(1), keptBytes: () => 0 };
const resident = { bytes: () => residentBytes, close: () => {} };
/** The view of one thread. */
const view = (): SharedPressure => new SharedPressure(arena, place, pool, resident);
const passToNextLook = (): void => void vi.setSystemTime(Date.now() + 8);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
  arena = createArena({ maximumBytes: 64 * MEBIBYTE });
  place = {
    at: arena.alloc(PRESSURE_BYTES, 1),
    memoryLimitBytes: 20 * MEBIBYTE,
  };
  residentBytes = 0;
  view().begin();
});
afterEach(() => void vi.useRealTimers());

test('a look by any thread sets the level that all see', () => {
  const [lane, other] = [view(), view()];
  const slab = arena.alloc(8.5 * MEBIBYTE, 1);
  expect(lane.look()).toBe(true);
  expect(other.level).toBe('high');
  expect(other.isHigh).toBe(true);
  arena.release(slab);
});

test('what is charged to others does not count: tables that outlive runs, other runs', () => {
  const table = arena.alloc(20 * MEBIBYTE, 2);
  const pressure = view();
  pressure.look();
  expect(pressure.level).toBe('normal');
  arena.release(table);
});

test('of two looks at the same time one is enough', () => {
  expect(view().look()).toBe(true);
  expect(view().look()).toBe(false);
});

test('what was given back lowers the level at the next look', () => {
  const pressure = view();
  const slab = arena.alloc(9.5 * MEBIBYTE, 1);
  pressure.look();
  expect(pressure.level).toBe('critical');
  arena.release(slab);
  passToNextLook();
  pressure.look();
  expect(pressure.level).toBe('normal');
});

test('what the control group or the machine uses counts too', () => {
  const pressure = view();
  pressure.setOutside(0.93);
  pressure.look();
  expect(pressure.level).toBe('critical');
});

test('resident memory is no level; beyond the promise it is overshoot', () => {
  const pressure = view();
  residentBytes = 500 * MEBIBYTE;
  expect(pressure.overshootBytes()).toBe(0); // idle is not known yet
  pressure.setIdle(100 * MEBIBYTE);
  expect(view().overshootBytes()).toBe(500 * MEBIBYTE - 100 * MEBIBYTE - 22 * MEBIBYTE);
  residentBytes = 122 * MEBIBYTE;
  expect(pressure.overshootBytes()).toBe(0);
  pressure.look();
  expect(pressure.level).toBe('normal');
});

test('says how many bytes have to be given back', () => {
  const pressure = view();
  const slab = arena.alloc(8.5 * MEBIBYTE, 1);
  expect(pressure.wantedBytes()).toBeCloseTo(1.7 * MEBIBYTE, -6);
  arena.release(slab);
  expect(pressure.wantedBytes()).toBe(0);
});
