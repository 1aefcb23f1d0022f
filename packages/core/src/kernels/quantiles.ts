/**
 * DDSketch: quantiles within a relative error of the value, from counts of logarithmic buckets. Counts add up, so sketches
 * merge in any order. After C. Masson, J. E. Rim, H. K. Lee, "DDSketch" (VLDB 2019), without collapsing: doubles have only so
 * many buckets (70,900 of either sign at 1 %).
 */

/** Buckets beyond those of finite numbers, in order. */
const ZERO = 0;
const SMALLEST = 2 ** -1022;
/** No finite number has a bucket as far out. */
const INFINITE = 2 ** 30;
const NOT_A_NUMBER = 2 ** 30 + 1;

/** The buckets of one relative error. */
export class QuantileBuckets {
  readonly #logGamma: number;
  readonly #gamma: number;
  readonly #shift: number;

  constructor(relativeError: number) {
    this.#gamma = (1 + relativeError) / (1 - relativeError);
    this.#logGamma = Math.log(this.#gamma);
    this.#shift = 1 - Math.ceil(Math.log(SMALLEST) / this.#logGamma);
  }

  /** Bucket of a value: ascends with it, NaN last. Subnormal numbers count as 0. */
  bucketOf(value: number): number {
    if (Number.isNaN(value)) return NOT_A_NUMBER;
    const magnitude = Math.abs(value);
    if (magnitude < SMALLEST) return ZERO;
    const bucket = magnitude === Infinity ? INFINITE : Math.ceil(Math.log(magnitude) / this.#logGamma) + this.#shift;
    return value < 0 ? -bucket : bucket;
  }

  /** The value that stands for a bucket. */
  valueOf(bucket: number): number {
    if (bucket === NOT_A_NUMBER) return NaN;
    if (Math.abs(bucket) === INFINITE) return bucket < 0 ? -Infinity : Infinity;
    if (bucket === ZERO) return 0;
    const exponent = (Math.abs(bucket) - this.#shift) * this.#logGamma;
    // In halves, since the whole may lie beyond the largest double where its bucket's value does not.
    const half = Math.exp(exponent / 2);
    const magnitude = Math.min(Number.MAX_VALUE, half * (2 / (this.#gamma + 1)) * half);
    return bucket < 0 ? -magnitude : magnitude;
  }
}

/** Which of `count` values in order is the quantile, counted from 0. */
export function rankOf(q: number, count: number): number {
  return Math.floor(q * (count - 1));
}

/** Between which of two neighbouring values a quantile is taken. */
export type Interpolation = 'linear' | 'lower' | 'higher' | 'nearest';

/** The value at a quantile of numbers in order (NaN last); `at` reads one. −0 counts as 0. */
export function quantileOf(
  q: number,
  interpolation: Interpolation,
  count: number,
  at: (rank: number) => number,
): number {
  const place = q * (count - 1);
  const below = Math.floor(place);
  const low = at(below) + 0;
  const part = place - below;
  if (part === 0 || interpolation === 'lower') return low;
  const high = at(below + 1) + 0;
  if (interpolation === 'higher') return high;
  if (interpolation === 'nearest') return part <= 0.5 ? low : high;
  if (low === high) return low;
  const step = high - low;
  return Number.isFinite(step) ? low + step * part : low * (1 - part) + high * part;
}
