// Values as Parquet's pages have them. Input is ours and trusted. Every kernel may write up to 64 bytes behind what it returns as the
// end; callers leave that room.
// Encodings: https://parquet.apache.org/docs/file-format/data-pages/encodings/
import { copyShort } from './take';

/** Values of a block of differences, and of each of its four parts. */
const BLOCK: u32 = 128;
const MINI: u32 = 32;
/** Equal values from which on a run is shorter than packing. */
const RUN: u32 = 16;

// @ts-ignore: decorator
@inline
function putVarint(out: usize, value: u64): usize {
  for (; value > 127; value >>= 7) store<u8>(out++, <u8>(value | 128));
  store<u8>(out, <u8>value);
  return out + 1;
}

// @ts-ignore: decorator
@inline
function zigzag(value: i64): u64 {
  return <u64>((value << 1) ^ (value >> 63));
}

/** Eight values of up to 32 bits, one behind the other. */
// @ts-ignore: decorator
@inline
function packEight(values: usize, width: u64, out: usize): void {
  const second = load<u64>(values, 8);
  const first = load<u64>(values);
  const third = load<u64>(values, 16);
  const fourth = load<u64>(values, 24);
  // Two values in each word, then four where they fit into one.
  const a = (first & 0xffffffff) | ((first >> 32) << width);
  const b = (second & 0xffffffff) | ((second >> 32) << width);
  const c = (third & 0xffffffff) | ((third >> 32) << width);
  const d = (fourth & 0xffffffff) | ((fourth >> 32) << width);
  const two = width << 1;
  if (width <= 16) {
    const low = a | (b << two);
    const high = c | (d << two);
    const four = width << 2;
    store<u64>(out, four == 64 ? low : low | (high << four));
    store<u64>(out, four == 64 ? high : (high >> 1) >> (63 - four), 8);
    return;
  }
  putBits(out, 0, a);
  putBits(out, two, b);
  putBits(out, 2 * two, c);
  putBits(out, 3 * two, d);
}

/** Bits from bit `at` on; what was there before bit `at` stays. */
// @ts-ignore: decorator
@inline
function putBits(out: usize, at: u64, bits: u64): void {
  const word = out + (<usize>at >> 3);
  const from = at & 7;
  const before = <u64>load<u8>(word) & ((<u64>1 << from) - 1);
  store<u64>(word, before | (bits << from));
  store<u8>(word, <u8>((bits >> 1) >> (63 - from)), 8);
}

/** u32 values of `width` bits, `groups` times 8 of them, zeros behind `count`. Up to 7 values behind the last are overwritten. */
function packGroups(values: usize, count: u32, groups: u32, width: u32, out: usize): usize {
  if ((count & 7) != 0) memory.fill(values + (<usize>count << 2), 0, <usize>(8 - (count & 7)) << 2);
  for (let i: u32 = 0; i < groups; i++, values += 32, out += width) packEight(values, width, out);
  return out;
}

/** u32 values below 2^width as runs and packed groups. Returns the end. */
export function hybridEncode(values: usize, count: u32, width: u32, out: usize): usize {
  let packedFrom: u32 = 0;
  let at: u32 = 0;
  while (at < count) {
    const value = load<u32>(values + (<usize>at << 2));
    let end = at + 1;
    while (end < count && load<u32>(values + (<usize>end << 2)) == value) end++;
    if (end - at < RUN) {
      at += 8;
      continue;
    }
    if (at > packedFrom) {
      const groups = (at - packedFrom) >> 3;
      out = packGroups(values + (<usize>packedFrom << 2), at - packedFrom, groups, width, putVarint(out, (<u64>groups << 1) | 1));
    }
    out = putVarint(out, <u64>(end - at) << 1);
    store<u32>(out, value);
    out += (width + 7) >> 3;
    at = end;
    packedFrom = end;
  }
  if (packedFrom < count) {
    const left = count - packedFrom;
    const groups = (left + 7) >> 3;
    out = packGroups(values + (<usize>packedFrom << 2), left, groups, width, putVarint(out, (<u64>groups << 1) | 1));
  }
  return out;
}

// @ts-ignore: decorator
@inline
function difference<T>(values: usize, at: u32): i64 {
  const p = values + <usize>at * sizeof<T>();
  return <i64>(<T>(load<T>(p) - load<T>(p - sizeof<T>())));
}

/** Least of the differences before values [from, to). */
function leastDifference<T>(values: usize, from: u32, to: u32): i64 {
  let least: i64 = i64.MAX_VALUE;
  let i = from;
  if (sizeof<T>() == 8) {
    let two = i64x2.splat(least);
    for (; i + 2 <= to; i += 2) {
      const p = values + (<usize>i << 3);
      const some = i64x2.sub(v128.load(p), v128.load(p - 8));
      two = v128.bitselect(some, two, i64x2.gt_s(two, some));
    }
    least = min<i64>(i64x2.extract_lane(two, 0), i64x2.extract_lane(two, 1));
  }
  for (; i < to; i++) least = min<i64>(least, difference<T>(values, i));
  return least;
}

/** Bits that the differences before values [from, to) take, above the least. */
function differenceBits<T>(values: usize, from: u32, to: u32, least: i64): u32 {
  let all: u64 = 0;
  let i = from;
  if (sizeof<T>() == 8) {
    const floor = i64x2.splat(least);
    let two = i64x2.splat(0);
    for (; i + 2 <= to; i += 2) {
      const p = values + (<usize>i << 3);
      two = v128.or(two, i64x2.sub(i64x2.sub(v128.load(p), v128.load(p - 8)), floor));
    }
    all = <u64>(i64x2.extract_lane(two, 0) | i64x2.extract_lane(two, 1));
  }
  for (; i < to; i++) all |= sizeof<T>() == 4 ? <u64><u32>(difference<T>(values, i) - least) : <u64>(difference<T>(values, i) - least);
  return <u32>(64 - clz<u64>(all));
}

function deltas<T>(values: usize, count: u32, out: usize): usize {
  out = putVarint(out, BLOCK);
  out = putVarint(out, BLOCK / MINI);
  out = putVarint(out, count);
  out = putVarint(out, zigzag(count == 0 ? 0 : <i64>load<T>(values)));
  for (let from: u32 = 1; from < count; from += BLOCK) {
    const to = min<u32>(from + BLOCK, count);
    const least = leastDifference<T>(values, from, to);
    out = putVarint(out, zigzag(least));
    let widths = out;
    store<u32>(widths, 0);
    out += 4;
    // Times at even distances, mostly: nothing is left above the least.
    if (differenceBits<T>(values, from, to, least) == 0) continue;
    for (let mini = from; mini < to; mini += MINI, widths++) {
      const end = min<u32>(mini + MINI, to);
      const bits = differenceBits<T>(values, mini, end, least);
      store<u8>(widths, <u8>bits);
      if (bits > 0) out = packDeltas<T>(values, mini, end, least, bits, out);
    }
  }
  return out;
}

function packDeltas<T>(values: usize, from: u32, to: u32, least: i64, bits: u32, out: usize): usize {
  const end = out + <usize>bits * (MINI >> 3);
  let word: u64 = 0;
  let fill: u32 = 0;
  for (let i = from; i < to; i++) {
    const rest = sizeof<T>() == 4 ? <u64><u32>(difference<T>(values, i) - least) : <u64>(difference<T>(values, i) - least);
    word |= rest << <u64>fill;
    fill += bits;
    if (fill >= 64) {
      store<u64>(out, word);
      out += 8;
      fill -= 64;
      word = fill == 0 ? 0 : rest >> <u64>(bits - fill);
    }
  }
  store<u64>(out, word);
  for (out += 8; out < end; out += 8) store<u64>(out, 0);
  return end;
}

/** DELTA_BINARY_PACKED of values of 4 or 8 bytes. Returns the end; at most 1/8 more than the values and 64 bytes. */
export function deltaEncode(values: usize, count: u32, width: u32, out: usize): usize {
  return width == 4 ? deltas<i32>(values, count, out) : deltas<i64>(values, count, out);
}

/** Texts, each behind its length. Returns the end. */
export function textsEncode(offsets: usize, values: usize, count: u32, out: usize): usize {
  for (let i: u32 = 0; i < count; i++, offsets += 4) {
    const start = load<u32>(offsets);
    const bytes = load<u32>(offsets, 4) - start;
    store<u32>(out, bytes);
    copyShort(out + 4, values + start, bytes);
    out += 4 + bytes;
  }
  return out;
}

/** Decimals of 16 bytes as their low 4 or 8 bytes, or as `width` bytes from the highest to the lowest. */
export function decimalsEncode(values: usize, count: u32, width: u32, isReversed: i32, out: usize): void {
  for (let i: u32 = 0; i < count; i++, values += 16, out += width) {
    if (isReversed != 0) for (let k: u32 = 0; k < width; k++) store<u8>(out + k, load<u8>(values + width - 1 - k));
    else if (width == 4) store<u32>(out, load<u32>(values));
    else store<u64>(out, load<u64>(values));
  }
}

/** Sets a bit for each of the numbers. */
export function markBits(numbers: usize, count: u32, bits: usize): void {
  for (let i: u32 = 0; i < count; i++, numbers += 4) {
    const number = load<u32>(numbers);
    const byte = bits + (number >> 3);
    store<u8>(byte, <u8>(<u32>load<u8>(byte) | (<u32>1 << (number & 7))));
  }
}

/** out[indices[i]] = values[i], u32 each. */
export function scatter(values: usize, indices: usize, count: u32, out: usize): void {
  for (let i: u32 = 0; i < count; i++, values += 4, indices += 4) store<u32>(out + (<usize>load<u32>(indices) << 2), load<u32>(values));
}

// @ts-ignore: decorator
@inline
function lesser<T>(a: v128, b: v128): v128 {
  if (isFloat<T>()) return v128.pmin<T>(b, a);
  if (sizeof<T>() == 8) return v128.bitselect(a, b, i64x2.gt_s(b, a));
  return v128.min<T>(a, b);
}

// @ts-ignore: decorator
@inline
function greater<T>(a: v128, b: v128): v128 {
  if (isFloat<T>()) return v128.pmax<T>(b, a);
  if (sizeof<T>() == 8) return v128.bitselect(a, b, i64x2.gt_s(a, b));
  return v128.max<T>(a, b);
}

/** Least and greatest of vectors, all of which begin as `least` and `most`; of floats, NaN is neither. Returns 1 when there is one. */
function vectorBounds<T>(values: usize, count: u32, least: T, most: T, out: usize): i32 {
  const lanes = <u32>(16 / sizeof<T>());
  let low = v128.splat<T>(least);
  let high = v128.splat<T>(most);
  let otherLow = low;
  let otherHigh = high;
  let odd = i64x2.splat(0);
  let i: u32 = 0;
  for (; i + 2 * lanes <= count; i += 2 * lanes, values += 32) {
    const a = v128.load(values);
    const b = v128.load(values, 16);
    low = lesser<T>(a, low);
    high = greater<T>(a, high);
    otherLow = lesser<T>(b, otherLow);
    otherHigh = greater<T>(b, otherHigh);
    if (isFloat<T>()) odd = v128.or(odd, v128.or(v128.ne<T>(a, a), v128.ne<T>(b, b)));
  }
  low = lesser<T>(otherLow, low);
  high = greater<T>(otherHigh, high);
  v128.store(out, low);
  v128.store(out + 16, high);
  let isNan = i32(v128.any_true(odd));
  for (let lane: usize = 0; lane < 16; lane += sizeof<T>()) {
    const a = load<T>(out + lane);
    const b = load<T>(out + 16 + lane);
    least = a < least ? a : least;
    most = b > most ? b : most;
  }
  for (; i < count; i++, values += sizeof<T>()) {
    const value = load<T>(values);
    if (isFloat<T>()) isNan |= i32(value != value);
    least = value < least ? value : least;
    most = value > most ? value : most;
  }
  store<T>(out, least);
  store<T>(out, most, 8);
  return isNan;
}

// @ts-ignore: decorator
@inline
function integerBounds<T>(values: usize, count: u32, out: usize): i32 {
  return vectorBounds<T>(values, count, load<T>(values), load<T>(values), out);
}

// @ts-ignore: decorator
@inline
function floatBounds<T>(values: usize, count: u32, out: usize): i32 {
  return vectorBounds<T>(values, count, <T>Infinity, <T>-Infinity, out);
}

/** There is no comparison of vectors of these. */
function wideBounds(values: usize, count: u32, out: usize): i32 {
  let least = load<u64>(values);
  let most = least;
  for (let i: u32 = 1; i < count; i++) {
    const value = load<u64>(values + (<usize>i << 3));
    least = min<u64>(least, value);
    most = max<u64>(most, value);
  }
  store<u64>(out, least);
  store<u64>(out, most, 8);
  return 0;
}

/** Least and greatest of at least one value, to `out` and `out + 8`; 32 bytes are written there. Of floats, NaN is neither; returns 1 when there is one. */
export function valueBounds(kind: i32, values: usize, count: u32, out: usize): i32 {
  switch (kind) {
    case 2: return integerBounds<i32>(values, count, out);
    case 3: return integerBounds<i64>(values, count, out);
    case 6: return integerBounds<u32>(values, count, out);
    case 7: return wideBounds(values, count, out);
    case 8: return floatBounds<f32>(values, count, out);
    default: return floatBounds<f64>(values, count, out);
  }
}

/** Order of two texts by their bytes. */
function compareTexts(a: usize, aBytes: u32, b: usize, bBytes: u32): i32 {
  const common = min<u32>(aBytes, bBytes);
  let at: u32 = 0;
  for (; at + 8 <= common; at += 8) {
    const x = bswap<u64>(load<u64>(a + at));
    const y = bswap<u64>(load<u64>(b + at));
    if (x != y) return x < y ? -1 : 1;
  }
  for (; at < common; at++) {
    const x = load<u8>(a + at);
    const y = load<u8>(b + at);
    if (x != y) return x < y ? -1 : 1;
  }
  return aBytes == bBytes ? 0 : aBytes < bBytes ? -1 : 1;
}

/** Numbers of the least and the greatest of at least one text, to `out` and `out + 4`. */
export function textBounds(offsets: usize, values: usize, count: u32, out: usize): void {
  let least: u32 = 0;
  let most: u32 = 0;
  for (let i: u32 = 1; i < count; i++) {
    const at = offsets + (<usize>i << 2);
    const text = values + <usize>load<u32>(at);
    const bytes = load<u32>(at, 4) - load<u32>(at);
    const low = offsets + (<usize>least << 2);
    const high = offsets + (<usize>most << 2);
    if (compareTexts(text, bytes, values + load<u32>(low), load<u32>(low, 4) - load<u32>(low)) < 0) least = i;
    else if (compareTexts(text, bytes, values + load<u32>(high), load<u32>(high, 4) - load<u32>(high)) > 0) most = i;
  }
  store<u32>(out, least);
  store<u32>(out, most, 4);
}
