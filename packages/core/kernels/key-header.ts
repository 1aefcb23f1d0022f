// What stands in the header of a key table (src/kernels/key-table.ts lays it out), and how ids are given out.
export const COUNT: usize = 0;
export const NULL_ID: usize = 4;
export const SLOTS: usize = 8;
export const SLOT_MASK: usize = 12;
export const KEYS: usize = 16;
export const KEY_CAPACITY: usize = 20;
export const BYTES: usize = 24;
export const BYTE_CAPACITY: usize = 28;
export const BYTES_USED: usize = 32;
export const HAS_WIDE: usize = 36;
/** How many places the slots are; 0 when they are hashed. */
export const PLACES: usize = 40;
/** i64: least and greatest number seen, in keys and in rows that were looked at. */
export const LEAST_SEEN: usize = 48;
export const GREATEST_SEEN: usize = 56;
export const NO_ID: u32 = 0xffffffff;

/** Id of null, given out at its first row; NO_ID when there is no room. */
export function nullId(header: usize, isText: bool): u32 {
  const known = load<u32>(header, NULL_ID);
  if (known != NO_ID) return known;
  const id = load<u32>(header, COUNT);
  if (id == load<u32>(header, KEY_CAPACITY)) return NO_ID;
  const keys = <usize>load<u32>(header, KEYS);
  if (isText) store<u32>(keys + (<usize>id << 2), load<u32>(header, BYTES_USED), 4);
  else store<u64>(keys + (<usize>id << 3), 0);
  store<u32>(header, id, NULL_ID);
  store<u32>(header, id + 1, COUNT);
  return id;
}

/** Gives a key the next id; NO_ID when there is no room. */
// @ts-ignore: decorator
@inline
export function appendInteger(header: usize, key: u64): u32 {
  const id = load<u32>(header, COUNT);
  if (id == load<u32>(header, KEY_CAPACITY)) return NO_ID;
  store<u64>(<usize>load<u32>(header, KEYS) + (<usize>id << 3), key);
  store<u32>(header, id + 1, COUNT);
  return id;
}
