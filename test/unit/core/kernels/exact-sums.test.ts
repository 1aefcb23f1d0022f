/** Sums through the kernels against rational arithmetic in BigInt, whatever the cuts and the order of merges. */
import {
  addDouble,
  addDoubleSquare,
  addSum,
  type ExactSum,
  emptySum,
  instantiateKernels,
  OVERFLOW_RECORD_BYTES,
  readOverflowRecord,
  readSumState,
  type StateArrays,
  sumToDouble,
  varianceOf,
} from '@spillway/core/internal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fakeArena, seededRandom } from '../../../support/fake-arena.ts';
import { SHAPES, type Shape } from './columns.ts';

const arena = fakeArena(16 << 20);
const kernels = instantiateKernels(arena);
const RECORDS = 20_000;

interface Sums {
  sum: ExactSum;
  squares: ExactSum;
}

function expectedSums(values: readonly number[]): Sums {
  const result = { sum: emptySum(), squares: emptySum() };
  for (const value of values) {
    addDouble(result.sum, value);
    addDoubleSquare(result.squares, value);
  }
  return result;
}

function emptyStates(groups: number): StateArrays {
  return {
    count: arena.room(8 * groups),
    sum: arena.room(40 * groups),
    sumSquares: arena.room(40 * groups),
    min: 0,
    max: 0,
    first: 0,
    last: 0,
  };
}

/** Cuts the column into segments, merges their states in the given order into one, and adds the overflow records. */
function sumInParts(values: readonly number[], ends: readonly number[], order: readonly number[]): Sums {
  arena.reset();
  const { view } = arena;
  const column = arena.room(8 * values.length);
  values.forEach((value, row) => view.setFloat64(column + 8 * row, value, true));
  const scratch = arena.room(kernels.scratchBytes);
  const endsPtr = arena.room(4 * ends.length);
  ends.forEach((end, i) => view.setUint32(endsPtr + 4 * i, end, true));
  const parts = emptyStates(ends.length);
  const records = arena.room(RECORDS * OVERFLOW_RECORD_BYTES);
  let count = kernels.segmentStates(
    'f64',
    column,
    0,
    endsPtr,
    ends.length,
    parts,
    { records, capacity: RECORDS },
    scratch,
  );
  const total = emptyStates(1);
  kernels.initStates('f64', total, 0, 1);
  const target = arena.room(4);
  view.setUint32(target, 0, true);
  for (const part of order) {
    const one = {
      ...parts,
      count: parts.count + 8 * part,
      sum: parts.sum + 40 * part,
      sumSquares: parts.sumSquares + 40 * part,
    };
    const room = { records: records + count * OVERFLOW_RECORD_BYTES, capacity: RECORDS - count };
    const written = kernels.mergeStates('f64', one, target, 1, total, room, scratch);
    expect(written).toBeGreaterThanOrEqual(0);
    count += written;
  }
  const result = { sum: readSumState(view, total.sum), squares: readSumState(view, total.sumSquares) };
  for (let i = 0; i < count; i++) {
    const { which, part } = readOverflowRecord(view, records, i);
    addSum(which === 0 ? result.sum : result.squares, part);
  }
  return result;
}

function expectExact(values: readonly number[], cuts: readonly number[], shuffle: () => number): void {
  const ends = [...new Set([...cuts.map((cut) => Math.floor(cut * values.length)), values.length])].sort(
    (a, b) => a - b,
  );
  const order = ends
    .map((_, i) => ({ i, key: shuffle() }))
    .sort((a, b) => a.key - b.key)
    .map(({ i }) => i);
  const expected = expectedSums(values);
  const found = sumInParts(values, ends, order);
  expect(sumToDouble(found.sum)).toBe(sumToDouble(expected.sum));
  expect(sumToDouble(found.squares)).toBe(sumToDouble(expected.squares));
  const n = BigInt(values.length);
  expect(varianceOf(n, found.sum, found.squares)).toBe(varianceOf(n, expected.sum, expected.squares));
}

describe('exact sums of the kernels', () => {
  it.each(Object.keys(SHAPES) as Shape[])('equal rational arithmetic on a column of %s, whatever the cuts', (shape) => {
    for (let seed = 1; seed <= 6; seed++) {
      const random = seededRandom(seed);
      const values = Array.from({ length: 1 + Math.floor(random() * 6_000) }, () => SHAPES[shape](random));
      expectExact(values, Array.from({ length: Math.floor(random() * 20) }, random), random);
    }
  });

  it('equal rational arithmetic on any doubles', () => {
    const doubles = fc.array(fc.double(), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(
        doubles,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 5 }),
        fc.integer(),
        (values, cuts, seed) => expectExact(values, cuts, seededRandom(seed)),
      ),
      { numRuns: 300 },
    );
  });

  it('survive adversarial columns', () => {
    const columns: number[][] = [
      [1e308, 1e308, -1e308, -1e308, 1e-308],
      [1.7976931348623157e308, 1.7976931348623157e308, -1.7976931348623157e308],
      Array.from({ length: 5_000 }, () => 1.7976931348623157e308),
      Array.from({ length: 5_000 }, (_, i) => (i % 2 === 0 ? 1.7976931348623157e308 : -1.7976931348623157e308)),
      Array.from({ length: 5_000 }, () => 5e-324),
      Array.from({ length: 9_000 }, () => 2 - 2 ** -52),
      Array.from({ length: 9_000 }, (_, i) => (i % 2 === 0 ? 2 - 2 ** -52 : 2 ** -52 - 2)),
      Array.from({ length: 9_000 }, (_, i) => (i % 7 === 0 ? 1 / 3 : (2 ** -52 - 2) * 2 ** -(i % 12))),
      Array.from({ length: 9_000 }, (_, i) => (i % 1_000 === 0 ? 1e-160 : 1e150)),
      Array.from({ length: 4_097 }, (_, i) => 2 ** (i % 60) * (i % 2 === 0 ? 1 : -1)),
      Array.from({ length: 4_096 }, (_, i) => (i === 4_095 ? 2 ** -53 : 1)),
      [2 ** 53, 1, -(2 ** 53)],
      [0.1, 0.2, -0.3],
      [-0, -0],
      [-0, 0],
      [Infinity, -Infinity, 1],
      [Infinity, 1e308, 1e308],
      [-Infinity, -1],
      [NaN, Infinity],
      [1, -1, 2 ** -1074, -(2 ** -1074)],
    ];
    const random = seededRandom(3);
    for (const values of columns) {
      for (const cuts of [[], [0.5], [0.1, 0.4, 0.7]]) expectExact(values, cuts, random);
    }
  });

  it.each([Number.NaN, Infinity, -0, 0.1, -0.1, 2 ** -40, 1e300, -5e-324])(
    'see one %d among whole numbers, wherever it is',
    (odd) => {
      const random = seededRandom(17);
      for (const rows of [4_096 + 4_096, 4_096 + 3_603, 4_096 + 11]) {
        const values = Array.from({ length: rows }, () => Math.floor(random() * 6_401) - 3_200);
        for (const place of [4_096, 4_097, rows - 2, rows - 1, 4_096 + Math.floor(random() * (rows - 4_096))])
          expectExact(values.with(place, odd), [], random);
      }
    },
  );

  it('let a week be the sum of its days', () => {
    const random = seededRandom(9);
    const values = Array.from({ length: 7_000 }, () => (random() - 0.5) * 10 ** (random() * 20));
    const days = Array.from({ length: 6 }, (_, day) => (day + 1) / 7);
    const week = sumInParts(values, [7_000], [0]);
    const rolledUp = sumInParts(values, [...days.map((day) => Math.floor(day * 7_000)), 7_000], [3, 1, 6, 0, 5, 2, 4]);
    expect(rolledUp.sum).toEqual(week.sum);
    expect(sumToDouble(week.sum)).toBe(sumToDouble(expectedSums(values).sum));
  });
});
