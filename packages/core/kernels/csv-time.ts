// Dates and times as texts: ISO 8601 and compiled formats. Results are days or counts of a unit since 1970.
import { C_DIGITS, C_FORMAT, C_MORE_DIGITS, C_STATUS, NO_VALUE, OUT_OF_RANGE, TOO_FINE } from './csv-layout';
import { areDigits, digits2, digits8, magnitudeFast, power10 } from './csv-digits';

/** Days since 1970 of a date, or i32.MAX_VALUE when there is no such date. Years 0 to 9999. */
export function civilDays(year: u32, month: u32, day: u32): i32 {
  if (month - 1 > 11 || day - 1 > 30) return i32.MAX_VALUE;
  const isLeap = (year & 3) == 0 && (year % 100 != 0 || year % 400 == 0);
  if (day > 28) {
    const longest: u32 = month == 2 ? (isLeap ? 29 : 28) : 30 + ((month + (month >> 3)) & 1);
    if (day > longest) return i32.MAX_VALUE;
  }
  const y = <i32>year - (month <= 2 ? 1 : 0) + 400;
  const era = y / 400;
  const ofEra = y - era * 400;
  const ofYear = (153 * (<i32>month + (month > 2 ? -3 : 9)) + 2) / 5 + <i32>day - 1;
  return (era - 1) * 146097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719468;
}

/** Days of YYYY-MM-DD at p. */
export function isoDays(p: usize): i32 {
  const high = digits2(p);
  const low = digits2(p + 2);
  const month = digits2(p + 5);
  const day = digits2(p + 8);
  if (high > 99 || low > 99 || load<u8>(p, 4) != 45 || load<u8>(p, 7) != 45) return i32.MAX_VALUE;
  return civilDays(high * 100 + low, month, day);
}

// @ts-ignore: decorator
@inline
function fail(c: usize, status: u32): i64 {
  store<u32>(c, status, C_STATUS);
  return 0;
}

/** `seconds` and `count` digits of a second, as a count of the unit; sets the status when that is not exact. */
export function inUnit(c: usize, seconds: i64, fraction: u64, count: u32): i64 {
  const digits = load<u32>(c, C_DIGITS);
  const unit = <i64>power10(digits);
  let part = fraction;
  if (count <= digits) {
    part *= power10(digits - count);
  } else {
    const finer = power10(count - digits);
    if (part % finer != 0) return fail(c, TOO_FINE);
    part /= finer;
  }
  const limit = i64.MAX_VALUE / unit - 1;
  if (seconds > limit || seconds < -limit) return fail(c, OUT_OF_RANGE);
  return seconds * unit + <i64>part;
}

/** Seconds of Z, ±hh, ±hhmm, ±hh:mm from p to e, all of it; sets the status when it is none. */
function offsetSeconds(c: usize, p: usize, e: usize): i64 {
  const first = load<u8>(p);
  const bytes = <u32>(e - p);
  if (first == 90 || first == 122) return bytes == 1 ? 0 : fail(c, NO_VALUE);
  if (first != 43 && first != 45) return fail(c, NO_VALUE);
  const hours = bytes >= 3 ? digits2(p + 1) : 100;
  let minutes: u32 = 0;
  if (bytes == 6 && load<u8>(p, 3) == 58) minutes = digits2(p + 4);
  else if (bytes == 5) minutes = digits2(p + 3);
  else if (bytes != 3) return fail(c, NO_VALUE);
  if (hours > 23 || minutes > 59) return fail(c, NO_VALUE);
  const seconds = <i64>(hours * 3600 + minutes * 60);
  return first == 45 ? -seconds : seconds;
}

/** Where the digits from p on end, no later than e and nine of them. */
// @ts-ignore: decorator
@inline
function fractionEnd(p: usize, e: usize): usize {
  const most = e - p > 9 ? p + 9 : e;
  while (p < most && <u32>load<u8>(p) - 48 < 10) p++;
  return p;
}

/** hh:mm[:ss[.fraction]][offset] from p to e, of the day `days`. The status is `HAS_OFFSET` when the text names one. */
export function clockTime(c: usize, days: i32, p: usize, e: usize, mayHaveOffset: bool): i64 {
  if (e - p < 5 || load<u8>(p, 2) != 58) return fail(c, NO_VALUE);
  let hours: u32;
  let minutes: u32;
  let seconds: u32 = 0;
  let fraction: u64 = 0;
  let count: u32 = 0;
  let hasSeconds = false;
  const word = load<u64>(p);
  if (e - p >= 8 && (word & 0x0000ff0000ff0000) == 0x00003a00003a0000) {
    // All eight bytes at once, the colons as zeros.
    const digits = word - 0x00000a00000a0000;
    if (!areDigits(digits)) return fail(c, NO_VALUE);
    const d = digits & 0x0f0f0f0f0f0f0f0f;
    hours = <u32>((d & 15) * 10 + ((d >> 8) & 15));
    minutes = <u32>(((d >> 24) & 15) * 10 + ((d >> 32) & 15));
    seconds = <u32>(((d >> 48) & 15) * 10 + (d >> 56));
    hasSeconds = true;
    p += 8;
  } else {
    hours = digits2(p);
    minutes = digits2(p + 3);
    p += 5;
    if (p < e && load<u8>(p) == 58) {
      if (e - p < 3) return fail(c, NO_VALUE);
      seconds = digits2(p + 1);
      hasSeconds = true;
      p += 3;
    }
  }
  if (hasSeconds) {
    if (p < e && (load<u8>(p) == 46 || load<u8>(p) == 44)) {
      const end = fractionEnd(p + 1, e);
      count = <u32>(end - p - 1);
      if (count == 0) return fail(c, NO_VALUE);
      fraction = magnitudeFast(c, p + 1, end);
      p = end;
    }
  }
  if (hours > 23 || minutes > 59 || seconds > 59) return fail(c, NO_VALUE);
  let total = <i64>days * 86400 + <i64>(hours * 3600 + minutes * 60 + seconds);
  if (p < e) {
    if (!mayHaveOffset) return fail(c, NO_VALUE);
    if (load<u8>(p) == 32) p++;
    if (p >= e) return fail(c, NO_VALUE);
    total -= offsetSeconds(c, p, e);
    if (load<u32>(c, C_STATUS) != 0) return 0;
    const value = inUnit(c, total, fraction, count);
    if (load<u32>(c, C_STATUS) == 0) store<u32>(c, HAS_OFFSET, C_STATUS);
    return value;
  }
  return inUnit(c, total, fraction, count);
}

/** In `C_STATUS`: a value, and its text named an offset from UTC. */
export const HAS_OFFSET: u32 = 0x100;

/** A number since 1970 in a unit of its own, with or without a fraction. */
export function epoch(c: usize, p: usize, e: usize): i64 {
  const isNegative = load<u8>(p) == 45;
  if (isNegative) p++;
  let point = p;
  while (point < e && load<u8>(point) != 46) point++;
  const whole = magnitudeFast(c, p, point);
  let fraction: u64 = 0;
  let count: u32 = 0;
  if (point < e) {
    const end = fractionEnd(point + 1, e);
    count = <u32>(end - point - 1);
    if (end != e || count == 0) return fail(c, NO_VALUE);
    fraction = magnitudeFast(c, point + 1, end);
  }
  if (load<u32>(c, C_STATUS) != 0) return 0;
  const own = load<u32>(c, C_MORE_DIGITS);
  const digits = load<u32>(c, C_DIGITS);
  let value: u64;
  if (own <= digits) {
    const scale = power10(digits - own);
    const more = count == 0 ? 0 : scaled(c, fraction, count, digits - own);
    if (whole > <u64>i64.MAX_VALUE / scale) return fail(c, OUT_OF_RANGE);
    value = whole * scale + more;
    if (value > <u64>i64.MAX_VALUE) return fail(c, OUT_OF_RANGE);
  } else {
    const finer = power10(own - digits);
    if (whole % finer != 0 || fraction != 0) return fail(c, TOO_FINE);
    value = whole / finer;
  }
  return isNegative ? -<i64>value : <i64>value;
}

/** `count` digits behind a point, as `digits` of them. */
function scaled(c: usize, fraction: u64, count: u32, digits: u32): u64 {
  if (count <= digits) return fraction * power10(digits - count);
  const finer = power10(count - digits);
  if (fraction % finer != 0) store<u32>(c, TOO_FINE, C_STATUS);
  return fraction / finer;
}

/** 1 to 12 for the English name of a month, abbreviated or not; 0 for others. */
function monthOf(p: usize): u32 {
  const name = (<u32>load<u8>(p) << 16 | <u32>load<u8>(p, 1) << 8 | <u32>load<u8>(p, 2)) | 0x202020;
  if (name == 0x6a616e) return 1;
  if (name == 0x666562) return 2;
  if (name == 0x6d6172) return 3;
  if (name == 0x617072) return 4;
  if (name == 0x6d6179) return 5;
  if (name == 0x6a756e) return 6;
  if (name == 0x6a756c) return 7;
  if (name == 0x617567) return 8;
  if (name == 0x736570) return 9;
  if (name == 0x6f6374) return 10;
  if (name == 0x6e6f76) return 11;
  return name == 0x646563 ? 12 : 0;
}

/** Letters of the full name of a month. */
function monthLength(month: u32): u32 {
  if (month == 9) return 9;
  if (month == 2 || month == 11 || month == 12) return 8;
  if (month == 1 || month == 10) return 7;
  if (month == 8) return 6;
  if (month == 3 || month == 4) return 5;
  return month == 5 ? 3 : 4;
}

/**
 * A text by a compiled format: pairs of a letter (as after % in strftime, or 0 for a literal) and the literal, ended by 0xff.
 * The result is in the unit of the column, or in days where `isDate`.
 */
export function formatted(c: usize, p: usize, e: usize, isDate: bool): i64 {
  let year: u32 = 1970;
  let month: u32 = 1;
  let day: u32 = 1;
  let dayOfYear: u32 = 0;
  let hour: u32 = 0;
  let minute: u32 = 0;
  let second: u32 = 0;
  let half: u32 = 0;
  let fraction: u64 = 0;
  let count: u32 = 0;
  let offset: i64 = 0;
  let isNamed = false;
  for (let step = <usize>load<u32>(c, C_FORMAT); load<u8>(step) != 0xff; step += 2) {
    const op = load<u8>(step);
    if (op == 0) {
      if (p >= e || load<u8>(p) != load<u8>(step, 1)) return fail(c, NO_VALUE);
      p++;
      continue;
    }
    if (op == 122) { // z
      let end = p + 1;
      if (p >= e) return fail(c, NO_VALUE);
      while (end < e && (<u32>load<u8>(end) - 48 < 10 || load<u8>(end) == 58)) end++;
      offset = offsetSeconds(c, p, end);
      if (load<u32>(c, C_STATUS) != 0) return 0;
      isNamed = true;
      p = end;
      continue;
    }
    if (op == 98 || op == 66) { // b, B
      month = e - p >= 3 ? monthOf(p) : 0;
      if (month == 0) return fail(c, NO_VALUE);
      p += op == 98 ? 3 : monthLength(month);
      if (p > e) return fail(c, NO_VALUE);
      continue;
    }
    if (op == 112) { // p
      const letter = e - p >= 2 ? load<u8>(p) | 32 : 0;
      if ((letter != 97 && letter != 112) || (load<u8>(p, 1) | 32) != 109) return fail(c, NO_VALUE);
      half = letter == 97 ? 1 : 2;
      p += 2;
      continue;
    }
    if (op == 101 && p < e && load<u8>(p) == 32) p++; // e
    const most: usize = op == 89 ? 4 : op == 106 ? 3 : op == 102 ? 9 : 2;
    let end = p;
    while (end < e && end - p < most && <u32>load<u8>(end) - 48 < 10) end++;
    if (end == p || (op == 89 && end - p != 4)) return fail(c, NO_VALUE);
    const value = magnitudeFast(c, p, end);
    const number = <u32>value;
    if (op == 89) year = number;
    else if (op == 121) year = number + (number < 69 ? 2000 : 1900);
    else if (op == 109) month = number;
    else if (op == 100 || op == 101) day = number;
    else if (op == 106) dayOfYear = number;
    else if (op == 72) hour = number;
    else if (op == 73) hour = number - 1 < 12 ? number : 99;
    else if (op == 77) minute = number;
    else if (op == 83) second = number;
    else {
      fraction = value;
      count = <u32>(end - p);
    }
    p = end;
  }
  if (half != 0) hour = hour > 12 ? 99 : hour % 12 + (half == 2 ? 12 : 0);
  if (p != e || hour > 23 || minute > 59 || second > 59) return fail(c, NO_VALUE);
  let days = civilDays(year, month, day);
  if (days == i32.MAX_VALUE) return fail(c, NO_VALUE);
  if (dayOfYear != 0) {
    days = civilDays(year, 1, 1) + <i32>dayOfYear - 1;
    if (days >= civilDays(year + 1, 1, 1)) return fail(c, NO_VALUE);
  }
  if (isDate) return <i64>days;
  const seconds = <i64>days * 86400 + <i64>(hour * 3600 + minute * 60 + second) - offset;
  const result = inUnit(c, seconds, fraction, count);
  if (isNamed && load<u32>(c, C_STATUS) == 0) store<u32>(c, HAS_OFFSET, C_STATUS);
  return result;
}
