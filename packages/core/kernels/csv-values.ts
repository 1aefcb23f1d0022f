// A field of CSV as a value, however it is written.
import {
  ASK, BOOL, C_DIGITS, C_FORMAT, C_MORE_DIGITS, C_NULLS, C_NULLS_FIRST, C_NULL_COUNT, C_OFFSETS, C_POWERS, C_QUOTE, C_STATUS,
  C_WIDE_POWERS, DATE32, DECIMAL, EPOCH, NO_VALUE, OUT_OF_RANGE, TIME64, TIMESTAMP, TOO_FINE,
} from './csv-layout';
import { magnitudeFast, wideProduct, wordValue, ZEROS } from './csv-digits';
import { clockTime, epoch, formatted, HAS_OFFSET, inUnit, isoDays } from './csv-time';
import { F32, F64, I16, I32, I64, I8, U16, U32, U64, U8 } from './layout';

/** Whether the bytes are one of the texts that stand for null. */
export function isNull(nulls: usize, p: usize, e: usize): bool {
  if (nulls == 0) return false;
  const bytes = <u32>(e - p);
  let at = nulls + 4;
  for (let left = load<u32>(nulls); left > 0; left--) {
    const length = load<u32>(at);
    at += 4;
    if (length == bytes) {
      let k: u32 = 0;
      while (k < length && load<u8>(at + k) == load<u8>(p + k)) k++;
      if (k == length) return true;
    }
    at += length;
  }
  return false;
}

// @ts-ignore: decorator
@inline
export function clearBit(bitmap: usize, row: u32): void {
  const at = bitmap + (row >> 3);
  store<u8>(at, load<u8>(at) & ~(1 << <u8>(row & 7)));
}

// @ts-ignore: decorator
@inline
export function setBit(bitmap: usize, row: u32): void {
  const at = bitmap + (row >> 3);
  store<u8>(at, load<u8>(at) | (1 << <u8>(row & 7)));
}

// @ts-ignore: decorator
@inline
function fail(c: usize, status: u32): void {
  store<u32>(c, status, C_STATUS);
}

function notThere(c: usize): i64 {
  fail(c, NO_VALUE);
  return 0;
}

/** Whole numbers of `kind`. */
function integer(c: usize, kind: i32, p: usize, e: usize, out: usize, row: u32): void {
  const first = load<u8>(p);
  const isNegative = first == 45;
  if (isNegative || first == 43) p++;
  const value = magnitudeFast(c, p, e);
  if (kind == I64) {
    if (value > <u64>i64.MAX_VALUE + <u64>isNegative) return fail(c, load<u32>(c, C_STATUS) == NO_VALUE ? NO_VALUE : OUT_OF_RANGE);
    store<i64>(out + (<usize>row << 3), isNegative ? -<i64>value : <i64>value);
  } else if (kind == U64) {
    if (isNegative && value != 0) return fail(c, load<u32>(c, C_STATUS) == NO_VALUE ? NO_VALUE : OUT_OF_RANGE);
    store<u64>(out + (<usize>row << 3), value);
  } else {
    let bits: u64 = kind == I8 || kind == U8 ? 8 : kind == I16 || kind == U16 ? 16 : 32;
    const isUnsigned = kind == U8 || kind == U16 || kind == U32;
    const most: u64 = isUnsigned
      ? isNegative ? 0 : (<u64>1 << bits) - 1
      : (<u64>1 << (bits - 1)) - 1 + <u64>isNegative;
    if (value > most) return fail(c, load<u32>(c, C_STATUS) == NO_VALUE ? NO_VALUE : OUT_OF_RANGE);
    const signed = isNegative ? -<i64>value : <i64>value;
    if (bits == 32) store<i32>(out + (<usize>row << 2), <i32>signed);
    else if (bits == 16) store<i16>(out + (<usize>row << 1), <i16>signed);
    else store<i8>(out + <usize>row, <i8>signed);
  }
}

/** Lower-case letters of a short text as a number; 0 when it is longer. */
function word(p: usize, e: usize): u64 {
  if (e - p > 8) return 0;
  let letters: u64 = 0;
  for (; p < e; p++) letters = (letters << 8) | <u64>(load<u8>(p) | 32);
  return letters;
}

/** A double that is written in letters, or sets the status. */
function lettered(c: usize, p: usize, e: usize, isNegative: bool): f64 {
  const letters = word(p, e);
  if (letters == 0x6e616e) return NaN;
  if (letters == 0x696e66 || letters == 0x696e66696e697479) return isNegative ? -Infinity : Infinity;
  fail(c, NO_VALUE);
  return 0;
}


/** 2 to 8 digits, a point among them or not: exact, because the digits and the power of ten are. -1 for other texts. */
// @ts-ignore: decorator
@inline
function shortReal(c: usize, p: usize, count: u32): f64 {
  const shift = <u64>((8 - count) << 3);
  const word = (load<u64>(p) << shift) | ((ZEROS >> 8) >> (56 - shift));
  const x = word ^ 0x2e2e2e2e2e2e2e2e;
  const hit = (x - 0x0101010101010101) & ~x & 0x8080808080808080;
  if (hit == 0) return <f64>wordValue(word);
  // The bytes before the point move into its place.
  const at = <u64>ctz<u64>(hit) >> 3;
  const before = word & (((<u64>1) << (at << 3)) - 1);
  const behind = at == 7 ? 0 : word & (<u64>-1 << ((at + 1) << 3));
  const value = wordValue(behind | (before << 8) | 0x30);
  return value < 0 ? -1 : <f64>value / load<f64>(<usize>load<u32>(c, C_POWERS) + ((7 - <usize>at) << 3));
}

function real(c: usize, p: usize, e: usize): f64 {
  const first = load<u8>(p);
  const isNegative = first == 45;
  if (isNegative || first == 43) p++;
  if (e - p - 2 < 7) {
    const short = shortReal(c, p, <u32>(e - p));
    if (short >= 0) return isNegative ? -short : short;
  }
  let mantissa: u64 = 0;
  let digits: u32 = 0;
  let exponent: i32 = 0;
  let isCut = false;
  let seen: u32 = 0;
  const start = p;
  for (; p < e; p++) {
    const digit = <u32>load<u8>(p) - 48;
    if (digit > 9) break;
    seen++;
    if (digits < 19) {
      mantissa = mantissa * 10 + digit;
      if (mantissa != 0) digits++;
    } else {
      exponent++;
      if (digit != 0) isCut = true;
    }
  }
  if (p < e && load<u8>(p) == 46) {
    for (p++; p < e; p++) {
      const digit = <u32>load<u8>(p) - 48;
      if (digit > 9) break;
      seen++;
      if (digits < 19) {
        mantissa = mantissa * 10 + digit;
        exponent--;
        if (mantissa != 0) digits++;
      } else if (digit != 0) isCut = true;
    }
  }
  if (seen == 0) {
    if (p == start) return lettered(c, p, e, isNegative);
    fail(c, NO_VALUE);
    return 0;
  }
  if (p < e && (load<u8>(p) | 32) == 101) {
    p++;
    const sign = p < e ? load<u8>(p) : 0;
    if (sign == 45 || sign == 43) p++;
    let power: i32 = 0;
    if (p >= e) fail(c, NO_VALUE);
    for (; p < e; p++) {
      const digit = <u32>load<u8>(p) - 48;
      if (digit > 9) break;
      if (power < 100000) power = power * 10 + <i32>digit;
    }
    exponent += sign == 45 ? -power : power;
  }
  if (p < e) fail(c, NO_VALUE);
  if (load<u32>(c, C_STATUS) != 0) return 0;
  let value: f64;
  if (isCut) {
    // What was cut off makes the mantissa at most one more: mostly that rounds to the same.
    const powers = <usize>load<u32>(c, C_WIDE_POWERS);
    value = wideProduct(powers, mantissa, exponent);
    if (value != wideProduct(powers, mantissa + 1, exponent)) value = NaN;
  } else if (mantissa <= 9007199254740992 && exponent >= -22 && exponent <= 22) {
    const power = load<f64>(<usize>load<u32>(c, C_POWERS) + (<usize>abs<i32>(exponent) << 3));
    value = exponent < 0 ? <f64>mantissa / power : <f64>mantissa * power;
  } else {
    value = wideProduct(<usize>load<u32>(c, C_WIDE_POWERS), mantissa, exponent);
  }
  if (value != value) fail(c, ASK);
  return isNegative ? -value : value;
}

/** 1 or 0, or sets the status. */
function truth(c: usize, p: usize, e: usize): u32 {
  const letters = word(p, e);
  // 1, t, true, y, yes
  if (letters == 0x31 || letters == 0x74 || letters == 0x74727565 || letters == 0x79 || letters == 0x796573) return 1;
  // 0, f, false, n, no
  if (letters == 0x30 || letters == 0x66 || letters == 0x66616c7365 || letters == 0x6e || letters == 0x6e6f) return 0;
  fail(c, NO_VALUE);
  return 0;
}

/** A decimal as an integer of 128 bits with `C_DIGITS` digits behind the point. */
function decimal(c: usize, p: usize, e: usize, at: usize): void {
  const first = load<u8>(p);
  const isNegative = first == 45;
  if (isNegative || first == 43) p++;
  const scale = <i32>load<u32>(c, C_DIGITS);
  let low: u64 = 0;
  let high: u64 = 0;
  let digits: i32 = 0;
  let behind = -1;
  let seen = false;
  for (let isMore = true; isMore; p++) {
    let digit: u64 = 0;
    if (p < e) {
      const letter = load<u8>(p);
      if (letter == 46 && behind < 0) {
        behind = 0;
        continue;
      }
      digit = <u64>letter - 48;
      if (digit > 9) return fail(c, NO_VALUE);
      seen = true;
    } else {
      if (behind < 0) behind = 0;
      isMore = behind < scale;
      if (!isMore) break;
    }
    if (behind == scale && behind >= 0 && p < e) {
      if (digit != 0) return fail(c, TOO_FINE);
      continue;
    }
    if (behind >= 0) behind++;
    if (digit != 0 || digits > 0) digits++;
    if (digits > 38) return fail(c, OUT_OF_RANGE);
    const l0 = (low & 0xffffffff) * 10 + digit;
    const l1 = (low >> 32) * 10 + (l0 >> 32);
    low = (l1 << 32) | (l0 & 0xffffffff);
    high = high * 10 + (l1 >> 32);
  }
  if (!seen) return fail(c, NO_VALUE);
  if (digits > <i32>load<u32>(c, C_MORE_DIGITS)) return fail(c, OUT_OF_RANGE);
  if (isNegative) {
    low = ~low + 1;
    high = ~high + <u64>(low == 0);
  }
  store<u64>(at, low);
  store<u64>(at, high, 8);
}

/** One value that is not null. */
function convert(c: usize, kind: i32, p: usize, e: usize, out: usize, row: u32): void {
  if (kind < F32) {
    integer(c, kind, p, e, out, row);
  } else if (kind == F64) {
    store<f64>(out + (<usize>row << 3), real(c, p, e));
  } else if (kind == F32) {
    store<f32>(out + (<usize>row << 2), <f32>real(c, p, e));
  } else if (kind == BOOL) {
    if (truth(c, p, e) != 0) setBit(out, row);
  } else if (kind == DATE32) {
    let days: i32;
    if (load<u32>(c, C_FORMAT) != 0) days = <i32>formatted(c, p, e, true);
    else days = e - p == 10 ? isoDays(p) : i32.MAX_VALUE;
    if (days == i32.MAX_VALUE) fail(c, NO_VALUE);
    store<i32>(out + (<usize>row << 2), days);
  } else if (kind == DECIMAL) {
    decimal(c, p, e, out + (<usize>row << 4));
  } else if (kind == TIMESTAMP) {
    const value = load<u32>(c, C_FORMAT) != 0 ? formatted(c, p, e, false) : timestamp(c, p, e);
    store<i64>(out + (<usize>row << 3), value);
  } else if (kind == EPOCH) {
    store<i64>(out + (<usize>row << 3), epoch(c, p, e));
  } else {
    const value = load<u32>(c, C_FORMAT) != 0 ? formatted(c, p, e, false) : clockTime(c, 0, p, e, false);
    if (load<u32>(c, C_STATUS) == HAS_OFFSET) fail(c, 0);
    if (kind == TIME64) store<i64>(out + (<usize>row << 3), value);
    else store<i32>(out + (<usize>row << 2), <i32>value);
  }
}

/** A time, or a date and a time, of ISO 8601. */
function timestamp(c: usize, p: usize, e: usize): i64 {
  if (e - p < 10) return notThere(c);
  const days = isoDays(p);
  if (days == i32.MAX_VALUE) return notThere(c);
  if (e - p == 10) return inUnit(c, <i64>days * 86400, 0, 0);
  const letter = load<u8>(p, 10);
  if (letter != 84 && letter != 32 && letter != 116) return notThere(c);
  return clockTime(c, days, p + 11, e, true);
}

/**
 * Reads the value between p and e, however it is written, or sees that it is null. False when it is neither, with the reason in
 * `C_STATUS`.
 */
export function readValue(c: usize, kind: i32, p: usize, e: usize, out: usize, row: u32, validity: usize): bool {
  const nulls = <usize>load<u32>(c, C_NULLS);
  let isThere = p < e;
  let isQuoted = false;
  if (isThere) {
    if (load<u8>(p) == load<u32>(c, C_QUOTE)) {
      p++;
      e--;
      isQuoted = true;
    }
    while (p < e && load<u8>(p) <= 32) p++;
    while (p < e && load<u8>(e - 1) <= 32) e--;
    isThere = p < e && (load<u32>(c, C_NULLS_FIRST) == 0 || isQuoted || !isNull(nulls, p, e));
  }
  if (isThere) {
    store<u32>(c, 0, C_STATUS);
    convert(c, kind, p, e, out, row);
    const status = load<u32>(c, C_STATUS);
    if (status == 0) return true;
    if (status == HAS_OFFSET) {
      const offsets = <usize>load<u32>(c, C_OFFSETS);
      if (offsets != 0) setBit(offsets, row);
      return true;
    }
    if (isQuoted || !isNull(nulls, p, e)) return false;
  }
  clearBit(validity, row);
  store<u32>(c, load<u32>(c, C_NULL_COUNT) + 1, C_NULL_COUNT);
  return true;
}
