// Fields of a CSV column as values, row after row. The first row that is no value of its type ends a call.
import {
  ASK, BOOL, C_DIGITS, C_ENTRIES, C_FORMAT, C_MORE_DIGITS, C_NULLS, C_NULLS_FIRST, C_NULL_COUNT, C_OFFSETS, C_POWERS, C_QUOTE,
  C_ROWS, C_STATUS, C_STRIDE, C_TEXT, C_WIDE_POWERS, DATE32, DECIMAL, EPOCH, NO_VALUE, OUT_OF_RANGE, TIME64,
  TIMESTAMP, TOO_FINE,
} from './csv-layout';
import { magnitudeFast, wideProduct, wordValue, ZEROS } from './csv-digits';
import { clockTime, epoch, formatted, HAS_OFFSET, inUnit, isoDays } from './csv-time';
import { F32, F64, I16, I32, I64, I8, U16, U32, U64, U8 } from './layout';
import { copyShort } from './take';

/** Whether the bytes are one of the texts that stand for null. */
function isNull(nulls: usize, p: usize, e: usize): bool {
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
function clearBit(bitmap: usize, row: u32): void {
  const at = bitmap + (row >> 3);
  store<u8>(at, load<u8>(at) & ~(1 << <u8>(row & 7)));
}

// @ts-ignore: decorator
@inline
function setBit(bitmap: usize, row: u32): void {
  const at = bitmap + (row >> 3);
  store<u8>(at, load<u8>(at) | (1 << <u8>(row & 7)));
}

// @ts-ignore: decorator
@inline
function fail(c: usize, status: u32): void {
  store<u32>(c, status, C_STATUS);
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
// @ts-ignore: decorator
@inline
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
  } else if (kind == EPOCH) {
    store<i64>(out + (<usize>row << 3), epoch(c, p, e));
  } else {
    const value = load<u32>(c, C_FORMAT) != 0 ? formatted(c, p, e, false) : clockTime(c, 0, p, e, false);
    if (load<u32>(c, C_STATUS) == HAS_OFFSET) fail(c, 0);
    if (kind == TIME64) store<i64>(out + (<usize>row << 3), value);
    else store<i32>(out + (<usize>row << 2), <i32>value);
  }
}

/**
 * Values of one column from row `from` on. Returns the first row that is none, with the reason in `C_STATUS`, or the number of rows.
 * The validity bitmap has to be all ones before, bits of booleans and of `C_OFFSETS` all zeros.
 */
export function csvValues(c: usize, kind: i32, column: u32, from: u32, out: usize, validity: usize): u32 {
  const text = <usize>load<u32>(c, C_TEXT);
  const stride = <usize>load<u32>(c, C_STRIDE);
  const rows = load<u32>(c, C_ROWS);
  const quote = load<u32>(c, C_QUOTE);
  const nulls = <usize>load<u32>(c, C_NULLS);
  const nullsFirst = load<u32>(c, C_NULLS_FIRST) != 0;
  const offsets = <usize>load<u32>(c, C_OFFSETS);
  const isTimestamp = kind == TIMESTAMP && load<u32>(c, C_FORMAT) == 0;
  let entry = <usize>load<u32>(c, C_ENTRIES) + <usize>from * stride + (<usize>column << 2);
  // The date of the row before: the next one is often the same.
  let dateHead: u64 = 0;
  let dateTail: u32 = 0;
  let days: i32 = 0;
  for (let row = from; row < rows; row++, entry += stride) {
    let p = text + <usize>(load<u32>(entry) + 1);
    let e = text + <usize>load<u32>(entry, 4);
    let isThere = p < e;
    let isQuoted = false;
    if (isThere) {
      if (load<u8>(p) == quote) {
        p++;
        e--;
        isQuoted = true;
      }
      while (p < e && load<u8>(p) <= 32) p++;
      while (p < e && load<u8>(e - 1) <= 32) e--;
      isThere = p < e && !(nullsFirst && !isQuoted && isNull(nulls, p, e));
    }
    if (isThere) {
      store<u32>(c, 0, C_STATUS);
      if (isTimestamp) {
        let value: i64 = 0;
        if (e - p >= 10) {
          const head = load<u64>(p);
          const tail = <u32>load<u16>(p, 8);
          if (head != dateHead || tail != dateTail) {
            days = isoDays(p);
            dateHead = head;
            dateTail = tail;
          }
          if (days == i32.MAX_VALUE) fail(c, NO_VALUE);
          else if (e - p == 10) value = inUnit(c, <i64>days * 86400, 0, 0);
          else if (load<u8>(p, 10) == 84 || load<u8>(p, 10) == 32 || load<u8>(p, 10) == 116) {
            value = clockTime(c, days, p + 11, e, true);
          } else fail(c, NO_VALUE);
        } else fail(c, NO_VALUE);
        store<i64>(out + (<usize>row << 3), value);
      } else if (kind == TIMESTAMP) {
        store<i64>(out + (<usize>row << 3), formatted(c, p, e, false));
      } else {
        convert(c, kind, p, e, out, row);
      }
      const status = load<u32>(c, C_STATUS);
      if (status == 0) continue;
      if (status == HAS_OFFSET) {
        if (offsets != 0) setBit(offsets, row);
        continue;
      }
      if (isQuoted || !isNull(nulls, p, e)) return row;
    }
    clearBit(validity, row);
    store<u32>(c, load<u32>(c, C_NULL_COUNT) + 1, C_NULL_COUNT);
  }
  return rows;
}

/** Room that the texts of a column need at most, escapes and quotes included. */
export function csvTextBytes(c: usize, column: u32): u32 {
  const stride = <usize>load<u32>(c, C_STRIDE);
  let entry = <usize>load<u32>(c, C_ENTRIES) + (<usize>column << 2);
  let bytes: u32 = 0;
  for (let left = load<u32>(c, C_ROWS); left > 0; left--, entry += stride) {
    bytes += load<u32>(entry, 4) - load<u32>(entry) - 1;
  }
  return bytes;
}

/** Copies the inside of a quoted text, each pair of quotes as one. Returns where it ends. */
function unescape(out: usize, p: usize, e: usize, quote: u32): usize {
  const quotes = i8x16.splat(<i8>quote);
  while (p < e) {
    const word = v128.load(p);
    v128.store(out, word);
    const found = i8x16.bitmask(i8x16.eq(word, quotes));
    const left = e - p;
    if (found == 0 || <usize>ctz<i32>(found) >= left) {
      if (left <= 16) return out + left;
      p += 16;
      out += 16;
      continue;
    }
    // Up to the first of a pair, which stays.
    const bytes = <usize>ctz<i32>(found) + 1;
    p += bytes + 1;
    out += bytes;
  }
  return out;
}

/**
 * The texts of a column: offsets from 0, and bytes, behind whose end 16 more may be written. A text without quotes that is empty or
 * stands for null is null.
 */
export function csvTexts(c: usize, column: u32, offsets: usize, values: usize, validity: usize): void {
  const text = <usize>load<u32>(c, C_TEXT);
  const stride = <usize>load<u32>(c, C_STRIDE);
  const quote = load<u32>(c, C_QUOTE);
  const nulls = <usize>load<u32>(c, C_NULLS);
  const rows = load<u32>(c, C_ROWS);
  let entry = <usize>load<u32>(c, C_ENTRIES) + (<usize>column << 2);
  let out = values;
  store<u32>(offsets, 0);
  for (let row: u32 = 0; row < rows; row++, entry += stride) {
    const p = text + <usize>(load<u32>(entry) + 1);
    const e = text + <usize>load<u32>(entry, 4);
    offsets += 4;
    if (p < e && load<u8>(p) == quote) {
      out = unescape(out, p + 1, e - 1, quote);
    } else if (p == e || isNull(nulls, p, e)) {
      clearBit(validity, row);
      store<u32>(c, load<u32>(c, C_NULL_COUNT) + 1, C_NULL_COUNT);
    } else {
      const bytes = e - p;
      if (bytes <= 16) v128.store(out, v128.load(p));
      else copyShort(out, p, bytes);
      out += bytes;
    }
    store<u32>(offsets, <u32>(out - values));
  }
}
