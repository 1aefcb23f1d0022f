import { mix } from './mix.ts';

/** Two ordered columns of any length: what the aggregation workloads read. */
export interface OrderedSeries {
  /** Microseconds since 1970, strictly ascending. */
  ts: BigInt64Array;
  /** Multiples of 1/64, so that a double sum is exact in any order. */
  value: Float64Array;
}

/** 2024-01-01T00:00:00Z, a Monday. */
const START_US = 1_704_067_200_000_000;
/** Mean distance of two rows: 50 million rows are about 41 weeks. */
const STEP_US = 500_000;

const TWO_TO_32 = 2 ** 32;

/** Rows [from, to) of the series, written into `target` (which may lie in shared memory). */
export function fillOrderedSeries(seed: number, from: number, to: number, target: OrderedSeries): void {
  const salt = mix(seed);
  // Two halves of an integer instead of a BigInt a row: ten times faster.
  const halves = new Uint32Array(target.ts.buffer, target.ts.byteOffset, target.ts.length * 2);
  for (let row = from, i = 0; row < to; row += 1, i += 1) {
    const bits = mix((row + salt) | 0);
    // Jitter below one step keeps the order; a whole number of milliseconds.
    const us = START_US + row * STEP_US + (bits % 500) * 1000;
    halves[2 * i] = us % TWO_TO_32;
    halves[2 * i + 1] = us / TWO_TO_32;
    target.value[i] = ((bits >>> 9) % 6401) / 64;
  }
}

/** Rows [from, to) of the series. */
export function orderedSeries(seed: number, from: number, to: number): OrderedSeries {
  const series = { ts: new BigInt64Array(to - from), value: new Float64Array(to - from) };
  fillOrderedSeries(seed, from, to, series);
  return series;
}
