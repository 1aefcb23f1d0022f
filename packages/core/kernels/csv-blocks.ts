// Bitmaps of 64 bytes of CSV text: where fields end, where lines do, and what is wrong with quotes. What the block before leaves
// for the next one lies in the block of `csvIndex`, because a function has one result.
import {
  BLOCK_LINES, BLOCK_WRONG, FLAGS, FLAG_NOT_ASCII, FLAG_QUOTES, LAST_BREAK, LAST_CLOSE, LAST_INSIDE, LAST_QUOTE,
} from './csv-layout';

// @ts-ignore: decorator
@inline
export function bits(a: v128, b: v128, c: v128, d: v128): u64 {
  return (
    <u64>i8x16.bitmask(a) | (<u64>i8x16.bitmask(b) << 16) | (<u64>i8x16.bitmask(c) << 32) | (<u64>i8x16.bitmask(d) << 48)
  );
}

// @ts-ignore: decorator
@inline
export function matches(a: v128, b: v128, c: v128, d: v128, letter: v128): u64 {
  return bits(i8x16.eq(a, letter), i8x16.eq(b, letter), i8x16.eq(c, letter), i8x16.eq(d, letter));
}

/** Bit i is the parity of bits 0 to i. */
// @ts-ignore: decorator
@inline
function parities(x: u64): u64 {
  x ^= x << 1;
  x ^= x << 2;
  x ^= x << 4;
  x ^= x << 8;
  x ^= x << 16;
  return x ^ (x << 32);
}

/** Begins at the start of a row. */
// @ts-ignore: decorator
@inline
export function beginBlocks(s: usize): void {
  // All ones inside of quotes; whether the last byte ended a field, was a quote, closed one.
  store<u64>(s, 0, LAST_INSIDE);
  store<u64>(s, 1, LAST_BREAK);
  store<u64>(s, 0, LAST_QUOTE);
  store<u64>(s, 0, LAST_CLOSE);
}

/**
 * Ends of fields among the bytes at `at` that are there; those that end lines in `BLOCK_LINES`; quotes where there may be none in
 * `BLOCK_WRONG`. Every CR and every LF ends a line.
 * @param quote 256 when nothing quotes
 */
// @ts-ignore: decorator
@inline
export function breaksOf(s: usize, at: usize, there: u64, delimiter: v128, quote: u32): u64 {
  const a = v128.load(at);
  const b = v128.load(at, 16);
  const c = v128.load(at, 32);
  const d = v128.load(at, 48);
  if (i8x16.bitmask(v128.or(v128.or(a, b), v128.or(c, d))) != 0) {
    store<u32>(s, load<u32>(s, FLAGS) | FLAG_NOT_ASCII, FLAGS);
  }
  const lf = i8x16.splat(10);
  const cr = i8x16.splat(13);
  let lines = bits(
    v128.or(i8x16.eq(a, lf), i8x16.eq(a, cr)),
    v128.or(i8x16.eq(b, lf), i8x16.eq(b, cr)),
    v128.or(i8x16.eq(c, lf), i8x16.eq(c, cr)),
    v128.or(i8x16.eq(d, lf), i8x16.eq(d, cr)),
  ) & there;
  let breaks = lines | (matches(a, b, c, d, delimiter) & there);
  let wrong: u64 = 0;
  let q: u64 = 0;
  if (quote != 256) {
    const quotes = i8x16.splat(<i8>quote);
    q = matches(a, b, c, d, quotes) & there;
    const inside = load<u64>(s, LAST_INSIDE);
    if ((q | inside | load<u64>(s, LAST_CLOSE)) != 0) {
      if (q != 0) store<u32>(s, load<u32>(s, FLAGS) | FLAG_QUOTES, FLAGS);
      const quoted = parities(q) ^ inside;
      breaks &= ~quoted;
      lines &= ~quoted;
      const opens = q & quoted;
      const closes = q & ~quoted;
      wrong = opens & ~((breaks << 1) | load<u64>(s, LAST_BREAK) | (q << 1) | load<u64>(s, LAST_QUOTE));
      wrong |= ((closes << 1) | load<u64>(s, LAST_CLOSE)) & ~(breaks | q) & there;
      store<u64>(s, <u64>(<i64>quoted >> 63), LAST_INSIDE);
      store<u64>(s, closes >> 63, LAST_CLOSE);
    }
    store<u64>(s, q >> 63, LAST_QUOTE);
    store<u64>(s, breaks >> 63, LAST_BREAK);
  }
  store<u64>(s, lines, BLOCK_LINES);
  store<u64>(s, wrong, BLOCK_WRONG);
  return breaks;
}
