import { onTestFailed } from 'vitest';

/** Numbers that look random and can be had again from the seed. */
export interface SeededRandom {
  readonly seed: number;
  /** In [0, 1). */
  next(): number;
  /** An integer in [from, to], both included. */
  integer(from: number, to: number): number;
  /** One of the values. */
  pick<T>(values: readonly T[]): T;
  /** True with the given chance. */
  chance(probability: number): boolean;
  /** A float64 from random bits: any exponent, subnormals, infinities and NaN among them. */
  anyFloat(): number;
}

/** What `npm test` starts from, so that a change is judged by what it does and not by the draw of the day. */
const SEED_OF_EVERY_DAY = 20_260_301;

/**
 * The seed of this run: `SPILLWAY_SEED` to have a failure again (`random` for a fresh one), else the same one every time in
 * `npm test` and a fresh one in the soak suites, which are there to find what nobody has seen yet.
 */
export function chooseSeed(): number {
  const asked = process.env['SPILLWAY_SEED'] ?? '';
  if (asked !== '' && asked !== 'random') return Number(asked) | 0;
  return asked === 'random' || process.env['SPILLWAY_SUITE'] === 'soak'
    ? Math.floor(Math.random() * 2 ** 31)
    : SEED_OF_EVERY_DAY;
}

const floatBits = new DataView(new ArrayBuffer(8));

/** splitmix32 (Guy Steele and others, 2014, cut to 32 bits). */
export function randomFrom(seed: number): SeededRandom {
  let state = seed | 0;
  const bits = (): number => {
    state = (state + 0x9e3779b9) | 0;
    let z = state ^ (state >>> 16);
    z = Math.imul(z, 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  const next = (): number => bits() / 2 ** 32;
  const integer = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1));
  return {
    seed,
    next,
    integer,
    pick: <T>(values: readonly T[]): T => values[integer(0, values.length - 1)] as T,
    chance: (probability) => next() < probability,
    anyFloat: () => {
      floatBits.setUint32(0, bits());
      floatBits.setUint32(4, bits());
      return floatBits.getFloat64(0);
    },
  };
}

/** For use inside a test: a random source whose seed is printed if the test fails. */
export function seededRandom(): SeededRandom {
  const seed = chooseSeed();
  onTestFailed(() => console.error(`to have this failure again: SPILLWAY_SEED=${seed}`));
  return randomFrom(seed);
}
