// States of groups: every row has a group id.
import { beginBlocks, COARSE, extractCoarse, extractor, extractTested, guessFor, rangeExponent, residueExtractor, TESTED } from './block-sum';
import { denseDoubles, denseRows, denseValues } from './dense';
import {
  addCoarseToCells, addOrEvict, addPair, addPlainToCells, addToCells, clearCells, flushSums, forgetSums, rangeOfCells, rangesToCells, retakeZeros, storeCells, sumsToCells,
} from './group-cells';
import { clearSquareCells, SQUARE_GROUPS, squareBlock, squareRows } from './group-squares';
import { addSquare64, magnitude, takeLess, takeMore } from './integer-blocks';
import {
  BLOCK_LOG, BLOCK_Q, BLOCK_R, BLOCK_RESIDUE, BLOCK_ROWS, BLOCK_SIGNS, CELL_GROUPS, DENSE, DENSE_IDS, DENSE_ROWS, FLAG_NOT_MINUS_ZERO, GUESS,
  NO_ROW, STATE_BYTES, WAY,
} from './layout';
import { add128, initRange, takeMax, takeMin } from './state-arrays';
import { canonicalise, flagsOf } from './sum-window';
import { beginRecords, recordResult } from './wide-sum';

/** Rows of a chunk of doubles without nulls; log2 of them. */
const CHUNK_ROWS: i32 = 65536;
const CHUNK_LOG: i32 = 16;
/** With 2^20 rows to a sum, values may still be 2^14 apart. */
const GREATEST_LOG: i32 = 20;

// @ts-ignore: decorator
@inline
function idAt(ids: usize, i: i32): usize {
  return <usize>load<u32>(ids + (<usize>i << 2));
}

function countRows(ids: usize, n: i32, count: usize): void {
  for (let i = 0; i < n; i++) {
    const at = count + (idAt(ids, i) << 3);
    store<u64>(at, load<u64>(at) + 1);
  }
}

function markRows(ids: usize, rows: usize, base: u32, n: i32, first: usize, last: usize): void {
  for (let i = 0; i < n; i++) {
    const id = idAt(ids, i) << 2;
    const row = rows == 0 ? base + <u32>i : load<u32>(rows + (<usize>i << 2));
    if (first != 0 && load<u32>(first + id) == NO_ROW) store<u32>(first + id, row);
    if (last != 0) store<u32>(last + id, row);
  }
}

/** First and last row of each group, of rows that are all there: mostly few rows from either end have to be looked at. */
function markEnds(ids: usize, rows: u32, groups: u32, first: usize, last: usize): void {
  if (first != 0) {
    for (let row: u32 = 0, left = groups; row < rows && left > 0; row++) {
      const at = first + (idAt(ids, row) << 2);
      if (load<u32>(at) != NO_ROW) continue;
      store<u32>(at, row);
      left--;
    }
  }
  if (last == 0) return;
  for (let row = rows, left = groups; row > 0 && left > 0; row--) {
    const at = last + (idAt(ids, row - 1) << 2);
    if (load<u32>(at) != NO_ROW) continue;
    store<u32>(at, row - 1);
    left--;
  }
}

/** The slow way for doubles: value by value into the groups' windows. */
function sumRows(values: usize, ids: usize, n: i32, sum: usize, scratch: usize): void {
  for (let i = 0; i < n; i++, values += 8) {
    const id = idAt(ids, i);
    const window = sum + id * 40;
    const value = load<f64>(values);
    store<u32>(window, load<u32>(window, 4) | flagsOf(value), 4);
    if (value - value == 0) addOrEvict(window, value, <u32>id, scratch);
  }
}

function extremeRows(values: usize, ids: usize, n: i32, low: usize, high: usize): void {
  for (let i = 0; i < n; i++, values += 8) {
    const id = idAt(ids, i) << 3;
    const value = load<f64>(values);
    if (low != 0) takeMin(low + id, value);
    if (high != 0) takeMax(high + id, value);
  }
}

/**
 * The M with which the sums of up to 2^log of these values are exact in two doubles, or 0 when there is none. The
 * rows before these give the guess, as in block-sum.ts: one pass is enough then. BLOCK_SIGNS is set.
 */
function commonExtractor(values: usize, n: i32, log: i32, scratch: usize): f64 {
  let guess = load<i32>(scratch + GUESS);
  if (load<i32>(scratch + WAY) == COARSE) {
    const m = extractor(guess, log);
    extractCoarse(values, n, m, scratch);
    if (load<u32>(scratch + BLOCK_RESIDUE) == 0 && rangeExponent(scratch) <= guess) return m;
    store<i32>(scratch + WAY, TESTED);
  }
  for (let attempt = 0; attempt < 2; attempt++) {
    const m = extractor(guess, log);
    extractTested(values, n, m, residueExtractor(guess, log), scratch);
    const better = guessFor(rangeExponent(scratch));
    if (better < 0) return 0;
    // NaN is not seen in the range: the residues show it.
    if (better - 1 <= guess && load<u32>(scratch + BLOCK_RESIDUE) == 0) {
      if (load<f64>(scratch + BLOCK_R) == 0 && load<f64>(scratch + BLOCK_Q) != 0) store<i32>(scratch + WAY, COARSE);
      return m;
    }
    if (better == guess) return 0;
    store<i32>(scratch + GUESS, (guess = better));
  }
  return 0;
}

/**
 * Where the rows before these had no residues: adds these too as if they had none, and looks whether that was right on the way. False when it was
 * not, or is not to be expected; no sum has changed then.
 */
function addedAsCoarse(
  values: usize, ids: usize, n: i32, groups: u32, log: i32, sum: usize, scratch: usize,
): bool {
  if (load<i32>(scratch + WAY) != COARSE) return false;
  const guess = load<i32>(scratch + GUESS);
  addCoarseToCells(values, ids, n, extractor(guess, log), scratch);
  rangeOfCells(groups, scratch);
  if (load<u32>(scratch + BLOCK_RESIDUE) == 0 && rangeExponent(scratch) <= guess) {
    flushSums(groups, true, sum, scratch);
    return true;
  }
  forgetSums(groups, scratch);
  store<i32>(scratch + WAY, TESTED);
  return false;
}

/**
 * Doubles, few groups: through the cells. `rows` are their numbers; 0 when nobody asks for them here. False when it is certain that no value has
 * a sign bit.
 */
function addDoublesByCells(
  values: usize, ids: usize, rows: usize, n: i32, groups: u32, log: i32, isAll: bool, sum: usize, scratch: usize,
): bool {
  if (sum == 0) {
    if (isAll) rangesToCells(values, ids, rows, n, scratch);
    return true;
  }
  if (isAll && rows == 0 && addedAsCoarse(values, ids, n, groups, log, sum, scratch))
    return load<u32>(scratch + BLOCK_SIGNS) != 0;
  const big = commonExtractor(values, n, log, scratch);
  const hasSigns = load<u32>(scratch + BLOCK_SIGNS) != 0;
  if (big != 0) {
    if (!isAll) sumsToCells(values, ids, n, big, scratch);
    else if (rows != 0) addToCells(values, ids, rows, n, big, scratch);
    else addPlainToCells(values, ids, n, big, scratch);
    flushSums(groups, false, sum, scratch);
    return hasSigns;
  }
  if (isAll) rangesToCells(values, ids, rows, n, scratch);
  if (log == BLOCK_LOG) {
    sumRows(values, ids, n, sum, scratch);
    return hasSigns;
  }
  // Smaller blocks need less room between the greatest value and the least bit.
  for (let i = 0; i < n; i += BLOCK_ROWS) {
    const part = min<i32>(BLOCK_ROWS, n - i);
    const offset = <usize>i;
    addDoublesByCells(values + (offset << 3), ids + (offset << 2), 0, part, groups, BLOCK_LOG, false, sum, scratch);
  }
  return hasSigns;
}

/**
 * Sums of many groups: q and r are added up where the first two limbs of the group's state will be. That takes one M for
 * all rows. False when there is none; the states are still empty then.
 */
function sumInPlace(values: usize, ids: usize, n: i32, groups: u32, sum: usize, scratch: usize): bool {
  const log = max<i32>(BLOCK_LOG, 32 - clz<i32>(n - 1));
  if (log > GREATEST_LOG) return false;
  const big = commonExtractor(values, n, log, scratch);
  if (big == 0) return false;
  for (let group: u32 = 0; group < groups; group++) store<f64>(sum + <usize>group * STATE_BYTES, -0.0, 16);
  for (let i = 0; i < n; i++, values += 8) {
    const pair = sum + idAt(ids, i) * STATE_BYTES + 8;
    const x = load<f64>(values);
    const q = x + big - big;
    v128.store(pair, f64x2.add(v128.load(pair), f64x2.replace_lane(f64x2.splat(q), 1, x - q)));
  }
  for (let group: u32 = 0; group < groups; group++, sum += STATE_BYTES) {
    const q = load<f64>(sum, 8);
    const r = load<f64>(sum, 16);
    v128.store(sum, i64x2.splat(0), 8);
    if (reinterpret<u64>(r) == 0x8000000000000000) continue;
    addPair(sum, q, r, group, scratch);
  }
  return true;
}

function integerRows<T>(
  values: usize, ids: usize, n: i32, sum: usize, squares: usize, low: usize, high: usize,
): void {
  if (sum != 0) {
    for (let i = 0; i < n; i++) {
      const value = load<T>(values + <usize>i * sizeof<T>());
      add128(sum + (idAt(ids, i) << 4), <u64>value, isSigned<T>() ? <u64>(<i64>value >> 63) : 0);
    }
  }
  if (squares != 0) {
    for (let i = 0; i < n; i++) {
      const value = load<T>(values + <usize>i * sizeof<T>());
      if (sizeof<T>() == 8) {
        const window = squares + idAt(ids, i) * 40;
        addSquare64(window, magnitude<T>(value));
        store<u32>(window, FLAG_NOT_MINUS_ZERO, 4);
      } else {
        add128(squares + (idAt(ids, i) << 4), <u64>value * <u64>value, 0);
      }
    }
  }
  if ((low | high) == 0) return;
  for (let i = 0; i < n; i++) {
    const value = load<T>(values + <usize>i * sizeof<T>());
    const id = idAt(ids, i) << 3;
    if (low != 0) takeLess<T>(low + id, value);
    if (high != 0) takeMore<T>(high + id, value);
  }
}

function canonicaliseAll(windows: usize, groups: u32): void {
  for (let group: u32 = 0; group < groups; group++, windows += 40) canonicalise(windows);
}

function integerGroups<T>(
  values: usize, validity: usize, ids: usize, rows: u32, groups: u32, count: usize, sum: usize, squares: usize, low: usize,
  high: usize, first: usize, last: usize, scratch: usize,
): void {
  for (let from: u32 = 0; from < rows; from += BLOCK_ROWS) {
    let n = <i32>min<u32>(BLOCK_ROWS, rows - from);
    let block = values + <usize>from * sizeof<T>();
    let blockIds = ids + (<usize>from << 2);
    let numbers: usize = 0;
    if (validity != 0) {
      denseValues<T>(values, validity, from, n, scratch);
      n = denseRows(ids, validity, from, n, scratch);
      block = scratch + DENSE;
      blockIds = scratch + DENSE_IDS;
      numbers = scratch + DENSE_ROWS;
    }
    if (count != 0) countRows(blockIds, n, count);
    if ((first | last) != 0) markRows(blockIds, numbers, from, n, first, last);
    integerRows<T>(block, blockIds, n, sum, squares, low, high);
  }
  if (sizeof<T>() == 8 && squares != 0) canonicaliseAll(squares, groups);
}

function floatGroups<T>(
  values: usize, validity: usize, ids: usize, rows: u32, groups: u32, count: usize, sum: usize, squares: usize, low: usize,
  high: usize, first: usize, last: usize, scratch: usize,
): void {
  const isDirect = sizeof<T>() == 8 && validity == 0;
  const step = isDirect ? CHUNK_ROWS : BLOCK_ROWS;
  const byCells = groups <= CELL_GROUPS && (sum | low | high) != 0;
  const isAll = byCells && (low | high | count | first | last) != 0;
  let hasSigns = false;
  if (byCells) clearCells(groups, scratch);
  const isSummed = !byCells && isDirect && sum != 0 && sumInPlace(values, ids, rows, groups, sum, scratch);
  for (let from: u32 = 0; from < rows; from += step) {
    let n = <i32>min<u32>(step, rows - from);
    let block = values + <usize>from * sizeof<T>();
    let blockIds = ids + (<usize>from << 2);
    let numbers: usize = 0;
    if (!isDirect) {
      const m = denseDoubles<T>(values, validity, from, n, scratch);
      block = scratch + DENSE;
      if (validity != 0) {
        denseRows(ids, validity, from, n, scratch);
        blockIds = scratch + DENSE_IDS;
        numbers = scratch + DENSE_ROWS;
      }
      n = m;
    }
    if (byCells) {
      const log = isDirect ? CHUNK_LOG : BLOCK_LOG;
      if (addDoublesByCells(block, blockIds, numbers, n, groups, log, isAll, sum, scratch)) hasSigns = true;
    } else {
      if ((low | high) != 0) extremeRows(block, blockIds, n, low, high);
      if (sum != 0 && !isSummed) sumRows(block, blockIds, n, sum, scratch);
    }
    if (!isAll && count != 0) countRows(blockIds, n, count);
    if (!isAll && (first | last) != 0) markRows(blockIds, numbers, from, n, first, last);
  }
  if (isAll) {
    const knowsRows = validity != 0;
    if (!knowsRows) markEnds(ids, rows, groups, first, last);
    const hasZero = storeCells(groups, count, low, high, knowsRows ? first : 0, knowsRows ? last : 0, scratch);
    if (hasZero && hasSigns && (low | high) != 0) floatBlocks<T>(values, validity, ids, rows, groups, 0, low, high, scratch);
  }
  if (sum != 0) canonicaliseAll(sum, groups);
  if (squares == 0) return;
  floatBlocks<T>(values, validity, ids, rows, groups, squares, 0, 0, scratch);
  canonicaliseAll(squares, groups);
}

/** A pass over the rows in dense blocks: for the signs of zeros that are a group's least or greatest value, or for squares. */
function floatBlocks<T>(
  values: usize, validity: usize, ids: usize, rows: u32, groups: u32, squares: usize, low: usize, high: usize, scratch: usize,
): void {
  const byCells = groups <= SQUARE_GROUPS;
  if (squares != 0 && byCells) clearSquareCells(groups, scratch);
  for (let from: u32 = 0; from < rows; from += BLOCK_ROWS) {
    let n = <i32>min<u32>(BLOCK_ROWS, rows - from);
    let block = values + <usize>from * sizeof<T>();
    let blockIds = ids + (<usize>from << 2);
    if (sizeof<T>() == 4 || validity != 0) {
      const m = denseDoubles<T>(values, validity, from, n, scratch);
      block = scratch + DENSE;
      if (validity != 0) {
        denseRows(ids, validity, from, n, scratch);
        blockIds = scratch + DENSE_IDS;
      }
      n = m;
    }
    if (squares == 0) retakeZeros(block, blockIds, n, low, high);
    else if (byCells) squareBlock(block, blockIds, n, groups, squares, scratch);
    else squareRows(block, blockIds, n, squares, scratch);
  }
}

function groups<T>(
  values: usize, validity: usize, ids: usize, rows: u32, n: u32, count: usize, sum: usize, squares: usize, low: usize,
  high: usize, first: usize, last: usize, scratch: usize,
): void {
  initRange<T>(0, n, count, sum, squares, low, high, first, last);
  if (isFloat<T>()) floatGroups<T>(values, validity, ids, rows, n, count, sum, squares, low, high, first, last, scratch);
  else integerGroups<T>(values, validity, ids, rows, n, count, sum, squares, low, high, first, last, scratch);
}

export function groupStates(
  type: i32, values: usize, validity: usize, ids: usize, rows: u32, n: u32, count: usize, sum: usize, squares: usize,
  low: usize, high: usize, first: usize, last: usize, records: usize, capacity: i32, scratch: usize,
): i32 {
  beginRecords(scratch, records, capacity);
  beginBlocks(scratch);
  switch (type) {
    case 0: groups<i8>(values, validity, ids, rows, n, count, sum, squares, low, high, first, last, scratch); break;
    case 1: groups<i16>(values, validity, ids, rows, n, count, sum, squares, low, high, first, last, scratch); break;
    case 2: groups<i32>(values, validity, ids, rows, n, count, sum, squares, low, high, first, last, scratch); break;
    case 3: groups<i64>(values, validity, ids, rows, n, count, sum, squares, low, high, first, last, scratch); break;
    case 4: groups<u8>(values, validity, ids, rows, n, count, sum, squares, low, high, first, last, scratch); break;
    case 5: groups<u16>(values, validity, ids, rows, n, count, sum, squares, low, high, first, last, scratch); break;
    case 6: groups<u32>(values, validity, ids, rows, n, count, sum, squares, low, high, first, last, scratch); break;
    case 7: groups<u64>(values, validity, ids, rows, n, count, sum, squares, low, high, first, last, scratch); break;
    case 8: groups<f32>(values, validity, ids, rows, n, count, sum, squares, low, high, first, last, scratch); break;
    default: groups<f64>(values, validity, ids, rows, n, count, sum, squares, low, high, first, last, scratch);
  }
  return recordResult(scratch);
}
