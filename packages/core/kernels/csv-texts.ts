// Columns of texts from CSV.
import { C_ENTRIES, C_NULLS, C_NULL_COUNT, C_QUOTE, C_ROWS, C_STRIDE, C_TEXT } from './csv-layout';
import { clearBit, isNull } from './csv-values';
import { copyShort } from './take';

/** Room that the texts of a column need at most, escapes and quotes included. */
export function csvTextBytes(c: usize, column: u32): u32 {
  const stride = <usize>load<u32>(c, C_STRIDE);
  let entry = <usize>load<u32>(c, C_ENTRIES) + (<usize>column << 2);
  let bytes: u32 = 0;
  for (let left = load<u32>(c, C_ROWS); left > 0; left--, entry += stride) {
    bytes += load<u32>(entry, 4) - load<u32>(entry) - 1;
  }
  return bytes;
}

/** Copies the inside of a quoted text, each pair of quotes as one. Returns where it ends. */
function unescape(out: usize, p: usize, e: usize, quote: u32): usize {
  const quotes = i8x16.splat(<i8>quote);
  while (p < e) {
    const word = v128.load(p);
    v128.store(out, word);
    const found = i8x16.bitmask(i8x16.eq(word, quotes));
    const left = e - p;
    if (found == 0 || <usize>ctz<i32>(found) >= left) {
      if (left <= 16) return out + left;
      p += 16;
      out += 16;
      continue;
    }
    // Up to the first of a pair, which stays.
    const bytes = <usize>ctz<i32>(found) + 1;
    p += bytes + 1;
    out += bytes;
  }
  return out;
}

/**
 * The texts of a column: offsets from 0, and bytes, behind whose end 16 more may be written. A text without quotes that is empty or
 * stands for null is null.
 */
export function csvTexts(c: usize, column: u32, offsets: usize, values: usize, validity: usize): void {
  const text = <usize>load<u32>(c, C_TEXT);
  const stride = <usize>load<u32>(c, C_STRIDE);
  const quote = load<u32>(c, C_QUOTE);
  const nulls = <usize>load<u32>(c, C_NULLS);
  const rows = load<u32>(c, C_ROWS);
  let entry = <usize>load<u32>(c, C_ENTRIES) + (<usize>column << 2);
  let out = values;
  store<u32>(offsets, 0);
  for (let row: u32 = 0; row < rows; row++, entry += stride) {
    const p = text + <usize>(load<u32>(entry) + 1);
    const e = text + <usize>load<u32>(entry, 4);
    offsets += 4;
    if (p < e && load<u8>(p) == quote) {
      out = unescape(out, p + 1, e - 1, quote);
    } else if (p == e || isNull(nulls, p, e)) {
      clearBit(validity, row);
      store<u32>(c, load<u32>(c, C_NULL_COUNT) + 1, C_NULL_COUNT);
    } else {
      const bytes = e - p;
      if (bytes <= 16) v128.store(out, v128.load(p));
      else copyShort(out, p, bytes);
      out += bytes;
    }
    store<u32>(offsets, <u32>(out - values));
  }
}
