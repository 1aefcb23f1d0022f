// A 256-bit window onto an exact sum, at a SumState's place in memory: i32 exponent, u32 flags, four limbs. While a kernel
// works on it the exponent is any multiple of 32; `canonicalise` makes it the SumState of the contract.
import {
  FLAG_MINUS_INFINITY, FLAG_NAN, FLAG_NOT_MINUS_ZERO, FLAG_PLUS_INFINITY, STATE_BYTES,
} from './layout';

/** Limb `index` of a window. */
// @ts-ignore: decorator
@inline
export function limb(window: usize, index: i32): u64 {
  return load<u64>(window + 8 + (<usize>index << 3));
}

// @ts-ignore: decorator
@inline
export function setLimb(window: usize, index: i32, value: u64): void {
  store<u64>(window + 8 + (<usize>index << 3), value);
}

export function clearWindow(window: usize): void {
  memory.fill(window, 0, STATE_BYTES);
}

/** Sets the number to zero; the flags stay. */
export function zeroWindow(window: usize): void {
  store<i32>(window, 0);
  memory.fill(window + 8, 0, 32);
}

// @ts-ignore: decorator
@inline
export function isZeroWindow(window: usize): bool {
  return (limb(window, 0) | limb(window, 1) | limb(window, 2) | limb(window, 3)) == 0;
}

/** Number of low 32-bit digits that are zero; 8 for zero. */
function lowZeroDigits(window: usize): i32 {
  let digit = 0;
  while (digit < 8 && load<u32>(window + 8 + (<usize>digit << 2)) == 0) digit++;
  return digit;
}

/** Number of bits that matter, without the sign: the value lies in [-2^n, 2^n). */
function usedBits(window: usize): i32 {
  const sign = <u64>(<i64>limb(window, 3) >> 63);
  for (let index = 3; index >= 0; index--) {
    const bits = limb(window, index) ^ sign;
    if (bits != 0) return 64 * index + 64 - <i32>clz<u64>(bits);
  }
  return 0;
}

/** Moves the number `digits` 32-bit digits up (> 0) or down (< 0); what is lost must be zeros or signs. */
function shiftDigits(window: usize, digits: i32): void {
  const base = window + 8;
  if (digits > 0) {
    for (let i = 7; i >= 0; i--) store<u32>(base + (<usize>i << 2), i >= digits ? load<u32>(base + (<usize>(i - digits) << 2)) : 0);
  } else if (digits < 0) {
    const sign = <u32>(<i64>limb(window, 3) >> 63);
    for (let i = 0; i < 8; i++) store<u32>(base + (<usize>i << 2), i - digits < 8 ? load<u32>(base + (<usize>(i - digits) << 2)) : sign);
  }
}

/** Makes the lowest digit that is not zero the first; zero gets exponent 0. */
export function canonicalise(window: usize): void {
  const digits = lowZeroDigits(window);
  if (digits == 0) return;
  if (digits == 8) {
    store<i32>(window, 0);
    return;
  }
  shiftDigits(window, -digits);
  store<i32>(window, load<i32>(window) + 32 * digits);
}

/**
 * Moves the window so that it also covers bits [low, high), both exponents of two, with a bit to spare. False when 256 bits
 * are not enough for both; the window is then as it was.
 */
export function cover(window: usize, low: i32, high: i32): bool {
  low &= ~31;
  if (isZeroWindow(window)) {
    // As much room below as above.
    store<i32>(window, (low - ((252 - (high - low)) >> 1)) & ~31);
    return true;
  }
  const exponent = load<i32>(window);
  const ownLow = exponent + 32 * lowZeroDigits(window);
  const ownHigh = exponent + usedBits(window);
  low = min(low, ownLow);
  high = max(high, ownHigh);
  const spare = 252 - (high - low);
  if (spare < 0) return false;
  const target = low - ((spare >> 1) & ~31);
  shiftDigits(window, (exponent - target) >> 5);
  store<i32>(window, target);
  return true;
}

/** True when 64 bits at `position` fit, and the top has room for a carry. */
// @ts-ignore: decorator
@inline
function hasRoom(window: usize, position: i32): bool {
  const top = <i64>limb(window, 3);
  return <u32>position <= 190 && ((top ^ (top << 1)) >= 0);
}

/** Adds `value · 2^(exponent of the window + position)`, sign extended; there is room. */
function addAt(window: usize, value: i64, position: i32): void {
  const shift = <u64>(position & 63);
  const low = <u64>value << shift;
  const sign = value >> 63;
  const high = shift == 0 ? <u64>sign : <u64>(value >> (64 - <i64>shift));
  let at = window + 8 + (<usize>(position >> 6) << 3);
  let sum = load<u64>(at) + low;
  const carry = <u64>(sum < low);
  store<u64>(at, sum);
  at += 8;
  sum = load<u64>(at) + high;
  let carryUp = sum < high;
  sum += carry;
  carryUp = carryUp || sum < carry;
  store<u64>(at, sum);
  // Above come sign and carry; −1 with a carry, and 0 without, change nothing.
  const end = window + 40;
  if (sign == 0) {
    while (carryUp && (at += 8) != end) {
      sum = load<u64>(at) + 1;
      store<u64>(at, sum);
      carryUp = sum == 0;
    }
  } else if (!carryUp) {
    let borrows = true;
    while (borrows && (at += 8) != end) {
      sum = load<u64>(at);
      store<u64>(at, sum - 1);
      borrows = sum == 0;
    }
  }
}

/** Adds `value · 2^exponent` (value not 0). False when it does not fit; nothing is added then. */
export function addScaled(window: usize, value: i64, exponent: i32): bool {
  let position = exponent - load<i32>(window);
  if (!hasRoom(window, position)) {
    if (!cover(window, exponent, exponent + 64)) return false;
    position = exponent - load<i32>(window);
  }
  addAt(window, value, position);
  return true;
}

/** Adds a finite double. False when it does not fit; nothing is added then. */
export function addFinite(window: usize, value: f64): bool {
  const bits = reinterpret<u64>(value);
  const biased = <i32>(bits >> 52) & 0x7ff;
  let mantissa = <i64>(bits & 0xfffffffffffff);
  if (biased != 0) mantissa |= 0x10000000000000;
  if (mantissa == 0) return true;
  return addScaled(window, <i64>bits < 0 ? -mantissa : mantissa, max(biased, 1) - 1075);
}

/** The square of a finite double is the sum of three parts (0, 1, 2), each part times two to its exponent. */
export function squarePart(value: f64, part: i32): i64 {
  const bits = reinterpret<u64>(value);
  const biased = <i32>(bits >> 52) & 0x7ff;
  let mantissa = <i64>(bits & 0xfffffffffffff);
  if (biased != 0) mantissa |= 0x10000000000000;
  const low = mantissa & 0x7ffffff;
  const high = mantissa >> 27;
  return part == 0 ? low * low : part == 1 ? low * high : high * high;
}

/** Exponent of part `part` of a square. */
export function squareExponent(value: f64, part: i32): i32 {
  const biased = <i32>(reinterpret<u64>(value) >> 52) & 0x7ff;
  return 2 * (max(biased, 1) - 1075) + (part == 0 ? 0 : part == 1 ? 28 : 54);
}

/** Flags of one value. */
export function flagsOf(value: f64): u32 {
  if (value != value) return FLAG_NAN | FLAG_NOT_MINUS_ZERO;
  if (value == Infinity) return FLAG_PLUS_INFINITY | FLAG_NOT_MINUS_ZERO;
  if (value == -Infinity) return FLAG_MINUS_INFINITY | FLAG_NOT_MINUS_ZERO;
  return reinterpret<u64>(value) == 0x8000000000000000 ? 0 : FLAG_NOT_MINUS_ZERO;
}

/** Adds window `source` to window `target`. False when the sum does not fit; `target` is then as it was. Both may move. */
export function addWindow(target: usize, source: usize): bool {
  if (isZeroWindow(source)) return true;
  const exponent = load<i32>(source);
  const low = exponent + 32 * lowZeroDigits(source);
  const high = exponent + usedBits(source);
  if (!cover(target, low, high)) return false;
  shiftDigits(source, (exponent - load<i32>(target)) >> 5);
  store<i32>(source, load<i32>(target));
  let carry: u64 = 0;
  for (let index = 0; index < 4; index++) {
    const a = limb(target, index);
    const b = limb(source, index);
    const sum = a + b;
    const withCarry = sum + carry;
    carry = <u64>(sum < a) + <u64>(withCarry < sum);
    setLimb(target, index, withCarry);
  }
  return true;
}
