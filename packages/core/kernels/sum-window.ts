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
  for (let index = 0; index < 4; index++) {
    const word = limb(window, index);
    if (word != 0) return 2 * index + <i32>(<u32>word == 0);
  }
  return 8;
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

/** Moves the number `digits` 32-bit digits up (> 0) or down (< 0), by less than 8; what is lost must be zeros or signs. */
function shiftDigits(window: usize, digits: i32): void {
  let l0 = limb(window, 0);
  let l1 = limb(window, 1);
  let l2 = limb(window, 2);
  let l3 = limb(window, 3);
  const sign = <u64>(<i64>l3 >> 63);
  const up = digits > 0;
  const count = up ? digits : -digits;
  if (count & 1) {
    if (up) {
      l3 = (l3 << 32) | (l2 >> 32);
      l2 = (l2 << 32) | (l1 >> 32);
      l1 = (l1 << 32) | (l0 >> 32);
      l0 <<= 32;
    } else {
      l0 = (l0 >> 32) | (l1 << 32);
      l1 = (l1 >> 32) | (l2 << 32);
      l2 = (l2 >> 32) | (l3 << 32);
      l3 = <u64>(<i64>l3 >> 32);
    }
  }
  for (let left = count >> 1; left > 0; left--) {
    if (up) {
      l3 = l2;
      l2 = l1;
      l1 = l0;
      l0 = 0;
    } else {
      l0 = l1;
      l1 = l2;
      l2 = l3;
      l3 = sign;
    }
  }
  setLimb(window, 0, l0);
  setLimb(window, 1, l1);
  setLimb(window, 2, l2);
  setLimb(window, 3, l3);
}

/** Makes the lowest digit that is not zero the first; zero gets exponent 0. */
// @ts-ignore: decorator
@inline
export function canonicalise(window: usize): void {
  if (load<u32>(window, 8) == 0) stripLowDigits(window);
}

function stripLowDigits(window: usize): void {
  const digits = lowZeroDigits(window);
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
  const mantissa = mantissaOf(value);
  return mantissa == 0 || addScaled(window, mantissa, exponentOf(value));
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

// @ts-ignore: decorator
@inline
function mantissaOf(value: f64): i64 {
  const bits = reinterpret<i64>(value);
  const fraction = bits & 0xfffffffffffff;
  const mantissa = (bits & 0x7ff0000000000000) != 0 ? fraction | 0x10000000000000 : fraction;
  return bits < 0 ? -mantissa : mantissa;
}

// @ts-ignore: decorator
@inline
function exponentOf(value: f64): i32 {
  return max(<i32>(reinterpret<u64>(value) >> 52) & 0x7ff, 1) - 1075;
}

/**
 * Puts q + r, both finite, into an empty window, in canonical form where that is quick: most sums have one or two digits'
 * distance between the two. False when it is not; the window is still empty then.
 */
export function placePair(window: usize, q: f64, r: f64): bool {
  const mq = mantissaOf(q);
  const mr = mantissaOf(r);
  if ((mq | mr) == 0) return true;
  const eq = exponentOf(q);
  const er = exponentOf(r);
  const lowQ = mq == 0 ? i32.MAX_VALUE : eq + <i32>ctz<i64>(mq);
  const lowR = mr == 0 ? i32.MAX_VALUE : er + <i32>ctz<i64>(mr);
  const base = min(lowQ, lowR) & ~31;
  // Bits of the mantissa below `base` are zeros.
  const upQ = mq == 0 ? 0 : eq - base;
  const upR = mr == 0 ? 0 : er - base;
  if (upQ > 72 || upR > 72 || upQ < -63 || upR < -63) return false;
  let low = lowAfter(mq, upQ);
  let high = highAfter(mq, upQ);
  const lowOther = lowAfter(mr, upR);
  low += lowOther;
  high += highAfter(mr, upR) + <i64>(low < lowOther);
  if (<u32>low == 0) return false;
  const sign = <u64>(high >> 63);
  store<i32>(window, base);
  setLimb(window, 0, low);
  setLimb(window, 1, <u64>high);
  setLimb(window, 2, sign);
  setLimb(window, 3, sign);
  return true;
}

/** Makes an empty window, or one that may be overwritten, a finite double that is not zero, in canonical form; its flags stay. */
// @ts-ignore: decorator
@inline
export function placeDouble(window: usize, value: f64): void {
  const mantissa = mantissaOf(value);
  const zeros = <i32>ctz<i64>(mantissa);
  const odd = mantissa >> <i64>zeros;
  const exponent = exponentOf(value) + zeros;
  const up = <i64>(exponent & 31);
  const sign = <u64>(odd >> 63);
  store<i32>(window, exponent & ~31);
  setLimb(window, 0, <u64>odd << <u64>up);
  // What the move takes across the border: 53 bits, up to 31 further up.
  setLimb(window, 1, <u64>((odd >> 32) >> (32 - up)));
  setLimb(window, 2, sign);
  setLimb(window, 3, sign);
}

/** Low and high half of a mantissa moved up by `shift` (-63 … 72) bits, as an i128. */
// @ts-ignore: decorator
@inline
function lowAfter(mantissa: i64, shift: i32): u64 {
  return shift <= 0 ? <u64>(mantissa >> <i64>-shift) : shift < 64 ? <u64>mantissa << <u64>shift : 0;
}

// @ts-ignore: decorator
@inline
function highAfter(mantissa: i64, shift: i32): i64 {
  return shift <= 0 ? mantissa >> 63 : shift < 64 ? mantissa >> <i64>(64 - shift) : mantissa << <i64>(shift - 64);
}

/** Flags of one value. */
export function flagsOf(value: f64): u32 {
  if (value != value) return FLAG_NAN | FLAG_NOT_MINUS_ZERO;
  if (value == Infinity) return FLAG_PLUS_INFINITY | FLAG_NOT_MINUS_ZERO;
  if (value == -Infinity) return FLAG_MINUS_INFINITY | FLAG_NOT_MINUS_ZERO;
  return reinterpret<u64>(value) == 0x8000000000000000 ? 0 : FLAG_NOT_MINUS_ZERO;
}

/**
 * Adds SumState `source` to SumState `target`, both canonical and not zero, where they stand close to each other and
 * are not too long. False when not; nothing is done then.
 */
export function addNear(target: usize, source: usize): bool {
  let digits = (load<i32>(source) - load<i32>(target)) >> 5;
  // `low` has the lower exponent; the other is moved up.
  const low = digits >= 0 ? target : source;
  const other = digits >= 0 ? source : target;
  if (digits < 0) digits = -digits;
  const b0 = limb(other, 0);
  const b1 = limb(other, 1);
  const sign = <u64>(<i64>b1 >> 63);
  const a2 = limb(low, 2);
  const isShort = limb(other, 2) == sign && limb(other, 3) == sign && limb(low, 3) == <u64>(<i64>a2 >> 63);
  if (digits > 3 || !isShort) return false;
  let c0 = b0;
  let c1 = b1;
  let c2 = sign;
  let c3 = sign;
  if ((digits & 1) != 0) {
    c2 = (sign << 32) | (b1 >> 32);
    c1 = (b1 << 32) | (b0 >> 32);
    c0 = b0 << 32;
  }
  if (digits >= 2) {
    c3 = c2;
    c2 = c1;
    c1 = c0;
    c0 = 0;
  }
  store<i32>(target, load<i32>(low));
  const r0 = limb(low, 0) + c0;
  let carry = <u64>(r0 < c0);
  const a1 = limb(low, 1);
  let r1 = a1 + c1;
  let next = <u64>(r1 < c1);
  r1 += carry;
  carry = next + <u64>(r1 < carry);
  let r2 = a2 + c2;
  next = <u64>(r2 < c2);
  r2 += carry;
  carry = next + <u64>(r2 < carry);
  const r3 = limb(low, 3) + c3 + carry;
  setLimb(target, 0, r0);
  setLimb(target, 1, r1);
  setLimb(target, 2, r2);
  setLimb(target, 3, r3);
  canonicalise(target);
  return true;
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
