// Numbers of `bits` bits that lie one behind the other (the least significant bits first), eight at a time: of so few bits that each lies in four
// bytes, wherever it begins. Each half of eight is loaded at once, its bytes brought to lanes, and what stands around a number shifted out.

/** Most bits of a number that can be unpacked so. */
export const MOST_BITS: u32 = 25;

/** First byte of the second half of eight. */
// @ts-ignore: decorator
@inline
export function secondHalf(bits: u32): usize {
  return <usize>((bits << 2) >> 3);
}

/** Which bytes go to the lanes of a half (0 or 1). */
// @ts-ignore: decorator
@inline
export function laneBytes(bits: u32, half: u32): v128 {
  const first = half == 0 ? 0 : (bits << 2) & 7;
  let bytes = i32x4.splat(0);
  bytes = i32x4.replace_lane(bytes, 0, <i32>(0x03020100 + (first >> 3) * 0x01010101));
  bytes = i32x4.replace_lane(bytes, 1, <i32>(0x03020100 + ((first + bits) >> 3) * 0x01010101));
  bytes = i32x4.replace_lane(bytes, 2, <i32>(0x03020100 + ((first + 2 * bits) >> 3) * 0x01010101));
  return i32x4.replace_lane(bytes, 3, <i32>(0x03020100 + ((first + 3 * bits) >> 3) * 0x01010101));
}

/** What the lanes of a half are multiplied by, so that the last bit of each number is the last of its lane. No number has bits where there are none. */
// @ts-ignore: decorator
@inline
export function laneFactors(bits: u32, half: u32): v128 {
  if (bits == 0) return i32x4.splat(0);
  const first = half == 0 ? 0 : (bits << 2) & 7;
  const free = 32 - bits;
  let factors = i32x4.splat(0);
  factors = i32x4.replace_lane(factors, 0, 1 << (free - (first & 7)));
  factors = i32x4.replace_lane(factors, 1, 1 << (free - ((first + bits) & 7)));
  factors = i32x4.replace_lane(factors, 2, 1 << (free - ((first + 2 * bits) & 7)));
  return i32x4.replace_lane(factors, 3, 1 << (free - ((first + 3 * bits) & 7)));
}

/** Four numbers as lanes. Reads 16 bytes at p. */
// @ts-ignore: decorator
@inline
export function fourAt(p: usize, bytes: v128, factors: v128, bits: u32): v128 {
  return i32x4.shr_u(i32x4.mul(i8x16.swizzle(v128.load(p), bytes), factors), 32 - bits);
}
