// Exact sums of squares of blocks of doubles.
//
// With all |x| < 2^(e+1), x = q + s + t: q is x rounded to a multiple of u = 2^(e-19), s what is left rounded to multiples
// of u · 2^-21, t what is left then, a multiple of u · 2^-42 (all by the extraction of block-sum.ts). Each part has 20 bits, so
// every product of two has 40, and 4,096 of them add up below 2^53: the sums of qq, qs, qt, ss, st and tt are exact in doubles.
// A value with bits below u · 2^-42 (less than about a 500th of the greatest) or a NaN is left out and squared apart, after
// each 64 rows.
import { blockRange, rangeExponent } from './block-sum';
import { FLAG_NOT_MINUS_ZERO } from './layout';
import { addAllSquares, addDouble } from './segment-sums';

/** Exponents (biased) whose squares stay away from both ends of the range. */
export const LEAST_EXPONENT: i32 = 1023 - 400;
export const GREATEST_EXPONENT: i32 = 1023 + 480;
/** Fewer values are squared one by one. */
const LEAST_ROWS: i32 = 16;
/** Rows after which those left out are looked at. */
const PART_ROWS: i32 = 64;

// @ts-ignore: decorator
@inline
export function squareExtractor(exponent: i32): f64 {
  return reinterpret<f64>((<u64>exponent << 52) | 0x8000000000000);
}

// @ts-ignore: decorator
@inline
function total(v: v128): f64 {
  return f64x2.extract_lane(v, 0) + f64x2.extract_lane(v, 1);
}

/** Adds the squares that the vector pass left out. */
function addLeftOut(values: usize, n: i32, m0: f64, m1: f64, m2: f64, window: usize, scratch: usize): void {
  for (let i = 0; i < n; i++, values += 8) {
    const x = load<f64>(values);
    let rest = x - (x + m0 - m0);
    rest -= rest + m1 - m1;
    if (rest + m2 - m2 != rest) addAllSquares(window, values, 1, scratch);
  }
}

/** Σx² of a block into a segment's window. */
export function addBlockSquares(values: usize, n: i32, window: usize, scratch: usize): void {
  if (n < LEAST_ROWS) {
    addAllSquares(window, values, n, scratch);
    return;
  }
  blockRange(values, n, scratch);
  const exponent = max<i32>(rangeExponent(scratch), LEAST_EXPONENT);
  if (exponent > GREATEST_EXPONENT) {
    addAllSquares(window, values, n, scratch);
    return;
  }
  store<u32>(window, load<u32>(window, 4) | FLAG_NOT_MINUS_ZERO, 4);
  const m0 = squareExtractor(exponent + 33);
  const m1 = squareExtractor(exponent + 12);
  const m2 = squareExtractor(exponent - 9);
  const b0 = f64x2.splat(m0);
  const b1 = f64x2.splat(m1);
  const b2 = f64x2.splat(m2);
  let qq = f64x2.splat(0);
  let qs = qq;
  let qt = qq;
  let ss = qq;
  let st = qq;
  let tt = qq;
  const pairs = n & ~1;
  for (let start = 0; start < pairs; start += PART_ROWS) {
    const part = values + (<usize>start << 3);
    const rows = min<i32>(PART_ROWS, pairs - start);
    let off = f64x2.splat(0);
    for (let i = 0, at = part; i < rows; i += 2, at += 16) {
      const x = v128.load(at);
      let q = f64x2.sub(f64x2.add(x, b0), b0);
      let rest = f64x2.sub(x, q);
      let s = f64x2.sub(f64x2.add(rest, b1), b1);
      rest = f64x2.sub(rest, s);
      let t = f64x2.sub(f64x2.add(rest, b2), b2);
      const isOff = f64x2.ne(t, rest);
      off = v128.or(off, isOff);
      q = v128.andnot(q, isOff);
      s = v128.andnot(s, isOff);
      t = v128.andnot(t, isOff);
      qq = f64x2.add(qq, f64x2.mul(q, q));
      qs = f64x2.add(qs, f64x2.mul(q, s));
      qt = f64x2.add(qt, f64x2.mul(q, t));
      ss = f64x2.add(ss, f64x2.mul(s, s));
      st = f64x2.add(st, f64x2.mul(s, t));
      tt = f64x2.add(tt, f64x2.mul(t, t));
    }
    if (v128.any_true(off)) addLeftOut(part, rows, m0, m1, m2, window, scratch);
  }
  addDouble(window, total(qq), scratch);
  addDouble(window, 2 * total(qs), scratch);
  addDouble(window, 2 * total(qt), scratch);
  addDouble(window, total(ss), scratch);
  addDouble(window, 2 * total(st), scratch);
  addDouble(window, total(tt), scratch);
  if (pairs < n) addAllSquares(window, values + (<usize>pairs << 3), 1, scratch);
}
