// Rows of NDJSON text: each line is an object, whose values are looked up by their paths and written side by side, in the order of the
// columns, as fields of CSV text are; what turns those into columns then turns these. Of every good row columns + 2 places are written:
// the byte before its first value, the end of each value, and where the row starts in the text.
//
// Texts are written without their escapes, between two marks. Numbers and truths are written as they stand, and so are arrays and objects
// where a column is the whole of one. Null and what is not there are written as nothing. All of a line is checked, also what nobody reads.
import { BAD_BYTES, FLAG_NEEDS_MORE, FLAG_NOT_ASCII, FLAG_STOPPED } from './csv-layout';
import {
  BAD_DEPTH, BAD_JSON, BAD_NO_OBJECT, BAD_SURROGATE, BAD_TWICE, FLAG_NEEDS_ROOM, FRAME_BYTES, J_BAD, J_BAD_CAPACITY, J_BAD_ROWS,
  J_COLUMNS, J_END, J_ENTRIES, J_ENTRIES_END, J_FLAGS, J_FRAMES, J_FROM, J_GOOD_ROWS, J_IS_COUNTING, J_IS_EOF, J_KEYS, J_LIMIT, J_MARK,
  J_NEEDED, J_NEXT, J_OUT, J_OUT_END, J_PLACE, J_ROWS, J_SLOTS, J_TEXT, KEY_BYTES, MOST_DEPTH, SLOT_BYTES, SLOT_ESCAPED, SLOT_NULL,
  SLOT_PLAIN, SLOT_TEXT, TEXT_MARK,
} from './json-layout';

// @ts-ignore: decorator
@inline
function skipBlanks(p: usize, e: usize): usize {
  while (p < e) {
    const letter = load<u8>(p);
    if (letter != 32 && letter != 9 && letter != 13) break;
    p++;
  }
  return p;
}

function hexDigit(letter: u32): i32 {
  if (letter - 48 < 10) return letter - 48;
  const low = letter | 32;
  return low - 97 < 6 ? low - 87 : -1;
}

/** Four hexadecimal digits, or -1. */
function hexWord(p: usize): i32 {
  let word: i32 = 0;
  for (let k: usize = 0; k < 4; k++) {
    const digit = hexDigit(<u32>load<u8>(p + k));
    if (digit < 0) return -1;
    word = (word << 4) | digit;
  }
  return word;
}

/** Where the text that begins at p (behind its quote) ends: at its closing quote, or 0 when it is none. Bit 31: it has escapes. */
function textEnd(p: usize, e: usize): u64 {
  let escapes: u64 = 0;
  const quotes = i8x16.splat(34);
  const slashes = i8x16.splat(92);
  const blank = i8x16.splat(32);
  while (p < e) {
    const word = v128.load(p);
    const stops = i8x16.bitmask(v128.or(v128.or(i8x16.eq(word, quotes), i8x16.eq(word, slashes)), i8x16.lt_u(word, blank)));
    if (stops == 0) {
      p += 16;
      continue;
    }
    p += <usize>ctz<i32>(stops);
    if (p >= e) return 0;
    const letter = load<u8>(p);
    if (letter == 34) return <u64>p | escapes;
    if (letter != 92 || p + 1 >= e) return 0;
    escapes = <u64>1 << 63;
    const code = load<u8>(p, 1);
    if (code == 117) {
      if (p + 6 > e || hexWord(p + 2) < 0) return 0;
      p += 6;
    } else if (code == 34 || code == 92 || code == 47 || code == 98 || code == 102 || code == 110 || code == 114 || code == 116) {
      p += 2;
    } else {
      return 0;
    }
  }
  return 0;
}

/** A character as UTF-8. */
function storeCharacter(out: usize, code: u32): usize {
  if (code < 0x80) {
    store<u8>(out, code);
    return out + 1;
  }
  if (code < 0x800) {
    store<u8>(out, 0xc0 | (code >> 6));
    store<u8>(out, 0x80 | (code & 63), 1);
    return out + 2;
  }
  if (code < 0x10000) {
    store<u8>(out, 0xe0 | (code >> 12));
    store<u8>(out, 0x80 | ((code >> 6) & 63), 1);
    store<u8>(out, 0x80 | (code & 63), 2);
    return out + 3;
  }
  store<u8>(out, 0xf0 | (code >> 18));
  store<u8>(out, 0x80 | ((code >> 12) & 63), 1);
  store<u8>(out, 0x80 | ((code >> 6) & 63), 2);
  store<u8>(out, 0x80 | (code & 63), 3);
  return out + 4;
}

function plainLetter(code: u32): u32 {
  if (code == 98) return 8;
  if (code == 102) return 12;
  if (code == 110) return 10;
  if (code == 114) return 13;
  return code == 116 ? 9 : code;
}

/** Writes a text without its escapes, its marks doubled. Returns where it ends, 0 when half of a surrogate pair stands alone. */
function writeUnescaped(out: usize, p: usize, e: usize): usize {
  while (p < e) {
    const letter = <u32>load<u8>(p);
    if (letter != 92) {
      store<u8>(out++, letter);
      p++;
      continue;
    }
    const escape = <u32>load<u8>(p, 1);
    if (escape != 117) {
      store<u8>(out++, plainLetter(escape));
      p += 2;
      continue;
    }
    let code = <u32>hexWord(p + 2);
    p += 6;
    if (code >= 0xd800 && code < 0xe000) {
      if (code >= 0xdc00 || p + 6 > e || load<u16>(p) != 0x755c) return 0;
      const low = <u32>hexWord(p + 2);
      if (low < 0xdc00 || low >= 0xe000) return 0;
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      p += 6;
    }
    if (code == TEXT_MARK) store<u8>(out++, TEXT_MARK);
    out = storeCharacter(out, code);
  }
  return out;
}

function copyBytes(out: usize, from: usize, bytes: usize): usize {
  for (let at: usize = 0; at < bytes; at += 16) v128.store(out + at, v128.load(from + at));
  return out + bytes;
}

/** The key of a list that a text is, or 0. `hint` is the frame's: the key behind the one found last comes first. */
function findKey(keys: usize, frame: usize, p: usize, bytes: u32): usize {
  const count = load<u32>(keys);
  let index = load<u32>(frame, 8);
  for (let left = count; left > 0; left--) {
    if (index >= count) index = 0;
    const key = keys + 8 + <usize>index * KEY_BYTES;
    index++;
    if (load<u32>(key, 4) != bytes) continue;
    const name = <usize>load<u32>(key);
    let k: u32 = 0;
    while (k < bytes && load<u8>(name + k) == load<u8>(p + k)) k++;
    if (k < bytes) continue;
    store<u32>(frame, index, 8);
    return key;
  }
  return 0;
}

/** Where a number ends, or 0. */
function numberEnd(p: usize, e: usize): usize {
  if (load<u8>(p) == 45) p++;
  if (p >= e) return 0;
  const first = <u32>load<u8>(p) - 48;
  if (first > 9) return 0;
  p++;
  if (first != 0) while (p < e && <u32>load<u8>(p) - 48 < 10) p++;
  if (p < e && load<u8>(p) == 46) {
    const from = ++p;
    while (p < e && <u32>load<u8>(p) - 48 < 10) p++;
    if (p == from) return 0;
  }
  if (p < e && (load<u8>(p) | 32) == 101) {
    p++;
    if (p < e && (load<u8>(p) == 43 || load<u8>(p) == 45)) p++;
    const from = p;
    while (p < e && <u32>load<u8>(p) - 48 < 10) p++;
    if (p == from) return 0;
  }
  return p;
}

/** Where `true`, `false` or `null` ends, or 0. */
function wordEnd(p: usize, e: usize): usize {
  const word = load<u32>(p);
  const left = e - p;
  if (left >= 4 && (word == 0x65757274 || word == 0x6c6c756e)) return p + 4;
  return left >= 5 && word == 0x736c6166 && load<u8>(p, 4) == 101 ? p + 5 : 0;
}

// @ts-ignore: decorator
@inline
function problem(s: usize, kind: u32, place: usize): u32 {
  store<u32>(s, <u32>place, J_PLACE);
  return kind;
}

/** Takes a column's slot for a value that starts at p; false when the row has one already. */
function takeSlot(s: usize, column: i32, p: usize, end: usize, kind: u32): bool {
  const slot = <usize>load<u32>(s, J_SLOTS) + <usize>column * SLOT_BYTES;
  const mark = load<u32>(s, J_MARK);
  if (load<u32>(slot, 12) == mark) return false;
  store<u32>(slot, <u32>p);
  store<u32>(slot, <u32>end, 4);
  store<u32>(slot, kind, 8);
  store<u32>(slot, mark, 12);
  return true;
}

// What the parser is about to read.
const VALUE: i32 = 0;
const AFTER: i32 = 1;
const KEY: i32 = 2;

/** Reads the line [p, e) into the slots. Returns what is wrong, or 0; the place is told in bytes behind `line`. */
function parseRow(s: usize, line: usize, p: usize, e: usize): u32 {
  const frames = <usize>load<u32>(s, J_FRAMES);
  store<u32>(s, load<u32>(s, J_MARK) + 1, J_MARK);
  if (load<u8>(p) != 123) return problem(s, BAD_NO_OBJECT, p - line);
  let depth: u32 = 0;
  let mode = VALUE;
  let column: i32 = -1;
  let keys = <usize>load<u32>(s, J_KEYS);
  while (true) {
    if (mode == KEY) {
      const frame = frames + <usize>(depth - 1) * FRAME_BYTES;
      if (p >= e || load<u8>(p) != 34) return problem(s, BAD_JSON, p - line);
      const found = textEnd(p + 1, e);
      if (found == 0) return problem(s, BAD_JSON, p - line);
      const end = <usize>(found & 0xffffffff);
      column = -1;
      keys = 0;
      const list = <usize>load<u32>(frame);
      if (list != 0) {
        let name = p + 1;
        let bytes = <u32>(end - name);
        if (found >> 63 != 0) {
          // There is room for all of the line.
          const out = <usize>load<u32>(s, J_OUT_END) - <usize>(bytes + 16);
          const to = writeUnescaped(out, name, end);
          name = out;
          bytes = to == 0 ? 0xffffffff : <u32>(to - out);
        }
        const key = findKey(list, frame, name, bytes);
        if (key != 0) {
          column = load<i32>(key, 8);
          keys = <usize>load<u32>(key, 12);
        }
      }
      p = skipBlanks(end + 1, e);
      if (p >= e || load<u8>(p) != 58) return problem(s, BAD_JSON, p - line);
      p = skipBlanks(p + 1, e);
      mode = VALUE;
      continue;
    }
    if (mode == VALUE) {
      if (p >= e) return problem(s, BAD_JSON, p - line);
      const letter = load<u8>(p);
      mode = AFTER;
      if (letter == 123 || letter == 91) {
        if (depth == MOST_DEPTH) return problem(s, BAD_DEPTH, p - line);
        if (column >= 0 && !takeSlot(s, column, p, p, SLOT_PLAIN)) return problem(s, BAD_TWICE, <usize>column);
        const isObject = letter == 123;
        const frame = frames + <usize>depth * FRAME_BYTES;
        store<u32>(frame, isObject ? <u32>keys : 0);
        store<i32>(frame, column, 4);
        store<u32>(frame, 0, 8);
        store<u32>(frame, <u32>isObject, 12);
        depth++;
        p = skipBlanks(p + 1, e);
        if (p < e && load<u8>(p) == (isObject ? 125 : 93)) continue;
        mode = isObject ? KEY : VALUE;
        column = -1;
        keys = 0;
        continue;
      }
      if (letter == 34) {
        const found = textEnd(p + 1, e);
        if (found == 0) return problem(s, BAD_JSON, p - line);
        const end = <usize>(found & 0xffffffff);
        const kind = found >> 63 != 0 ? SLOT_ESCAPED : SLOT_TEXT;
        if (column >= 0 && !takeSlot(s, column, p + 1, end, kind)) return problem(s, BAD_TWICE, <usize>column);
        p = end + 1;
        continue;
      }
      const isWord = letter > 57;
      const end = isWord ? wordEnd(p, e) : numberEnd(p, e);
      if (end == 0) return problem(s, BAD_JSON, p - line);
      const kind = letter == 110 ? SLOT_NULL : SLOT_PLAIN;
      if (column >= 0 && !takeSlot(s, column, p, end, kind)) return problem(s, BAD_TWICE, <usize>column);
      p = end;
      continue;
    }
    p = skipBlanks(p, e);
    if (depth == 0) return p == e ? 0 : problem(s, BAD_JSON, p - line);
    if (p >= e) return problem(s, BAD_JSON, p - line);
    const frame = frames + <usize>(depth - 1) * FRAME_BYTES;
    const isObject = load<u32>(frame, 12) != 0;
    const letter = load<u8>(p);
    if (letter == 44) {
      p = skipBlanks(p + 1, e);
      mode = isObject ? KEY : VALUE;
      column = -1;
      keys = 0;
      continue;
    }
    if (letter != (isObject ? 125 : 93)) return problem(s, BAD_JSON, p - line);
    p++;
    depth--;
    const whole = load<i32>(frame, 4);
    if (whole >= 0) store<u32>(<usize>load<u32>(s, J_SLOTS) + <usize>whole * SLOT_BYTES, <u32>p, 4);
  }
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
