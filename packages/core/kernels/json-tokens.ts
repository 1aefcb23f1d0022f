// What a line of JSON is made of: texts and their escapes, numbers, words, and blanks between them.
import { TEXT_MARK } from './json-layout';

// @ts-ignore: decorator
@inline
export function skipBlanks(p: usize, e: usize): usize {
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

/** Where the text that begins at p (behind its quote) ends: at its closing quote, or 0 when it is none. Bit 63: it has escapes. */
export function textEnd(p: usize, e: usize): u64 {
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
export function writeUnescaped(out: usize, p: usize, e: usize): usize {
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

/** Where a number ends, or 0. */
export function numberEnd(p: usize, e: usize): usize {
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
export function wordEnd(p: usize, e: usize): usize {
  const word = load<u32>(p);
  const left = e - p;
  if (left >= 4 && (word == 0x65757274 || word == 0x6c6c756e)) return p + 4;
  return left >= 5 && word == 0x736c6166 && load<u8>(p, 4) == 101 ? p + 5 : 0;
}
