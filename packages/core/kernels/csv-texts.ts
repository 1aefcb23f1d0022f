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

/** Bit n: a text of n bytes may stand for null. Of short ones. */
function nullLengths(nulls: usize): u32 {
  if (nulls == 0) return 0;
  let lengths: u32 = 0;
  let at = nulls + 4;
  for (let left = load<u32>(nulls); left > 0; left--) {
    const length = load<u32>(at);
    if (length < 32) lengths |= 1 << length;
    at += 4 + length;
  }
  return lengths;
}

/** Copies a text of whatever length; a quoted one without its quotes. Returns where it ends, 0 where it stands for null. */
function copyText(out: usize, p: usize, e: usize, quote: u32, nulls: usize): usize {
  if (p < e && load<u8>(p) == quote) return unescape(out, p + 1, e - 1, quote);
  if (p == e || isNull(nulls, p, e)) return 0;
  const bytes = e - p;
  if (bytes <= 16) v128.store(out, v128.load(p));
  else copyShort(out, p, bytes);
  return out + bytes;
}

/**
 * The texts of a column: offsets from 0, and bytes, behind whose end 16 more may be written. A text without quotes that is empty or
 * stands for null is null. Most are short and stand for themselves: the loop for these is one as in csv-columns.ts.
 */
export function csvTexts(c: usize, column: u32, offsets: usize, values: usize, validity: usize): void {
  const text = <usize>load<u32>(c, C_TEXT);
  const stride = <usize>load<u32>(c, C_STRIDE);
  const quote = load<u32>(c, C_QUOTE);
  const nulls = <usize>load<u32>(c, C_NULLS);
  const lengths = nullLengths(nulls);
  let entry = <usize>load<u32>(c, C_ENTRIES) + (<usize>column << 2);
  const end = entry + <usize>load<u32>(c, C_ROWS) * stride;
  let out = values;
  let at = offsets + 4;
  store<u32>(offsets, 0);
  while (entry != end) {
    do {
      const p = text + <usize>load<u32>(entry) + 1;
      const bytes = text + <usize>load<u32>(entry, 4) - p;
      v128.store(out, v128.load(p));
      if ((<u32>(bytes - 1 < 16) & <u32>(load<u8>(p) != quote) & ~(lengths >> bytes)) == 0) break;
      out += bytes;
      store<u32>(at, <u32>(out - values));
      at += 4;
      entry += stride;
    } while (entry != end);
    if (entry == end) return;
    const next = copyText(out, text + <usize>load<u32>(entry) + 1, text + <usize>load<u32>(entry, 4), quote, nulls);
    if (next != 0) {
      out = next;
    } else {
      clearBit(validity, <u32>((at - offsets) >> 2) - 1);
      store<u32>(c, load<u32>(c, C_NULL_COUNT) + 1, C_NULL_COUNT);
    }
    store<u32>(at, <u32>(out - values));
    at += 4;
    entry += stride;
  }
}
