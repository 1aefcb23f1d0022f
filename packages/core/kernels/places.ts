// Integers of a key table that lie close together: each has a *place* (u32: id + 1, 0 for none), in the order of their values. Nothing is hashed,
// and a place is half a slot, whose memory it uses. So it is as long as there are at most four times as many numbers between the least and the
// greatest as the table has room for. That is decided by the first rows, when a key comes that has no place, and when the table grows.
// Numbers in rows that were looked at count too: a table does not change its mind at every growth.
import {
  appendInteger, COUNT, GREATEST_SEEN, KEYS, LEAST_SEEN, NO_ID, NULL_ID, nullId, PLACES, SLOT_MASK, SLOTS,
} from './key-header';
import { isThere } from './types';
import { wordsAt } from './dense';

/** Widens what has been seen by the keys of the table. True when there would be a place for each number in between. */
export function seeKeys(header: usize): bool {
  const keys = <usize>load<u32>(header, KEYS);
  const count = load<u32>(header, COUNT);
  const none = load<u32>(header, NULL_ID);
  let low = load<i64>(header, LEAST_SEEN);
  let high = load<i64>(header, GREATEST_SEEN);
  if (low <= high && <u64>(high - low) >= placeCount(header)) return false;
  for (let id: u32 = 0; id < count; id++) {
    if (id == none) continue;
    const key = load<i64>(keys + (<usize>id << 3));
    low = min<i64>(low, key);
    high = max<i64>(high, key);
  }
  store<i64>(header, low, LEAST_SEEN);
  store<i64>(header, high, GREATEST_SEEN);
  return low <= high && <u64>(high - low) < placeCount(header);
}

/** Widens what has been seen by rows, until it is too wide for places. */
export function seeRows<T>(header: usize, values: usize, validity: usize, from: u32, rows: u32): void {
  let low = load<i64>(header, LEAST_SEEN);
  let high = load<i64>(header, GREATEST_SEEN);
  const places = placeCount(header);
  for (let row = from; row < rows && (low > high || <u64>(high - low) < places); row++) {
    if (!isThere(validity, row)) continue;
    const key = <i64>load<T>(values + <usize>row * sizeof<T>());
    low = min<i64>(low, key);
    high = max<i64>(high, key);
  }
  store<i64>(header, low, LEAST_SEEN);
  store<i64>(header, high, GREATEST_SEEN);
}

/** Places that the slots have room for: two each. */
// @ts-ignore: decorator
@inline
function placeCount(header: usize): u64 {
  return (<u64>load<u32>(header, SLOT_MASK) + 1) << 1;
}

/** The number of the first place: what has been seen lies in the middle of all. */
// @ts-ignore: decorator
@inline
function firstKey(header: usize): u64 {
  const low = load<u64>(header, LEAST_SEEN);
  const spare = placeCount(header) - 1 - (load<u64>(header, GREATEST_SEEN) - low);
  return low - (spare >> 1);
}

/** Makes the slots places. */
export function layOutPlaces(header: usize): void {
  const places = placeCount(header);
  const first = firstKey(header);
  const slots = <usize>load<u32>(header, SLOTS);
  const keys = <usize>load<u32>(header, KEYS);
  const count = load<u32>(header, COUNT);
  const none = load<u32>(header, NULL_ID);
  memory.fill(slots, 0, <usize>places << 2);
  for (let id: u32 = 0; id < count; id++) {
    if (id == none) continue;
    const key = load<u64>(keys + (<usize>id << 3));
    store<u32>(slots + (<usize>(key - first) << 2), id + 1);
  }
  store<u32>(header, <u32>places, PLACES);
}

// @ts-ignore: decorator
@inline
function idAt<T>(slots: usize, places: u64, first: u64, value: usize): u32 {
  const place = <u64><i64>load<T>(value) - first;
  return place < places ? load<u32>(slots + (<usize>place << 2)) - 1 : NO_ID;
}

/** Some rows at a time whose keys are known; gives the first row that is not one of them, or that is left over. */
// @ts-ignore: decorator
@inline
function encodeKnown<T>(slots: usize, places: u64, first: u64, values: usize, from: u32, rows: u32, ids: usize): u32 {
  if (sizeof<T>() == 8) return encodeVectors<T>(slots, places, first, values, from, rows, ids);
  if (sizeof<T>() == 4 && fits32(places, first)) {
    return encodeVectors<T>(slots, places, first, values, from, rows, ids);
  }
  let row = from;
  for (; row + 4 <= rows; row += 4) {
    const value = values + <usize>row * sizeof<T>();
    const a = idAt<T>(slots, places, first, value);
    const b = idAt<T>(slots, places, first, value + sizeof<T>());
    const c = idAt<T>(slots, places, first, value + 2 * sizeof<T>());
    const d = idAt<T>(slots, places, first, value + 3 * sizeof<T>());
    const out = ids + (<usize>row << 2);
    if (max<u32>(max<u32>(a, b), max<u32>(c, d)) == NO_ID) break;
    store<u64>(out, <u64>a | (<u64>b << 32));
    store<u64>(out, <u64>c | (<u64>d << 32), 8);
  }
  return row;
}

/** Whether each place has a number in 32 bits: then a difference in 32 bits, whatever is lost of it, is no place unless it is the right one. */
// @ts-ignore: decorator
@inline
function fits32(places: u64, first: u64): bool {
  return <i64>first >= <i64>i32.MIN_VALUE && <i64>(first + places) <= <i64>i32.MAX_VALUE + 1;
}

/** Places of four rows; too great a number where there is none. */
// @ts-ignore: decorator
@inline
function placesOf<T>(values: usize, first: v128): v128 {
  if (sizeof<T>() == 4) return i32x4.sub(v128.load(values), first);
  const a = i64x2.sub(v128.load(values), first);
  const b = i64x2.sub(v128.load(values, 16), first);
  const least = i8x16.shuffle(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
  const most = i8x16.shuffle(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
  // Beyond 32 bits: no place. There are fewer places than 2^32.
  return v128.or(least, i32x4.ne(most, i32x4.splat(0)));
}

// @ts-ignore: decorator
@inline
function encodeVectors<T>(slots: usize, places: u64, first: u64, values: usize, from: u32, rows: u32, ids: usize): u32 {
  const start = sizeof<T>() == 4 ? i32x4.splat(<i32>first) : i64x2.splat(<i64>first);
  const end = i32x4.splat(<i32>places);
  const base = i32x4.splat(<i32>slots);
  const one = i32x4.splat(1);
  let row = from;
  for (; row + 8 <= rows; row += 8) {
    const value = values + <usize>row * sizeof<T>();
    const a = placesOf<T>(value, start);
    const b = placesOf<T>(value + 4 * sizeof<T>(), start);
    if (!i32x4.all_true(v128.and(i32x4.lt_u(a, end), i32x4.lt_u(b, end)))) break;
    const c = wordsAt(i32x4.add(i32x4.shl(a, 2), base));
    const d = wordsAt(i32x4.add(i32x4.shl(b, 2), base));
    if (!i32x4.all_true(i32x4.min_u(c, d))) break;
    const out = ids + (<usize>row << 2);
    v128.store(out, i32x4.sub(c, one));
    v128.store(out, i32x4.sub(d, one), 16);
  }
  return row;
}

/** Ids of rows; returns `rows`, or the first row whose key has no place, or no room. */
export function encodeByPlace<T>(header: usize, values: usize, validity: usize, from: u32, rows: u32, ids: usize): u32 {
  const slots = <usize>load<u32>(header, SLOTS);
  const places = <u64>load<u32>(header, PLACES);
  const first = firstKey(header);
  for (let row = from; row < rows; row++) {
    if (validity == 0) {
      row = encodeKnown<T>(slots, places, first, values, row, rows, ids);
      if (row == rows) return rows;
    }
    let id: u32;
    if (!isThere(validity, row)) {
      id = nullId(header, false);
    } else {
      const key = <u64><i64>load<T>(values + <usize>row * sizeof<T>());
      const place = key - first;
      if (place >= places) return row;
      const slot = slots + (<usize>place << 2);
      id = load<u32>(slot) - 1;
      if (id == NO_ID) {
        id = appendInteger(header, key);
        if (id != NO_ID) store<u32>(slot, id + 1);
      }
    }
    if (id == NO_ID) return row;
    store<u32>(ids + (<usize>row << 2), id);
  }
  return rows;
}
