// Bitmaps, by words of 64 bits; a pointer of 0 stands for all bits set where an input may be left out.
import { bits64, countBits, isSet } from './dense';

const AND: i32 = 0;
const OR: i32 = 1;
const XOR: i32 = 2;

// @ts-ignore: decorator
@inline
function word(bitmap: usize, at: usize): u64 {
  return bitmap == 0 ? <u64>-1 : load<u64>(bitmap + at);
}

// @ts-ignore: decorator
@inline
function byteAt(bitmap: usize, at: usize): u64 {
  return bitmap == 0 ? 0xff : <u64>load<u8>(bitmap + at);
}

// @ts-ignore: decorator
@inline
function combine(fn: i32, a: u64, b: u64): u64 {
  return fn == AND ? a & b : fn == OR ? a | b : fn == XOR ? a ^ b : a & ~b;
}

/** Unsets the bits behind the last row. */
// @ts-ignore: decorator
@inline
function trim(out: usize, rows: u32): void {
  const left = rows & 7;
  if (left == 0) return;
  const last = out + (rows >> 3);
  const mask: u32 = (<u32>1 << left) - 1;
  store<u8>(last, <u8>(<u32>load<u8>(last) & mask));
}

export function bitmap(fn: i32, left: usize, right: usize, rows: u32, out: usize): void {
  const bytes = <usize>(rows >> 3) + <usize>((rows & 7) != 0);
  let at: usize = 0;
  for (; at + 8 <= bytes; at += 8) store<u64>(out + at, combine(fn, word(left, at), word(right, at)));
  for (; at < bytes; at++) store<u8>(out + at, <u8>combine(fn, byteAt(left, at), byteAt(right, at)));
  trim(out, rows);
}

export function bitmapNot(bits: usize, rows: u32, out: usize): void {
  const bytes = <usize>(rows >> 3) + <usize>((rows & 7) != 0);
  let at: usize = 0;
  for (; at + 8 <= bytes; at += 8) store<u64>(out + at, ~word(bits, at));
  for (; at < bytes; at++) store<u8>(out + at, ~<u8>byteAt(bits, at));
  trim(out, rows);
}

/** What is known to be true, and what to be false; the rest is null. */
export function kleene(
  fn: i32, left: usize, leftValidity: usize, right: usize, rightValidity: usize, rows: u32, out: usize, outValidity: usize,
): void {
  const bytes = <usize>(rows >> 3) + <usize>((rows & 7) != 0);
  let at: usize = 0;
  for (; at < bytes; ) {
    const isWord = at + 8 <= bytes;
    const a = isWord ? word(left, at) : byteAt(left, at);
    const b = isWord ? word(right, at) : byteAt(right, at);
    const av = isWord ? word(leftValidity, at) : byteAt(leftValidity, at);
    const bv = isWord ? word(rightValidity, at) : byteAt(rightValidity, at);
    const isTrue = fn == AND ? a & av & b & bv : (a & av) | (b & bv);
    const isFalse = fn == AND ? (~a & av) | (~b & bv) : ~a & av & ~b & bv;
    if (isWord) {
      store<u64>(out + at, isTrue);
      if (outValidity != 0) store<u64>(outValidity + at, isTrue | isFalse);
      at += 8;
    } else {
      store<u8>(out + at, <u8>isTrue);
      if (outValidity != 0) store<u8>(outValidity + at, <u8>(isTrue | isFalse));
      at++;
    }
  }
  trim(out, rows);
  if (outValidity != 0) trim(outValidity, rows);
}

export function popcount(bits: usize, from: u32, rows: u32): u32 {
  return bits == 0 ? rows : <u32>countBits(bits, from, from + rows);
}

/** Writes the low `n` (up to 8) of `bits` to bits [to, to + n) of `out`, which lie in one byte. */
// @ts-ignore: decorator
@inline
function mergeByte(out: usize, to: u32, n: u32, bits: u64): void {
  const at = out + (to >> 3);
  const shift = to & 7;
  const mask: u32 = ((<u32>1 << n) - 1) << shift;
  store<u8>(at, <u8>((<u32>load<u8>(at) & ~mask) | ((<u32>bits << shift) & mask)));
}

// @ts-ignore: decorator
@inline
function sourceBits(bits: usize, from: u32, end: u32): u64 {
  return bits == 0 ? <u64>-1 : bits64(bits, from, end);
}

export function copyBits(bits: usize, from: u32, rows: u32, out: usize, to: u32): void {
  const end = from + rows;
  // To a whole byte of the target first.
  const head = min<u32>(rows, (8 - (to & 7)) & 7);
  if (head > 0) mergeByte(out, to, head, sourceBits(bits, from, end));
  from += head;
  to += head;
  for (; end - from >= 64; from += 64, to += 64) store<u64>(out + (to >> 3), sourceBits(bits, from, end));
  for (let left = end - from; left > 0; ) {
    const n = min<u32>(8, left);
    mergeByte(out, to, n, sourceBits(bits, from, end));
    from += n;
    to += n;
    left -= n;
  }
}

export function fillBits(out: usize, from: u32, rows: u32, bit: i32): void {
  const end = from + rows;
  const pattern: u64 = bit != 0 ? <u64>-1 : 0;
  const head = min<u32>(rows, (8 - (from & 7)) & 7);
  if (head > 0) mergeByte(out, from, head, pattern);
  from += head;
  const whole = (end - from) >> 3;
  memory.fill(out + (from >> 3), <u8>pattern, whole);
  from += whole << 3;
  if (from < end) mergeByte(out, from, end - from, pattern);
}

export function selectIndices(bits: usize, validity: usize, rows: u32, out: usize): i32 {
  const start = out;
  for (let row: u32 = 0; row < rows; row += 64) {
    let set = sourceBits(bits, row, rows);
    if (validity != 0) set &= bits64(validity, row, rows);
    if (rows - row < 64) set &= (<u64>1 << <u64>(rows - row)) - 1;
    if (set == <u64>-1) {
      let four = i32x4.add(i32x4.splat(row), i32x4(0, 1, 2, 3));
      for (let i = 0; i < 16; i++, out += 16) {
        v128.store(out, four);
        four = i32x4.add(four, i32x4.splat(4));
      }
      continue;
    }
    for (; set != 0; set &= set - 1, out += 4) store<u32>(out, row + <u32>ctz<u64>(set));
  }
  return <i32>((out - start) >> 2);
}

export function takeBits(bits: usize, indices: usize, count: u32, out: usize): i32 {
  let total = 0;
  let i: u32 = 0;
  if (bits == 0) {
    // Which indices are any: eight at a time.
    const none = i32x4.splat(-1);
    for (; i + 8 <= count; i += 8, indices += 32) {
      const low = i32x4.bitmask(i32x4.eq(v128.load(indices), none));
      const byte = (low | (i32x4.bitmask(i32x4.eq(v128.load(indices, 16), none)) << 4)) ^ 0xff;
      store<u8>(out++, <u8>byte);
      total += popcnt(byte);
    }
  }
  while (i < count) {
    let byte = 0;
    for (let bit = 0; bit < 8 && i < count; bit++, i++, indices += 4) {
      const index = load<u32>(indices);
      if (index != 0xffffffff && (bits == 0 || isSet(bits, index))) byte |= 1 << bit;
    }
    store<u8>(out++, <u8>byte);
    total += popcnt(byte);
  }
  return total;
}
