// From texts to ids: the table of key-table.ts, whose keys are places in a list of bytes. A text is found by its hash and compared by words.
import { P1, P3, P5 } from './checksum';
import {
  BYTE_CAPACITY, BYTES, BYTES_USED, COUNT, KEY_CAPACITY, KEYS, NO_ID, nullId, SLOT_MASK, SLOTS,
} from './key-header';
import { copyShort } from './take';
import { isThere } from './types';

/** The bytes of a text of 1 to 7 bytes as a number: its ends, which overlap when it is short. */
// @ts-ignore: decorator
@inline
function shortText(ptr: usize, bytes: u32): u64 {
  if (bytes >= 4) return <u64>load<u32>(ptr) | (<u64>load<u32>(ptr + bytes - 4) << 32);
  return <u64>load<u8>(ptr) | (<u64>load<u8>(ptr + (bytes >> 1)) << 8) | (<u64>load<u8>(ptr + bytes - 1) << 16);
}

/** By words, the last of which overlaps the one before it: no loop over single bytes. */
function hashText(ptr: usize, bytes: u32): u32 {
  let hash = <u64>bytes * P5;
  if (bytes >= 8) {
    const last = ptr + bytes - 8;
    for (; ptr < last; ptr += 8) {
      hash = (hash ^ load<u64>(ptr)) * P1;
      hash ^= hash >> 32;
    }
    hash = (hash ^ load<u64>(last)) * P1;
  } else if (bytes > 0) {
    hash = (hash ^ shortText(ptr, bytes)) * P1;
  }
  hash ^= hash >> 32;
  return <u32>(hash * P3 >> 32);
}

// @ts-ignore: decorator
@inline
function isSameText(a: usize, b: usize, bytes: u32): bool {
  if (bytes < 8) return bytes == 0 || shortText(a, bytes) == shortText(b, bytes);
  const last = <usize>bytes - 8;
  for (let at: usize = 0; at < last; at += 8) if (load<u64>(a + at) != load<u64>(b + at)) return false;
  return load<u64>(a + last) == load<u64>(b + last);
}

// @ts-ignore: decorator
@inline
export function findText(header: usize, slots: usize, mask: u32, keys: usize, base: usize, text: usize, bytes: u32): u32 {
  const hash = hashText(text, bytes);
  let index = hash & mask;
  while (true) {
    const slot = slots + (<usize>index << 3);
    const held = load<u32>(slot, 4);
    if (held == 0) return addText(header, slot, hash, text, bytes);
    if (load<u32>(slot) == hash) {
      const at = keys + (<usize>(held - 1) << 2);
      const start = load<u32>(at);
      if (load<u32>(at, 4) - start == bytes && isSameText(base + start, text, bytes)) return held - 1;
    }
    index = (index + 1) & mask;
  }
}

function addText(header: usize, slot: usize, hash: u32, text: usize, bytes: u32): u32 {
  const id = load<u32>(header, COUNT);
  const used = load<u32>(header, BYTES_USED);
  if (id == load<u32>(header, KEY_CAPACITY) || bytes > load<u32>(header, BYTE_CAPACITY) - used) return NO_ID;
  copyShort(<usize>load<u32>(header, BYTES) + used, text, bytes);
  store<u32>(<usize>load<u32>(header, KEYS) + (<usize>id << 2), used + bytes, 4);
  store<u32>(header, used + bytes, BYTES_USED);
  store<u32>(slot, hash);
  store<u32>(slot, id + 1, 4);
  store<u32>(header, id + 1, COUNT);
  return id;
}

export function encodeText(
  header: usize, offsets: usize, values: usize, validity: usize, from: u32, rows: u32, ids: usize,
): u32 {
  const slots = <usize>load<u32>(header, SLOTS);
  const keys = <usize>load<u32>(header, KEYS);
  const base = <usize>load<u32>(header, BYTES);
  const mask = load<u32>(header, SLOT_MASK);
  let before: usize = 0;
  let length: u32 = 0;
  let id: u32 = NO_ID;
  for (let row = from; row < rows; row++) {
    if (!isThere(validity, row)) {
      const none = nullId(header, true);
      if (none == NO_ID) return row;
      store<u32>(ids + (<usize>row << 2), none);
      continue;
    }
    const at = offsets + (<usize>row << 2);
    const text = values + <usize>load<u32>(at);
    const bytes = load<u32>(at, 4) - load<u32>(at);
    if (id == NO_ID || bytes != length || !isSameText(text, before, bytes)) {
      id = findText(header, slots, mask, keys, base, text, bytes);
      if (id == NO_ID) return row;
      before = text;
      length = bytes;
    }
    store<u32>(ids + (<usize>row << 2), id);
  }
  return rows;
}
