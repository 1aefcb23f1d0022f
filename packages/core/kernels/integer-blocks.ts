// Sums, squares and extremes of blocks of integers.
import { FLAG_NOT_MINUS_ZERO } from './layout';
import { add128 } from './state-arrays';

/** Σx of a block into an i128. At most 4,096 rows: 64 bits hold the sum of narrower types. */
export function blockTotal<T>(values: usize, n: i32, sum: usize): void {
  if (sizeof<T>() == 8) {
    total64<T>(values, n, sum);
    return;
  }
  let total: i64 = 0;
  let i = 0;
  if (sizeof<T>() == 4) {
    let a = i64x2.splat(0);
    let b = a;
    for (; i + 4 <= n; i += 4, values += 16) {
      const x = v128.load(values);
      a = i64x2.add(a, isSigned<T>() ? i64x2.extend_low_i32x4_s(x) : i64x2.extend_low_i32x4_u(x));
      b = i64x2.add(b, isSigned<T>() ? i64x2.extend_high_i32x4_s(x) : i64x2.extend_high_i32x4_u(x));
    }
    a = i64x2.add(a, b);
    total = i64x2.extract_lane(a, 0) + i64x2.extract_lane(a, 1);
  } else {
    let a = i32x4.splat(0);
    for (; i + <i32>(16 / sizeof<T>()) <= n; i += <i32>(16 / sizeof<T>()), values += 16) {
      let x = v128.load(values);
      if (sizeof<T>() == 1) x = isSigned<T>() ? i16x8.extadd_pairwise_i8x16_s(x) : i16x8.extadd_pairwise_i8x16_u(x);
      const isSignedHere = isSigned<T>() || sizeof<T>() == 1;
      a = i32x4.add(a, isSignedHere ? i32x4.extadd_pairwise_i16x8_s(x) : i32x4.extadd_pairwise_i16x8_u(x));
    }
    total = <i64>i32x4.extract_lane(a, 0) + i32x4.extract_lane(a, 1) + i32x4.extract_lane(a, 2) + i32x4.extract_lane(a, 3);
  }
  for (; i < n; i++, values += sizeof<T>()) total += <i64>load<T>(values);
  add128(sum, <u64>total, <u64>(total >> 63));
}

/** 64-bit values: low and high halves apart, neither of which can overflow in a block. */
function total64<T>(values: usize, n: i32, sum: usize): void {
  const mask = i64x2.splat(0xffffffff);
  // A signed value is taken as unsigned after flipping its sign bit; n · 2^63 comes off at the end.
  const flip = i64x2.splat(isSigned<T>() ? 0x8000000000000000 : 0);
  let low = i64x2.splat(0);
  let high = low;
  let i = 0;
  for (; i + 2 <= n; i += 2, values += 16) {
    const x = v128.xor(v128.load(values), flip);
    low = i64x2.add(low, v128.and(x, mask));
    high = i64x2.add(high, i64x2.shr_u(x, 32));
  }
  let lows = <u64>i64x2.extract_lane(low, 0) + <u64>i64x2.extract_lane(low, 1);
  let highs = <u64>i64x2.extract_lane(high, 0) + <u64>i64x2.extract_lane(high, 1);
  if (i < n) {
    const x = load<u64>(values) ^ (isSigned<T>() ? 0x8000000000000000 : 0);
    lows += x & 0xffffffff;
    highs += x >> 32;
  }
  add128(sum, lows, 0);
  add128(sum, highs << 32, highs >> 32);
  if (isSigned<T>()) {
    const taken = <u64>n;
    add128(sum, 0 - (taken << 63), 0 - (taken >> 1) - <u64>((taken & 1) != 0));
  }
}

/** Σx² of a block of integers up to 32 bits into an i128. */
export function blockSquares<T>(values: usize, n: i32, squares: usize): void {
  let i = 0;
  if (sizeof<T>() == 4) {
    const mask = i64x2.splat(0xffffffff);
    let low = i64x2.splat(0);
    let high = low;
    for (; i + 4 <= n; i += 4, values += 16) {
      const x = v128.load(values);
      const a = isSigned<T>() ? i64x2.extmul_low_i32x4_s(x, x) : i64x2.extmul_low_i32x4_u(x, x);
      const b = isSigned<T>() ? i64x2.extmul_high_i32x4_s(x, x) : i64x2.extmul_high_i32x4_u(x, x);
      low = i64x2.add(low, i64x2.add(v128.and(a, mask), v128.and(b, mask)));
      high = i64x2.add(high, i64x2.add(i64x2.shr_u(a, 32), i64x2.shr_u(b, 32)));
    }
    add128(squares, <u64>i64x2.extract_lane(low, 0) + <u64>i64x2.extract_lane(low, 1), 0);
    const highs = <u64>i64x2.extract_lane(high, 0) + <u64>i64x2.extract_lane(high, 1);
    add128(squares, highs << 32, highs >> 32);
    for (; i < n; i++, values += 4) {
      const x = <i64>load<T>(values);
      add128(squares, <u64>(x * x), 0);
    }
    return;
  }
  let total: u64 = 0;
  for (; i < n; i++, values += sizeof<T>()) {
    const x = <i64>load<T>(values);
    total += <u64>(x * x);
  }
  add128(squares, total, 0);
}

/** Σx² of a block of 64-bit integers into a window that stands at exponent 0 (see `addSquare64`). */
export function squares64<T>(values: usize, n: i32, window: usize): void {
  if (n > 0) store<u32>(window, FLAG_NOT_MINUS_ZERO, 4);
  for (let i = 0; i < n; i++, values += 8) addSquare64(window, magnitude<T>(load<T>(values)));
}

// @ts-ignore: decorator
@inline
export function magnitude<T>(value: T): u64 {
  return isSigned<T>() && <i64>value < 0 ? 0 - <u64>value : <u64>value;
}

/**
 * Adds x² to a window that started from zero and stays at exponent 0: 2^32 squares of 64-bit integers have 160 bits. It is
 * brought into canonical form when all are added.
 */
// @ts-ignore: decorator
@inline
export function addSquare64(window: usize, x: u64): void {
  if (x >> 32 == 0) addProduct(window, x * x, 0);
  else addLargeSquare(window, x);
}

/** x = h · 2^32 + l. */
function addLargeSquare(window: usize, x: u64): void {
  const l = x & 0xffffffff;
  const h = x >> 32;
  const cross = l * h;
  const low = l * l;
  const sum = low + (cross << 33);
  addProduct(window, sum, h * h + (cross >> 31) + <u64>(sum < low));
}

// @ts-ignore: decorator
@inline
function addProduct(window: usize, low: u64, high: u64): void {
  const l0 = load<u64>(window, 8) + low;
  const l1 = load<u64>(window, 16);
  const part = l1 + high;
  const sum = part + <u64>(l0 < low);
  store<u64>(window, l0, 8);
  store<u64>(window, sum, 16);
  // `high` is below 2^64 − 1, so that at most one of the two additions carries.
  if (sum < l1) store<u64>(window, load<u64>(window, 24) + 1, 24);
}

/** Least and greatest of a block into running ones (i64 or u64). */
export function blockExtremes<T>(values: usize, n: i32, low: usize, high: usize): void {
  if (n == 0) return;
  let least = load<T>(values);
  let greatest = least;
  let i = 0;
  if (sizeof<T>() == 4 && n >= 4) {
    let lo = v128.load(values);
    let hi = lo;
    for (; i + 4 <= n; i += 4, values += 16) {
      const x = v128.load(values);
      lo = isSigned<T>() ? i32x4.min_s(lo, x) : i32x4.min_u(lo, x);
      hi = isSigned<T>() ? i32x4.max_s(hi, x) : i32x4.max_u(hi, x);
    }
    least = min<T>(min<T>(<T>i32x4.extract_lane(lo, 0), <T>i32x4.extract_lane(lo, 1)), min<T>(<T>i32x4.extract_lane(lo, 2), <T>i32x4.extract_lane(lo, 3)));
    greatest = max<T>(max<T>(<T>i32x4.extract_lane(hi, 0), <T>i32x4.extract_lane(hi, 1)), max<T>(<T>i32x4.extract_lane(hi, 2), <T>i32x4.extract_lane(hi, 3)));
  } else if (sizeof<T>() == 8 && n >= 2) {
    const flip = i64x2.splat(isSigned<T>() ? 0 : 0x8000000000000000);
    let lo = v128.xor(v128.load(values), flip);
    let hi = lo;
    for (; i + 2 <= n; i += 2, values += 16) {
      const x = v128.xor(v128.load(values), flip);
      lo = v128.bitselect(x, lo, i64x2.gt_s(lo, x));
      hi = v128.bitselect(x, hi, i64x2.gt_s(x, hi));
    }
    lo = v128.xor(lo, flip);
    hi = v128.xor(hi, flip);
    least = min<T>(<T>i64x2.extract_lane(lo, 0), <T>i64x2.extract_lane(lo, 1));
    greatest = max<T>(<T>i64x2.extract_lane(hi, 0), <T>i64x2.extract_lane(hi, 1));
  }
  for (; i < n; i++, values += sizeof<T>()) {
    const x = load<T>(values);
    least = min<T>(least, x);
    greatest = max<T>(greatest, x);
  }
  if (low != 0) takeLess<T>(low, least);
  if (high != 0) takeMore<T>(high, greatest);
}

/** Takes an integer into a running minimum of its 64-bit kind. */
// @ts-ignore: decorator
@inline
export function takeLess<T>(ptr: usize, value: T): void {
  if (isSigned<T>()) {
    if (<i64>value < load<i64>(ptr)) store<i64>(ptr, <i64>value);
  } else if (<u64>value < load<u64>(ptr)) {
    store<u64>(ptr, <u64>value);
  }
}

// @ts-ignore: decorator
@inline
export function takeMore<T>(ptr: usize, value: T): void {
  if (isSigned<T>()) {
    if (<i64>value > load<i64>(ptr)) store<i64>(ptr, <i64>value);
  } else if (<u64>value > load<u64>(ptr)) {
    store<u64>(ptr, <u64>value);
  }
}
