// Finds the fields of CSV rows: 64 bytes at a time as bitmaps of delimiters, line ends and quotes, from which the places
// between fields are read. Of every good row columns + 1 places are written: the byte before the row, and each field's end.
//
// A quote opens and closes text wherever it stands, so rows are cut the same wherever a reader starts between two of them;
// quotes where there may be none make a row bad. Empty lines are no rows. CR, LF and CRLF end lines, in any mixture.
//
// Nearly all rows have as many fields as there are columns, and nothing is wrong with them: `evenRows` takes these. Here the
// others are told apart, one field after the other, from the first row on that is not so.
import { beginBlocks, breaksOf, matches } from './csv-blocks';
import { evenRows } from './csv-even-rows';
import {
  BAD, BAD_BYTES, BAD_CAPACITY, BAD_FIELDS, BAD_QUOTE, BAD_ROWS, BAD_UNCLOSED, BLOCK_LINES, BLOCK_WRONG, COLUMNS,
  DELIMITER, END, ENTRIES, ENTRIES_END, FLAGS, FLAG_NEEDS_MORE, FLAG_STOPPED, FROM, GOOD_ROWS, IS_COUNTING, IS_EOF,
  LAST_INSIDE, LIMIT, MAX_ROWS, NEXT, QUOTE, ROWS, TEXT,
} from './csv-layout';

function addBad(s: usize, ordinal: u32, start: u32, fields: u32, kind: u32): bool {
  if (load<u32>(s, IS_COUNTING) != 0) return true;
  const count = load<u32>(s, BAD_ROWS);
  const at = <usize>load<u32>(s, BAD) + count * BAD_BYTES;
  store<u32>(at, ordinal);
  store<u32>(at, start, 4);
  store<u32>(at, fields, 8);
  store<u32>(at, kind, 12);
  store<u32>(s, count + 1, BAD_ROWS);
  return count + 1 < load<u32>(s, BAD_CAPACITY);
}

function finish(s: usize, next: u32, rows: u32, good: u32, flag: u32): void {
  store<u32>(s, next, NEXT);
  store<u32>(s, rows, ROWS);
  store<u32>(s, good, GOOD_ROWS);
  store<u32>(s, load<u32>(s, FLAGS) | flag, FLAGS);
}

export function csvIndex(s: usize): void {
  const text = <usize>load<u32>(s, TEXT);
  const end = load<u32>(s, END);
  const limit = load<u32>(s, LIMIT);
  const columns = load<u32>(s, COLUMNS);
  const maxRows = load<u32>(s, MAX_ROWS);
  const isCounting = load<u32>(s, IS_COUNTING) != 0;
  const entries = <usize>load<u32>(s, ENTRIES);
  const entriesEnd = <usize>load<u32>(s, ENTRIES_END);
  const quote = load<u32>(s, QUOTE);
  const delimiter = i8x16.splat(<i8>load<u32>(s, DELIMITER));
  store<u32>(s, 0, BAD_ROWS);
  store<u32>(s, 0, FLAGS);
  let rowBase = entries;
  store<u32>(rowBase, load<u32>(s, FROM) - 1);
  let rows: u32 = isCounting ? 0 : evenRows(s);
  let good = rows;
  rowBase += (<usize>rows * (columns + 1)) << 2;
  let rowStart = load<u32>(rowBase) + 1;
  let out = rowBase + 4;
  let fields: u32 = 0;
  let isBad = false;
  if (rowStart >= limit || rows >= maxRows) return finish(s, rowStart, rows, good, rowStart >= limit ? 0 : FLAG_STOPPED);
  beginBlocks(s);
  for (let base = rowStart; base < end; base += 64) {
    const left = end - base;
    const there: u64 = left >= 64 ? <u64>-1 : ((<u64>1) << (<u64>left)) - 1;
    const breaks = breaksOf(s, text + base, there, delimiter, quote);
    const lines = load<u64>(s, BLOCK_LINES);
    let wrong = load<u64>(s, BLOCK_WRONG);
    // A row with too many fields is bad: its places need no room.
    if (fields > columns) out = rowBase + 4 + ((<usize>columns) << 2);
    for (let m = breaks; m != 0; m &= m - 1) {
      const bit = m & (0 - m);
      const p = base + <u32>ctz<u64>(m);
      if ((lines & bit) == 0) {
        store<u32>(out, p);
        out += 4;
        fields++;
        continue;
      }
      if (wrong != 0) {
        if ((wrong & (bit - 1)) != 0) isBad = true;
        wrong &= ~(bit - 1);
      }
      if (fields == 0 && p == rowStart) {
        store<u32>(rowBase, p);
      } else {
        let hasRoom = true;
        if (isBad || fields + 1 != columns) {
          hasRoom = addBad(s, rows, rowStart, fields + 1, isBad ? BAD_QUOTE : BAD_FIELDS);
          isBad = false;
          out = rowBase + 4;
        } else {
          store<u32>(out, p);
          good++;
          rowBase = isCounting ? entries : out + 4;
          out = rowBase + 4;
        }
        store<u32>(rowBase, p);
        rows++;
        if (rows == maxRows || !hasRoom || out > entriesEnd) {
          return finish(s, p + 1, rows, good, p + 1 >= limit ? 0 : FLAG_STOPPED);
        }
      }
      fields = 0;
      rowStart = p + 1;
      if (rowStart >= limit) return finish(s, rowStart, rows, good, 0);
    }
    if (wrong != 0) isBad = true;
  }
  if (load<u32>(s, IS_EOF) == 0) return finish(s, rowStart, rows, good, FLAG_NEEDS_MORE);
  if (load<u64>(s, LAST_INSIDE) != 0) {
    addBad(s, rows, rowStart, fields + 1, BAD_UNCLOSED);
    rows++;
  } else if (rowStart < end) {
    if (isBad || fields + 1 != columns) {
      addBad(s, rows, rowStart, fields + 1, isBad ? BAD_QUOTE : BAD_FIELDS);
    } else {
      store<u32>(out, end);
      good++;
    }
    rows++;
  }
  finish(s, end, rows, good, 0);
}

/** Lines that end in [from, to): LF, CR or CRLF. */
export function csvLines(text: usize, from: u32, to: u32): u32 {
  const lf = i8x16.splat(10);
  const cr = i8x16.splat(13);
  let count: u32 = 0;
  let lastCr: u64 = 0;
  for (let base = from; base < to; base += 64) {
    const at = text + base;
    const a = v128.load(at);
    const b = v128.load(at, 16);
    const c = v128.load(at, 32);
    const d = v128.load(at, 48);
    const left = to - base;
    const there: u64 = left >= 64 ? <u64>-1 : ((<u64>1) << (<u64>left)) - 1;
    const feeds = matches(a, b, c, d, lf) & there;
    const returns = matches(a, b, c, d, cr) & there;
    count += <u32>popcnt<u64>(returns) + <u32>popcnt<u64>(feeds & ~((returns << 1) | lastCr));
    lastCr = returns >> 63;
  }
  return count;
}

// @ts-ignore: decorator
@inline
function follows(p: usize): bool {
  return (load<u8>(p) & 0xc0) == 0x80;
}

/** Bytes of the UTF-8 character at p, which is not ASCII; 0 when it is none. Up to three bytes behind p are read. */
function characterBytes(p: usize): u32 {
  const first = load<u8>(p);
  const second = load<u8>(p, 1);
  if (first < 0xc2 || first > 0xf4 || !follows(p + 1)) return 0;
  if (first < 0xe0) return 2;
  if (!follows(p + 2)) return 0;
  if (first < 0xf0) {
    // Neither too long a form nor half of a surrogate pair.
    return (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ? 0 : 3;
  }
  if (!follows(p + 3)) return 0;
  return (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f) ? 0 : 4;
}

/** Place of the first byte in [from, to) that begins no UTF-8 character, or `to`. Up to 64 bytes behind `to` are read. */
export function utf8Check(text: usize, from: u32, to: u32): u32 {
  let p = from;
  while (p < to) {
    const word = v128.load(text + p);
    const high = i8x16.bitmask(word);
    if (high == 0) {
      p += 16;
      continue;
    }
    p += ctz<i32>(high);
    while (p < to && load<u8>(text + p) >= 0x80) {
      const bytes = characterBytes(text + p);
      if (bytes == 0 || p + bytes > to) return p;
      p += bytes;
    }
  }
  return to;
}
