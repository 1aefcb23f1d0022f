// Columns of values from CSV. Each kind has a loop for how its values are mostly written, sixteen letters at once; what is written
// otherwise goes through `readValue` one by one, as does everything that is none.
//
// The loops for what is common have no branch but the one that leaves them, at their end, and no call: so what is the same for all
// rows stays in registers. With either in them each vector of constants was made anew for each row, which took half of the time.
import { F32, F64, I16, I32, I64, I8, U16, U32, U64, U8 } from './layout';
import {
  C_DIGITS, C_ENTRIES, C_FORMAT, C_NULLS_FIRST, C_OFFSETS, C_POWERS, C_ROWS, C_STRIDE, C_TEXT, DATE32, TIMESTAMP,
} from './csv-layout';
import { power10 } from './csv-digits';
import { areOdd, digitsOf, lanes, lastLanes, numberOf, pairsOf } from './csv-sixteen';
import { isoDays } from './csv-time';
import { readValue } from './csv-values';

// @ts-ignore: decorator
@inline
function entryOf(c: usize, column: u32, row: u32): usize {
  return <usize>load<u32>(c, C_ENTRIES) + <usize>row * <usize>load<u32>(c, C_STRIDE) + (<usize>column << 2);
}

/** As `readValue`. */
function readEntry(c: usize, kind: i32, entry: usize, out: usize, row: u32, validity: usize): bool {
  const text = <usize>load<u32>(c, C_TEXT);
  return readValue(c, kind, text + <usize>load<u32>(entry) + 1, text + <usize>load<u32>(entry, 4), out, row, validity);
}

/** Whether a number is beyond T. */
// @ts-ignore: decorator
@inline
function isBeyond<T>(value: u64, isNegative: u32): u32 {
  if (!isSigned<T>()) return sizeof<T>() == 8 ? isNegative : isNegative | <u32>(value >> (sizeof<T>() << 3) != 0);
  // The least number is one further from 0 than the greatest; sixteen digits are less than either of 64 bits.
  return sizeof<T>() == 8 ? 0 : <u32>((value - isNegative) >> ((sizeof<T>() << 3) - 1) != 0);
}

/** Whole numbers of up to sixteen digits. */
function wholeNumbers<T>(c: usize, kind: i32, column: u32, from: u32, out: usize, validity: usize): u32 {
  const text = <usize>load<u32>(c, C_TEXT);
  const stride = <usize>load<u32>(c, C_STRIDE);
  const end = entryOf(c, column, load<u32>(c, C_ROWS));
  let entry = entryOf(c, column, from);
  let at = out + <usize>from * sizeof<T>();
  while (entry != end) {
    do {
      const e = text + <usize>load<u32>(entry, 4);
      const p = text + <usize>load<u32>(entry) + 1;
      const isNegative = <u32>(load<u8>(p) == 45);
      const count = <u32>(e - p) - isNegative;
      const digits = v128.and(lastLanes(count), digitsOf(v128.load(e - 16)));
      const value = numberOf(digits);
      const odd = ((count - 1) >> 4) | areOdd(digits, i8x16.splat(9)) | isBeyond<T>(value, isNegative);
      if (odd != 0) break;
      store<T>(at, <T>((value ^ -<u64>isNegative) + isNegative));
      at += sizeof<T>();
      entry += stride;
    } while (entry != end);
    if (entry == end) break;
    const row = <u32>((at - out) / sizeof<T>());
    if (!readEntry(c, kind, entry, out, row, validity)) return row;
    at += sizeof<T>();
    entry += stride;
  }
  return load<u32>(c, C_ROWS);
}

/**
 * Doubles of up to sixteen digits and a point: exact, because the digits (with a point, at most fifteen) and the power of ten are,
 * and rounded once.
 */
function realNumbers<T>(c: usize, kind: i32, column: u32, from: u32, out: usize, validity: usize): u32 {
  const text = <usize>load<u32>(c, C_TEXT);
  const stride = <usize>load<u32>(c, C_STRIDE);
  const powers = <usize>load<u32>(c, C_POWERS);
  const end = entryOf(c, column, load<u32>(c, C_ROWS));
  let entry = entryOf(c, column, from);
  let at = out + <usize>from * sizeof<T>();
  while (entry != end) {
    do {
      const e = text + <usize>load<u32>(entry, 4);
      const p = text + <usize>load<u32>(entry) + 1;
      const isNegative = <u32>(load<u8>(p) == 45);
      const count = <u32>(e - p) - isNegative;
      const there = lastLanes(count);
      const letters = v128.load(e - 16);
      const points = <u32>i8x16.bitmask(v128.and(i8x16.eq(letters, i8x16.splat(46)), there));
      // Of the last point; where there is none, before all lanes. What is before it moves into its place.
      const point = 31 - clz<u32>(points);
      const moved = i8x16.add(lanes(), i8x16.gt_s(i8x16.splat(<i8>(point + 1)), lanes()));
      const digits = i8x16.swizzle(v128.and(digitsOf(letters), there), moved);
      // A point alone is no number.
      const odd = ((count - 1) | (count - 1 - <u32>(points != 0))) >> 4 | areOdd(digits, i8x16.splat(9));
      const behind = (15 - point) & 15;
      const value = <f64><i64>numberOf(digits) / load<f64>(powers + (<usize>behind << 3));
      if (odd != 0) break;
      store<T>(at, <T>reinterpret<f64>(reinterpret<u64>(value) | (<u64>isNegative << 63)));
      at += sizeof<T>();
      entry += stride;
    } while (entry != end);
    if (entry == end) break;
    const row = <u32>((at - out) / sizeof<T>());
    if (!readEntry(c, kind, entry, out, row, validity)) return row;
    at += sizeof<T>();
    entry += stride;
  }
  return load<u32>(c, C_ROWS);
}

/** Dates of ten letters. */
function dates(c: usize, column: u32, from: u32, out: usize, validity: usize): u32 {
  const text = <usize>load<u32>(c, C_TEXT);
  const stride = <usize>load<u32>(c, C_STRIDE);
  const rows = load<u32>(c, C_ROWS);
  let entry = entryOf(c, column, from);
  // The date of the row before: the next one is often the same.
  let head: u64 = 0;
  let tail: u32 = 0;
  let days: i32 = i32.MAX_VALUE;
  for (let row = from; row < rows; row++, entry += stride) {
    const p = text + <usize>(load<u32>(entry) + 1);
    const e = text + <usize>load<u32>(entry, 4);
    if (e - p == 10) {
      if (load<u64>(p) != head || <u32>load<u16>(p, 8) != tail) {
        head = load<u64>(p);
        tail = <u32>load<u16>(p, 8);
        days = isoDays(p);
      }
      if (days != i32.MAX_VALUE) {
        store<i32>(out + (<usize>row << 2), days);
        continue;
      }
    }
    if (!readEntry(c, DATE32, entry, out, row, validity)) return row;
  }
  return rows;
}

/**
 * Lanes of hh:mm:ss.fffffff by where their digits stand in a number: hours and minutes in the first four lanes, in the others the
 * seconds with `digits` digits behind them.
 */
function clockLanes(digits: u32): v128 {
  const shift = <i8>(<i32>digits - 7);
  const last = <i8>(15 - <i32>digits);
  // One less for the seconds, behind which the point stands.
  let places = i8x16.add(i8x16.add(lanes(), i8x16.splat(shift)), i8x16.le_s(lanes(), i8x16.splat(last)));
  places = v128.or(places, i8x16.lt_s(lanes(), i8x16.splat(last - 1)));
  return i32x4.replace_lane(places, 0, 0x04030100);
}

/** When the day of a text begins, as a count of the unit; i64.MIN_VALUE where that is no day, or not all of it can be told. */
function dayStart(p: usize, unit: i64): i64 {
  const letter = load<u8>(p, 10);
  if (letter != 84 && letter != 32 && letter != 116) return i64.MIN_VALUE;
  const days = isoDays(p);
  if (days == i32.MAX_VALUE) return i64.MIN_VALUE;
  const most = i64.MAX_VALUE / unit - 86402;
  const seconds = <i64>days * 86400;
  return seconds > most || seconds < -most ? i64.MIN_VALUE : seconds * unit;
}

/** YYYY-MM-DD hh:mm:ss, with up to seven digits of a second, no more than the unit has; with Z behind or without. */
function timestamps(c: usize, column: u32, from: u32, out: usize, validity: usize): u32 {
  const text = <usize>load<u32>(c, C_TEXT);
  const stride = <usize>load<u32>(c, C_STRIDE);
  const digits = load<u32>(c, C_DIGITS);
  const unit = <i64>power10(digits);
  const places = clockLanes(digits);
  // Letters of the time: eight, or a point and digits behind.
  const oddCounts: u32 = ~((1 << 8) | (((1 << min<u32>(digits, 7)) - 1) << 10));
  const end = entryOf(c, column, load<u32>(c, C_ROWS));
  const asksOffset = <u32>(load<u32>(c, C_OFFSETS) != 0);
  let entry = entryOf(c, column, from);
  let at = out + (<usize>from << 3);
  // The day of the row before: the next one is often the same. No text has bytes of all ones.
  let head = u64.MAX_VALUE;
  let tail: u32 = 0;
  let start: i64 = 0;
  while (entry != end) {
    do {
      const e = text + <usize>load<u32>(entry, 4);
      const p = text + <usize>load<u32>(entry) + 1;
      const isUtc = <u32>(load<u8>(e - 1) == 90);
      const count = <u32>(e - p) - 11 - isUtc;
      const letters = v128.xor(
        v128.load(p, 11),
        i8x16(48, 48, 58, 48, 48, 58, 48, 48, 46, 48, 48, 48, 48, 48, 48, 48),
      );
      const clock = v128.and(letters, i8x16.gt_s(i8x16.splat(<i8>count), lanes()));
      const numbers = i32x4.dot_i16x8_s(pairsOf(i8x16.swizzle(clock, places)), i16x8(60, 1, 100, 1, 100, 1, 100, 1));
      const minutes = i32x4.extract_lane(numbers, 0);
      const most = i8x16(2, 9, 0, 5, 9, 0, 5, 9, 0, 9, 9, 9, 9, 9, 9, 9);
      const day = (load<u64>(p) ^ head) | <u64>(load<u32>(p, 7) ^ tail);
      const time = areOdd(clock, most) | <u32>(minutes > 1439) | (count >> 5) | (oddCounts >> count & 1);
      if ((<u32>(day != 0) | time | (asksOffset & isUtc)) != 0) break;
      const low = <i64>i32x4.extract_lane(numbers, 2) * 10000 + <i64>i32x4.extract_lane(numbers, 3);
      const rest = <i64>i32x4.extract_lane(numbers, 1) * 100000000 + low;
      store<i64>(at, start + <i64>minutes * 60 * unit + rest);
      at += 8;
      entry += stride;
    } while (entry != end);
    if (entry == end) break;
    const p = text + <usize>load<u32>(entry) + 1;
    if (load<u64>(p) != head || load<u32>(p, 7) != tail) {
      const next = dayStart(p, unit);
      if (next != i64.MIN_VALUE) {
        head = load<u64>(p);
        tail = load<u32>(p, 7);
        start = next;
        continue;
      }
    }
    const row = <u32>((at - out) >> 3);
    if (!readEntry(c, TIMESTAMP, entry, out, row, validity)) return row;
    at += 8;
    entry += stride;
  }
  return load<u32>(c, C_ROWS);
}

/** Values that are read one by one. */
function others(c: usize, kind: i32, column: u32, from: u32, out: usize, validity: usize): u32 {
  const stride = <usize>load<u32>(c, C_STRIDE);
  const rows = load<u32>(c, C_ROWS);
  let entry = entryOf(c, column, from);
  for (let row = from; row < rows; row++, entry += stride) {
    if (!readEntry(c, kind, entry, out, row, validity)) return row;
  }
  return rows;
}

/**
 * Values of one column from row `from` on. Returns the first row that is none, with the reason in `C_STATUS`, or the number of rows.
 * The validity bitmap has to be all ones before, bits of booleans and of `C_OFFSETS` all zeros. Up to 16 bytes before the text are read.
 */
export function csvValues(c: usize, kind: i32, column: u32, from: u32, out: usize, validity: usize): u32 {
  // Where texts that stand for null are values too, each has to be compared with them first.
  if (load<u32>(c, C_NULLS_FIRST) != 0) return others(c, kind, column, from, out, validity);
  if (kind == I64) return wholeNumbers<i64>(c, kind, column, from, out, validity);
  if (kind == U64) return wholeNumbers<u64>(c, kind, column, from, out, validity);
  if (kind == I32) return wholeNumbers<i32>(c, kind, column, from, out, validity);
  if (kind == U32) return wholeNumbers<u32>(c, kind, column, from, out, validity);
  if (kind == I16) return wholeNumbers<i16>(c, kind, column, from, out, validity);
  if (kind == U16) return wholeNumbers<u16>(c, kind, column, from, out, validity);
  if (kind == I8) return wholeNumbers<i8>(c, kind, column, from, out, validity);
  if (kind == U8) return wholeNumbers<u8>(c, kind, column, from, out, validity);
  if (kind == F64) return realNumbers<f64>(c, kind, column, from, out, validity);
  if (kind == F32) return realNumbers<f32>(c, kind, column, from, out, validity);
  if (load<u32>(c, C_FORMAT) != 0) return others(c, kind, column, from, out, validity);
  if (kind == DATE32) return dates(c, column, from, out, validity);
  if (kind == TIMESTAMP) return timestamps(c, column, from, out, validity);
  return others(c, kind, column, from, out, validity);
}
