// Numbers as texts: whole numbers eight digits at a time, decimals exactly, doubles correctly rounded.
import { C_STATUS, NO_VALUE, OUT_OF_RANGE } from './csv-layout';

export const ZEROS: u64 = 0x3030303030303030;

/** The number that 1 to 8 digits stand for, -1 when others are among them. Reads 8 bytes, wherever the text ends. */
// @ts-ignore: decorator
@inline
export function digits8(p: usize, count: u32): i64 {
  const shift = <u64>((8 - count) << 3);
  // Leading zeros fill the word; two steps, because a shift by 64 is one by 0.
  const word = (load<u64>(p) << shift) | ((ZEROS >> 8) >> (56 - shift));
  return wordValue(word);
}

// @ts-ignore: decorator
@inline
export function areDigits(word: u64): bool {
  const low = word + 0x0606060606060606;
  return ((word & 0xf0f0f0f0f0f0f0f0) | ((low & 0xf0f0f0f0f0f0f0f0) >> 4)) == 0x3333333333333333;
}

/** The number of eight digits, -1 when others are among them. */
// @ts-ignore: decorator
@inline
export function wordValue(word: u64): i64 {
  if (!areDigits(word)) return -1;
  let v = ((word & 0x0f0f0f0f0f0f0f0f) * 2561) >> 8;
  v = ((v & 0x00ff00ff00ff00ff) * 6553601) >> 16;
  return <i64>(((v & 0x0000ffff0000ffff) * 42949672960001) >> 32);
}

/** Two digits, or a number above 99. */
// @ts-ignore: decorator
@inline
export function digits2(p: usize): u32 {
  const tens = <u32>load<u8>(p) - 48;
  const ones = <u32>load<u8>(p, 1) - 48;
  return tens > 9 || ones > 9 ? 100 : tens * 10 + ones;
}

/** Digits from p to e as a number below 2^64. Sets the status when there are none, others, or too many. */
export function magnitude(c: usize, p: usize, e: usize): u64 {
  if (p >= e) {
    store<u32>(c, NO_VALUE, C_STATUS);
    return 0;
  }
  while (e - p > 1 && load<u8>(p) == 48) p++;
  let value: u64 = 0;
  let isTooMuch = false;
  for (; p < e; p++) {
    const digit = <u64>load<u8>(p) - 48;
    if (digit > 9) {
      store<u32>(c, NO_VALUE, C_STATUS);
      return 0;
    }
    if (value > 1844674407370955161 || (value == 1844674407370955161 && digit > 5)) isTooMuch = true;
    value = value * 10 + digit;
  }
  if (isTooMuch) store<u32>(c, OUT_OF_RANGE, C_STATUS);
  return value;
}

// @ts-ignore: decorator
@inline
export function magnitudeFast(c: usize, p: usize, e: usize): u64 {
  const count = <u32>(e - p);
  if (count - 1 < 8) {
    const value = digits8(p, count);
    if (value >= 0) return <u64>value;
  } else if (count - 9 < 8) {
    const high = digits8(p, count - 8);
    const low = wordValue(load<u64>(e - 8));
    if (high >= 0 && low >= 0) return <u64>high * 100000000 + <u64>low;
  }
  return magnitude(c, p, e);
}

/** 10^n for n up to 19. */
export function power10(n: u32): u64 {
  let value: u64 = 1;
  for (; n > 0; n--) value *= 10;
  return value;
}

// @ts-ignore: decorator
@inline
function high64(a: u64, b: u64): u64 {
  const al = a & 0xffffffff;
  const ah = a >> 32;
  const bl = b & 0xffffffff;
  const bh = b >> 32;
  const middle = ah * bl + ((al * bl) >> 32);
  const other = al * bh + (middle & 0xffffffff);
  return ah * bh + (middle >> 32) + (other >> 32);
}

/**
 * mantissa · 10^exponent, rounded half to even, by the algorithm of Eisel and Lemire (Lemire, "Number parsing at a gigabyte
 * per second", 2021) over 128-bit powers of ten. NaN where it cannot tell.
 */
export function wideProduct(powers: usize, mantissa: u64, exponent: i32): f64 {
  if (mantissa == 0 || exponent < -342) return 0;
  if (exponent > 308) return Infinity;
  const zeros = <i32>clz<u64>(mantissa);
  const m = mantissa << <u64>zeros;
  const entry = powers + (<usize>(exponent + 342) << 4);
  const wide = load<u64>(entry, 8);
  let high = high64(m, wide);
  let low = m * wide;
  if ((high & 0x1ff) == 0x1ff) {
    const more = high64(m, load<u64>(entry));
    low += more;
    if (low < more) high++;
    if (low == <u64>-1 && (exponent < -27 || exponent > 55)) return NaN;
  }
  const top = <i32>(high >> 63);
  let bits = high >> <u64>(top + 9);
  // floor(log2(10^exponent)), and the bias.
  let power = ((217706 * exponent) >> 16) + 63 - zeros + top + 1023;
  if (power <= 0) return NaN; // subnormal: rare, and left to somebody who takes more time
  if (low <= 1 && exponent >= -4 && exponent <= 23 && (bits & 3) == 1 && bits << <u64>(top + 9) == high) bits &= ~1;
  bits += bits & 1;
  bits >>= 1;
  if (bits >= (<u64>2 << 52)) {
    bits = <u64>1 << 52;
    power++;
  }
  if (power >= 2047) return Infinity;
  return reinterpret<f64>((bits & ~(<u64>1 << 52)) | (<u64>power << 52));
}
