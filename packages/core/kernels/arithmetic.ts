// Arithmetic on columns. An operand moves by its stride from row to row: 0 for one value that stands for all.
import { isThere, least } from './types';

const ADD: i32 = 0;
const SUB: i32 = 1;
const MUL: i32 = 2;
const MOD: i32 = 4;

/** Wrapping result; `mod` by zero gives 0. */
// @ts-ignore: decorator
@inline
function wrapping<T>(fn: i32, a: T, b: T): T {
  if (fn == ADD) return (a + b) as T;
  if (fn == SUB) return (a - b) as T;
  if (fn == MUL) return (a * b) as T;
  if (isFloat<T>()) return (a % b) as T;
  // The smallest integer by −1 would trap.
  if (b == <T>0 || (isSigned<T>() && b == <T>-1)) return <T>0;
  return (a % b) as T;
}

/** True when the result does not fit the type. `r` is the wrapped one. */
// @ts-ignore: decorator
@inline
function overflows<T>(fn: i32, a: T, b: T, r: T): bool {
  if (isFloat<T>()) return false;
  if (fn == MOD) return b == <T>0;
  if (fn == ADD) return isSigned<T>() ? ((a ^ r) & (b ^ r)) < <T>0 : r < a;
  if (fn == SUB) return isSigned<T>() ? ((a ^ b) & (a ^ r)) < <T>0 : a < b;
  if (sizeof<T>() == 4) return isSigned<T>() ? <i64>a * <i64>b != <i64>r : <u64>a * <u64>b > <u64>u32.MAX_VALUE;
  return productOverflows<T>(a, b, r);
}

function productOverflows<T>(a: T, b: T, r: T): bool {
  if (a == <T>0) return false;
  if (isSigned<T>() && a == <T>-1) return b == <T>i64.MIN_VALUE;
  return r / a != b;
}

/** Small factors cannot overflow: the division above is for the others. */
// @ts-ignore: decorator
@inline
function maybeOverflows<T>(fn: i32, a: T, b: T, r: T): bool {
  if (fn == MUL && !isFloat<T>() && sizeof<T>() == 8) {
    const bits = isSigned<T>()
      ? (<u64>a ^ <u64>(<i64>a >> 63)) | (<u64>b ^ <u64>(<i64>b >> 63))
      : <u64>a | <u64>b;
    if (bits >> 31 == 0) return false;
  }
  return overflows<T>(fn, a, b, r);
}

// @ts-ignore: decorator
@inline
function loop<T>(
  fn: i32, left: usize, leftStride: usize, right: usize, rightStride: usize, validity: usize, rows: i32, out: usize,
): i32 {
  for (let row = 0; row < rows; row++, out += sizeof<T>(), left += leftStride, right += rightStride) {
    const a = load<T>(left);
    const b = load<T>(right);
    const result = wrapping<T>(fn, a, b);
    if (!isFloat<T>() && maybeOverflows<T>(fn, a, b, result) && isThere(validity, row)) return row;
    store<T>(out, result);
  }
  return -1;
}

function byFn<T>(
  fn: i32, left: usize, leftStride: usize, right: usize, rightStride: usize, validity: usize, rows: i32, out: usize,
): i32 {
  switch (fn) {
    case ADD: return loop<T>(ADD, left, leftStride, right, rightStride, validity, rows, out);
    case SUB: return loop<T>(SUB, left, leftStride, right, rightStride, validity, rows, out);
    case MUL: return loop<T>(MUL, left, leftStride, right, rightStride, validity, rows, out);
    case MOD: return loop<T>(MOD, left, leftStride, right, rightStride, validity, rows, out);
    default: break;
  }
  for (let row = 0; row < rows; row++, out += 8, left += leftStride, right += rightStride) {
    store<f64>(out, <f64>load<T>(left) / <f64>load<T>(right));
  }
  return -1;
}

/** `out` of `div` is double wide: in place only where the operand is too. */
export function arithmetic(
  fn: i32, type: i32, left: usize, leftIsScalar: i32, right: usize, rightIsScalar: i32, validity: usize, rows: i32, out: usize,
): i32 {
  const width: usize = type == 2 || type == 6 || type == 8 ? 4 : 8;
  const ls: usize = leftIsScalar != 0 ? 0 : width;
  const rs: usize = rightIsScalar != 0 ? 0 : width;
  switch (type) {
    case 2: return byFn<i32>(fn, left, ls, right, rs, validity, rows, out);
    case 3: return byFn<i64>(fn, left, ls, right, rs, validity, rows, out);
    case 6: return byFn<u32>(fn, left, ls, right, rs, validity, rows, out);
    case 7: return byFn<u64>(fn, left, ls, right, rs, validity, rows, out);
    case 8: return byFn<f32>(fn, left, ls, right, rs, validity, rows, out);
    default: return byFn<f64>(fn, left, ls, right, rs, validity, rows, out);
  }
}

const NEG: i32 = 0;
const ABS: i32 = 1;
const FLOOR: i32 = 2;
const CEIL: i32 = 3;
const ROUND: i32 = 4;

/** Half away from zero. */
// @ts-ignore: decorator
@inline
function roundAway<T>(x: T): T {
  const whole = trunc<T>(x);
  return abs<T>(x - whole) >= <T>0.5 ? whole + copysign<T>(1, x) : whole;
}

function floatUnary<T>(fn: i32, values: usize, rows: i32, out: usize): void {
  for (let row = 0; row < rows; row++, values += sizeof<T>(), out += sizeof<T>()) {
    const x = load<T>(values);
    let result: T;
    if (fn == NEG) result = -x;
    else if (fn == ABS) result = abs<T>(x);
    else if (fn == FLOOR) result = floor<T>(x);
    else if (fn == CEIL) result = ceil<T>(x);
    else if (fn == ROUND) result = roundAway<T>(x);
    else result = sqrt<T>(x);
    store<T>(out, result);
  }
}

function integerUnary<T>(fn: i32, values: usize, validity: usize, rows: i32, out: usize): i32 {
  const isChange = fn == NEG || fn == ABS;
  for (let row = 0; row < rows; row++, values += sizeof<T>(), out += sizeof<T>()) {
    const x = load<T>(values);
    let result = x;
    if (isChange && (fn == NEG || (isSigned<T>() && x < <T>0))) {
      result = (<T>0 - x) as T;
      const isBad = isSigned<T>() ? x == <T>least<T>() : x != <T>0;
      if (isBad && isThere(validity, row)) return row;
    }
    store<T>(out, result);
  }
  return -1;
}

export function unaryArithmetic(fn: i32, type: i32, values: usize, validity: usize, rows: i32, out: usize): i32 {
  switch (type) {
    case 2: return integerUnary<i32>(fn, values, validity, rows, out);
    case 3: return integerUnary<i64>(fn, values, validity, rows, out);
    case 6: return integerUnary<u32>(fn, values, validity, rows, out);
    case 7: return integerUnary<u64>(fn, values, validity, rows, out);
    case 8: floatUnary<f32>(fn, values, rows, out); return -1;
    default: floatUnary<f64>(fn, values, rows, out); return -1;
  }
}

/** floor(value · multiply / divide); one of the two is 1, both are positive. */
export function scaleInt64(values: usize, validity: usize, rows: i32, multiply: i64, divide: i64, out: usize): i32 {
  const most = i64.MAX_VALUE / multiply;
  const fewest = i64.MIN_VALUE / multiply;
  for (let row = 0; row < rows; row++, values += 8, out += 8) {
    const x = load<i64>(values);
    if (divide != 1) {
      const quotient = x / divide;
      store<i64>(out, x - quotient * divide < 0 ? quotient - 1 : quotient);
    } else {
      if ((x > most || x < fewest) && isThere(validity, row)) return row;
      store<i64>(out, x * multiply);
    }
  }
  return -1;
}
