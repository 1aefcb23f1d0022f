// Where a sum goes that 256 bits cannot hold: a segment's into a full-width accumulator in scratch, cut into parts at its
// end; a group's, at once, into an overflow record.
import {
  RECORD_BYTES, RECORD_CAPACITY, RECORD_COUNT, RECORDS, STATE_BYTES, WIDE, WIDE_EXPONENT, WIDE_LIMBS, WIDE_USED,
} from './layout';
import { canonicalise, limb, setLimb, zeroWindow } from './sum-window';

/** Starts counting records of this call. */
export function beginRecords(scratch: usize, records: usize, capacity: i32): void {
  store<u32>(scratch + RECORD_COUNT, 0);
  store<u32>(scratch + RECORD_CAPACITY, capacity);
  store<u32>(scratch + RECORDS, <u32>records);
}

/** Number of records written, or -1 when they were more than there was room for. */
export function recordResult(scratch: usize): i32 {
  const count = load<u32>(scratch + RECORD_COUNT);
  return count > load<u32>(scratch + RECORD_CAPACITY) ? -1 : <i32>count;
}

/** Writes the number in a window as a record; flags 0. */
export function writeRecord(scratch: usize, window: usize, group: u32, which: u32): void {
  const index = load<u32>(scratch + RECORD_COUNT);
  store<u32>(scratch + RECORD_COUNT, index + 1);
  if (index >= load<u32>(scratch + RECORD_CAPACITY)) return;
  const record = <usize>load<u32>(scratch + RECORDS) + <usize>index * RECORD_BYTES;
  store<u32>(record, group);
  store<u32>(record, which, 4);
  memory.copy(record + 8, window, STATE_BYTES);
  store<u32>(record, 0, 12);
  canonicalise(record + 8);
}

/** Moves a group's window into a record, leaving zero. */
export function evict(scratch: usize, window: usize, group: u32, which: u32): void {
  writeRecord(scratch, window, group, which);
  zeroWindow(window);
}

/** Adds a window's number to the full-width accumulator, leaving zero in the window. */
export function widen(scratch: usize, window: usize): void {
  if (load<u32>(scratch + WIDE_USED) == 0) {
    store<u32>(scratch + WIDE_USED, 1);
    memory.fill(scratch + WIDE, 0, <usize>WIDE_LIMBS << 3);
  }
  // The grid of windows is 32 bits, that of limbs 64: an odd window is spread over five limbs.
  const position = load<i32>(window) - WIDE_EXPONENT;
  const shift = <u64>(position & 63);
  const sign = <u64>(<i64>limb(window, 3) >> 63);
  let below: u64 = 0;
  let carry: u64 = 0;
  for (let index = position >> 6, source = 0; index < WIDE_LIMBS; index++, source++) {
    const word = source < 4 ? limb(window, source) : sign;
    const part = shift == 0 ? word : (word << shift) | (below >> (64 - shift));
    below = word;
    const at = scratch + WIDE + (<usize>index << 3);
    const held = load<u64>(at);
    const sum = held + part;
    const withCarry = sum + carry;
    carry = <u64>(sum < held) + <u64>(withCarry < sum);
    store<u64>(at, withCarry);
  }
  zeroWindow(window);
}

/** Index of the lowest limb that is not zero; WIDE_LIMBS for none. */
function lowestLimb(wide: usize): i32 {
  for (let index = 0; index < WIDE_LIMBS; index++) if (load<u64>(wide + (<usize>index << 3)) != 0) return index;
  return WIDE_LIMBS;
}

/** True when all limbs from `from` on only repeat the sign of the one below. */
function isSignFrom(wide: usize, from: i32): bool {
  const sign = load<i64>(wide + (<usize>(from - 1) << 3)) >> 63;
  for (let index = from; index < WIDE_LIMBS; index++) if (load<i64>(wide + (<usize>index << 3)) != sign) return false;
  return true;
}

/**
 * Ends a segment's sum: the state gets its canonical form, what does not fit goes into records. Parts cut off below are
 * 192 bits and not negative.
 */
export function finishSum(scratch: usize, window: usize, group: u32, which: u32): void {
  if (load<u32>(scratch + WIDE_USED) == 0) {
    canonicalise(window);
    return;
  }
  widen(scratch, window);
  store<u32>(scratch + WIDE_USED, 0);
  const wide = scratch + WIDE;
  for (let low = lowestLimb(wide); low < WIDE_LIMBS; low = lowestLimb(wide)) {
    const isLast = low + 4 >= WIDE_LIMBS || isSignFrom(wide, low + 4);
    store<i32>(window, WIDE_EXPONENT + 64 * low);
    for (let index = 0; index < 4; index++) {
      const at = wide + (<usize>(low + index) << 3);
      const isTaken = low + index < WIDE_LIMBS && (index < 3 || isLast);
      setLimb(window, index, isTaken ? load<u64>(at) : 0);
      if (isTaken) store<u64>(at, 0);
    }
    if (isLast) {
      canonicalise(window);
      return;
    }
    writeRecord(scratch, window, group, which);
    zeroWindow(window);
  }
}
