// Rows of NDJSON text: each line is an object, whose values are looked up by their paths and written side by side, in the order of the
// columns, as fields of CSV text are; what turns those into columns then turns these. Of every good row columns + 2 places are written:
// the byte before its first value, the end of each value, and where the row starts in the text.
//
// Texts are written without their escapes, between two marks. Numbers and truths are written as they stand, and so are arrays and objects
// where a column is the whole of one. Null and what is not there are written as nothing. All of a line is checked, also what nobody reads.
import { BAD_BYTES, FLAG_NEEDS_MORE, FLAG_NOT_ASCII, FLAG_STOPPED } from './csv-layout';
import {
  BAD_SURROGATE, FLAG_NEEDS_ROOM, J_BAD, J_BAD_CAPACITY, J_BAD_ROWS, J_COLUMNS, J_END, J_ENTRIES, J_ENTRIES_END, J_FLAGS, J_FROM, J_GOOD_ROWS,
  J_IS_COUNTING, J_IS_EOF, J_LIMIT, J_MARK, J_NEEDED, J_NEXT, J_OUT, J_OUT_END, J_PLACE, J_ROWS, J_SLOTS, J_TEXT, SLOT_BYTES, SLOT_NULL,
  SLOT_PLAIN, SLOT_TEXT, TEXT_MARK,
} from './json-layout';
import { parseRow } from './json-row';
import { skipBlanks, writeUnescaped } from './json-tokens';

function copyBytes(out: usize, from: usize, bytes: usize): usize {
  for (let at: usize = 0; at < bytes; at += 16) v128.store(out + at, v128.load(from + at));
  return out + bytes;
}

/** Writes the values of the row in the slots, and their places. Returns where they end, or 0 (and the column is told). */
function writeRow(s: usize, out: usize, entry: usize, columns: u32, rowStart: u32): usize {
  const base = <usize>load<u32>(s, J_OUT);
  const mark = load<u32>(s, J_MARK);
  let slot = <usize>load<u32>(s, J_SLOTS);
  store<u32>(entry, <u32>(out - base) - 1);
  for (let column: u32 = 0; column < columns; column++, slot += SLOT_BYTES) {
    entry += 4;
    if (load<u32>(slot, 12) == mark) {
      const kind = load<u32>(slot, 8);
      const from = <usize>load<u32>(slot);
      const to = <usize>load<u32>(slot, 4);
      if (kind == SLOT_PLAIN) {
        out = copyBytes(out, from, to - from);
      } else if (kind != SLOT_NULL) {
        store<u8>(out++, TEXT_MARK);
        out = kind == SLOT_TEXT ? copyBytes(out, from, to - from) : writeUnescaped(out, from, to);
        if (out == 0) {
          store<u32>(s, column, J_PLACE);
          return 0;
        }
        store<u8>(out++, TEXT_MARK);
      }
    }
    store<u32>(entry, <u32>(out - base));
    store<u8>(out++, 44);
  }
  store<u32>(entry, rowStart, 4);
  return out;
}

function addBad(s: usize, ordinal: u32, start: u32, kind: u32): bool {
  const count = load<u32>(s, J_BAD_ROWS);
  const at = <usize>load<u32>(s, J_BAD) + <usize>count * BAD_BYTES;
  store<u32>(at, ordinal);
  store<u32>(at, start, 4);
  store<u32>(at, load<u32>(s, J_PLACE), 8);
  store<u32>(at, kind, 12);
  store<u32>(s, count + 1, J_BAD_ROWS);
  return count + 1 < load<u32>(s, J_BAD_CAPACITY);
}

function finish(s: usize, next: u32, rows: u32, good: u32, flags: u32): void {
  store<u32>(s, next, J_NEXT);
  store<u32>(s, rows, J_ROWS);
  store<u32>(s, good, J_GOOD_ROWS);
  store<u32>(s, flags, J_FLAGS);
}

/** Where the line that starts at p ends: at its LF, or at e. Bit 63: it is not all ASCII. */
function lineEnd(p: usize, e: usize): u64 {
  const feeds = i8x16.splat(10);
  let high: i32 = 0;
  for (; p < e; p += 16) {
    const word = v128.load(p);
    const found = i8x16.bitmask(i8x16.eq(word, feeds));
    if (found != 0) {
      const at = p + <usize>ctz<i32>(found);
      high |= i8x16.bitmask(word) & ((found & (0 - found)) - 1);
      return at < e ? <u64>at | (<u64>(high != 0) << 63) : <u64>e | (<u64>1 << 63);
    }
    high |= i8x16.bitmask(word);
  }
  return <u64>e | (<u64>(high != 0) << 63);
}

export function jsonRows(s: usize): void {
  const text = <usize>load<u32>(s, J_TEXT);
  const end = load<u32>(s, J_END);
  const limit = load<u32>(s, J_LIMIT);
  const isEof = load<u32>(s, J_IS_EOF) != 0;
  const isCounting = load<u32>(s, J_IS_COUNTING) != 0;
  const columns = load<u32>(s, J_COLUMNS);
  const entriesEnd = <usize>load<u32>(s, J_ENTRIES_END);
  const outEnd = <usize>load<u32>(s, J_OUT_END);
  let entry = <usize>load<u32>(s, J_ENTRIES);
  let out = <usize>load<u32>(s, J_OUT);
  let rowStart = load<u32>(s, J_FROM);
  let rows: u32 = 0;
  let good: u32 = 0;
  let flags: u32 = 0;
  store<u32>(s, 0, J_BAD_ROWS);
  while (rowStart < limit) {
    const found = lineEnd(text + rowStart, text + end);
    const e = <usize>(found & 0xffffffff);
    const isCut = e == text + end;
    if (isCut && !isEof) return finish(s, rowStart, rows, good, flags | FLAG_NEEDS_MORE);
    if (found >> 63 != 0) flags |= FLAG_NOT_ASCII;
    const next = <u32>(e - text) + <u32>!isCut;
    const line = text + rowStart;
    const p = skipBlanks(line, e);
    if (p < e) {
      let hasRoom = true;
      if (!isCounting) {
        // Two marks and a byte behind each value; keys with escapes are compared at the end of the room.
        const needed = 2 * (e - p) + 3 * <usize>columns + 32;
        if (entry >= entriesEnd || out + needed > outEnd) {
          store<u32>(s, <u32>needed, J_NEEDED);
          return finish(s, rowStart, rows, good, flags | (rows == 0 ? FLAG_NEEDS_ROOM : FLAG_STOPPED));
        }
        let kind = parseRow(s, line, p, e);
        if (kind == 0) {
          const to = writeRow(s, out, entry, columns, rowStart);
          if (to == 0) {
            kind = BAD_SURROGATE;
          } else {
            out = to;
            entry += <usize>(columns + 2) << 2;
            good++;
          }
        }
        if (kind != 0) hasRoom = addBad(s, rows, rowStart, kind);
      }
      rows++;
      if (!hasRoom) return finish(s, next, rows, good, next >= limit ? flags : flags | FLAG_STOPPED);
    }
    rowStart = next;
    if (isCut) break;
  }
  finish(s, rowStart, rows, good, flags);
}
