// Numbers of texts of a few bytes, looked up by their bytes themselves: where few texts come again and again, hashing each, and comparing it
// byte by byte, costs several times as much, since every length is a branch that cannot be foreseen.
//
// The memo is an array of entries, each the first and the last eight bytes of a text, its length, and its id. A text is looked for in one place
// only; what lies there is replaced by whatever came last. The key table remains what decides.
import { findText } from './text-keys';
import { BYTES, KEYS, NO_ID, SLOT_MASK, SLOTS } from './key-header';

/** Longer texts are not in the memo. */
const MOST: u32 = 16;
const HEAD: usize = 0;
const TAIL: usize = 8;
const LENGTH: usize = 16;
const ID: usize = 20;
const ENTRY: usize = 24;
/** Entries of the memo, as a power of two. */
const MEMO_LOG: u64 = 12;
const FACTOR: u64 = 0x9e3779b185ebca87;

/** As `encodeText`, of texts that are all there. Up to eight bytes before the values and behind them are read. `memo` is zeros at first. */
export function encodeShortTexts(
  header: usize, memo: usize, offsets: usize, values: usize, from: u32, rows: u32, ids: usize,
): u32 {
  const slots = <usize>load<u32>(header, SLOTS);
  const keys = <usize>load<u32>(header, KEYS);
  const base = <usize>load<u32>(header, BYTES);
  const mask = load<u32>(header, SLOT_MASK);
  let start = load<u32>(offsets + (<usize>from << 2));
  for (let row = from; row < rows; row++) {
    const end = load<u32>(offsets + (<usize>row << 2), 4);
    const bytes = end - start;
    const text = values + <usize>start;
    start = end;
    // An empty text is as a long one: a word cannot be shifted by all of its bits.
    if (bytes - 1 < MOST) {
      const head = load<u64>(text) & (<u64>-1 >> <u64>(64 - (min<u32>(bytes, 8) << 3)));
      const tail = select<u64>(load<u64>(text + bytes - 8), 0, bytes > 8);
      const hash = (head ^ rotl<u64>(tail, 23) ^ <u64>bytes) * FACTOR;
      const entry = memo + <usize>(hash >> (64 - MEMO_LOG)) * ENTRY;
      if (load<u64>(entry, HEAD) == head && load<u64>(entry, TAIL) == tail && load<u32>(entry, LENGTH) == bytes) {
        store<u32>(ids + (<usize>row << 2), load<u32>(entry, ID));
        continue;
      }
      const id = findText(header, slots, mask, keys, base, text, bytes);
      if (id == NO_ID) return row;
      store<u64>(entry, head, HEAD);
      store<u64>(entry, tail, TAIL);
      store<u32>(entry, bytes, LENGTH);
      store<u32>(entry, id, ID);
      store<u32>(ids + (<usize>row << 2), id);
      continue;
    }
    const id = findText(header, slots, mask, keys, base, text, bytes);
    if (id == NO_ID) return row;
    store<u32>(ids + (<usize>row << 2), id);
  }
  return rows;
}
