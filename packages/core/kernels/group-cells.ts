// Groups' states while a chunk of doubles is added, one cache line each in scratch: few enough groups to stay in cache, and
// one pass over the rows for all states.
//
// | offset | field |
// |---|---|
// | 0, 8 | sums of q and of r (see block-sum.ts), which are exact over the chunk; both −0 at first. Without residues: the sum and the number of rows |
// | 16, 24 | least value, negated greatest: one vector minimum keeps both |
// | 32 | u32 rows; 36 u32 first row; 40 u32 last row: only where there are nulls |
import { BLOCK_MAX, BLOCK_MIN, BLOCK_RESIDUE, BLOCK_SIGNS, CELLS, FLAG_NOT_MINUS_ZERO, NO_ROW } from './layout';
import { evict } from './wide-sum';
import { addFinite, isZeroWindow, placePair } from './sum-window';
import { takeMax, takeMin } from './state-arrays';

/** Empties the cells of `groups` groups. */
export function clearCells(groups: u32, scratch: usize): void {
  let cell = scratch + CELLS;
  const infinity = f64x2.splat(Infinity);
  const rows = i32x4(0, -1, -1, 0);
  for (let group: u32 = 0; group < groups; group++, cell += 64) {
    clearSums(cell);
    v128.store(cell, infinity, 16);
    v128.store(cell, rows, 32);
  }
}

// @ts-ignore: decorator
@inline
function clearSums(cell: usize): void {
  v128.store(cell, f64x2.splat(-0.0));
}

// @ts-ignore: decorator
@inline
function addToCell(cell: usize, x: f64, big: f64): void {
  const q = x + big - big;
  const parts = f64x2.replace_lane(f64x2.splat(q), 1, x - q);
  v128.store(cell, f64x2.add(v128.load(cell), parts));
}

// @ts-ignore: decorator
@inline
function rangeToCell(cell: usize, x: f64): void {
  const both = v128.xor(f64x2.splat(x), i64x2(0, 0x8000000000000000));
  v128.store(cell, f64x2.pmin(v128.load(cell, 16), both), 16);
}

// @ts-ignore: decorator
@inline
function countToCell(cell: usize): void {
  store<u32>(cell, load<u32>(cell, 32) + 1, 32);
}

// @ts-ignore: decorator
@inline
function rowToCell(cell: usize, row: u32): void {
  if (load<u32>(cell, 36) == NO_ROW) store<u32>(cell, row, 36);
  store<u32>(cell, row, 40);
}

/** All states of `n` rows, whose numbers are `rows[i]`. */
export function addToCells(values: usize, ids: usize, rows: usize, n: i32, big: f64, scratch: usize): void {
  const cells = scratch + CELLS;
  for (let i = 0; i < n; i++, values += 8, ids += 4) {
    const cell = cells + (<usize>load<u32>(ids) << 6);
    const x = load<f64>(values);
    addToCell(cell, x, big);
    rangeToCell(cell, x);
    countToCell(cell);
    rowToCell(cell, load<u32>(rows + (<usize>i << 2)));
  }
}

/** All but the rows' numbers. */
export function addPlainToCells(values: usize, ids: usize, n: i32, big: f64, scratch: usize): void {
  const cells = scratch + CELLS;
  for (let i = 0; i < n; i++, values += 8, ids += 4) {
    const cell = cells + (<usize>load<u32>(ids) << 6);
    const x = load<f64>(values);
    addToCell(cell, x, big);
    rangeToCell(cell, x);
    countToCell(cell);
  }
}

// @ts-ignore: decorator
@inline
function addCoarse(cells: usize, id: u32, x: f64): void {
  const cell = cells + (<usize>id << 6);
  v128.store(cell, f64x2.add(v128.load(cell), f64x2.replace_lane(f64x2.splat(1), 0, x)));
  rangeToCell(cell, x);
}

/**
 * The same of values of which a guess says that they have no residues with this M: they are their own q, and what is counted takes the place of r. BLOCK_RESIDUE
 * says whether one had any: then sums and numbers are worth nothing. So they are where a value is too large, which least and greatest tell. BLOCK_SIGNS is set.
 */
export function addCoarseToCells(values: usize, ids: usize, n: i32, big: f64, scratch: usize): void {
  const cells = scratch + CELLS;
  const m = f64x2.splat(big);
  let off = f64x2.splat(0);
  let signs = off;
  let i = 0;
  for (; i + 4 <= n; i += 4, values += 32, ids += 16) {
    const a = v128.load(values);
    const b = v128.load(values, 16);
    off = v128.or(off, f64x2.ne(f64x2.sub(f64x2.add(a, m), m), a));
    off = v128.or(off, f64x2.ne(f64x2.sub(f64x2.add(b, m), m), b));
    signs = v128.or(signs, v128.or(a, b));
    addCoarse(cells, load<u32>(ids), load<f64>(values));
    addCoarse(cells, load<u32>(ids, 4), load<f64>(values, 8));
    addCoarse(cells, load<u32>(ids, 8), load<f64>(values, 16));
    addCoarse(cells, load<u32>(ids, 12), load<f64>(values, 24));
  }
  for (; i < n; i++, values += 8, ids += 4) {
    const x = v128.load64_splat(values);
    off = v128.or(off, f64x2.ne(f64x2.sub(f64x2.add(x, m), m), x));
    signs = v128.or(signs, x);
    addCoarse(cells, load<u32>(ids), load<f64>(values));
  }
  store<u32>(scratch + BLOCK_RESIDUE, <u32>v128.any_true(off));
  store<u32>(scratch + BLOCK_SIGNS, i64x2.bitmask(signs));
}

/** Least and greatest of all cells to BLOCK_MIN and BLOCK_MAX. */
export function rangeOfCells(groups: u32, scratch: usize): void {
  let both = f64x2.splat(Infinity);
  let cell = scratch + CELLS;
  for (let group: u32 = 0; group < groups; group++, cell += 64) both = f64x2.pmin(both, v128.load(cell, 16));
  store<f64>(scratch + BLOCK_MIN, f64x2.extract_lane(both, 0));
  store<f64>(scratch + BLOCK_MAX, -f64x2.extract_lane(both, 1));
}

/** Forgets the sums of a chunk, and what was counted beside them. */
export function forgetSums(groups: u32, scratch: usize): void {
  let cell = scratch + CELLS;
  for (let group: u32 = 0; group < groups; group++, cell += 64) clearSums(cell);
}

/** Sums only. */
export function sumsToCells(values: usize, ids: usize, n: i32, big: f64, scratch: usize): void {
  const cells = scratch + CELLS;
  for (let i = 0; i < n; i++, values += 8, ids += 4) {
    addToCell(cells + (<usize>load<u32>(ids) << 6), load<f64>(values), big);
  }
}

/** All but the sums; not the rows' numbers where `rows` is 0. */
export function rangesToCells(values: usize, ids: usize, rows: usize, n: i32, scratch: usize): void {
  const cells = scratch + CELLS;
  for (let i = 0; i < n; i++, values += 8, ids += 4) {
    const cell = cells + (<usize>load<u32>(ids) << 6);
    rangeToCell(cell, load<f64>(values));
    countToCell(cell);
    if (rows != 0) rowToCell(cell, load<u32>(rows + (<usize>i << 2)));
  }
}

/** Moves the cells' sums into the groups' windows. `isCoarse`: they are in q alone, and what was counted is in r. */
export function flushSums(groups: u32, isCoarse: bool, sum: usize, scratch: usize): void {
  let cell = scratch + CELLS;
  for (let group: u32 = 0; group < groups; group++, cell += 64, sum += 40) {
    const q = load<f64>(cell);
    let r = load<f64>(cell, 8);
    if (isCoarse) {
      store<u32>(cell, load<u32>(cell, 32) + <u32>r, 32);
      store<f64>(cell, -0.0, 8);
      r = -0.0;
    }
    // −0: no rows, or all of them −0.
    if (reinterpret<u64>(isCoarse ? q : r) == 0x8000000000000000) continue;
    addPair(sum, q, r, group, scratch);
    clearSums(cell);
  }
}

/** Adds q + r, of which not all was −0, to a group's window. */
export function addPair(window: usize, q: f64, r: f64, group: u32, scratch: usize): void {
  store<u32>(window, load<u32>(window, 4) | FLAG_NOT_MINUS_ZERO, 4);
  if (isZeroWindow(window) && placePair(window, q, r)) return;
  addOrEvict(window, q, group, scratch);
  addOrEvict(window, r, group, scratch);
}

/** Adds a finite double to a group's window; when it does not fit, what was there becomes a record. */
export function addOrEvict(window: usize, value: f64, group: u32, scratch: usize): void {
  if (!addFinite(window, value)) {
    evict(scratch, window, group, 0);
    addFinite(window, value);
  }
}

/** Writes all but the sums; returns true when some least or greatest value is a zero, of which the sign is not sure. */
export function storeCells(
  groups: u32, count: usize, low: usize, high: usize, first: usize, last: usize, scratch: usize,
): bool {
  let cell = scratch + CELLS;
  let hasZero = false;
  for (let group: usize = 0; group < <usize>groups; group++, cell += 64) {
    if (count != 0) store<u64>(count + (group << 3), <u64>load<u32>(cell, 32));
    if (first != 0) store<u32>(first + (group << 2), load<u32>(cell, 36));
    if (last != 0) store<u32>(last + (group << 2), load<u32>(cell, 40));
    const least = load<f64>(cell, 16);
    const greatest = -load<f64>(cell, 24);
    if (least > greatest) continue;
    if (least == 0 || greatest == 0) hasZero = true;
    if (low != 0) store<f64>(low + (group << 3), least);
    if (high != 0) store<f64>(high + (group << 3), greatest);
  }
  return hasZero;
}

/** Takes the zeros among `n` values again, with their signs. */
export function retakeZeros(values: usize, ids: usize, n: i32, low: usize, high: usize): void {
  for (let i = 0; i < n; i++, values += 8, ids += 4) {
    const x = load<f64>(values);
    if (x != 0) continue;
    const at = <usize>load<u32>(ids) << 3;
    if (low != 0) takeMin(low + at, x);
    if (high != 0) takeMax(high + at, x);
  }
}
