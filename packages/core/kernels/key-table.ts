// Tables from keys to ids, and integers in them: open addressing, linear probes, at most half full. A slot is the key's hash (u32)
// and its id + 1 (u32, 0 for an empty slot). Integers that lie close together need no hashes: places.ts. Texts: text-keys.ts.
//
// A key that fits into 32 bits has a first place to be at, its lower bits, before the probes from its hash on: keys that are close together
// (numbers of symbols, of sensors) are all found there, by one look that never branches another way.
import { P1, P3 } from './checksum';
import {
  appendInteger, BYTE_CAPACITY, BYTES, BYTES_USED, COUNT, GREATEST_SEEN, HAS_WIDE, KEY_CAPACITY, KEYS, LEAST_SEEN, NO_ID, NULL_ID, nullId,
  PLACES, SLOT_MASK, SLOTS,
} from './key-header';
import { encodeByPlace, layOutPlaces, seeKeys, seeRows } from './places';
import { isThere } from './types';

export function initKeyTable(
  header: usize, slots: usize, slotCount: u32, keys: usize, keyCapacity: u32, bytes: usize, byteCapacity: u32,
): void {
  store<u32>(header, 0, COUNT);
  store<u32>(header, NO_ID, NULL_ID);
  store<u32>(header, slots, SLOTS);
  store<u32>(header, slotCount - 1, SLOT_MASK);
  store<u32>(header, keys, KEYS);
  store<u32>(header, keyCapacity, KEY_CAPACITY);
  store<u32>(header, bytes, BYTES);
  store<u32>(header, byteCapacity, BYTE_CAPACITY);
  store<u32>(header, 0, BYTES_USED);
  store<u32>(header, 0, HAS_WIDE);
  store<u32>(header, 0, PLACES);
  store<i64>(header, i64.MAX_VALUE, LEAST_SEEN);
  store<i64>(header, i64.MIN_VALUE, GREATEST_SEEN);
  if (byteCapacity > 0) store<u32>(keys, 0);
  memory.fill(slots, 0, <usize>slotCount << 3);
}

export function rehashKeyTable(header: usize, slots: usize, slotCount: u32, keys: usize, keyCapacity: u32): void {
  const old = <usize>load<u32>(header, SLOTS);
  const oldCount = load<u32>(header, SLOT_MASK) + 1;
  store<u32>(header, slots, SLOTS);
  store<u32>(header, slotCount - 1, SLOT_MASK);
  store<u32>(header, keys, KEYS);
  store<u32>(header, keyCapacity, KEY_CAPACITY);
  if (load<u32>(header, BYTE_CAPACITY) == 0 && seeKeys(header)) layOutPlaces(header);
  else moveHashes(header, old, oldCount);
}

/** The hashes are in the old slots: a key is read only beside wide ones, whose hash does not tell it. */
function moveHashes(header: usize, old: usize, oldCount: u32): void {
  const slots = <usize>load<u32>(header, SLOTS);
  const mask = load<u32>(header, SLOT_MASK);
  const keys = <usize>load<u32>(header, KEYS);
  const isText = load<u32>(header, BYTE_CAPACITY) > 0;
  const hasWide = load<u32>(header, HAS_WIDE) != 0;
  memory.fill(slots, 0, (<usize>mask + 1) << 3);
  for (let i: u32 = 0; i < oldCount; i++, old += 8) {
    const slot = load<u64>(old);
    if (slot == 0) continue;
    if (isText) {
      putSlot(slots, mask, slot);
      continue;
    }
    const key = hasWide ? load<u64>(keys + ((<usize>(slot >> 32) - 1) << 3)) : <u64>unmix(<u32>slot);
    putInteger(slots, mask, slot, <u32>key, !hasWide || isNarrow(key));
  }
}

// @ts-ignore: decorator
@inline
function putSlot(slots: usize, mask: u32, slot: u64): void {
  let index = <u32>slot & mask;
  while (load<u64>(slots + (<usize>index << 3)) != 0) index = (index + 1) & mask;
  store<u64>(slots + (<usize>index << 3), slot);
}

// @ts-ignore: decorator
@inline
function putInteger(slots: usize, mask: u32, slot: u64, low: u32, isNarrow: bool): void {
  const first = slots + (<usize>(low & mask) << 3);
  if (isNarrow && load<u64>(first) == 0) store<u64>(first, slot);
  else putSlot(slots, mask, slot);
}

/** Integers that had places get hashes. */
function hashKeys(header: usize): void {
  const slots = <usize>load<u32>(header, SLOTS);
  const mask = load<u32>(header, SLOT_MASK);
  const keys = <usize>load<u32>(header, KEYS);
  const count = load<u32>(header, COUNT);
  const none = load<u32>(header, NULL_ID);
  memory.fill(slots, 0, (<usize>mask + 1) << 3);
  store<u32>(header, 0, PLACES);
  for (let id: u32 = 0; id < count; id++) {
    if (id == none) continue;
    const key = load<u64>(keys + (<usize>id << 3));
    const isShort = isNarrow(key);
    if (!isShort) store<u32>(header, 1, HAS_WIDE);
    putInteger(slots, mask, (<u64>(id + 1) << 32) | <u64>hashInteger(key), <u32>key, isShort);
  }
}

/** The lower bits of the result depend on all bits of x, and no two x have one result: each of the three steps can be undone. */
// @ts-ignore: decorator
@inline
function mix(x: u32): u32 {
  const z = (x ^ (x >> 16)) * 0x9e3779b1;
  return z ^ (z >> 15);
}

/** The x of `mix(x)`. */
// @ts-ignore: decorator
@inline
function unmix(mixed: u32): u32 {
  const z = (mixed ^ (mixed >> 15) ^ (mixed >> 30)) * 0x0e8b2f51;
  return z ^ (z >> 16);
}

/** Whether a key is its lower half with the sign before it: then its hash is its own among all such keys. */
// @ts-ignore: decorator
@inline
function isNarrow(key: u64): bool {
  return <u64>(<i64>(<i32>key)) == key;
}

// @ts-ignore: decorator
@inline
function hashInteger(key: u64): u32 {
  if (isNarrow(key)) return mix(<u32>key);
  const h = (key ^ (key >> 32)) * P1;
  return <u32>(((h ^ (h >> 29)) * P3) >> 32);
}

/** Gives the key the next id, in a slot that is empty. */
function addInteger(header: usize, slot: usize, hash: u32, key: u64): u32 {
  const id = appendInteger(header, key);
  if (id == NO_ID) return NO_ID;
  store<u32>(slot, hash);
  store<u32>(slot, id + 1, 4);
  if (!isNarrow(key)) store<u32>(header, 1, HAS_WIDE);
  return id;
}

/** In a table that has narrow keys only, the same hash is the same key: keys, which lie elsewhere, are not read. */
// @ts-ignore: decorator
@inline
function findNarrow(header: usize, slots: usize, mask: u32, key: u32): u32 {
  const hash = mix(key);
  const first = slots + (<usize>(key & mask) << 3);
  const there = load<u64>(first);
  if (<u32>there == hash && there != 0) return <u32>(there >> 32) - 1;
  if (there == 0) return addInteger(header, first, hash, <u64><i64><i32>key);
  let index = hash & mask;
  while (true) {
    const at = slots + (<usize>index << 3);
    const slot = load<u64>(at);
    if (slot == 0) return addInteger(header, at, hash, <u64><i64><i32>key);
    if (<u32>slot == hash) return <u32>(slot >> 32) - 1;
    index = (index + 1) & mask;
  }
}

// @ts-ignore: decorator
@inline
function findInteger(header: usize, slots: usize, mask: u32, keys: usize, key: u64): u32 {
  const hash = hashInteger(key);
  if (isNarrow(key)) {
    const first = slots + (<usize>(<u32>key & mask) << 3);
    const there = load<u32>(first, 4);
    if (there == 0) return addInteger(header, first, hash, key);
    if (load<u64>(keys + (<usize>(there - 1) << 3)) == key) return there - 1;
  }
  let index = hash & mask;
  while (true) {
    const slot = slots + (<usize>index << 3);
    const held = load<u32>(slot, 4);
    if (held == 0) return addInteger(header, slot, hash, key);
    if (load<u64>(keys + (<usize>(held - 1) << 3)) == key) return held - 1;
    index = (index + 1) & mask;
  }
}

/** Rows whose keys are narrow and lie in their first places, which are mostly all: gives the first that is not one of them. */
// @ts-ignore: decorator
@inline
function encodeKnown<T>(slots: usize, mask: u32, values: usize, from: u32, rows: u32, ids: usize): u32 {
  let row = from;
  for (; row < rows; row++) {
    const key = load<T>(values + <usize>row * sizeof<T>());
    if (sizeof<T>() == 8 && !isNarrow(<u64>key)) break;
    const there = load<u64>(slots + (<usize>(<u32>key & mask) << 3));
    const next = <u32>(there >> 32);
    if (<u32>there != mix(<u32>key) || next == 0) break;
    store<u32>(ids + (<usize>row << 2), next - 1);
  }
  return row;
}

function encodeByHash<T>(header: usize, values: usize, validity: usize, from: u32, rows: u32, ids: usize): u32 {
  const slots = <usize>load<u32>(header, SLOTS);
  const keys = <usize>load<u32>(header, KEYS);
  const mask = load<u32>(header, SLOT_MASK);
  let hasWide = load<u32>(header, HAS_WIDE) != 0;
  let before: T = 0;
  let id: u32 = NO_ID;
  for (let row = from; row < rows; row++) {
    if (validity == 0 && !hasWide) {
      row = encodeKnown<T>(slots, mask, values, row, rows, ids);
      if (row == rows) return rows;
    }
    if (!isThere(validity, row)) {
      const none = nullId(header, false);
      if (none == NO_ID) return row;
      store<u32>(ids + (<usize>row << 2), none);
      continue;
    }
    const key = load<T>(values + <usize>row * sizeof<T>());
    // Runs of one key are common in ordered data.
    if (key != before || id == NO_ID) {
      if (sizeof<T>() == 8) hasWide = hasWide || !isNarrow(<u64>key);
      id = hasWide
        ? findInteger(header, slots, mask, keys, <u64><i64>key)
        : findNarrow(header, slots, mask, <u32>key);
      if (id == NO_ID) return row;
      before = key;
    }
    store<u32>(ids + (<usize>row << 2), id);
  }
  return rows;
}

/** From the first row on whose key has no place, or of a table without keys. */
function encodeElsewhere<T>(header: usize, values: usize, validity: usize, from: u32, rows: u32, ids: usize): u32 {
  seeRows<T>(header, values, validity, from, rows);
  if (seeKeys(header)) {
    layOutPlaces(header);
    return encodeByPlace<T>(header, values, validity, from, rows, ids);
  }
  hashKeys(header);
  return encodeByHash<T>(header, values, validity, from, rows, ids);
}

function encodeIntegers<T>(header: usize, values: usize, validity: usize, from: u32, rows: u32, ids: usize): u32 {
  let row = from;
  if (load<u32>(header, PLACES) != 0) {
    row = encodeByPlace<T>(header, values, validity, from, rows, ids);
    if (row == rows || load<u32>(header, COUNT) == load<u32>(header, KEY_CAPACITY)) return row;
  } else if (load<u32>(header, COUNT) != 0) {
    return encodeByHash<T>(header, values, validity, from, rows, ids);
  }
  return encodeElsewhere<T>(header, values, validity, row, rows, ids);
}

export function encodeInt64(header: usize, values: usize, validity: usize, from: u32, rows: u32, ids: usize): u32 {
  return encodeIntegers<i64>(header, values, validity, from, rows, ids);
}

export function encodeInt32(header: usize, values: usize, validity: usize, from: u32, rows: u32, ids: usize): u32 {
  return encodeIntegers<i32>(header, values, validity, from, rows, ids);
}

export function combineIds(left: usize, right: usize, rows: u32, out: usize): void {
  for (let row: u32 = 0; row < rows; row++, left += 4, right += 4, out += 8) {
    store<u32>(out, load<u32>(left));
    store<u32>(out, load<u32>(right), 4);
  }
}
