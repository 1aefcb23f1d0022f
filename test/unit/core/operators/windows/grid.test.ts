import { gridOf } from '@spillway/core/internal';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '#support/random';

const ZONES = [
  'UTC',
  'America/St_Johns',
  'America/Sao_Paulo',
  'Australia/Lord_Howe',
  'Asia/Kolkata',
  'Africa/Cairo',
  '-03:30',
];

describe.each(ZONES)('days and months of %s', (timeZone) => {
  it.each([
    ['day', 1],
    ['day', 7],
    ['month', 1],
    ['month', 3],
  ] as const)('lie end to end, %s × %i', (unit, every) => {
    const random = seededRandom();
    const grid = gridOf({ kind: 'calendar', unit, every, origin: 4, timeZone, text: '' }, 1000n);
    for (let round = 0; round < 300; round++) {
      // Microseconds from 1900 to 2100.
      const value =
        BigInt(random.integer(-2_200_000_000, 4_100_000_000)) * 1_000_000n + BigInt(random.integer(0, 999_999));
      const index = grid?.lastAt(value) as bigint;
      const span = grid?.at(index);
      expect(span?.start).toBeLessThanOrEqual(value);
      expect(span?.end).toBeGreaterThan(value);
      expect(grid?.at(index + 1n)?.start).toBe(span?.end);
    }
  });
});

it('a day that has no midnight begins behind the gap', () => {
  const grid = gridOf(
    { kind: 'calendar', unit: 'day', every: 1, origin: 0, timeZone: 'America/Sao_Paulo', text: '' },
    1_000_000_000n,
  );
  // On 2017-10-15 clocks went from 00:00 to 01:00, which is 03:00 UTC.
  const noon = BigInt(Date.UTC(2017, 9, 15, 15) / 1000);
  expect(grid?.at(grid.lastAt(noon))?.start).toBe(BigInt(Date.UTC(2017, 9, 15, 3) / 1000));
});

it('of edges there is none before the first and behind the last', () => {
  const grid = gridOf({ kind: 'edges', edgesNs: ['0', '10', '15'], outside: 'drop', text: '' }, 1n);
  expect([-1n, 0n, 9n, 10n, 15n].map((value) => grid?.at(grid.lastAt(value))?.start)).toEqual([
    undefined,
    0n,
    0n,
    10n,
    undefined,
  ]);
});
