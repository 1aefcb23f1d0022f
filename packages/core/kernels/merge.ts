// Merging partial states into targets, and rounding sums.
import { FLAG_MINUS_INFINITY, FLAG_NAN, FLAG_NOT_MINUS_ZERO, FLAG_PAIR, FLAG_PLUS_INFINITY, STATE_BYTES, WINDOW } from './layout';
import { addPairs, isPair, settlePair } from './pair-sum';
import { add128, initRange, squareBytes, sumBytes } from './state-arrays';
import { addNear, addWindow, canonicalise, limb } from './sum-window';
import { beginRecords, recordResult, writeRecord } from './wide-sum';

// @ts-ignore: decorator
@inline
export function targetOf(targets: usize, i: u32): usize {
  return <usize>load<u32>(targets + (<usize>i << 2));
}

/** Adds up i128s. */
function mergeIntegers(source: usize, targets: usize, count: u32, target: usize): void {
  for (let i: u32 = 0; i < count; i++, source += 16) {
    add128(target + (targetOf(targets, i) << 4), load<u64>(source), load<u64>(source, 8));
  }
}

/** Adds a canonical window, not zero, to one; what does not fit is recorded. The flags of the target stay. */
// @ts-ignore: decorator
@inline
export function mergeWindow(held: usize, source: usize, slot: u32, which: u32, scratch: usize): void {
  const copy = scratch + WINDOW;
  if (load<u32>(held, 8) == 0) {
    store<i32>(held, load<i32>(source));
    v128.store(held, v128.load(source, 8), 8);
    v128.store(held, v128.load(source, 24), 24);
  } else if (!addNear(held, source)) {
    if (copy != source) memory.copy(copy, source, STATE_BYTES);
    if (addWindow(held, copy)) canonicalise(held);
    else writeRecord(scratch, copy, slot, which);
  }
}

/** As `mergeSums` for one state, where that or its target is a pair of doubles. */
function mergePairs(held: usize, source: usize, slot: u32, which: u32, scratch: usize): void {
  const flags = load<u32>(held, 4) | load<u32>(source, 4);
  let from = source;
  if (isPair(source)) {
    const isEmpty = !isPair(held) && load<u32>(held, 8) == 0;
    if (isEmpty) v128.store(held, v128.load(source, 8), 8);
    if (isEmpty || (isPair(held) && addPairs(held, source))) {
      store<u32>(held, flags, 4);
      return;
    }
    from = scratch + WINDOW;
    memory.copy(from, source, STATE_BYTES);
    settlePair(from);
  }
  // A canonical zero has no first digit.
  if (load<u32>(from, 8) == 0) {
    store<u32>(held, (flags & ~FLAG_PAIR) | (load<u32>(held, 4) & FLAG_PAIR), 4);
    return;
  }
  if (isPair(held)) settlePair(held);
  mergeWindow(held, from, slot, which, scratch);
  store<u32>(held, flags & ~FLAG_PAIR, 4);
}

/** Adds up SumStates; what does not fit its target is recorded. */
function mergeSums(source: usize, targets: usize, count: u32, target: usize, which: u32, scratch: usize): void {
  for (let i: u32 = 0; i < count; i++, source += STATE_BYTES) {
    const id = targetOf(targets, i);
    const held = target + id * STATE_BYTES;
    const flags = load<u32>(held, 4) | load<u32>(source, 4);
    if ((flags & FLAG_PAIR) != 0) {
      mergePairs(held, source, <u32>id, which, scratch);
      continue;
    }
    // A canonical zero has no first digit.
    if (load<u32>(source, 8) != 0) mergeWindow(held, source, <u32>id, which, scratch);
    store<u32>(held, flags, 4);
  }
}

function merge<T>(
  sourceCount: usize, sourceSum: usize, sourceSquares: usize, sourceLow: usize, sourceHigh: usize, targets: usize, count: u32,
  targetCount: usize, targetSum: usize, targetSquares: usize, targetLow: usize, targetHigh: usize, scratch: usize,
): void {
  const areStates = sumBytes<T>() == STATE_BYTES;
  const squaresAreStates = squareBytes<T>() == STATE_BYTES;
  if (targetSum != 0) {
    if (areStates) mergeSums(sourceSum, targets, count, targetSum, 0, scratch);
    else mergeIntegers(sourceSum, targets, count, targetSum);
  }
  if (targetSquares != 0) {
    if (squaresAreStates) mergeSums(sourceSquares, targets, count, targetSquares, 1, scratch);
    else mergeIntegers(sourceSquares, targets, count, targetSquares);
  }
  for (let i: u32 = 0; i < count; i++) {
    const at = targetOf(targets, i) << 3;
    const from = <usize>i << 3;
    if (targetCount != 0) store<u64>(targetCount + at, load<u64>(targetCount + at) + load<u64>(sourceCount + from));
    // Least and greatest values of narrow integers are kept in 64 bits.
    if (isFloat<T>()) {
      if (targetLow != 0) mergeLow<f64>(targetLow + at, load<f64>(sourceLow + from));
      if (targetHigh != 0) mergeHigh<f64>(targetHigh + at, load<f64>(sourceHigh + from));
    } else if (isSigned<T>()) {
      if (targetLow != 0) mergeLow<i64>(targetLow + at, load<i64>(sourceLow + from));
      if (targetHigh != 0) mergeHigh<i64>(targetHigh + at, load<i64>(sourceHigh + from));
    } else {
      if (targetLow != 0) mergeLow<u64>(targetLow + at, load<u64>(sourceLow + from));
      if (targetHigh != 0) mergeHigh<u64>(targetHigh + at, load<u64>(sourceHigh + from));
    }
  }
}

/**
 * As `takeMin` and `takeMax`, without branches: half of all merges are the first of their target, nobody can tell which. Equal values have the
 * same bits, but for zeros, whose signs are joined.
 */
// @ts-ignore: decorator
@inline
function mergeExtreme(at: usize, held: f64, value: f64, isMin: bool): void {
  const a = reinterpret<u64>(held);
  const b = reinterpret<u64>(value);
  const stays = isMin ? held <= value : held >= value;
  const taken = select<u64>(b, a, !stays && value == value);
  store<u64>(at, select<u64>(isMin ? a | b : a & b, taken, held == value));
}

// @ts-ignore: decorator
@inline
export function mergeLow<T>(held: usize, value: T): void {
  if (isFloat<T>()) mergeExtreme(held, load<f64>(held), <f64>value, true);
  else store<T>(held, min<T>(load<T>(held), value));
}

// @ts-ignore: decorator
@inline
export function mergeHigh<T>(held: usize, value: T): void {
  if (isFloat<T>()) mergeExtreme(held, load<f64>(held), <f64>value, false);
  else store<T>(held, max<T>(load<T>(held), value));
}

/**
 * States of narrower types merge as those of wider ones do: what differs is float, 64 bits, sign. There is room for every record.
 */
export function mergeStates(
  type: i32, sourceCount: usize, sourceSum: usize, sourceSquares: usize, sourceLow: usize, sourceHigh: usize, targets: usize,
  count: u32, targetCount: usize, targetSum: usize, targetSquares: usize, targetLow: usize, targetHigh: usize,
  records: usize, capacity: u32, scratch: usize,
): i32 {
  beginRecords(scratch, records, capacity);
  if (type >= 8) {
    merge<f64>(sourceCount, sourceSum, sourceSquares, sourceLow, sourceHigh, targets, count, targetCount, targetSum, targetSquares, targetLow, targetHigh, scratch);
  } else if (type == 3) {
    merge<i64>(sourceCount, sourceSum, sourceSquares, sourceLow, sourceHigh, targets, count, targetCount, targetSum, targetSquares, targetLow, targetHigh, scratch);
  } else if (type == 7) {
    merge<u64>(sourceCount, sourceSum, sourceSquares, sourceLow, sourceHigh, targets, count, targetCount, targetSum, targetSquares, targetLow, targetHigh, scratch);
  } else if (type < 3) {
    merge<i32>(sourceCount, sourceSum, sourceSquares, sourceLow, sourceHigh, targets, count, targetCount, targetSum, targetSquares, targetLow, targetHigh, scratch);
  } else {
    merge<u32>(sourceCount, sourceSum, sourceSquares, sourceLow, sourceHigh, targets, count, targetCount, targetSum, targetSquares, targetLow, targetHigh, scratch);
  }
  return recordResult(scratch);
}

function mergeFirstOf<T>(
  counts: usize, values: usize, targets: usize, count: u32, heldCounts: usize, held: usize,
): void {
  for (let i = count; i > 0; ) {
    i--;
    if (load<u64>(counts + (<usize>i << 3)) == 0) continue;
    const slot = targetOf(targets, i);
    const at = held + slot * sizeof<T>();
    // Which of them are new is hard to foresee: no branch.
    const isNew = load<u64>(heldCounts + (slot << 3)) == 0;
    store<T>(at, select<T>(load<T>(values + <usize>i * sizeof<T>()), load<T>(at), isNew));
  }
}

function mergeLastOf<T>(counts: usize, values: usize, targets: usize, count: u32, held: usize): void {
  for (let i: u32 = 0; i < count; i++) {
    if (load<u64>(counts + (<usize>i << 3)) == 0) continue;
    store<T>(held + targetOf(targets, i) * sizeof<T>(), load<T>(values + <usize>i * sizeof<T>()));
  }
}

/** Where a target has no value yet, the first of its elements. From the last to the first, so that the first stays. */
export function mergeFirst(
  width: usize, counts: usize, values: usize, targets: usize, count: u32, heldCounts: usize, held: usize,
): void {
  if (width == 8) mergeFirstOf<u64>(counts, values, targets, count, heldCounts, held);
  else if (width == 4) mergeFirstOf<u32>(counts, values, targets, count, heldCounts, held);
  else if (width == 2) mergeFirstOf<u16>(counts, values, targets, count, heldCounts, held);
  else mergeFirstOf<u8>(counts, values, targets, count, heldCounts, held);
}

/** The last of the elements of a target. */
export function mergeLast(
  width: usize, counts: usize, values: usize, targets: usize, count: u32, held: usize,
): void {
  if (width == 8) mergeLastOf<u64>(counts, values, targets, count, held);
  else if (width == 4) mergeLastOf<u32>(counts, values, targets, count, held);
  else if (width == 2) mergeLastOf<u16>(counts, values, targets, count, held);
  else mergeLastOf<u8>(counts, values, targets, count, held);
}

export function initStates(
  type: i32, count: usize, sum: usize, sumSquares: usize, low: usize, high: usize, from: u32, to: u32,
): void {
  if (type >= 8) initRange<f64>(from, to, count, sum, sumSquares, low, high, 0, 0);
  else if (type == 3) initRange<i64>(from, to, count, sum, sumSquares, low, high, 0, 0);
  else if (type == 7) initRange<u64>(from, to, count, sum, sumSquares, low, high, 0, 0);
  else if (type < 3) initRange<i32>(from, to, count, sum, sumSquares, low, high, 0, 0);
  else initRange<u32>(from, to, count, sum, sumSquares, low, high, 0, 0);
}

/** 2^exponent for an exponent of normal doubles. */
// @ts-ignore: decorator
@inline
function powerOfTwo(exponent: i32): f64 {
  return reinterpret<f64>(<u64>(exponent + 1023) << 52);
}

/** A number below 2^53 times a power of two; the result is exact, or infinite. */
function scale(mantissa: u64, exponent: i32): f64 {
  if (exponent > 971) return Infinity;
  if (exponent >= -1022) return <f64>mantissa * powerOfTwo(exponent);
  return <f64>mantissa * powerOfTwo(-1000) * powerOfTwo(exponent + 1000);
}

const EXACT: i64 = 1 << 53;

/** The double nearest to the number of a SumState, half to even. */
function roundState(state: usize): f64 {
  const flags = load<u32>(state, 4);
  if ((flags & ~FLAG_NOT_MINUS_ZERO) == FLAG_PAIR) return load<f64>(state, 8) + load<f64>(state, 16);
  const low = <i64>limb(state, 0);
  const above = <u64>(low >> 63);
  const scaleOf = load<i32>(state);
  // Most sums are few digits, which a double holds as they are.
  const isShort = limb(state, 1) == above && limb(state, 2) == above && limb(state, 3) == above;
  if (isShort && flags == FLAG_NOT_MINUS_ZERO && abs(low) <= EXACT && scaleOf >= -1022 && scaleOf <= 970)
    return <f64>low * powerOfTwo(scaleOf);
  const infinities = flags & (FLAG_PLUS_INFINITY | FLAG_MINUS_INFINITY);
  if ((flags & FLAG_NAN) != 0 || infinities == (FLAG_PLUS_INFINITY | FLAG_MINUS_INFINITY)) return NaN;
  if (infinities != 0) return infinities == FLAG_PLUS_INFINITY ? Infinity : -Infinity;
  const sign = <u64>(<i64>limb(state, 3) >> 63);
  // Magnitude, by limbs.
  let carry = sign & 1;
  let m0 = (limb(state, 0) ^ sign) + carry;
  carry &= <u64>(m0 == 0);
  let m1 = (limb(state, 1) ^ sign) + carry;
  carry &= <u64>(m1 == 0);
  let m2 = (limb(state, 2) ^ sign) + carry;
  carry &= <u64>(m2 == 0);
  let m3 = (limb(state, 3) ^ sign) + carry;
  let exponent = load<i32>(state) + 192;
  // Bring the top limb that is not zero to m3.
  for (let moves = 0; m3 == 0 && moves < 3; moves++) {
    m3 = m2;
    m2 = m1;
    m1 = m0;
    m0 = 0;
    exponent -= 64;
  }
  if (m3 == 0) return (flags & FLAG_NOT_MINUS_ZERO) == 0 ? -0.0 : 0.0;
  const up = <u64>clz<u64>(m3);
  if (up != 0) {
    m3 = (m3 << up) | (m2 >> (64 - up));
    m2 <<= up;
    exponent -= <i32>up;
  }
  // m3 has its top bit set; everything below it only matters as "more than half".
  const sticky = <u64>((m2 | m1 | m0) != 0);
  const drop = max(11, -1074 - exponent);
  if (drop > 64) return sign == 0 ? 0.0 : -0.0;
  const shift = <u64>drop;
  const rest = drop == 64 ? m3 : m3 & ((<u64>1 << shift) - 1);
  const half = <u64>1 << (shift - 1);
  let mantissa = drop == 64 ? 0 : m3 >> shift;
  if (rest > half || (rest == half && ((sticky | (mantissa & 1)) != 0))) mantissa++;
  const value = scale(mantissa, exponent + drop);
  return sign == 0 ? value : -value;
}

/** out[i] = the double nearest to SumState i. */
export function roundSums(states: usize, count: u32, out: usize): void {
  for (let i: u32 = 0; i < count; i++, states += STATE_BYTES, out += 8) store<f64>(out, roundState(states));
}
