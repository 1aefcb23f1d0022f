// Sixteen letters at once: numbers of up to sixteen digits, which nearly all are, without a look at each digit.

/** 0 to 15. */
// @ts-ignore: decorator
@inline
export function lanes(): v128 {
  return i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

/** All ones in the last `count` lanes, of 0 to 16. */
// @ts-ignore: decorator
@inline
export function lastLanes(count: u32): v128 {
  return i8x16.gt_s(lanes(), i8x16.splat(<i8>(15 - count)));
}

/** Digits from letters; letters that are none are 10 at least. */
// @ts-ignore: decorator
@inline
export function digitsOf(letters: v128): v128 {
  return v128.xor(letters, i8x16.splat(48));
}

/** 1 when some lane is greater than in `most`. */
// @ts-ignore: decorator
@inline
export function areOdd(digits: v128, most: v128): u32 {
  return <u32>v128.any_true(i8x16.sub_sat_u(digits, most));
}

/** Pairs of digits as numbers, of 16 bits. */
// @ts-ignore: decorator
@inline
export function pairsOf(digits: v128): v128 {
  return i16x8.add(
    i16x8.mul(v128.and(digits, i16x8.splat(255)), i16x8.splat(10)),
    i16x8.shr_u(digits, 8),
  );
}

/** The number of sixteen digits. */
// @ts-ignore: decorator
@inline
export function numberOf(digits: v128): u64 {
  const fours = i32x4.dot_i16x8_s(pairsOf(digits), i16x8(100, 1, 100, 1, 100, 1, 100, 1));
  const words = i16x8.narrow_i32x4_s(fours, fours);
  const eights = i32x4.dot_i16x8_s(words, i16x8(10000, 1, 10000, 1, 10000, 1, 10000, 1));
  const both = <u64>i64x2.extract_lane(eights, 0);
  return (both & 0xffffffff) * 100000000 + (both >> 32);
}
