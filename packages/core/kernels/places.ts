// Integers of a key table that lie close together: each has a *place* (u32: id + 1, 0 for none), in the order of their values. Nothing is hashed,
// and a place is half a slot, whose memory it uses. So it is as long as there are at most four times as many numbers between the least and the
// greatest as the table has room for. That is decided by the first rows, when a key comes that has no place, and when the table grows.
// Numbers in rows that were looked at count too: a table does not change its mind at every growth.
import {
  appendInteger, COUNT, GREATEST_SEEN, KEYS, LEAST_SEEN, NO_ID, NULL_ID, nullId, PLACES, SLOT_MASK, SLOTS,
} from './key-header';
import { isThere } from './types';

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

/** Four rows at a time whose keys are known; gives the first row that is not one of them, or that is left over. */
// @ts-ignore: decorator
@inline
function encodeKnown<T>(slots: usize, places: u64, first: u64, values: usize, from: u32, rows: u32, ids: usize): u32 {
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
