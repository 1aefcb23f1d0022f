// Exact sums of squares of doubles by group. With few groups the six sums of block-squares.ts are kept a cell each in
// scratch while a block is added (48 bytes, and at 48 a u32 that is 1 when the group had a row); with many, every square goes
// into its group's window on its own.
import { blockRange, rangeExponent } from './block-sum';
import { CELLS, FLAG_NOT_MINUS_ZERO } from './layout';
import { GREATEST_EXPONENT, LEAST_EXPONENT, squareExtractor } from './block-squares';
import { addFinite, addScaled, flagsOf, squareExponent, squarePart } from './sum-window';
import { evict } from './wide-sum';

/** With more groups, moving the cells' sums into the windows after each block costs more than it saves. */
export const SQUARE_GROUPS: u32 = 1024;

function squareRow(value: f64, id: usize, squares: usize, scratch: usize): void {
  const window = squares + id * 40;
  store<u32>(window, load<u32>(window, 4) | flagsOf(value), 4);
  if (!(value - value == 0)) return;
  for (let part = 0; part < 3; part++) {
    const mantissa = squarePart(value, part);
    const exponent = squareExponent(value, part);
    if (mantissa != 0 && !addScaled(window, mantissa, exponent)) {
      evict(scratch, window, <u32>id, 1);
      addScaled(window, mantissa, exponent);
    }
  }
}

/** One by one. */
export function squareRows(values: usize, ids: usize, n: i32, squares: usize, scratch: usize): void {
  for (let i = 0; i < n; i++, values += 8, ids += 4) {
    squareRow(abs(load<f64>(values)), <usize>load<u32>(ids), squares, scratch);
  }
}

/** Empties the cells of `groups` groups. */
export function clearSquareCells(groups: u32, scratch: usize): void {
  memory.fill(scratch + CELLS, 0, <usize>groups << 6);
}

// @ts-ignore: decorator
@inline
function pair(a: f64, b: f64): v128 {
  return f64x2.replace_lane(f64x2.splat(a), 1, b);
}

/** A block of at most 4,096 rows. */
export function squareBlock(values: usize, ids: usize, n: i32, groups: u32, squares: usize, scratch: usize): void {
  blockRange(values, n, scratch);
  const exponent = max<i32>(rangeExponent(scratch), LEAST_EXPONENT);
  if (exponent > GREATEST_EXPONENT) {
    squareRows(values, ids, n, squares, scratch);
    return;
  }
  const m0 = squareExtractor(exponent + 33);
  const m1 = squareExtractor(exponent + 12);
  const m2 = squareExtractor(exponent - 9);
  const cells = scratch + CELLS;
  for (let i = 0; i < n; i++, values += 8, ids += 4) {
    const x = load<f64>(values);
    const id = <usize>load<u32>(ids);
    const q = x + m0 - m0;
    let rest = x - q;
    const s = rest + m1 - m1;
    rest -= s;
    const t = rest + m2 - m2;
    if (t != rest) {
      squareRow(abs(x), id, squares, scratch);
      continue;
    }
    const cell = cells + (id << 6);
    v128.store(cell, f64x2.add(v128.load(cell), f64x2.mul(f64x2.splat(q), pair(q, s))));
    v128.store(cell, f64x2.add(v128.load(cell, 16), f64x2.mul(f64x2.splat(t), pair(q, t))), 16);
    v128.store(cell, f64x2.add(v128.load(cell, 32), f64x2.mul(f64x2.splat(s), pair(s, t))), 32);
    store<u32>(cell, 1, 48);
  }
  flushSquares(groups, squares, scratch);
}

function addPart(window: usize, value: f64, group: u32, scratch: usize): void {
  if (!addFinite(window, value)) {
    evict(scratch, window, group, 1);
    addFinite(window, value);
  }
}

/** Moves the cells' sums into the groups' windows. */
function flushSquares(groups: u32, squares: usize, scratch: usize): void {
  let cell = scratch + CELLS;
  for (let group: u32 = 0; group < groups; group++, cell += 64, squares += 40) {
    if (load<u32>(cell, 48) == 0) continue;
    store<u32>(squares, load<u32>(squares, 4) | FLAG_NOT_MINUS_ZERO, 4);
    addPart(squares, load<f64>(cell), group, scratch);
    addPart(squares, 2 * load<f64>(cell, 8), group, scratch);
    addPart(squares, 2 * load<f64>(cell, 16), group, scratch);
    addPart(squares, load<f64>(cell, 24), group, scratch);
    addPart(squares, load<f64>(cell, 32), group, scratch);
    addPart(squares, 2 * load<f64>(cell, 40), group, scratch);
    memory.fill(cell, 0, 64);
  }
}
