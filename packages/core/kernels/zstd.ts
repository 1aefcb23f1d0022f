// Zstandard (RFC 8878), whole frames in memory, without dictionaries. What is compressed is not trusted: every size is checked, nothing
// is read behind the end of the input but the 64 bytes that may be, nothing written behind the room given but 64 bytes of slack.
//
// Scratch: constants that the caller wrote (there is no static data in kernels), then tables, which live for a frame, then literals.
import { checksum } from './checksum';
import { copyBack } from './decompress';

// Constants: normalised counts of the predefined distributions (i16), bases (u32) and extra bits (u8) of lengths.
const LITERAL_COUNTS: usize = 0;
const MATCH_COUNTS: usize = 80;
const OFFSET_COUNTS: usize = 192;
const LITERAL_BASES: usize = 256;
const MATCH_BASES: usize = 400;
const LITERAL_BITS: usize = 612;
const MATCH_BITS: usize = 648;
// Logs are u32, 255 for a table that is not there. Where the literals of a block lie, and how many.
const LITERAL_LOG: usize = 768;
const MATCH_LOG: usize = LITERAL_LOG + 4;
const OFFSET_LOG: usize = LITERAL_LOG + 8;
const WEIGHT_LOG: usize = LITERAL_LOG + 12;
const HUFFMAN_LOG: usize = LITERAL_LOG + 16;
const REPEATS: usize = LITERAL_LOG + 32;
const LITERALS_AT: usize = LITERAL_LOG + 48;
const LITERALS_COUNT: usize = LITERAL_LOG + 52;
// Tables: an entry is bits to add to the next state, extra bits, next state, base (u8, u8, u16, u32), so that all of a number is known at once, and what
// three of them take is one sum.
const LITERAL_TABLE: usize = 1024;
const MATCH_TABLE: usize = LITERAL_TABLE + 4096;
const OFFSET_TABLE: usize = MATCH_TABLE + 4096;
const COUNTS: usize = OFFSET_TABLE + 2048;
const NEXT: usize = COUNTS + 512;
const HUFFMAN: usize = NEXT + 512;
const LITERALS: usize = HUFFMAN + 4096;
// Weights are read when their table has been built, and used before the codes are written.
const WEIGHTS: usize = NEXT;
const WEIGHT_TABLE: usize = HUFFMAN;
const MOST_BLOCK: usize = 131072;
const NONE: u32 = 255;

// @ts-ignore: decorator
@inline
function highBit(x: u32): u32 {
  return 31 - <u32>clz<u32>(x);
}

/** Bits of a stream that is read from its end: `count` bits below bit `at` of p; those before its start are zeros. */
// @ts-ignore: decorator
@inline
function bitsBelow(p: usize, at: i32, count: u32): u32 {
  const from = at - <i32>count;
  const mask = ((<u64>1) << <u64>count) - 1;
  if (from >= 0) return <u32>((load<u64>(p + (<usize>from >> 3)) >> <u64>(from & 7)) & mask);
  if (at <= 0) return 0;
  return <u32>(((load<u64>(p) & (((<u64>1) << <u64>at) - 1)) << <u64>(-from)) & mask);
}

/** The first `count` bits of a word, also where there are none. */
// @ts-ignore: decorator
@inline
function firstBits(word: u64, count: u32): u32 {
  return <u32>((word >> 1) >> <u64>(63 - count));
}

/** Bits of such a stream before the mark in its last byte; -1 when there is no mark. */
// @ts-ignore: decorator
@inline
function streamBits(p: usize, bytes: usize): i32 {
  if (bytes == 0) return -1;
  const last = <u32>load<u8>(p + bytes - 1);
  return last == 0 ? -1 : <i32>((bytes - 1) << 3) + <i32>highBit(last);
}

/** Reads counts of a distribution into COUNTS. Returns where they end (0 when malformed) and leaves the log at `log`. */
function readCounts(s: usize, p: usize, end: usize, mostLog: u32, mostSymbol: u32, log: usize): usize {
  if (p >= end) return 0;
  const tableLog = (load<u8>(p) & 15) + 5;
  if (tableLog > mostLog) return 0;
  let at: u64 = 4;
  let remaining: i32 = (1 << tableLog) + 1;
  let threshold: i32 = 1 << tableLog;
  let bits: u32 = tableLog + 1;
  let symbol: u32 = 0;
  let isAfterZero = false;
  memory.fill(s + COUNTS, 0, 512);
  while (remaining > 1 && symbol <= mostSymbol) {
    if (isAfterZero) {
      let run: u32 = 3;
      while (run == 3) {
        if (p + <usize>(at >> 3) >= end) return 0;
        run = <u32>(load<u64>(p + <usize>(at >> 3)) >> (at & 7)) & 3;
        at += 2;
        symbol += run;
      }
      if (symbol > mostSymbol) return 0;
    }
    if (p + <usize>(at >> 3) >= end) return 0;
    const word = <i32>(<u32>(load<u64>(p + <usize>(at >> 3)) >> (at & 7)));
    const most = 2 * threshold - 1 - remaining;
    let count: i32;
    if ((word & (threshold - 1)) < most) {
      count = word & (threshold - 1);
      at += bits - 1;
    } else {
      count = word & (2 * threshold - 1);
      if (count >= threshold) count -= most;
      at += bits;
    }
    count--;
    remaining -= count < 0 ? -count : count;
    store<i16>(s + COUNTS + (<usize>symbol << 1), <i16>count);
    symbol++;
    isAfterZero = count == 0;
    while (remaining < threshold && threshold > 1) {
      bits--;
      threshold >>= 1;
    }
  }
  const behind = p + <usize>((at + 7) >> 3);
  if (remaining != 1 || behind > end) return 0;
  store<u32>(log, tableLog);
  return behind;
}

/** Builds a decoding table from `symbols` counts (i16). An entry is symbol, bits, next state (u8, u8, u16). */
function buildTable(s: usize, counts: usize, symbols: u32, log: u32, table: usize): bool {
  const size: u32 = 1 << log;
  const mask = size - 1;
  let high = mask;
  for (let symbol: u32 = 0; symbol < symbols; symbol++) {
    const count = load<i16>(counts + (<usize>symbol << 1));
    if (count == -1) {
      store<u8>(table + (<usize>high << 2), <u8>symbol);
      high--;
      store<u16>(s + NEXT + (<usize>symbol << 1), 1);
    } else {
      store<u16>(s + NEXT + (<usize>symbol << 1), <u16>count);
    }
  }
  const step = (size >> 1) + (size >> 3) + 3;
  let at: u32 = 0;
  for (let symbol: u32 = 0; symbol < symbols; symbol++) {
    const count = load<i16>(counts + (<usize>symbol << 1));
    for (let i: i32 = 0; i < count; i++) {
      store<u8>(table + (<usize>at << 2), <u8>symbol);
      do at = (at + step) & mask;
      while (at > high);
    }
  }
  if (at != 0) return false;
  for (let u: u32 = 0; u < size; u++) {
    const entry = table + (<usize>u << 2);
    const next = s + NEXT + (<usize>load<u8>(entry) << 1);
    const x = <u32>load<u16>(next);
    if (x == 0) return false;
    store<u16>(next, <u16>(x + 1));
    const bits = log - highBit(x);
    store<u8>(entry, <u8>bits, 1);
    store<u16>(entry, <u16>((x << bits) - size), 2);
  }
  return true;
}

/** Weights of a Huffman tree, compressed, into WEIGHTS. Returns how many, or -1. */
function readWeights(s: usize, p: usize, end: usize): i32 {
  const start = readCounts(s, p, end, 6, 255, s + WEIGHT_LOG);
  if (start == 0) return -1;
  const log = load<u32>(s + WEIGHT_LOG);
  if (!buildTable(s, s + COUNTS, 256, log, s + WEIGHT_TABLE)) return -1;
  let at = streamBits(start, end - start);
  if (at < <i32>(2 * log)) return -1;
  let even = bitsBelow(start, at, log);
  at -= log;
  let odd = bitsBelow(start, at, log);
  at -= log;
  let count: i32 = 0;
  while (count < 254) {
    let entry = s + WEIGHT_TABLE + (<usize>even << 2);
    store<u8>(s + WEIGHTS + <usize>(count++), load<u8>(entry));
    let bits = <u32>load<u8>(entry, 1);
    if (<i32>bits > at) {
      store<u8>(s + WEIGHTS + <usize>(count++), load<u8>(s + WEIGHT_TABLE + (<usize>odd << 2)));
      return count;
    }
    even = <u32>load<u16>(entry, 2) + bitsBelow(start, at, bits);
    at -= bits;
    entry = s + WEIGHT_TABLE + (<usize>odd << 2);
    store<u8>(s + WEIGHTS + <usize>(count++), load<u8>(entry));
    bits = <u32>load<u8>(entry, 1);
    if (<i32>bits > at) {
      store<u8>(s + WEIGHTS + <usize>(count++), load<u8>(s + WEIGHT_TABLE + (<usize>even << 2)));
      return count;
    }
    odd = <u32>load<u16>(entry, 2) + bitsBelow(start, at, bits);
    at -= bits;
  }
  return -1;
}

/** Reads a Huffman tree. Returns where it ends, or 0. */
function readTree(s: usize, p: usize, end: usize): usize {
  if (p >= end) return 0;
  const head = <usize>load<u8>(p++);
  let count: i32;
  if (head < 128) {
    if (head > end - p) return 0;
    count = readWeights(s, p, p + head);
    p += head;
  } else {
    count = <i32>head - 127;
    if (<usize>((count + 1) >> 1) > end - p) return 0;
    for (let i = 0; i < count; i++) {
      const byte = load<u8>(p + <usize>(i >> 1));
      store<u8>(s + WEIGHTS + <usize>i, (i & 1) == 0 ? byte >> 4 : byte & 15);
    }
    p += <usize>((count + 1) >> 1);
  }
  if (count <= 0) return 0;
  let sum: u32 = 0;
  for (let i = 0; i < count; i++) {
    const weight = <u32>load<u8>(s + WEIGHTS + <usize>i);
    if (weight > 12) return 0;
    sum += weight == 0 ? 0 : 1 << (weight - 1);
  }
  if (sum == 0) return 0;
  const log = highBit(sum) + 1;
  const left = (<u32>1 << log) - sum;
  if (log > 11 || (left & (left - 1)) != 0) return 0;
  store<u8>(s + WEIGHTS + <usize>count, <u8>(highBit(left) + 1));
  let at: u32 = 0;
  for (let weight: u32 = 1; weight <= log; weight++) {
    const entry = <u16>(log + 1 - weight);
    for (let symbol = 0; symbol <= count; symbol++) {
      if (<u32>load<u8>(s + WEIGHTS + <usize>symbol) != weight) continue;
      const until = at + (<u32>1 << (weight - 1));
      if (until > <u32>1 << log) return 0;
      for (; at < until; at++) store<u16>(s + HUFFMAN + (<usize>at << 1), entry | <u16>(symbol << 8));
    }
  }
  if (at != <u32>1 << log) return 0;
  store<u32>(s + HUFFMAN_LOG, log);
  return p;
}

/**
 * Five symbols of up to eleven bits from the word that ends below bit `at`, which is 64 at least. Returns how many bits they took. An entry is the
 * symbol above its bits: a word is shifted by the entry as it is, since shifts look at the lowest six bits only.
 */
// @ts-ignore: decorator
@inline
function fiveSymbols(table: usize, free: u64, p: usize, at: i32, out: usize): i32 {
  const below = at - 1;
  let word = load<u64>(p + (<usize>below >> 3) - 7) << <u64>(7 - (below & 7));
  const first = <u32>load<u16>(table + (<usize>(word >> free) << 1));
  word <<= <u64>first;
  const second = <u32>load<u16>(table + (<usize>(word >> free) << 1));
  word <<= <u64>second;
  const third = <u32>load<u16>(table + (<usize>(word >> free) << 1));
  word <<= <u64>third;
  const fourth = <u32>load<u16>(table + (<usize>(word >> free) << 1));
  word <<= <u64>fourth;
  const fifth = <u32>load<u16>(table + (<usize>(word >> free) << 1));
  store<u8>(out, <u8>(first >> 8));
  store<u8>(out, <u8>(second >> 8), 1);
  store<u8>(out, <u8>(third >> 8), 2);
  store<u8>(out, <u8>(fourth >> 8), 3);
  store<u8>(out, <u8>(fifth >> 8), 4);
  return <i32>((first + second + third + fourth + fifth) & 0xff);
}

/** What is left of one stream of Huffman codes, of which `at` bits have not been read. */
function restOfStream(s: usize, p: usize, at: i32, out: usize, end: usize): bool {
  if (at < 0) return false;
  const log = load<u32>(s + HUFFMAN_LOG);
  const table = s + HUFFMAN;
  const free = 64 - <u64>log;
  for (; at >= 64 && end - out >= 5; out += 5) at -= fiveSymbols(table, free, p, at, out);
  for (; out < end; out++) {
    const entry = load<u16>(table + (<usize>bitsBelow(p, at, log) << 1));
    store<u8>(out, <u8>(entry >> 8));
    at -= <i32>(entry & 0xff);
  }
  return at == 0;
}

/** Four streams side by side: where the next symbol begins is known only with the one before, so that one stream alone leaves most of a core idle. */
function readFourStreams(s: usize, p: usize, a: usize, b: usize, c: usize, d: usize, out: usize, part: usize, end: usize): bool {
  const free = 64 - <u64>load<u32>(s + HUFFMAN_LOG);
  const table = s + HUFFMAN;
  const second = p + a;
  const third = second + b;
  const fourth = third + c;
  let at = streamBits(p, a);
  let secondAt = streamBits(second, b);
  let thirdAt = streamBits(third, c);
  let fourthAt = streamBits(fourth, d);
  let done: usize = 0;
  // The last one has at most as many symbols as the others.
  for (const last = end - out - 3 * part; last - done >= 5 && last >= done; done += 5) {
    if (at < 64 || secondAt < 64 || thirdAt < 64 || fourthAt < 64) break;
    at -= fiveSymbols(table, free, p, at, out + done);
    secondAt -= fiveSymbols(table, free, second, secondAt, out + part + done);
    thirdAt -= fiveSymbols(table, free, third, thirdAt, out + 2 * part + done);
    fourthAt -= fiveSymbols(table, free, fourth, fourthAt, out + 3 * part + done);
  }
  return (
    restOfStream(s, p, at, out + done, out + part) &&
    restOfStream(s, second, secondAt, out + part + done, out + 2 * part) &&
    restOfStream(s, third, thirdAt, out + 2 * part + done, out + 3 * part) &&
    restOfStream(s, fourth, fourthAt, out + 3 * part + done, end)
  );
}

/** The literals of a block. Returns where the sequences begin, or 0. */
function readLiterals(s: usize, p: usize, end: usize): usize {
  if (p >= end) return 0;
  const kind = load<u8>(p) & 3;
  const format = (load<u8>(p) >> 2) & 3;
  const head = load<u64>(p);
  const literals = s + LITERALS;
  if (kind < 2) {
    const bytes: usize = (format & 1) == 0 ? 1 : format == 1 ? 2 : 3;
    const count = <usize>((format & 1) == 0 ? (head >> 3) & 31 : format == 1 ? (head >> 4) & 0xfff : (head >> 4) & 0xfffff);
    p += bytes;
    if (p > end || count > MOST_BLOCK) return 0;
    store<u32>(s + LITERALS_COUNT, <u32>count);
    if (kind == 0) {
      if (count > end - p) return 0;
      store<u32>(s + LITERALS_AT, <u32>p);
      return p + count;
    }
    if (p >= end) return 0;
    memory.fill(literals, load<u8>(p), count);
    store<u32>(s + LITERALS_AT, <u32>literals);
    return p + 1;
  }
  const bytes: usize = format < 2 ? 3 : format == 2 ? 4 : 5;
  const width: u64 = format < 2 ? 10 : format == 2 ? 14 : 18;
  const mask: u64 = (<u64>1 << width) - 1;
  const count = <usize>((head >> 4) & mask);
  const size = <usize>((head >> (4 + width)) & mask);
  p += bytes;
  if (p > end || size > end - p || count > MOST_BLOCK) return 0;
  const behind = p + size;
  if (kind == 2) {
    p = readTree(s, p, behind);
    if (p == 0) return 0;
  } else if (load<u32>(s + HUFFMAN_LOG) == NONE) return 0;
  store<u32>(s + LITERALS_AT, <u32>literals);
  store<u32>(s + LITERALS_COUNT, <u32>count);
  if (format == 0) return restOfStream(s, p, streamBits(p, behind - p), literals, literals + count) ? behind : 0;
  if (behind - p < 10) return 0;
  const a = <usize>load<u16>(p);
  const b = <usize>load<u16>(p, 2);
  const c = <usize>load<u16>(p, 4);
  p += 6;
  if (a + b + c > behind - p) return 0;
  const part = (count + 3) >> 2;
  if (part * 3 > count) return 0;
  const isFine = readFourStreams(s, p, a, b, c, behind - p - a - b - c, literals, part, literals + count);
  return isFine ? behind : 0;
}

/** An entry of a table, of a symbol with its base and extra bits; an offset has its logarithm. */
// @ts-ignore: decorator
@inline
function putEntry(s: usize, entry: usize, symbol: u32, bits: u32, next: u32, bases: usize, extras: usize): void {
  const extra = bases == 0 ? symbol : <u32>load<u8>(s + extras + symbol);
  const base = bases == 0 ? <u32>1 << symbol : load<u32>(s + bases + (<usize>symbol << 2));
  store<u64>(entry, <u64>bits | (<u64>extra << 8) | (<u64>next << 16) | (<u64>base << 32));
}

/** Builds such a table: first the states, in its second half, then their entries over them, from the front. */
function buildEntries(s: usize, counts: usize, symbols: u32, log: u32, table: usize, bases: usize, extras: usize): bool {
  const size: u32 = 1 << log;
  let state = table + (<usize>size << 2);
  if (!buildTable(s, counts, symbols, log, state)) return false;
  for (const end = table + (<usize>size << 3); table < end; table += 8, state += 4)
    putEntry(s, table, load<u8>(state), load<u8>(state, 1), load<u16>(state, 2), bases, extras);
  return true;
}

/** The table of one of three kinds of numbers. Returns where its description ends, or 0. */
function readTable(
  s: usize, p: usize, end: usize, mode: u32, table: usize, log: usize, mostLog: u32, symbols: u32, counts: usize, countsLog: u32, bases: usize, extras: usize,
): usize {
  if (mode == 0) {
    if (!buildEntries(s, s + counts, symbols, countsLog, s + table, bases, extras)) return 0;
    store<u32>(s + log, countsLog);
    return p;
  }
  if (mode == 1) {
    if (p >= end || <u32>load<u8>(p) >= symbols) return 0;
    putEntry(s, s + table, load<u8>(p), 0, 0, bases, extras);
    store<u32>(s + log, 0);
    return p + 1;
  }
  if (mode == 2) {
    p = readCounts(s, p, end, mostLog, symbols - 1, s + log);
    if (p == 0) return 0;
    return buildEntries(s, s + COUNTS, symbols, load<u32>(s + log), s + table, bases, extras) ? p : 0;
  }
  return load<u32>(s + log) == NONE ? 0 : p;
}

/** A compressed block. Returns where its output ends, or 0. */
function readBlock(s: usize, p: usize, end: usize, start: usize, out: usize, limit: usize): usize {
  p = readLiterals(s, p, end);
  if (p == 0 || p >= end) return 0;
  let literals = <usize>load<u32>(s + LITERALS_AT);
  const literalsEnd = literals + <usize>load<u32>(s + LITERALS_COUNT);
  let count = <u32>load<u8>(p++);
  if (count > 127) {
    if (count < 255) {
      if (p >= end) return 0;
      count = ((count - 128) << 8) + <u32>load<u8>(p++);
    } else {
      if (end - p < 2) return 0;
      count = <u32>load<u16>(p) + 0x7f00;
      p += 2;
    }
  }
  if (count > 0) {
    if (p >= end) return 0;
    const modes = <u32>load<u8>(p++);
    if ((modes & 3) != 0) return 0;
    p = readTable(s, p, end, modes >> 6, LITERAL_TABLE, LITERAL_LOG, 9, 36, LITERAL_COUNTS, 6, LITERAL_BASES, LITERAL_BITS);
    if (p != 0) p = readTable(s, p, end, (modes >> 4) & 3, OFFSET_TABLE, OFFSET_LOG, 8, 32, OFFSET_COUNTS, 5, 0, 0);
    if (p != 0) p = readTable(s, p, end, (modes >> 2) & 3, MATCH_TABLE, MATCH_LOG, 9, 53, MATCH_COUNTS, 6, MATCH_BASES, MATCH_BITS);
    if (p == 0) return 0;
    let at = streamBits(p, end - p);
    const literalLog = load<u32>(s + LITERAL_LOG);
    const offsetLog = load<u32>(s + OFFSET_LOG);
    const matchLog = load<u32>(s + MATCH_LOG);
    if (at < <i32>(literalLog + offsetLog + matchLog)) return 0;
    let literalState = bitsBelow(p, at, literalLog);
    at -= literalLog;
    let offsetState = bitsBelow(p, at, offsetLog);
    at -= offsetLog;
    let matchState = bitsBelow(p, at, matchLog);
    at -= matchLog;
    let first = load<u32>(s + REPEATS);
    for (; count > 0; count--) {
      const literalEntry = s + LITERAL_TABLE + (<usize>literalState << 3);
      const offsetEntry = s + OFFSET_TABLE + (<usize>offsetState << 3);
      const matchEntry = s + MATCH_TABLE + (<usize>matchState << 3);
      const literal = load<u32>(literalEntry);
      const matched = load<u32>(matchEntry);
      const offset = load<u32>(offsetEntry);
      const sum = literal + matched + offset;
      const extra = (sum >> 8) & 0xff;
      const steps = sum & 0xff;
      let value = load<u32>(offsetEntry, 4);
      let match = <usize>load<u32>(matchEntry, 4);
      let run = <usize>load<u32>(literalEntry, 4);
      const literalStep = literal & 0xff;
      const matchStep = matched & 0xff;
      const offsetStep = offset & 0xff;
      literalState = literal >> 16;
      matchState = matched >> 16;
      offsetState = offset >> 16;
      // The word that ends with the bit below `at` has at least 57 bits of the stream: nearly always all that a sequence takes, of which states take 26 at most.
      if (at >= 64 && extra <= 31 && count > 1) {
        const below = at - 1;
        let word = load<u64>(p + (<usize>below >> 3) - 7) << <u64>(7 - (below & 7));
        at -= extra + steps;
        if (extra != 0) {
          const offsetBits = (offset >> 8) & 0xff;
          const matchBits = (matched >> 8) & 0xff;
          value += firstBits(word, offsetBits);
          match += <usize>firstBits(word << <u64>offsetBits, matchBits);
          run += <usize>firstBits(word << <u64>(offsetBits + matchBits), (literal >> 8) & 0xff);
          word <<= <u64>extra;
        }
        literalState += firstBits(word, literalStep);
        matchState += firstBits(word << <u64>literalStep, matchStep);
        offsetState += firstBits(word << <u64>(literalStep + matchStep), offsetStep);
      } else {
        const offsetBits = (offset >> 8) & 0xff;
        const matchBits = (matched >> 8) & 0xff;
        const literalBits = (literal >> 8) & 0xff;
        value += bitsBelow(p, at, offsetBits);
        at -= offsetBits;
        match += <usize>bitsBelow(p, at, matchBits);
        at -= matchBits;
        run += <usize>bitsBelow(p, at, literalBits);
        at -= literalBits;
        // Behind the last sequence there is no state.
        if (count > 1) {
          literalState += bitsBelow(p, at, literalStep);
          at -= literalStep;
          matchState += bitsBelow(p, at, matchStep);
          at -= matchStep;
          offsetState += bitsBelow(p, at, offsetStep);
          at -= offsetStep;
        }
        if (at < 0) return 0;
      }
      let distance: u32;
      if (value > 3) {
        distance = value - 3;
        store<u32>(s + REPEATS, load<u32>(s + REPEATS, 4), 8);
        store<u32>(s + REPEATS, first, 4);
        first = distance;
      } else {
        const which = value - 1 + <u32>(run == 0);
        if (which == 0) distance = first;
        else {
          const second = load<u32>(s + REPEATS, 4);
          distance = which == 1 ? second : which == 2 ? load<u32>(s + REPEATS, 8) : first - 1;
          if (which != 1) store<u32>(s + REPEATS, second, 8);
          store<u32>(s + REPEATS, first, 4);
          first = distance;
        }
      }
      if (run > literalsEnd - literals || run + match > limit - out) return 0;
      if (run <= 7 && run + match <= 16 && <usize>distance >= 8 && <usize>distance <= out - start) {
        // Numbers that differ from earlier ones in some bytes: put together in a register, as what was just stored in two parts is not there for a load at once.
        const kept: u64 = <u64>-1 << <u64>(run << 3);
        store<u64>(out, (load<u64>(literals) & ~kept) | (load<u64>(out - distance) & kept));
        store<u64>(out, load<u64>(out + 8 - distance), 8);
        literals += run;
        out += run + match;
        continue;
      }
      for (let k: usize = 0; k < run; k += 16) v128.store(out + k, v128.load(literals + k));
      literals += run;
      out += run;
      if (distance == 0 || <usize>distance > out - start) return 0;
      copyBack(out, distance, match);
      out += match;
    }
    if (at != 0) return 0;
    store<u32>(s + REPEATS, first);
  }
  const rest = literalsEnd - literals;
  if (rest > limit - out) return 0;
  memory.copy(out, literals, rest);
  return out + rest;
}

/** Begins a frame: there are no tables yet. */
export function zstdBegin(s: usize): void {
  for (let log: usize = LITERAL_LOG; log <= HUFFMAN_LOG; log += 4) store<u32>(s + log, NONE);
  store<u32>(s + REPEATS, 1);
  store<u32>(s + REPEATS, 4, 4);
  store<u32>(s + REPEATS, 8, 8);
}

/** One compressed block of the frame at hand, which may refer to bytes from `history` on. Returns where its text ends, or 0. */
export function zstdBlock(s: usize, p: usize, end: usize, history: usize, out: usize, limit: usize): usize {
  return readBlock(s, p, end, history, out, limit);
}

/** One frame or several. Returns the bytes written, or -1. */
export function zstdDecode(s: usize, p: usize, end: usize, out: usize, capacity: u32): i32 {
  const start = out;
  const limit = out + <usize>capacity;
  while (p < end) {
    if (end - p < 8) return -1;
    const magic = load<u32>(p);
    p += 4;
    if ((magic & 0xfffffff0) == 0x184d2a50) {
      const bytes = <usize>load<u32>(p);
      p += 4;
      if (bytes > end - p) return -1;
      p += bytes;
      continue;
    }
    if (magic != 0xfd2fb528) return -1;
    const head = <u32>load<u8>(p++);
    const isSingle = (head & 32) != 0;
    if ((head & 8) != 0 || (head & 3) != 0) return -1;
    const sizeFlag = head >> 6;
    const sizeBytes: usize = sizeFlag == 0 ? <usize>isSingle : <usize>1 << sizeFlag;
    p += sizeBytes + <usize>!isSingle;
    if (p > end) return -1;
    const frame = out;
    zstdBegin(s);
    let isLast = false;
    while (!isLast) {
      if (end - p < 3) return -1;
      const block = <u32>load<u16>(p) | (<u32>load<u8>(p, 2) << 16);
      p += 3;
      isLast = (block & 1) != 0;
      const kind = (block >> 1) & 3;
      const size = <usize>(block >> 3);
      if (kind == 1) {
        if (p >= end || size > limit - out) return -1;
        memory.fill(out, load<u8>(p), size);
        p++;
        out += size;
        continue;
      }
      if (kind == 3 || size > end - p || size > MOST_BLOCK) return -1;
      if (kind == 0) {
        if (size > limit - out) return -1;
        memory.copy(out, p, size);
        out += size;
      } else {
        out = readBlock(s, p, p + size, frame, out, limit);
        if (out == 0) return -1;
      }
      p += size;
    }
    if ((head & 4) != 0) {
      if (end - p < 4 || load<u32>(p) != <u32>checksum(frame, <u32>(out - frame), 0)) return -1;
      p += 4;
    }
  }
  return <i32>(out - start);
}
