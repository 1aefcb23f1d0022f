// One line of NDJSON into slots: of each column, where its value lies in the text and what it is. Keys are looked up by their path; what no
// column wants is checked all the same.
import {
  BAD_DEPTH, BAD_JSON, BAD_NO_OBJECT, BAD_TWICE, FRAME_BYTES, J_FRAMES, J_KEYS, J_MARK, J_OUT_END, J_PLACE, J_SLOTS, KEY_BYTES, MOST_DEPTH,
  SLOT_BYTES, SLOT_ESCAPED, SLOT_NULL, SLOT_PLAIN, SLOT_TEXT,
} from './json-layout';
import { numberEnd, skipBlanks, textEnd, wordEnd, writeUnescaped } from './json-tokens';

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
export function parseRow(s: usize, line: usize, p: usize, e: usize): u32 {
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
