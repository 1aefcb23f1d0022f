// Conversions between column types.
import { isSet } from './dense';
import { fitsInteger, fitsWhole, isThere } from './types';

function convert<F, T>(values: usize, validity: usize, rows: i32, out: usize): i32 {
  for (let row = 0; row < rows; row++, values += sizeof<F>(), out += sizeof<T>()) {
    const value = load<F>(values);
    if (isFloat<T>()) {
      // By way of a double, also from 64-bit integers to f32.
      store<T>(out, <T>(<f64>value));
    } else if (isFloat<F>()) {
      const isBad = !fitsWhole<T>(<f64>value);
      if (isBad && isThere(validity, row)) return row;
      store<T>(out, isSigned<T>() ? <T><i64>value : <T><u64>value);
    } else {
      if (!fitsInteger<F, T>(value) && isThere(validity, row)) return row;
      store<T>(out, <T>value);
    }
  }
  return -1;
}

function castFrom<F>(to: i32, values: usize, validity: usize, rows: i32, out: usize): i32 {
  switch (to) {
    case 0: return convert<F, i8>(values, validity, rows, out);
    case 1: return convert<F, i16>(values, validity, rows, out);
    case 2: return convert<F, i32>(values, validity, rows, out);
    case 3: return convert<F, i64>(values, validity, rows, out);
    case 4: return convert<F, u8>(values, validity, rows, out);
    case 5: return convert<F, u16>(values, validity, rows, out);
    case 6: return convert<F, u32>(values, validity, rows, out);
    case 7: return convert<F, u64>(values, validity, rows, out);
    case 8: return convert<F, f32>(values, validity, rows, out);
    default: return convert<F, f64>(values, validity, rows, out);
  }
}

export function cast(from: i32, to: i32, values: usize, validity: usize, rows: i32, out: usize): i32 {
  switch (from) {
    case 0: return castFrom<i8>(to, values, validity, rows, out);
    case 1: return castFrom<i16>(to, values, validity, rows, out);
    case 2: return castFrom<i32>(to, values, validity, rows, out);
    case 3: return castFrom<i64>(to, values, validity, rows, out);
    case 4: return castFrom<u8>(to, values, validity, rows, out);
    case 5: return castFrom<u16>(to, values, validity, rows, out);
    case 6: return castFrom<u32>(to, values, validity, rows, out);
    case 7: return castFrom<u64>(to, values, validity, rows, out);
    case 8: return castFrom<f32>(to, values, validity, rows, out);
    default: return castFrom<f64>(to, values, validity, rows, out);
  }
}

function bitsTo<T>(bits: usize, rows: i32, out: usize): void {
  for (let row = 0; row < rows; row++, out += sizeof<T>()) store<T>(out, bits == 0 || isSet(bits, row) ? <T>1 : <T>0);
}

/** 0 or 1 for each bit; what differs is the width, and whether it is a float. */
export function castBits(bits: usize, to: i32, rows: i32, out: usize): void {
  switch (to) {
    case 0:
    case 4: bitsTo<u8>(bits, rows, out); break;
    case 1:
    case 5: bitsTo<u16>(bits, rows, out); break;
    case 2:
    case 6: bitsTo<u32>(bits, rows, out); break;
    case 3:
    case 7: bitsTo<u64>(bits, rows, out); break;
    case 8: bitsTo<f32>(bits, rows, out); break;
    default: bitsTo<f64>(bits, rows, out);
  }
}
