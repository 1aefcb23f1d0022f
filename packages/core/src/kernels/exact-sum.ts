/**
 * Exact arithmetic behind sums, means and deviations: a sum of doubles is kept as an integer times a power of two, and is
 * rounded once, at the very end. Kernels keep it as a 40-byte SumState (see the aggregate contract); this file turns
 * SumStates into BigInt rationals and back, and rounds those to doubles.
 */
import { strict as assert } from 'node:assert';

/** Bits of `ExactSum.flags` and of a SumState's flags. */
export const SUM_NAN = 1;
export const SUM_PLUS_INFINITY = 2;
export const SUM_MINUS_INFINITY = 4;
/** Some value other than −0 was added; without it an empty sum of values is −0. */
export const SUM_NOT_MINUS_ZERO = 8;
/** Of SumStates only: the sum is that of two doubles. */
export const SUM_PAIR = 16;

/** An exact sum: `numerator · 2^exponent`, and what was seen besides finite numbers. */
export interface ExactSum {
  numerator: bigint;
  exponent: number;
  flags: number;
}

const scratch = new DataView(new ArrayBuffer(8));

/** A finite double as `mantissa · 2^exponent`, exactly. */
export function decomposeDouble(value: number): { mantissa: bigint; exponent: number } {
  scratch.setFloat64(0, value);
  const high = scratch.getUint32(0);
  const biased = (high >>> 20) & 0x7ff;
  assert(biased !== 0x7ff, 'decomposeDouble needs a finite number');
  const fraction = (high & 0xfffff) * 0x1_0000_0000 + scratch.getUint32(4);
  const magnitude = BigInt(biased === 0 ? fraction : fraction + 2 ** 52);
  return { mantissa: high >>> 31 === 1 ? -magnitude : magnitude, exponent: Math.max(biased, 1) - 1075 };
}

/** A sum of nothing. */
export function emptySum(): ExactSum {
  return { numerator: 0n, exponent: 0, flags: 0 };
}

/** Adds `mantissa · 2^exponent` to a sum, in place. */
export function addScaled(sum: ExactSum, mantissa: bigint, exponent: number): void {
  if (mantissa === 0n) return;
  if (sum.numerator === 0n) {
    sum.numerator = mantissa;
    sum.exponent = exponent;
  } else if (exponent >= sum.exponent) {
    sum.numerator += mantissa << BigInt(exponent - sum.exponent);
  } else {
    sum.numerator = (sum.numerator << BigInt(sum.exponent - exponent)) + mantissa;
    sum.exponent = exponent;
  }
}

/** Flags that one value, or its square, leaves in a sum. */
function flagsOf(value: number): number {
  if (value === Infinity) return SUM_PLUS_INFINITY | SUM_NOT_MINUS_ZERO;
  if (value === -Infinity) return SUM_MINUS_INFINITY | SUM_NOT_MINUS_ZERO;
  if (Number.isNaN(value)) return SUM_NAN | SUM_NOT_MINUS_ZERO;
  return Object.is(value, -0) ? 0 : SUM_NOT_MINUS_ZERO;
}

/** Adds one double to a sum, in place. */
export function addDouble(sum: ExactSum, value: number): void {
  sum.flags |= flagsOf(value);
  if (!Number.isFinite(value)) return;
  const { mantissa, exponent } = decomposeDouble(value);
  addScaled(sum, mantissa, exponent);
}

/** Adds the exact square of one double to a sum, in place. */
export function addDoubleSquare(sum: ExactSum, value: number): void {
  sum.flags |= flagsOf(Math.abs(value)) | SUM_NOT_MINUS_ZERO;
  if (!Number.isFinite(value)) return;
  const { mantissa, exponent } = decomposeDouble(value);
  addScaled(sum, mantissa * mantissa, 2 * exponent);
}

/** Adds `other` to `sum`, in place. Exact, so the order of merges does not matter. */
export function addSum(sum: ExactSum, other: ExactSum): void {
  sum.flags |= other.flags;
  addScaled(sum, other.numerator, other.exponent);
}

/** Number of bits of a non-negative integer; 0 for 0. */
export function bitLength(value: bigint): number {
  const hex = value.toString(16);
  return hex === '0' ? 0 : (hex.length - 1) * 4 + (32 - Math.clz32(parseInt(hex[0] as string, 16)));
}

/** `value · 2^exponent` for an integer of at most 53 bits and a result that is exactly representable. */
function scaleExactly(value: number, exponent: number): number {
  const first = Math.max(-1000, Math.min(1000, exponent));
  return value * 2 ** first * 2 ** (exponent - first);
}

/**
 * The double nearest to `numerator · 2^exponent` (half to even; subnormals and overflow to infinity as IEEE 754 says).
 * `isInexact` says that the true value is a little further from zero than the numerator tells (a sticky bit; the numerator
 * then has 54 bits or more).
 */
export function roundToDouble(numerator: bigint, exponent: number, isInexact = false): number {
  if (numerator === 0n) return 0;
  const isNegative = numerator < 0n;
  const magnitude = isNegative ? -numerator : numerator;
  const length = bitLength(magnitude);
  // The last bit kept is 2^-1074 at the lowest: subnormals have fewer than 53 bits.
  const drop = Math.max(length - 53, -1074 - exponent);
  let rounded = magnitude;
  let scale = exponent;
  if (drop > 0) {
    const shift = BigInt(drop);
    rounded = magnitude >> shift;
    const rest = magnitude - (rounded << shift);
    const half = 1n << (shift - 1n);
    if (rest > half || (rest === half && (isInexact || (rounded & 1n) === 1n))) rounded += 1n;
    scale += drop;
  }
  const value = bitLength(rounded) + scale > 1024 ? Infinity : scaleExactly(Number(rounded), scale);
  return isNegative ? -value : value;
}

/** The double nearest to the rational `numerator · 2^exponent / denominator`, `denominator` > 0. */
export function roundQuotient(numerator: bigint, exponent: number, denominator: bigint): number {
  assert(denominator > 0n);
  const isNegative = numerator < 0n;
  const magnitude = isNegative ? -numerator : numerator;
  const extra = Math.max(0, bitLength(denominator) - bitLength(magnitude) + 66);
  const scaled = magnitude << BigInt(extra);
  const quotient = scaled / denominator;
  const value = roundToDouble(quotient, exponent - extra, quotient * denominator !== scaled);
  return isNegative ? -value : value;
}

/** The value of a sum as a double: rounded once, half to even. */
export function sumToDouble(sum: ExactSum): number {
  const infinities = sum.flags & (SUM_PLUS_INFINITY | SUM_MINUS_INFINITY);
  if ((sum.flags & SUM_NAN) !== 0 || infinities === (SUM_PLUS_INFINITY | SUM_MINUS_INFINITY)) return NaN;
  if (infinities !== 0) return infinities === SUM_PLUS_INFINITY ? Infinity : -Infinity;
  if (sum.numerator === 0n) return (sum.flags & SUM_NOT_MINUS_ZERO) === 0 ? -0 : 0;
  return roundToDouble(sum.numerator, sum.exponent);
}

/**
 * Sample variance from exact Σx and Σx²: `(n·Σx² − (Σx)²) / (n·(n − 1))`, one rounding. NaN when any value was NaN or
 * infinite, null when `count` < 2.
 */
export function varianceOf(count: bigint, sum: ExactSum, squares: ExactSum): number | null {
  if (count < 2n) return null;
  if (((sum.flags | squares.flags) & (SUM_NAN | SUM_PLUS_INFINITY | SUM_MINUS_INFINITY)) !== 0) return NaN;
  const difference = emptySum();
  addScaled(difference, squares.numerator * count, squares.exponent);
  addScaled(difference, -(sum.numerator * sum.numerator), 2 * sum.exponent);
  return roundQuotient(difference.numerator, difference.exponent, count * (count - 1n));
}
