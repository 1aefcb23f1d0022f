// Doubles into a segment's sum and sum of squares, value by value: what the vector ways leave over. What 256 bits cannot hold
// goes to the full-width accumulator.
import { addFinite, addScaled, flagsOf, isZeroWindow, placePair, squareExponent, squarePart } from './sum-window';
import { widen } from './wide-sum';

export function addDouble(window: usize, value: f64, scratch: usize): void {
  if (!addFinite(window, value)) {
    widen(scratch, window);
    addFinite(window, value);
  }
}

/** Any doubles, with their flags. */
export function addAllDoubles(window: usize, values: usize, n: i32, scratch: usize): void {
  let flags = load<u32>(window, 4);
  for (let i = 0; i < n; i++, values += 8) {
    const value = load<f64>(values);
    flags |= flagsOf(value);
    if (!(value - value == 0)) continue;
    if (i > 0 || !isZeroWindow(window) || !placePair(window, value, 0)) addDouble(window, value, scratch);
  }
  store<u32>(window, flags, 4);
}

/** The exact square of a finite double. */
export function addSquare(window: usize, value: f64, scratch: usize): void {
  for (let part = 0; part < 3; part++) {
    const mantissa = squarePart(value, part);
    const exponent = squareExponent(value, part);
    if (mantissa != 0 && !addScaled(window, mantissa, exponent)) {
      widen(scratch, window);
      addScaled(window, mantissa, exponent);
    }
  }
}

/** Squares of any doubles, with their flags. */
export function addAllSquares(window: usize, values: usize, n: i32, scratch: usize): void {
  let flags = load<u32>(window, 4);
  for (let i = 0; i < n; i++, values += 8) {
    const value = abs(load<f64>(values));
    flags |= flagsOf(value);
    if (value - value == 0) addSquare(window, value, scratch);
  }
  store<u32>(window, flags, 4);
}
