// States of segments: consecutive rows of one column.
import { addBlockSquares } from './block-squares';
import { beginBlocks, blockRange, blockSum, settleZeros } from './block-sum';
import { countBits, denseDoubles, denseValues, firstBit, lastBit } from './dense';
import {
  BLOCK_MAX, BLOCK_MIN, BLOCK_Q, BLOCK_R, BLOCK_ROWS, DENSE, FLAG_NOT_MINUS_ZERO, WIDE_USED,
} from './layout';
import { blockExtremes, blockSquares, blockTotal, squares64 } from './integer-blocks';
import { initRange, squareBytes, sumBytes, takeMax, takeMin } from './state-arrays';
import { addAllDoubles, addDouble } from './segment-sums';
import { isZeroWindow, placePair } from './sum-window';
import { beginRecords, finishSum, recordResult } from './wide-sum';

/** A block below this is summed value by value. */
const LEAST_VECTOR_ROWS: i32 = 6;

/** One block of doubles into a segment's states. */
function addDoubleBlock(values: usize, n: i32, sum: usize, low: usize, high: usize, scratch: usize): void {
  if (n < LEAST_VECTOR_ROWS) {
    if (sum != 0) addAllDoubles(sum, values, n, scratch);
    for (let i = 0; i < n; i++) {
      const value = load<f64>(values + (<usize>i << 3));
      if (low != 0) takeMin(low, value);
      if (high != 0) takeMax(high, value);
    }
    return;
  }
  if (sum == 0) {
    blockRange(values, n, scratch);
  } else if (blockSum(values, n, scratch)) {
    const r = load<f64>(scratch + BLOCK_R);
    if (reinterpret<u64>(r) != 0x8000000000000000) store<u32>(sum, load<u32>(sum, 4) | FLAG_NOT_MINUS_ZERO, 4);
    const q = load<f64>(scratch + BLOCK_Q);
    if (!isZeroWindow(sum) || !placePair(sum, q, r)) {
      addDouble(sum, q, scratch);
      addDouble(sum, r, scratch);
    }
  } else {
    addAllDoubles(sum, values, n, scratch);
  }
  if ((low | high) == 0) return;
  // All NaN: nothing to take.
  if (load<f64>(scratch + BLOCK_MIN) > load<f64>(scratch + BLOCK_MAX)) return;
  settleZeros(values, n, scratch);
  if (low != 0) takeMin(low, load<f64>(scratch + BLOCK_MIN));
  if (high != 0) takeMax(high, load<f64>(scratch + BLOCK_MAX));
}

function floatSegment<T>(
  values: usize, validity: usize, start: u32, end: u32, sum: usize, sumSquares: usize, low: usize, high: usize, scratch: usize,
): void {
  for (let row = start; row < end; row += BLOCK_ROWS) {
    let n = <i32>min<u32>(end - row, BLOCK_ROWS);
    let block = values + <usize>row * sizeof<T>();
    if (sizeof<T>() == 4) {
      n = denseDoubles<T>(values, validity, row, n, scratch);
      block = scratch + DENSE;
    } else if (validity != 0) {
      n = denseValues<T>(values, validity, row, n, scratch);
      block = scratch + DENSE;
    }
    if ((sum | low | high) != 0) addDoubleBlock(block, n, sum, low, high, scratch);
    if (sumSquares != 0) addBlockSquares(block, n, sumSquares, scratch);
  }
}

function integerSegment<T>(
  values: usize, validity: usize, start: u32, end: u32, sum: usize, sumSquares: usize, low: usize, high: usize, scratch: usize,
): void {
  for (let row = start; row < end; row += BLOCK_ROWS) {
    let n = <i32>min<u32>(end - row, BLOCK_ROWS);
    let block = values + <usize>row * sizeof<T>();
    if (validity != 0) {
      n = denseValues<T>(values, validity, row, n, scratch);
      block = scratch + DENSE;
    }
    if (sum != 0) blockTotal<T>(block, n, sum);
    if ((low | high) != 0) blockExtremes<T>(block, n, low, high);
    if (sumSquares == 0) continue;
    if (sizeof<T>() == 8) squares64<T>(block, n, sumSquares);
    else blockSquares<T>(block, n, sumSquares);
  }
}

/** count, first and last of one segment; returns the validity that still has to be looked at (0 when nothing is null). */
function segmentRows(validity: usize, start: u32, end: u32, index: usize, count: usize, first: usize, last: usize): usize {
  let n = end - start;
  if (validity != 0) {
    n = <u32>countBits(validity, start, end);
    if (n == end - start) validity = 0;
  }
  if (count != 0) store<u64>(count + (index << 3), <u64>n);
  if (n == 0) return validity;
  if (first != 0) store<u32>(first + (index << 2), validity == 0 ? start : firstBit(validity, start, end));
  if (last != 0) store<u32>(last + (index << 2), validity == 0 ? end - 1 : lastBit(validity, start, end));
  return validity;
}

function segments<T>(
  values: usize, validity: usize, ends: usize, n: u32, count: usize, sum: usize, sumSquares: usize, low: usize, high: usize,
  first: usize, last: usize, scratch: usize,
): void {
  initRange<T>(0, n, count, sum, sumSquares, low, high, first, last);
  let start: u32 = 0;
  for (let index: u32 = 0; index < n; index++) {
    const end = load<u32>(ends + (<usize>index << 2));
    const nulls = segmentRows(validity, start, end, index, count, first, last);
    const lowAt: usize = low == 0 ? 0 : low + (<usize>index << 3);
    const highAt: usize = high == 0 ? 0 : high + (<usize>index << 3);
    const sumAt: usize = sum == 0 ? 0 : sum + <usize>index * sumBytes<T>();
    const squaresAt: usize = sumSquares == 0 ? 0 : sumSquares + <usize>index * squareBytes<T>();
    if (isFloat<T>()) {
      // One full-width accumulator: sum and squares take it in turn.
      if ((sumAt | lowAt | highAt) != 0) {
        floatSegment<T>(values, nulls, start, end, sumAt, 0, lowAt, highAt, scratch);
        if (sumAt != 0) finishSum(scratch, sumAt, index, 0);
      }
      if (squaresAt != 0) {
        floatSegment<T>(values, nulls, start, end, 0, squaresAt, 0, 0, scratch);
        finishSum(scratch, squaresAt, index, 1);
      }
    } else if ((sumAt | squaresAt | lowAt | highAt) != 0) {
      integerSegment<T>(values, nulls, start, end, sumAt, squaresAt, lowAt, highAt, scratch);
      if (sizeof<T>() == 8 && squaresAt != 0) finishSum(scratch, squaresAt, index, 1);
    }
    start = end;
  }
}

export function segmentStates(
  type: i32, values: usize, validity: usize, ends: usize, n: u32, count: usize, sum: usize, sumSquares: usize, low: usize,
  high: usize, first: usize, last: usize, records: usize, capacity: i32, scratch: usize,
): i32 {
  beginRecords(scratch, records, capacity);
  beginBlocks(scratch);
  store<u32>(scratch + WIDE_USED, 0);
  switch (type) {
    case 0: segments<i8>(values, validity, ends, n, count, sum, sumSquares, low, high, first, last, scratch); break;
    case 1: segments<i16>(values, validity, ends, n, count, sum, sumSquares, low, high, first, last, scratch); break;
    case 2: segments<i32>(values, validity, ends, n, count, sum, sumSquares, low, high, first, last, scratch); break;
    case 3: segments<i64>(values, validity, ends, n, count, sum, sumSquares, low, high, first, last, scratch); break;
    case 4: segments<u8>(values, validity, ends, n, count, sum, sumSquares, low, high, first, last, scratch); break;
    case 5: segments<u16>(values, validity, ends, n, count, sum, sumSquares, low, high, first, last, scratch); break;
    case 6: segments<u32>(values, validity, ends, n, count, sum, sumSquares, low, high, first, last, scratch); break;
    case 7: segments<u64>(values, validity, ends, n, count, sum, sumSquares, low, high, first, last, scratch); break;
    case 8: segments<f32>(values, validity, ends, n, count, sum, sumSquares, low, high, first, last, scratch); break;
    default: segments<f64>(values, validity, ends, n, count, sum, sumSquares, low, high, first, last, scratch);
  }
  return recordResult(scratch);
}
