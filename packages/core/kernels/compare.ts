// Comparisons, to a bitmap. `gt` and `ge` are `lt` and `le` with the operands exchanged.

const EQ: i32 = 0;
const NE: i32 = 1;
const LT: i32 = 2;
const LE: i32 = 3;

// @ts-ignore: decorator
@inline
function holds<T>(fn: i32, a: T, b: T): bool {
  return fn == EQ ? a == b : fn == NE ? a != b : fn == LT ? a < b : a <= b;
}

/** A mask of lanes for which the comparison holds, for types of 4 and 8 bytes. */
// @ts-ignore: decorator
@inline
function laneMask<T>(fn: i32, a: v128, b: v128): i32 {
  if (sizeof<T>() == 8) {
    if (isFloat<T>()) {
      if (fn == EQ) return i64x2.bitmask(f64x2.eq(a, b));
      if (fn == NE) return i64x2.bitmask(f64x2.ne(a, b));
      return i64x2.bitmask(fn == LT ? f64x2.lt(a, b) : f64x2.le(a, b));
    }
    if (fn == EQ) return i64x2.bitmask(i64x2.eq(a, b));
    if (fn == NE) return i64x2.bitmask(i64x2.ne(a, b));
    const flip = i64x2.splat(isSigned<T>() ? 0 : 0x8000000000000000);
    const x = v128.xor(a, flip);
    const y = v128.xor(b, flip);
    return i64x2.bitmask(fn == LT ? i64x2.lt_s(x, y) : i64x2.le_s(x, y));
  }
  if (isFloat<T>()) {
    if (fn == EQ) return i32x4.bitmask(f32x4.eq(a, b));
    if (fn == NE) return i32x4.bitmask(f32x4.ne(a, b));
    return i32x4.bitmask(fn == LT ? f32x4.lt(a, b) : f32x4.le(a, b));
  }
  if (fn == EQ) return i32x4.bitmask(i32x4.eq(a, b));
  if (fn == NE) return i32x4.bitmask(i32x4.ne(a, b));
  if (isSigned<T>()) return i32x4.bitmask(fn == LT ? i32x4.lt_s(a, b) : i32x4.le_s(a, b));
  return i32x4.bitmask(fn == LT ? i32x4.lt_u(a, b) : i32x4.le_u(a, b));
}

// @ts-ignore: decorator
@inline
function lanesAt<T>(ptr: usize, stride: usize): v128 {
  if (stride != 0) return v128.load(ptr);
  return sizeof<T>() == 8 ? v128.load64_splat(ptr) : v128.load32_splat(ptr);
}

/** Eight rows from `left` and `right` on, as the bits of a byte. */
// @ts-ignore: decorator
@inline
function eight<T>(fn: i32, left: usize, ls: usize, right: usize, rs: usize): i32 {
  if (sizeof<T>() == 8) {
    let bits = laneMask<T>(fn, lanesAt<T>(left, ls), lanesAt<T>(right, rs));
    bits |= laneMask<T>(fn, lanesAt<T>(left + 2 * ls, ls), lanesAt<T>(right + 2 * rs, rs)) << 2;
    bits |= laneMask<T>(fn, lanesAt<T>(left + 4 * ls, ls), lanesAt<T>(right + 4 * rs, rs)) << 4;
    return bits | (laneMask<T>(fn, lanesAt<T>(left + 6 * ls, ls), lanesAt<T>(right + 6 * rs, rs)) << 6);
  }
  if (sizeof<T>() == 4) {
    const bits = laneMask<T>(fn, lanesAt<T>(left, ls), lanesAt<T>(right, rs));
    return bits | (laneMask<T>(fn, lanesAt<T>(left + 4 * ls, ls), lanesAt<T>(right + 4 * rs, rs)) << 4);
  }
  return some<T>(fn, left, ls, right, rs, 8);
}

// @ts-ignore: decorator
@inline
function some<T>(fn: i32, left: usize, ls: usize, right: usize, rs: usize, n: i32): i32 {
  let bits = 0;
  for (let i = 0; i < n; i++, left += ls, right += rs) bits |= <i32>holds<T>(fn, load<T>(left), load<T>(right)) << i;
  return bits;
}

// @ts-ignore: decorator
@inline
function loop<T>(fn: i32, left: usize, ls: usize, right: usize, rs: usize, rows: i32, out: usize): void {
  for (; rows >= 8; rows -= 8, out++, left += 8 * ls, right += 8 * rs) store<u8>(out, <u8>eight<T>(fn, left, ls, right, rs));
  if (rows > 0) store<u8>(out, <u8>some<T>(fn, left, ls, right, rs, rows));
}

function byFn<T>(fn: i32, left: usize, leftIsScalar: i32, right: usize, rightIsScalar: i32, rows: i32, out: usize): void {
  const ls = leftIsScalar != 0 ? 0 : sizeof<T>();
  const rs = rightIsScalar != 0 ? 0 : sizeof<T>();
  switch (fn) {
    case EQ: loop<T>(EQ, left, ls, right, rs, rows, out); break;
    case NE: loop<T>(NE, left, ls, right, rs, rows, out); break;
    case LT: loop<T>(LT, left, ls, right, rs, rows, out); break;
    default: loop<T>(LE, left, ls, right, rs, rows, out);
  }
}

export function compare(
  fn: i32, type: i32, left: usize, leftIsScalar: i32, right: usize, rightIsScalar: i32, rows: i32, out: usize,
): void {
  switch (type) {
    case 0: byFn<i8>(fn, left, leftIsScalar, right, rightIsScalar, rows, out); break;
    case 1: byFn<i16>(fn, left, leftIsScalar, right, rightIsScalar, rows, out); break;
    case 2: byFn<i32>(fn, left, leftIsScalar, right, rightIsScalar, rows, out); break;
    case 3: byFn<i64>(fn, left, leftIsScalar, right, rightIsScalar, rows, out); break;
    case 4: byFn<u8>(fn, left, leftIsScalar, right, rightIsScalar, rows, out); break;
    case 5: byFn<u16>(fn, left, leftIsScalar, right, rightIsScalar, rows, out); break;
    case 6: byFn<u32>(fn, left, leftIsScalar, right, rightIsScalar, rows, out); break;
    case 7: byFn<u64>(fn, left, leftIsScalar, right, rightIsScalar, rows, out); break;
    case 8: byFn<f32>(fn, left, leftIsScalar, right, rightIsScalar, rows, out); break;
    default: byFn<f64>(fn, left, leftIsScalar, right, rightIsScalar, rows, out);
  }
}
