// Parquet's encodings, page by page. What lies in a page is not trusted: nothing is read behind `end` but the 64 bytes that may be
// read behind any page, and nothing written beyond what the caller gave room for. A kernel that finds a page malformed returns 0.
// Encodings: https://parquet.apache.org/docs/file-format/data-pages/encodings/
import { isSet } from './dense';
import { NO_ROW } from './layout';
import { fourAt, laneBytes, laneFactors, MOST_BITS, secondHalf } from './unpack';

/** Bits of up to 56 from bit `at` of p on. */
// @ts-ignore: decorator
@inline
function bitsAt(p: usize, at: u64): u64 {
  return load<u64>(p + <usize>(at >> 3)) >> (at & 7);
}

/** Runs and packed groups of numbers of `width` bits, as u32. Returns where they end. */
export function hybridDecode(p: usize, end: usize, width: u32, count: u32, out: usize): usize {
  if (width > 32) return 0;
  const mask: u64 = ((<u64>1) << <u64>width) - 1;
  const valueBytes = (width + 7) >> 3;
  while (count > 0) {
    let header: u32 = 0;
    let shift: u32 = 0;
    while (true) {
      if (p >= end || shift > 28) return 0;
      const byte = <u32>load<u8>(p++);
      header |= (byte & 127) << shift;
      if (byte < 128) break;
      shift += 7;
    }
    if ((header & 1) != 0) {
      const values = <u64>(header >> 1) << 3;
      const take = values < <u64>count ? <u32>values : count;
      if (take == 0 || (<u64>take * width + 7) >> 3 > <u64>(end - p)) return 0;
      let i: u32 = 0;
      if (width <= MOST_BITS) i = unpackEights(p, width, take, out);
      out += <usize>i << 2;
      let at: u64 = <u64>i * width;
      for (; i < take; i++, at += width, out += 4) store<u32>(out, <u32>(bitsAt(p, at) & mask));
      const bytes = (values >> 3) * width;
      p = bytes > <u64>(end - p) ? end : p + <usize>bytes;
      count -= take;
    } else {
      let run = header >> 1;
      if (run == 0 || valueBytes > <u32>(end - p)) return 0;
      if (run > count) run = count;
      const value = <u32>(load<u64>(p) & (valueBytes == 0 ? 0 : ((<u64>1) << (<u64>valueBytes << 3)) - 1));
      p += valueBytes;
      count -= run;
      const four = i32x4.splat(value);
      for (; run >= 4; run -= 4, out += 16) v128.store(out, four);
      for (; run > 0; run--, out += 4) store<u32>(out, value);
    }
  }
  return p;
}

/** As many whole eights of packed numbers as there are, as u32. Returns how many numbers these are. */
function unpackEights(p: usize, bits: u32, count: u32, out: usize): u32 {
  const second = secondHalf(bits);
  const bytes0 = laneBytes(bits, 0);
  const bytes1 = laneBytes(bits, 1);
  const factors0 = laneFactors(bits, 0);
  const factors1 = laneFactors(bits, 1);
  const whole = count & ~7;
  for (const end = out + (<usize>whole << 2); out < end; out += 32, p += bits) {
    v128.store(out, fourAt(p, bytes0, factors0, bits));
    v128.store(out, fourAt(p + second, bytes1, factors1, bits), 16);
  }
  return whole;
}

/** Whether levels of one bit are all ones, which is one run. */
export function isOneRun(p: usize, end: usize, count: u32): i32 {
  let header: u64 = 0;
  let shift: u64 = 0;
  while (true) {
    if (p >= end || shift > 35) return 0;
    const byte = <u64>load<u8>(p++);
    header |= (byte & 127) << shift;
    if (byte < 128) break;
    shift += 7;
  }
  return (header & 1) == 0 && header >> 1 >= <u64>count && p < end && load<u8>(p) == 1 ? 1 : 0;
}

/** Numbers 0 and 1 (u32) as a bitmap. Returns how many are 1, or -1 when others are among them. */
export function packBits(values: usize, count: u32, out: usize): i32 {
  let ones: u32 = 0;
  let all: u32 = 0;
  let byte: u32 = 0;
  for (let i: u32 = 0; i < count; i++, values += 4) {
    const value = load<u32>(values);
    all |= value;
    byte |= (value & 1) << (i & 7);
    ones += value;
    if ((i & 7) == 7) {
      store<u8>(out++, <u8>byte);
      byte = 0;
    }
  }
  if ((count & 7) != 0) store<u8>(out, <u8>byte);
  return all > 1 ? -1 : <i32>ones;
}

/** For each row the number of its value among those that are not null (or, with `codes`, that value), `NO_ROW` for null. */
export function spreadIndices(validity: usize, rows: u32, codes: usize, out: usize): void {
  let next: u32 = 0;
  for (let row: u32 = 0; row < rows; row++, out += 4) {
    if (!isSet(validity, row)) store<u32>(out, NO_ROW);
    else {
      store<u32>(out, codes == 0 ? next : load<u32>(codes + (<usize>next << 2)));
      next++;
    }
  }
}

/** Greatest of u32 values. */
export function greatestIndex(values: usize, count: u32): u32 {
  let most: u32 = 0;
  let four = i32x4.splat(0);
  let i: u32 = 0;
  for (; i + 4 <= count; i += 4) four = i32x4.max_u(four, v128.load(values + (<usize>i << 2)));
  for (; i < count; i++) most = max<u32>(most, load<u32>(values + (<usize>i << 2)));
  most = max<u32>(most, <u32>i32x4.extract_lane(four, 0));
  most = max<u32>(most, <u32>i32x4.extract_lane(four, 1));
  most = max<u32>(most, <u32>i32x4.extract_lane(four, 2));
  return max<u32>(most, <u32>i32x4.extract_lane(four, 3));
}

/** Differences in blocks, each with a least one and packed rests, as values of 4 or 8 bytes. Returns where they end. */
export function deltaDecode(p: usize, end: usize, count: u32, width: u32, out: usize): usize {
  const c = out; // the first eight bytes hold what a number is read into
  p = varint(p, end, c);
  if (p == 0) return 0;
  const block = load<u64>(c);
  p = varint(p, end, c);
  if (p == 0) return 0;
  const minis = load<u64>(c);
  p = varint(p, end, c);
  if (p == 0) return 0;
  const total = load<u64>(c);
  p = varint(p, end, c);
  if (p == 0 || total != <u64>count || minis == 0 || block == 0 || block > 1 << 20 || block % minis != 0) return 0;
  const inMini = <u32>(block / minis);
  if ((inMini & 7) != 0 || minis > 512) return 0;
  if (count == 0) return p;
  let value = <i64>(load<u64>(c) >> 1) ^ -<i64>(load<u64>(c) & 1);
  out = put(out, width, value);
  let left = count - 1;
  // How the numbers of one width are unpacked: most blocks have the width of the one before.
  let lanesOf: u32 = MOST_BITS + 1;
  let bytes0 = i32x4.splat(0);
  let bytes1 = bytes0;
  let factors0 = bytes0;
  let factors1 = bytes0;
  while (left > 0) {
    // Where the next value goes, what it is read into is overwritten.
    p = varint(p, end, out);
    if (p == 0 || <u64>(end - p) < minis) return 0;
    const least = <i64>(load<u64>(out) >> 1) ^ -<i64>(load<u64>(out) & 1);
    const widths = p;
    p += <usize>minis;
    for (let mini: u32 = 0; mini < <u32>minis && left > 0; mini++) {
      const bits = <u32>load<u8>(widths + mini);
      if (bits > 64) return 0;
      const take = left < inMini ? left : inMini;
      if ((<u64>take * bits + 7) >> 3 > <u64>(end - p)) return 0;
      if (bits <= MOST_BITS) {
        if (bits != lanesOf) {
          lanesOf = bits;
          bytes0 = laneBytes(bits, 0);
          bytes1 = laneBytes(bits, 1);
          factors0 = laneFactors(bits, 0);
          factors1 = laneFactors(bits, 1);
        }
        const whole = take & ~7;
        if (width == 8) value = sumEights(p, bits, bytes0, bytes1, factors0, factors1, whole, value, least, out);
        else value = sumShortEights(p, bits, bytes0, bytes1, factors0, factors1, whole, value, least, out);
        out += <usize>whole * width;
        const mask: u64 = ((<u64>1) << <u64>bits) - 1;
        let at: u64 = <u64>whole * bits;
        for (let i = whole; i < take; i++, at += bits) {
          value += least + <i64>(bitsAt(p, at) & mask);
          out = put(out, width, value);
        }
      } else if (bits <= 56) {
        const mask: u64 = ((<u64>1) << <u64>bits) - 1;
        let at: u64 = 0;
        for (let i: u32 = 0; i < take; i++, at += bits) {
          value += least + <i64>(bitsAt(p, at) & mask);
          out = put(out, width, value);
        }
      } else {
        let at: u64 = 0;
        const mask: u64 = bits == 64 ? <u64>-1 : ((<u64>1) << <u64>bits) - 1;
        for (let i: u32 = 0; i < take; i++, at += bits) {
          const shift = at & 7;
          const byte = p + <usize>(at >> 3);
          let rest = load<u64>(byte) >> shift;
          if (shift != 0) rest |= <u64>load<u8>(byte, 8) << (64 - shift);
          value += least + <i64>(rest & mask);
          out = put(out, width, value);
        }
      }
      left -= take;
      const bytes = (<u64>inMini * bits) >> 3;
      p = bytes > <u64>(end - p) ? end : p + <usize>bytes;
    }
  }
  return p;
}

/** Values from whole eights of packed rests, each `least` and its rest more than the one before; `value` is before the first. Returns the last. */
// @ts-ignore: decorator
@inline
function sumEights(
  p: usize, bits: u32, bytes0: v128, bytes1: v128, factors0: v128, factors1: v128, whole: u32, value: i64, least: i64, out: usize,
): i64 {
  const second = secondHalf(bits);
  const zeros = i64x2.splat(0);
  const least12 = i64x2.replace_lane(i64x2.splat(least), 1, 2 * least);
  const least34 = i64x2.add(least12, i64x2.splat(2 * least));
  let before = i64x2.splat(value);
  for (const end = out + (<usize>whole << 3); out < end; out += 64, p += bits) {
    // Sums of four rests of at most 25 bits are less than 2^32.
    let sums = fourAt(p, bytes0, factors0, bits);
    sums = i32x4.add(sums, v128.shuffle<i32>(zeros, sums, 0, 4, 5, 6));
    sums = i32x4.add(sums, v128.shuffle<i32>(zeros, sums, 0, 1, 4, 5));
    let next = i64x2.add(before, i64x2.add(least34, i64x2.extend_high_i32x4_u(sums)));
    v128.store(out, i64x2.add(before, i64x2.add(least12, i64x2.extend_low_i32x4_u(sums))));
    v128.store(out, next, 16);
    before = v128.shuffle<i64>(next, next, 1, 1);
    sums = fourAt(p + second, bytes1, factors1, bits);
    sums = i32x4.add(sums, v128.shuffle<i32>(zeros, sums, 0, 4, 5, 6));
    sums = i32x4.add(sums, v128.shuffle<i32>(zeros, sums, 0, 1, 4, 5));
    next = i64x2.add(before, i64x2.add(least34, i64x2.extend_high_i32x4_u(sums)));
    v128.store(out, i64x2.add(before, i64x2.add(least12, i64x2.extend_low_i32x4_u(sums))), 32);
    v128.store(out, next, 48);
    before = v128.shuffle<i64>(next, next, 1, 1);
  }
  return i64x2.extract_lane(before, 0);
}

/** The same for values of 4 bytes, of which higher bits do not matter. */
// @ts-ignore: decorator
@inline
function sumShortEights(
  p: usize, bits: u32, bytes0: v128, bytes1: v128, factors0: v128, factors1: v128, whole: u32, value: i64, least: i64, out: usize,
): i64 {
  const second = secondHalf(bits);
  const zeros = i32x4.splat(0);
  const each = i32x4.splat(<i32>least);
  let before = i32x4.splat(<i32>value);
  for (const end = out + (<usize>whole << 2); out < end; out += 32, p += bits) {
    for (let half: usize = 0; half < 2; half++) {
      let sums = half == 0 ? fourAt(p, bytes0, factors0, bits) : fourAt(p + second, bytes1, factors1, bits);
      sums = i32x4.add(sums, each);
      sums = i32x4.add(sums, v128.shuffle<i32>(zeros, sums, 0, 4, 5, 6));
      sums = i32x4.add(sums, v128.shuffle<i32>(zeros, sums, 0, 1, 4, 5));
      sums = i32x4.add(sums, before);
      v128.store(out + (half << 4), sums);
      before = v128.shuffle<i32>(sums, sums, 3, 3, 3, 3);
    }
  }
  return <i64>i32x4.extract_lane(before, 0);
}

// @ts-ignore: decorator
@inline
function put(out: usize, width: u32, value: i64): usize {
  if (width == 8) store<i64>(out, value);
  else store<i32>(out, <i32>value);
  return out + width;
}

/** A number of seven bits a byte, into 8 bytes at `to`. Returns where it ends. */
function varint(p: usize, end: usize, to: usize): usize {
  let value: u64 = 0;
  for (let shift: u64 = 0; shift < 70; shift += 7) {
    if (p >= end) return 0;
    const byte = <u64>load<u8>(p++);
    value |= (byte & 127) << shift;
    if (byte < 128) {
      store<u64>(to, value);
      return p;
    }
  }
  return 0;
}

/** Texts that each follow their length, as offsets from 0 and bytes. Returns where they end. */
export function plainTexts(p: usize, end: usize, count: u32, offsets: usize, values: usize): usize {
  let bytes: u32 = 0;
  store<u32>(offsets, 0);
  for (let i: u32 = 0; i < count; i++) {
    offsets += 4;
    if (end - p < 4) return 0;
    const length = load<u32>(p);
    p += 4;
    if (length > <u32>(end - p)) return 0;
    // Pages may be read beyond their end, and texts have room behind them.
    if (length <= 16) v128.store(values + bytes, v128.load(p));
    else memory.copy(values + bytes, p, length);
    bytes += length;
    p += length;
    store<u32>(offsets, bytes);
  }
  return p;
}

/** Lengths (i32) as offsets from 0, in place, with one more. Returns the sum, or -1 when one is negative or the sum too large. */
export function sumLengths(lengths: usize, count: u32): i32 {
  let sum: i64 = 0;
  for (let i: u32 = 0; i <= count; i++) {
    const at = lengths + (<usize>i << 2);
    const length = i < count ? load<i32>(at) : 0;
    if (length < 0 || sum + length > i32.MAX_VALUE) return -1;
    store<i32>(at, <i32>sum);
    sum += length;
  }
  return <i32>sum;
}

/** Bytes that texts take which each begin with a part of the one before: prefixes and suffixes are lengths. -1 when malformed. */
export function prefixedBytes(prefixes: usize, suffixes: usize, count: u32): i32 {
  let sum: i64 = 0;
  let before: i64 = 0;
  for (let i: u32 = 0; i < count; i++, prefixes += 4, suffixes += 4) {
    const prefix = <i64>load<i32>(prefixes);
    const suffix = <i64>load<i32>(suffixes);
    if (prefix < 0 || suffix < 0 || prefix > before) return -1;
    before = prefix + suffix;
    sum += before;
    if (sum > i32.MAX_VALUE) return -1;
  }
  return <i32>sum;
}

/** Those texts, once `prefixedBytes` has found room for them. Returns where the suffixes end. */
export function prefixedTexts(
  p: usize, end: usize, prefixes: usize, suffixes: usize, count: u32, offsets: usize, values: usize,
): usize {
  let before = values;
  let out = values;
  store<u32>(offsets, 0);
  for (let i: u32 = 0; i < count; i++, prefixes += 4, suffixes += 4) {
    const prefix = <usize>load<u32>(prefixes);
    const suffix = <usize>load<u32>(suffixes);
    if (suffix > end - p) return 0;
    memory.copy(out, before, prefix);
    memory.copy(out + prefix, p, suffix);
    before = out;
    out += prefix + suffix;
    p += suffix;
    offsets += 4;
    store<u32>(offsets, <u32>(out - values));
  }
  return p;
}

/** Offsets [from, from + rows] less the first, plus `base`. */
export function moveOffsets(offsets: usize, from: u32, rows: u32, base: u32, out: usize): void {
  offsets += <usize>from << 2;
  const change = base - load<u32>(offsets);
  for (let i: u32 = 0; i <= rows; i++) store<u32>(out + (<usize>i << 2), load<u32>(offsets + (<usize>i << 2)) + change);
}

/** Whether no text begins inside of a character. With all bytes together being UTF-8, each text is. */
export function beginCharacters(offsets: usize, count: u32, values: usize): i32 {
  const bytes = load<u32>(offsets + (<usize>count << 2));
  for (let i: u32 = 0; i < count; i++, offsets += 4) {
    const at = load<u32>(offsets);
    if (at < bytes && (load<u8>(values + at) & 0xc0) == 0x80) return 0;
  }
  return 1;
}

/** The low `width` (1 or 2) bytes of values of 4. */
export function narrow(values: usize, count: u32, width: u32, out: usize): void {
  for (let i: u32 = 0; i < count; i++, values += 4) {
    if (width == 1) store<u8>(out++, load<u8>(values));
    else {
      store<u16>(out, load<u16>(values));
      out += 2;
    }
  }
}
