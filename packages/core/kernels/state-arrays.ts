// The arrays of states of one call, and the rules for single values of them.
import { NO_ROW, STATE_BYTES } from './layout';

/** Bytes of one element of `sum`. */
// @ts-ignore: decorator
@inline
export function sumBytes<T>(): usize {
  return isFloat<T>() ? STATE_BYTES : 16;
}

/** Bytes of one element of `sumSquares`. */
// @ts-ignore: decorator
@inline
export function squareBytes<T>(): usize {
  return isFloat<T>() || sizeof<T>() == 8 ? STATE_BYTES : 16;
}

/** Adds a 64-bit number, extended by `high`, to an i128. */
// @ts-ignore: decorator
@inline
export function add128(ptr: usize, low: u64, high: u64): void {
  const sum = load<u64>(ptr) + low;
  store<u64>(ptr, sum);
  store<u64>(ptr, load<u64>(ptr, 8) + high + <u64>(sum < low), 8);
}

/** Takes `value` into a running minimum of doubles: NaN gives way, −0 comes before +0. */
// @ts-ignore: decorator
@inline
export function takeMin(ptr: usize, value: f64): void {
  const held = load<f64>(ptr);
  if (!(value > held)) takeMinRarely(ptr, held, value);
}

function takeMinRarely(ptr: usize, held: f64, value: f64): void {
  if (value < held || (held != held && value == value)) store<f64>(ptr, value);
  else if (value == 0 && held == 0) store<u64>(ptr, reinterpret<u64>(held) | reinterpret<u64>(value));
}

// @ts-ignore: decorator
@inline
export function takeMax(ptr: usize, value: f64): void {
  const held = load<f64>(ptr);
  if (!(value < held)) takeMaxRarely(ptr, held, value);
}

function takeMaxRarely(ptr: usize, held: f64, value: f64): void {
  if (value > held || (held != held && value == value)) store<f64>(ptr, value);
  else if (value == 0 && held == 0) store<u64>(ptr, reinterpret<u64>(held) & reinterpret<u64>(value));
}

/** What every other value replaces. */
// @ts-ignore: decorator
@inline
export function neutralMin<T>(): u64 {
  if (isFloat<T>()) return 0x7ff8000000000000;
  return isSigned<T>() ? 0x7fffffffffffffff : 0xffffffffffffffff;
}

// @ts-ignore: decorator
@inline
export function neutralMax<T>(): u64 {
  if (isFloat<T>()) return 0x7ff8000000000000;
  return isSigned<T>() ? 0x8000000000000000 : 0;
}

function fill64(ptr: usize, value: u64, from: u32, to: u32): void {
  for (let i = from; i < to; i++) store<u64>(ptr + (<usize>i << 3), value);
}

/** Neutral elements into groups [from, to). */
export function initRange<T>(
  from: u32, to: u32, count: usize, sum: usize, sumSquares: usize, min: usize, max: usize, first: usize, last: usize,
): void {
  const n = <usize>(to - from);
  const start = <usize>from;
  if (count != 0) memory.fill(count + (start << 3), 0, n << 3);
  if (sum != 0) memory.fill(sum + start * sumBytes<T>(), 0, n * sumBytes<T>());
  if (sumSquares != 0) memory.fill(sumSquares + start * squareBytes<T>(), 0, n * squareBytes<T>());
  if (min != 0) fill64(min, neutralMin<T>(), from, to);
  if (max != 0) fill64(max, neutralMax<T>(), from, to);
  if (first != 0) memory.fill(first + (start << 2), <u8>(NO_ROW & 0xff), n << 2);
  if (last != 0) memory.fill(last + (start << 2), <u8>(NO_ROW & 0xff), n << 2);
}
