import {
  arrivingSlice,
  bookOf,
  DAY_SECONDS,
  type EventSlice,
  eventCount,
  eventMicrosecond,
  marketSlice,
  midCents,
  openingUs,
} from '@spillway/bench/generators/quotes';
import { describe, expect, it } from 'vitest';

const GOLDEN = { seed: 42, symbols: 200, quotesPerSecond: 2000 };
const SMALL = { seed: 7, symbols: 9, quotesPerSecond: 40, seconds: 200 };

function keysOf(slice: EventSlice): string[] {
  return Array.from({ length: slice.rows }, (_, row) =>
    [slice.ts[row], slice.symbol[row], slice.seq[row], slice.event[row], slice.isCorrection[row]].join(' '),
  );
}

describe('the market generator', () => {
  it('gives the golden first minute', () => {
    const { ts, rows } = marketSlice(GOLDEN, 0, 0, 60);
    let repeated = 0;
    for (let row = 1; row < rows; row++) if (ts[row] === ts[row - 1]) repeated += 1;
    expect([rows, repeated]).toEqual([215_255, 45_666]);
  });

  it('opens at half past nine in New York on weekdays, in winter and in summer', () => {
    const iso = (day: number): string => new Date(Number(openingUs(day) / 1000n)).toISOString();
    expect([0, 3, 4, 9, 48, 49].map(iso)).toEqual([
      '2024-01-02T14:30:00.000Z',
      '2024-01-05T14:30:00.000Z',
      '2024-01-08T14:30:00.000Z',
      '2024-01-15T14:30:00.000Z',
      '2024-03-08T14:30:00.000Z',
      '2024-03-11T13:30:00.000Z',
    ]);
  });

  it('makes of each second the events that the definition says, in order of time, symbol and number', () => {
    const second = 77;
    const expected: [bigint, number, number][] = [];
    for (let symbol = 0; symbol < SMALL.symbols; symbol++)
      for (let event = 0; event < eventCount(SMALL, 3, symbol, second); event++) {
        const us = second * 1_000_000 + eventMicrosecond(SMALL.seed, 3, symbol, second, event);
        expected.push([openingUs(3) + BigInt(us), symbol, event]);
      }
    expected.sort(([a, b, c], [x, y, z]) => Number(a - x) || b - y || c - z);
    const slice = marketSlice(SMALL, 3, second, second + 1);
    expect(
      Array.from({ length: slice.rows }, (_, row) => [slice.ts[row], slice.symbol[row], slice.event[row]]),
    ).toEqual(expected);
  });

  it('makes the same rows and numbers in one slice and in many, in any order', () => {
    const whole = keysOf(marketSlice(SMALL, 1, 0, 200));
    const parts = [150, 0, 50, 100].map((from) => [from, keysOf(marketSlice(SMALL, 1, from, from + 50))] as const);
    parts.sort(([left], [right]) => left - right);
    expect(parts.flatMap(([, keys]) => keys)).toEqual(whole);
  });

  it('numbers the events of a symbol through the day', () => {
    const { rows, symbol, seq } = marketSlice(SMALL, 0, 0, 200);
    const next = new Map<number, number>();
    for (let row = 0; row < rows; row++) {
      expect(seq[row]).toBe(next.get(symbol[row] as number) ?? 0);
      next.set(symbol[row] as number, (seq[row] as number) + 1);
    }
  });

  it('lets every row arrive once, one in twenty late, and corrects one trade in a thousand', () => {
    const arrival = { lateUs: 5_000_000, corrections: true };
    const options = { ...SMALL, quotesPerSecond: 400 };
    const parts = [0, 40, 80, 120, 160].flatMap((from) => keysOf(arrivingSlice(options, arrival, 2, from, from + 40)));
    expect(parts).toEqual(keysOf(arrivingSlice(options, arrival, 2, 0, DAY_SECONDS)));
    const ordered = keysOf(marketSlice(options, 2, 0, 200));
    const fresh = parts.filter((key) => key.endsWith(' 0'));
    expect([...fresh].sort()).toEqual([...ordered].sort());
    expect(fresh).not.toEqual(ordered);
    const corrected = parts.length - fresh.length;
    expect(corrected / fresh.length).toBeGreaterThan(0.0005);
    expect(corrected / fresh.length).toBeLessThan(0.0015);
    const late = fresh.filter(
      (key, row) =>
        row > 0 && BigInt(key.split(' ')[0] as string) < BigInt((fresh[row - 1] as string).split(' ')[0] as string),
    );
    expect(late.length / fresh.length).toBeGreaterThan(0.03);
    expect(late.length / fresh.length).toBeLessThan(0.06);
  });

  it('keeps prices round the base of each symbol, the ask above the bid', () => {
    for (let second = 0; second < 23_400; second += 97) {
      const mid = midCents(42, 5, 3, second);
      const { bid, ask, bidSize, askSize } = bookOf(42, 3, second, 1, mid);
      expect(ask).toBeGreaterThan(bid);
      expect(Math.abs((bid + ask) / 2 - mid)).toBeLessThanOrEqual(2);
      expect([bidSize % 100, askSize % 100]).toEqual([0, 0]);
    }
  });
});
