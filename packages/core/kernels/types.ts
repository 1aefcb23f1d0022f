// Facts about column types, known when a kernel is compiled for one.
import { isSet } from './dense';

/** Greatest value of an integer type. */
// @ts-ignore: decorator
@inline
export function greatest<T>(): u64 {
  const bits: u64 = 8 * sizeof<T>();
  return isSigned<T>() ? (<u64>1 << (bits - 1)) - 1 : <u64>-1 >> (64 - bits);
}

/** Least value of a signed integer type. */
// @ts-ignore: decorator
@inline
export function least<T>(): i64 {
  return <i64>-1 << (8 * sizeof<T>() - 1);
}

/** True when an integer of type F is one of type T. */
// @ts-ignore: decorator
@inline
export function fitsInteger<F, T>(value: F): bool {
  if (!isSigned<F>()) return <u64>value <= greatest<T>();
  if (!isSigned<T>()) return <i64>value >= 0 && <u64>value <= greatest<T>();
  return <i64>value >= least<T>() && <i64>value <= <i64>greatest<T>();
}

/** True when a double without its fraction is an integer of type T. */
// @ts-ignore: decorator
@inline
export function fitsWhole<T>(value: f64): bool {
  const whole = trunc(value);
  const beyond = isSigned<T>() ? <f64>(<u64>1 << (8 * sizeof<T>() - 1)) : 2 * <f64>(<u64>1 << (8 * sizeof<T>() - 1));
  return whole < beyond && whole >= (isSigned<T>() ? -beyond : 0);
}

// @ts-ignore: decorator
@inline
export function isThere(validity: usize, row: i32): bool {
  return validity == 0 || isSet(validity, row);
}
