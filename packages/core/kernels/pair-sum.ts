// Exact sums as two doubles, at a SumState's place: with FLAG_PAIR the first two limbs are doubles, and the number is their sum, not rounded. That
// is enough for most sums of like values, and quicker than 256 bits; where it is not, the two become a window.
// The error of an addition is exact (Knuth: The Art of Computer Programming, volume 2, 4.2.2, theorem B).
import { FLAG_PAIR } from './layout';
import { addFinite, canonicalise, placePair, zeroWindow } from './sum-window';

/** A window has room for both where their exponents are no further apart. */
const GREATEST_DISTANCE: i32 = 128;

// @ts-ignore: decorator
@inline
export function isPair(state: usize): bool {
  return (load<u32>(state, 4) & FLAG_PAIR) != 0;
}

// @ts-ignore: decorator
@inline
function errorOf(a: f64, b: f64, sum: f64): f64 {
  const part = sum - a;
  return a - (sum - part) + (b - part);
}

// @ts-ignore: decorator
@inline
function biasedExponent(value: f64): i32 {
  return <i32>(reinterpret<u64>(value) >> 52) & 0x7ff;
}

// @ts-ignore: decorator
@inline
function isNear(a: f64, b: f64): bool {
  return a == 0 || b == 0 || abs(biasedExponent(a) - biasedExponent(b)) <= GREATEST_DISTANCE;
}

/** Makes a state that is zero a finite double. */
// @ts-ignore: decorator
@inline
export function beginPair(state: usize, value: f64): void {
  store<u32>(state, load<u32>(state, 4) | FLAG_PAIR, 4);
  store<f64>(state, value, 8);
  store<f64>(state, 0, 16);
}

/** Adds a finite double to a pair. False when two doubles do not hold the sum; the pair is as it was then. */
// @ts-ignore: decorator
@inline
export function addToPair(state: usize, value: f64): bool {
  const high = load<f64>(state, 8);
  const low = load<f64>(state, 16);
  const sum = high + value;
  const error = errorOf(high, value, sum);
  const rest = low + error;
  // What overflows has an error that is NaN.
  if (errorOf(low, error, rest) != 0 || !isNear(sum, rest)) return false;
  store<f64>(state, sum, 8);
  store<f64>(state, rest, 16);
  return true;
}

/** Adds a pair to a pair. False as above. */
export function addPairs(state: usize, other: usize): bool {
  const high = load<f64>(state, 8);
  const low = load<f64>(state, 16);
  if (addToPair(state, load<f64>(other, 8)) && addToPair(state, load<f64>(other, 16))) return true;
  store<f64>(state, high, 8);
  store<f64>(state, low, 16);
  return false;
}

/** Makes a pair the window of the same number, in canonical form. */
export function settlePair(state: usize): void {
  const high = load<f64>(state, 8);
  const low = load<f64>(state, 16);
  zeroWindow(state);
  store<u32>(state, load<u32>(state, 4) & ~FLAG_PAIR, 4);
  if (placePair(state, high, low)) return;
  addFinite(state, high);
  addFinite(state, low);
  canonicalise(state);
}
