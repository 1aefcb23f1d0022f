// Null rows out of the way: the values of a block's rows that are not null, side by side in scratch, in the column's own
// width or as doubles.
import { DENSE, DENSE_IDS, DENSE_ROWS } from './layout';

// @ts-ignore: decorator
@inline
export function isSet(bitmap: usize, index: u32): bool {
  return ((load<u8>(bitmap + (index >> 3)) >> <u8>(index & 7)) & 1) != 0;
}

/** Bits [from, from + 64) of a bitmap of `rows` (> from) bits; those beyond are 0. Never reads behind the last byte. */
export function bits64(bitmap: usize, from: u32, rows: u32): u64 {
  const shift = <u64>(from & 7);
  const at = bitmap + (from >> 3);
  // Whole bytes behind `at`; not an address of the end, which may be 2^32.
  const behind = <usize>((rows - 1) >> 3) - <usize>(from >> 3);
  let bits: u64;
  if (behind >= 8) {
    bits = load<u64>(at) >> shift;
    if (shift != 0) bits |= <u64>load<u8>(at, 8) << (64 - shift);
  } else {
    bits = 0;
    for (let byte: usize = 0; byte <= behind; byte++) {
      const part = <u64>load<u8>(at + byte);
      if (byte == 0) bits = part >> shift;
      else bits |= part << ((<u64>byte << 3) - shift);
    }
  }
  const left = rows - from;
  return left >= 64 ? bits : bits & ((<u64>1 << <u64>left) - 1);
}

/** Number of set bits among [from, to). */
export function countBits(bitmap: usize, from: u32, to: u32): i32 {
  let count: u64 = 0;
  for (; from < to; from += 64) count += popcnt<u64>(bits64(bitmap, from, to));
  return <i32>count;
}

/** First set bit in [from, to), or `to`. */
export function firstBit(bitmap: usize, from: u32, to: u32): u32 {
  for (; from < to; from += 64) {
    const bits = bits64(bitmap, from, to);
    if (bits != 0) return from + <u32>ctz<u64>(bits);
  }
  return to;
}

/** Last set bit in [from, to), or `to`. */
export function lastBit(bitmap: usize, from: u32, to: u32): u32 {
  for (let end = to; end > from; ) {
    const start = end - from > 64 ? end - 64 : from;
    const bits = bits64(bitmap, start, end);
    if (bits != 0) return start + 63 - <u32>clz<u64>(bits);
    end = start;
  }
  return to;
}

/** Copies the values of rows [from, from + n) that are not null to DENSE, and returns how many. */
export function denseValues<T>(values: usize, validity: usize, from: u32, n: i32, scratch: usize): i32 {
  let out = scratch + DENSE;
  const to = from + <u32>n;
  for (let row = from; row < to; row += 64) {
    let bits = bits64(validity, row, to);
    const base = values + <usize>row * sizeof<T>();
    if (bits == 0xffffffffffffffff) {
      memory.copy(out, base, 64 * sizeof<T>());
      out += 64 * sizeof<T>();
      continue;
    }
    for (; bits != 0; bits &= bits - 1) {
      store<T>(out, load<T>(base + <usize>ctz<u64>(bits) * sizeof<T>()));
      out += sizeof<T>();
    }
  }
  return <i32>((out - scratch - DENSE) / sizeof<T>());
}

/** As `denseValues`, as doubles. `validity` may be 0. */
export function denseDoubles<T>(values: usize, validity: usize, from: u32, n: i32, scratch: usize): i32 {
  let out = scratch + DENSE;
  const to = from + <u32>n;
  if (validity == 0) {
    let at = values + <usize>from * sizeof<T>();
    for (let i = 0; i < n; i++, at += sizeof<T>(), out += 8) store<f64>(out, <f64>load<T>(at));
    return n;
  }
  for (let row = from; row < to; row += 64) {
    const base = values + <usize>row * sizeof<T>();
    for (let bits = bits64(validity, row, to); bits != 0; bits &= bits - 1) {
      store<f64>(out, <f64>load<T>(base + <usize>ctz<u64>(bits) * sizeof<T>()));
      out += 8;
    }
  }
  return <i32>((out - scratch - DENSE) >> 3);
}

/** Row numbers (from `from` on) and group ids of the rows of a block that are not null, to DENSE_ROWS and DENSE_IDS. */
export function denseRows(ids: usize, validity: usize, from: u32, n: i32, scratch: usize): i32 {
  let count: usize = 0;
  const to = from + <u32>n;
  for (let row = from; row < to; row += 64) {
    for (let bits = bits64(validity, row, to); bits != 0; bits &= bits - 1) {
      const at = row + <u32>ctz<u64>(bits);
      store<u32>(scratch + DENSE_ROWS + (count << 2), at);
      store<u32>(scratch + DENSE_IDS + (count << 2), load<u32>(ids + (<usize>at << 2)));
      count++;
    }
  }
  return <i32>count;
}

/** The four words (u32) at four addresses. */
// @ts-ignore: decorator
@inline
export function wordsAt(addresses: v128): v128 {
  const a = i64x2.extract_lane(addresses, 0);
  const b = i64x2.extract_lane(addresses, 1);
  let words = v128.load32_zero(<usize>a);
  words = v128.load_lane<u32>(<usize>(<u64>a >> 32), words, 1);
  words = v128.load_lane<u32>(<usize>b, words, 2);
  return v128.load_lane<u32>(<usize>(<u64>b >> 32), words, 3);
}
