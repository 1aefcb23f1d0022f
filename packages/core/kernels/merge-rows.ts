// Rows merged into the states of slots one by one: for rows that nearly all are groups of their own, of which states would only be made to be merged.
import { isSet } from './dense';
import { FLAG_NOT_MINUS_ZERO, STATE_BYTES, WINDOW } from './layout';
import { mergeHigh, mergeLow, mergeWindow, targetOf } from './merge';
import { addToPair, beginPair, isPair, settlePair } from './pair-sum';
import { add128 } from './state-arrays';
import { flagsOf, placeDouble } from './sum-window';
import { beginRecords, recordResult } from './wide-sum';

/** Counts rows; first and last values are those of the first and the last of a slot's rows. */
function countRows<T>(
  values: usize, validity: usize, targets: usize, rows: u32, count: usize, first: usize, last: usize,
): void {
  for (let row: u32 = 0; row < rows; row++) {
    if (validity != 0 && !isSet(validity, row)) continue;
    const slot = targetOf(targets, row);
    const at = count + (slot << 3);
    const before = load<u64>(at);
    store<u64>(at, before + 1);
    if ((first | last) == 0) continue;
    const value = load<T>(values + <usize>row * sizeof<T>());
    const held = first + slot * sizeof<T>();
    // Which of them are new is hard to foresee: no branch.
    if (first != 0) store<T>(held, select<T>(value, load<T>(held), before == 0));
    if (last != 0) store<T>(last + slot * sizeof<T>(), value);
  }
}

function rangeRows<T>(
  values: usize, validity: usize, targets: usize, rows: u32, low: usize, high: usize,
): void {
  for (let row: u32 = 0; row < rows; row++) {
    if (validity != 0 && !isSet(validity, row)) continue;
    const slot = targetOf(targets, row) << 3;
    const value = load<T>(values + <usize>row * sizeof<T>());
    if (isFloat<T>()) {
      if (low != 0) mergeLow<f64>(low + slot, <f64>value);
      if (high != 0) mergeHigh<f64>(high + slot, <f64>value);
    } else if (isSigned<T>()) {
      if (low != 0) mergeLow<i64>(low + slot, <i64>value);
      if (high != 0) mergeHigh<i64>(high + slot, <i64>value);
    } else {
      if (low != 0) mergeLow<u64>(low + slot, <u64>value);
      if (high != 0) mergeHigh<u64>(high + slot, <u64>value);
    }
  }
}

/** Adds a finite double, not zero, to a SumState; what does not fit is recorded. */
// @ts-ignore: decorator
@inline
function addDouble(held: usize, value: f64, slot: u32, scratch: usize): void {
  if (isPair(held)) {
    if (!addToPair(held, value)) addToWindow(held, value, slot, scratch);
  } else if (load<u32>(held, 8) == 0) {
    // A canonical zero has no first digit.
    beginPair(held, value);
  } else {
    addToWindow(held, value, slot, scratch);
  }
}

function addToWindow(held: usize, value: f64, slot: u32, scratch: usize): void {
  if (isPair(held)) settlePair(held);
  const copy = scratch + WINDOW;
  placeDouble(copy, value);
  mergeWindow(held, copy, slot, 0, scratch);
}

function sumRows<T>(values: usize, validity: usize, targets: usize, rows: u32, sum: usize, scratch: usize): void {
  for (let row: u32 = 0; row < rows; row++) {
    if (validity != 0 && !isSet(validity, row)) continue;
    const slot = targetOf(targets, row);
    const value = load<T>(values + <usize>row * sizeof<T>());
    if (isFloat<T>()) {
      const held = sum + slot * STATE_BYTES;
      const x = <f64>value;
      if (x != 0 && x - x == 0) {
        addDouble(held, x, <u32>slot, scratch);
        store<u32>(held, load<u32>(held, 4) | FLAG_NOT_MINUS_ZERO, 4);
      } else {
        store<u32>(held, load<u32>(held, 4) | flagsOf(x), 4);
      }
    } else {
      add128(sum + (slot << 4), <u64>value, isSigned<T>() ? <u64>(<i64>value >> 63) : 0);
    }
  }
}

function merge<T>(
  values: usize, validity: usize, targets: usize, rows: u32, count: usize, sum: usize, low: usize, high: usize, first: usize,
  last: usize, scratch: usize,
): void {
  countRows<T>(values, validity, targets, rows, count, first, last);
  if ((low | high) != 0) rangeRows<T>(values, validity, targets, rows, low, high);
  if (sum != 0) sumRows<T>(values, validity, targets, rows, sum, scratch);
}

/** See `mergeRows` in src/kernels/aggregate-contract.ts. */
export function mergeRows(
  type: i32, values: usize, validity: usize, targets: usize, rows: u32, count: usize, sum: usize, low: usize, high: usize,
  first: usize, last: usize, records: usize, capacity: u32, scratch: usize,
): i32 {
  beginRecords(scratch, records, capacity);
  switch (type) {
    case 0: merge<i8>(values, validity, targets, rows, count, sum, low, high, first, last, scratch); break;
    case 1: merge<i16>(values, validity, targets, rows, count, sum, low, high, first, last, scratch); break;
    case 2: merge<i32>(values, validity, targets, rows, count, sum, low, high, first, last, scratch); break;
    case 3: merge<i64>(values, validity, targets, rows, count, sum, low, high, first, last, scratch); break;
    case 4: merge<u8>(values, validity, targets, rows, count, sum, low, high, first, last, scratch); break;
    case 5: merge<u16>(values, validity, targets, rows, count, sum, low, high, first, last, scratch); break;
    case 6: merge<u32>(values, validity, targets, rows, count, sum, low, high, first, last, scratch); break;
    case 7: merge<u64>(values, validity, targets, rows, count, sum, low, high, first, last, scratch); break;
    case 8: merge<f32>(values, validity, targets, rows, count, sum, low, high, first, last, scratch); break;
    default: merge<f64>(values, validity, targets, rows, count, sum, low, high, first, last, scratch);
  }
  return recordResult(scratch);
}
