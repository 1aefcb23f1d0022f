// Exact sums of blocks of doubles at nearly the speed of inexact ones.
//
// Let all |x| < 2^(e+1) and n <= 4096 = 2^L. With u = 2^(e+L-52) and M = 1.5 · 2^52 · u, q = (x + M) − M is x rounded to a
// multiple of u, exactly, and r = x − q is exact too, |r| <= u/2. All partial sums of q are multiples of u below 2^53 u, so
// they are exact in a double in whatever order. Those of r are exact when every r is a multiple of some g with
// n · u/2 <= 2^53 g, that is g = 2^(e+2L-106). An x of exponent f or more is a multiple of 2^(f-52): with min and max of one
// sign and exponents less than 54 − 2L apart that is certain; otherwise each r is tested by rounding it to a multiple of g.
// (Rump, Ogita, Oishi: Accurate floating-point summation, 2008, for the extraction.)
//
// One pass: the block before this one gives the guess of e; the pass also finds min and max, which confirm it or not. It
// also gives the way: NARROW trusts min and max, TESTED tests the residues, COARSE tests that there are none (whole numbers,
// and decimals with few binary digits), which is cheaper. The three passes repeat each other: what they carry from turn to turn stays in registers
// only inside one function, and a turn that chose its way would take longer.
// A sum of −0 alone leaves r = −0, since r starts from −0 and x − q is −0 for no other x.
import {
  BLOCK_LOG, BLOCK_MAX, BLOCK_MIN, BLOCK_Q, BLOCK_R, BLOCK_RESIDUE, BLOCK_SIGNS, GUESS, NARROW_RUN, WAY,
} from './layout';

const NARROW: i32 = 0;
export const TESTED: i32 = 1;
export const COARSE: i32 = 2;
/** Blocks in a row that would have done with NARROW before it is tried again. */
const PATIENCE: i32 = 16;

/** Blocks below this exponent (biased) are too close to the subnormals for the grids, above too close to infinity. */
const LEAST_GUESS: i32 = 128;
const GREATEST_GUESS: i32 = 2046 - 2 * BLOCK_LOG;

// @ts-ignore: decorator
@inline
function biasedExponent(value: f64): i32 {
  return <i32>(reinterpret<u64>(value) >> 52) & 0x7ff;
}

/** The M that rounds to multiples of 2^(biased - 1023 + log - 52). */
// @ts-ignore: decorator
@inline
export function extractor(biased: i32, log: i32): f64 {
  return reinterpret<f64>((<u64>(biased + log) << 52) | 0x8000000000000);
}

/** The M that rounds residues to the grid 2^(biased - 1023 + 2 log - 106). */
// @ts-ignore: decorator
@inline
export function residueExtractor(biased: i32, log: i32): f64 {
  return reinterpret<f64>((<u64>(biased + 2 * log - 54) << 52) | 0x8000000000000);
}

// @ts-ignore: decorator
@inline
function lanes(v: v128): f64 {
  return f64x2.extract_lane(v, 0) + f64x2.extract_lane(v, 1);
}

/** Least and greatest of what is not NaN (∞ and −∞ when all are) to BLOCK_MIN and BLOCK_MAX. Which zero is not defined. */
export function blockRange(values: usize, n: i32, scratch: usize): void {
  let lo0 = f64x2.splat(Infinity);
  let hi0 = f64x2.splat(-Infinity);
  let lo1 = lo0;
  let hi1 = hi0;
  let lo2 = lo0;
  let hi2 = hi0;
  let i = 0;
  for (; i + 6 <= n; i += 6, values += 48) {
    const a = v128.load(values);
    const b = v128.load(values, 16);
    const c = v128.load(values, 32);
    lo0 = f64x2.pmin(lo0, a);
    hi0 = f64x2.pmax(hi0, a);
    lo1 = f64x2.pmin(lo1, b);
    hi1 = f64x2.pmax(hi1, b);
    lo2 = f64x2.pmin(lo2, c);
    hi2 = f64x2.pmax(hi2, c);
  }
  for (; i < n; i++, values += 8) {
    const a = v128.load64_splat(values);
    lo0 = f64x2.pmin(lo0, a);
    hi0 = f64x2.pmax(hi0, a);
  }
  store<u32>(scratch + BLOCK_SIGNS, 1);
  storeRange(f64x2.pmin(f64x2.pmin(lo0, lo1), lo2), f64x2.pmax(f64x2.pmax(hi0, hi1), hi2), scratch);
}

// @ts-ignore: decorator
@inline
function storeRange(lo: v128, hi: v128, scratch: usize): void {
  store<f64>(scratch + BLOCK_MIN, min(f64x2.extract_lane(lo, 0), f64x2.extract_lane(lo, 1)));
  store<f64>(scratch + BLOCK_MAX, max(f64x2.extract_lane(hi, 0), f64x2.extract_lane(hi, 1)));
}

/** q, r, least and greatest of a block in one pass. */
function extract(values: usize, n: i32, m: f64, scratch: usize): void {
  const big = f64x2.splat(m);
  let q0 = f64x2.splat(0);
  let q1 = q0;
  let r0 = f64x2.splat(-0.0);
  let r1 = r0;
  let lo0 = f64x2.splat(Infinity);
  let lo1 = lo0;
  let hi0 = f64x2.splat(-Infinity);
  let hi1 = hi0;
  let i = 0;
  for (; i + 4 <= n; i += 4, values += 32) {
    const a = v128.load(values);
    const b = v128.load(values, 16);
    const qa = f64x2.sub(f64x2.add(a, big), big);
    const qb = f64x2.sub(f64x2.add(b, big), big);
    lo0 = f64x2.pmin(lo0, a);
    hi0 = f64x2.pmax(hi0, a);
    lo1 = f64x2.pmin(lo1, b);
    hi1 = f64x2.pmax(hi1, b);
    q0 = f64x2.add(q0, qa);
    q1 = f64x2.add(q1, qb);
    r0 = f64x2.add(r0, f64x2.sub(a, qa));
    r1 = f64x2.add(r1, f64x2.sub(b, qb));
  }
  let q = lanes(f64x2.add(q0, q1));
  let r = lanes(f64x2.add(r0, r1));
  for (; i < n; i++, values += 8) {
    const x = load<f64>(values);
    const part = x + m - m;
    q += part;
    r += x - part;
    const a = f64x2.splat(x);
    lo0 = f64x2.pmin(lo0, a);
    hi0 = f64x2.pmax(hi0, a);
  }
  store<f64>(scratch + BLOCK_Q, q);
  store<f64>(scratch + BLOCK_R, r);
  store<u32>(scratch + BLOCK_SIGNS, 1);
  storeRange(f64x2.pmin(lo0, lo1), f64x2.pmax(hi0, hi1), scratch);
}

/** As `extract`, and tests that every r is on the grid of `m2`: BLOCK_RESIDUE 0 when so. */
export function extractTested(values: usize, n: i32, m: f64, m2: f64, scratch: usize): void {
  const big = f64x2.splat(m);
  const fine = f64x2.splat(m2);
  let q0 = f64x2.splat(0);
  let r0 = f64x2.splat(-0.0);
  let q1 = q0;
  let r1 = r0;
  let off = f64x2.splat(0);
  let signs = off;
  let lo0 = f64x2.splat(Infinity);
  let hi0 = f64x2.splat(-Infinity);
  let i = 0;
  for (; i + 4 <= n; i += 4, values += 32) {
    const a = v128.load(values);
    const b = v128.load(values, 16);
    const qa = f64x2.sub(f64x2.add(a, big), big);
    const qb = f64x2.sub(f64x2.add(b, big), big);
    const ra = f64x2.sub(a, qa);
    const rb = f64x2.sub(b, qb);
    signs = v128.or(signs, v128.or(a, b));
    lo0 = f64x2.pmin(f64x2.pmin(lo0, a), b);
    hi0 = f64x2.pmax(f64x2.pmax(hi0, a), b);
    q0 = f64x2.add(q0, qa);
    q1 = f64x2.add(q1, qb);
    r0 = f64x2.add(r0, ra);
    r1 = f64x2.add(r1, rb);
    off = v128.or(off, f64x2.ne(f64x2.sub(f64x2.add(ra, fine), fine), ra));
    off = v128.or(off, f64x2.ne(f64x2.sub(f64x2.add(rb, fine), fine), rb));
  }
  let q = lanes(f64x2.add(q0, q1));
  let r = lanes(f64x2.add(r0, r1));
  let isOff = v128.any_true(off);
  for (; i < n; i++, values += 8) {
    const x = load<f64>(values);
    const part = x + m - m;
    const rest = x - part;
    q += part;
    r += rest;
    if (rest + m2 - m2 != rest) isOff = true;
    const a = f64x2.splat(x);
    signs = v128.or(signs, a);
    lo0 = f64x2.pmin(lo0, a);
    hi0 = f64x2.pmax(hi0, a);
  }
  store<f64>(scratch + BLOCK_Q, q);
  store<f64>(scratch + BLOCK_R, r);
  store<u32>(scratch + BLOCK_RESIDUE, <u32>isOff);
  store<u32>(scratch + BLOCK_SIGNS, i64x2.bitmask(signs));
  storeRange(lo0, hi0, scratch);
}

/**
 * Sums values that are all multiples of the coarse grid: BLOCK_RESIDUE 0 when so. Bits are compared, not doubles: comparing takes a place of the
 * few that add, and of those there are too few already. But for its sign, which a zero loses, a value off the grid differs in some bit; NaN shows
 * in the sum.
 */
export function extractCoarse(values: usize, n: i32, m: f64, scratch: usize): void {
  const big = f64x2.splat(m);
  let q0 = f64x2.splat(0);
  let q1 = q0;
  let off = q0;
  let signs = q0;
  let lo0 = f64x2.splat(Infinity);
  let lo1 = lo0;
  let hi0 = f64x2.splat(-Infinity);
  let hi1 = hi0;
  let i = 0;
  for (; i + 4 <= n; i += 4, values += 32) {
    const a = v128.load(values);
    const b = v128.load(values, 16);
    off = v128.or(off, v128.xor(f64x2.sub(f64x2.add(a, big), big), a));
    off = v128.or(off, v128.xor(f64x2.sub(f64x2.add(b, big), big), b));
    signs = v128.or(signs, v128.or(a, b));
    lo0 = f64x2.pmin(lo0, a);
    hi0 = f64x2.pmax(hi0, a);
    lo1 = f64x2.pmin(lo1, b);
    hi1 = f64x2.pmax(hi1, b);
    q0 = f64x2.add(q0, a);
    q1 = f64x2.add(q1, b);
  }
  let q = lanes(f64x2.add(q0, q1));
  let isOff = v128.any_true(v128.and(off, i64x2.splat(i64.MAX_VALUE))) || q != q;
  for (; i < n; i++, values += 8) {
    const x = load<f64>(values);
    q += x;
    if (x + m - m != x) isOff = true;
    const a = f64x2.splat(x);
    signs = v128.or(signs, a);
    lo0 = f64x2.pmin(lo0, a);
    hi0 = f64x2.pmax(hi0, a);
  }
  store<f64>(scratch + BLOCK_Q, q);
  store<f64>(scratch + BLOCK_R, 0);
  store<u32>(scratch + BLOCK_RESIDUE, <u32>isOff);
  store<u32>(scratch + BLOCK_SIGNS, i64x2.bitmask(signs));
  storeRange(f64x2.pmin(lo0, lo1), f64x2.pmax(hi0, hi1), scratch);
}

/** Exponent (biased) of the largest magnitude between BLOCK_MIN and BLOCK_MAX; 0x7ff when infinite. */
export function rangeExponent(scratch: usize): i32 {
  return max(biasedExponent(load<f64>(scratch + BLOCK_MIN)), biasedExponent(load<f64>(scratch + BLOCK_MAX)));
}

/** True when min and max say that every value is a multiple of the residue grid. */
// @ts-ignore: decorator
@inline
export function isNarrow(scratch: usize, guess: i32, log: i32): bool {
  const low = load<f64>(scratch + BLOCK_MIN);
  const high = load<f64>(scratch + BLOCK_MAX);
  if (!(low > 0 || high < 0)) return false;
  return min(biasedExponent(low), biasedExponent(high)) >= guess + 2 * log - 54;
}

/** An exponent that the grids allow, with room for values to grow a little; or -1. */
// @ts-ignore: decorator
@inline
export function guessFor(biased: i32): i32 {
  return biased > GREATEST_GUESS - 1 ? -1 : max(biased + 1, LEAST_GUESS);
}

/**
 * Exact sum of a block as two doubles, BLOCK_Q + BLOCK_R, with least and greatest. False when the block's values are too far
 * apart, or not all finite; least and greatest are right in any case.
 */
export function blockSum(values: usize, n: i32, scratch: usize): bool {
  const way = load<i32>(scratch + WAY);
  if (way == COARSE) {
    if (coarseBlockSum(values, n, load<i32>(scratch + GUESS), scratch)) return true;
    store<i32>(scratch + WAY, TESTED);
  } else if (way == NARROW) {
    const guess = load<i32>(scratch + GUESS);
    extract(values, n, extractor(guess, BLOCK_LOG), scratch);
    const biased = rangeExponent(scratch);
    if (biased <= guess && isNarrow(scratch, guess, BLOCK_LOG)) return isFinitePart(scratch);
    const better = guessFor(biased);
    if (better < 0 || load<f64>(scratch + BLOCK_MIN) == Infinity) return false;
    if (isNarrow(scratch, better, BLOCK_LOG)) {
      store<i32>(scratch + GUESS, better);
      extract(values, n, extractor(better, BLOCK_LOG), scratch);
      return isFinitePart(scratch);
    }
    if (biased > guess) store<i32>(scratch + GUESS, better);
    store<i32>(scratch + WAY, TESTED);
    store<i32>(scratch + NARROW_RUN, 0);
  }
  return testedBlockSum(values, n, scratch);
}

/** The way for values without residues. A block of nothing but zeros is left to the others: they tell −0. */
function coarseBlockSum(values: usize, n: i32, guess: i32, scratch: usize): bool {
  extractCoarse(values, n, extractor(guess, BLOCK_LOG), scratch);
  const biased = rangeExponent(scratch);
  return biased <= guess && biased > 0 && load<u32>(scratch + BLOCK_RESIDUE) == 0;
}

/** The way for blocks whose range does not tell: with the residue test. */
function testedBlockSum(values: usize, n: i32, scratch: usize): bool {
  let guess = load<i32>(scratch + GUESS);
  for (let attempt = 0; attempt < 2; attempt++) {
    extractTested(values, n, extractor(guess, BLOCK_LOG), residueExtractor(guess, BLOCK_LOG), scratch);
    const better = guessFor(rangeExponent(scratch));
    if (better < 0 || load<f64>(scratch + BLOCK_MIN) == Infinity) return false;
    const isInRange = better - 1 <= guess;
    if (isInRange && load<u32>(scratch + BLOCK_RESIDUE) == 0) {
      chooseWay(guess, scratch);
      return isFinitePart(scratch);
    }
    if (better == guess) return false;
    store<i32>(scratch + GUESS, (guess = better));
  }
  return false;
}

/** Which way the next block goes, after one that was tested. */
function chooseWay(guess: i32, scratch: usize): void {
  if (load<f64>(scratch + BLOCK_R) == 0 && load<f64>(scratch + BLOCK_Q) != 0) {
    store<i32>(scratch + WAY, COARSE);
    return;
  }
  const run = isNarrow(scratch, guess, BLOCK_LOG) ? load<i32>(scratch + NARROW_RUN) + 1 : 0;
  store<i32>(scratch + NARROW_RUN, run);
  if (run >= PATIENCE) store<i32>(scratch + WAY, NARROW);
}

/** NaN among the values shows in q. */
// @ts-ignore: decorator
@inline
function isFinitePart(scratch: usize): bool {
  const q = load<f64>(scratch + BLOCK_Q);
  return q == q;
}

/** Keeps the hints of the call before, when they are hints. */
export function beginBlocks(scratch: usize): void {
  const guess = load<i32>(scratch + GUESS);
  if (guess >= LEAST_GUESS && guess <= GREATEST_GUESS && load<u32>(scratch + WAY) <= <u32>COARSE) return;
  store<i32>(scratch + GUESS, LEAST_GUESS);
  store<i32>(scratch + WAY, NARROW);
  store<i32>(scratch + NARROW_RUN, 0);
}

/** Puts the right zero into BLOCK_MIN and BLOCK_MAX, where they are zero: −0 before +0. */
export function settleZeros(values: usize, n: i32, scratch: usize): void {
  const low = load<f64>(scratch + BLOCK_MIN);
  const high = load<f64>(scratch + BLOCK_MAX);
  if (low != 0 && high != 0) return;
  if (high != 0 && load<u32>(scratch + BLOCK_SIGNS) == 0) {
    store<f64>(scratch + BLOCK_MIN, 0);
    return;
  }
  // Where the least is a zero only −0 (and some NaN) has a sign bit; where the greatest is, only +0 (and some NaN) has none.
  let some = f64x2.splat(0);
  let every = i64x2.splat(-1);
  const pairs = n >> 1;
  for (let i = 0; i < pairs; i++) {
    const x = v128.load(values + (<usize>i << 4));
    some = v128.or(some, x);
    every = v128.and(every, x);
  }
  let signs = i64x2.bitmask(some) != 0;
  let unsigned = i64x2.bitmask(every) != 3;
  if ((n & 1) != 0) {
    if (load<i64>(values + (<usize>(n - 1) << 3)) < 0) signs = true;
    else unsigned = true;
  }
  if (low == 0) store<f64>(scratch + BLOCK_MIN, signs && hasBits(values, n, 0x8000000000000000) ? -0.0 : 0.0);
  if (high == 0) store<f64>(scratch + BLOCK_MAX, unsigned && hasBits(values, n, 0) ? 0.0 : -0.0);
}

function hasBits(values: usize, n: i32, bits: u64): bool {
  for (let i = 0; i < n; i++, values += 8) if (load<u64>(values) == bits) return true;
  return false;
}
