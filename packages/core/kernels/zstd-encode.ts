// Frames of Zstandard (RFC 8878) of bytes in planes: the first bytes of all values, then the second ones, and so on. Most planes of floats are
// noise and stay as they are; the highest are few bytes that come again, and are either runs or shorter in Huffman codes. Nothing is looked
// for that came before: blocks have literals, and no sequences.
//
// Scratch: counts of bytes (four tables, so that equal neighbours do not wait for each other), the tree, its codes and its description.
const COUNTS: usize = 0;
const SORTED: usize = 4096;
const NODES: usize = 6144;
const PARENTS: usize = 8192;
const LENGTHS: usize = 9216;
const CODES: usize = 9472;
const WEIGHTS: usize = 10496;
const SHARES: usize = 10752;
const PLACES: usize = 10816;
const STATES: usize = 10880;
const STEP_BITS: usize = 11008;
const STEP_FROM: usize = 11072;
/** Where the head of the last block is. */
const LAST: usize = 11136;

const RAW: u32 = 0;
const RUN: u32 = 1;
const PACKED: u32 = 2;
/** Of a part of a plane: its four streams have sizes of 16 bits. */
const MOST_PART: usize = 65536;
/** Runs from which on a block of their own is shorter than the bytes. */
const SHORT_RUN: usize = 12;
/** Bytes of a run between two others, nearly: two heads and what they hold. */
const RUN_COST: usize = 8;
const LEAST_BYTES: usize = 1024;
const SAMPLE: usize = 2048;
const MOST_LENGTH: u32 = 11;
const SHARE_LOG: u32 = 6;
const KINDS: u32 = 12;

// @ts-ignore: decorator
@inline
function highBit(x: u32): u32 {
  return 31 - <u32>clz<u32>(x);
}

/** Writes the head of a block; returns where the block goes on. */
function putHead(s: usize, out: usize, kind: u32, bytes: usize): usize {
  const head = (kind << 1) | <u32>(bytes << 3);
  store<u16>(out, <u16>head);
  store<u8>(out, <u8>(head >> 16), 2);
  store<u32>(s + LAST, <u32>out);
  return out + 3;
}

function putRaw(s: usize, p: usize, bytes: usize, out: usize): usize {
  if (bytes == 0) return out;
  out = putHead(s, out, RAW, bytes);
  memory.copy(out, p, bytes);
  return out + bytes;
}

/** Neighbours that differ. */
function changes(p: usize, bytes: usize): usize {
  let found: usize = 0;
  let i: usize = 0;
  for (; i + 17 <= bytes; i += 16) found += <usize>popcnt<u32>(<u32>i8x16.bitmask(i8x16.ne(v128.load(p + i), v128.load(p + i + 1))));
  for (; i + 1 < bytes; i++) found += <usize>(load<u8>(p + i) != load<u8>(p + i, 1));
  return found;
}

/** Where the run that begins at p ends. */
function endOfRun(p: usize, end: usize): usize {
  const value = load<u8>(p);
  const all = i8x16.splat(<i8>value);
  while (p + 16 <= end) {
    const same = <u32>i8x16.bitmask(i8x16.eq(v128.load(p), all));
    if (same != 0xffff) return p + <usize>ctz<u32>(~same);
    p += 16;
  }
  while (p < end && load<u8>(p) == value) p++;
  return p;
}

function putRuns(s: usize, p: usize, bytes: usize, out: usize): usize {
  const end = p + bytes;
  let from = p;
  while (p < end) {
    const behind = endOfRun(p, end);
    if (behind - p >= SHORT_RUN) {
      out = putRaw(s, from, p - from, out);
      out = putHead(s, out, RUN, behind - p);
      store<u8>(out++, load<u8>(p));
      from = behind;
    }
    p = behind;
  }
  return putRaw(s, from, end - from, out);
}

/** Whether some bytes come so often, in a sample, that codes may save a quarter: the chance that two are the same is six times as high as in noise. */
function isSkewed(s: usize, p: usize, bytes: usize): bool {
  memory.fill(s + COUNTS, 0, 1024);
  const sample = min<usize>(SAMPLE, bytes);
  const step = bytes / sample;
  for (let i: usize = 0; i < sample; i++, p += step) {
    const at = s + COUNTS + (<usize>load<u8>(p) << 2);
    store<u32>(at, load<u32>(at) + 1);
  }
  let same: u64 = 0;
  for (let i: usize = 0; i < 1024; i += 4) {
    const count = <u64>load<u32>(s + COUNTS + i);
    same += count * count;
  }
  return same * 256 > <u64>sample * <u64>sample * 6;
}

function countBytes(s: usize, p: usize, bytes: usize): void {
  memory.fill(s + COUNTS, 0, 4096);
  const end = p + bytes;
  for (; p + 4 <= end; p += 4) {
    const word = load<u32>(p);
    const a = s + COUNTS + (<usize>(word & 255) << 2);
    const b = s + COUNTS + (<usize>((word >> 8) & 255) << 2);
    const c = s + COUNTS + (<usize>((word >> 16) & 255) << 2);
    const d = s + COUNTS + (<usize>(word >> 24) << 2);
    store<u32>(a, load<u32>(a) + 1);
    store<u32>(b, load<u32>(b, 1024) + 1, 1024);
    store<u32>(c, load<u32>(c, 2048) + 1, 2048);
    store<u32>(d, load<u32>(d, 3072) + 1, 3072);
  }
  for (; p < end; p++) {
    const at = s + COUNTS + (<usize>load<u8>(p) << 2);
    store<u32>(at, load<u32>(at) + 1);
  }
  for (let at = s + COUNTS; at < s + COUNTS + 1024; at += 4)
    store<u32>(at, load<u32>(at) + load<u32>(at, 1024) + load<u32>(at, 2048) + load<u32>(at, 3072));
}

/** Bytes that are there as count and byte, by count. Returns how many. */
function sortBytes(s: usize): u32 {
  let symbols: u32 = 0;
  for (let byte: u32 = 0; byte < 256; byte++) {
    const count = load<u32>(s + COUNTS + (<usize>byte << 2));
    if (count == 0) continue;
    const entry = (<u64>count << 8) | <u64>byte;
    let at = s + SORTED + (<usize>symbols << 3);
    for (; at > s + SORTED && load<u64>(at - 8) > entry; at -= 8) store<u64>(at, load<u64>(at - 8));
    store<u64>(at, entry);
    symbols++;
  }
  return symbols;
}

/** Lengths of the codes of at least two bytes (Huffman, 1952), by their place in the order; the longest may be too long. */
function seekLengths(s: usize, symbols: u32): void {
  const counts = s + NODES;
  const parents = s + PARENTS;
  for (let i: u32 = 0; i < symbols; i++) store<u32>(counts + (<usize>i << 2), <u32>(load<u64>(s + SORTED + (<usize>i << 3)) >> 8));
  let leaf: u32 = 0;
  let inner = symbols;
  const root = symbols + symbols - 2;
  for (let node = symbols; node <= root; node++) {
    let sum: u32 = 0;
    for (let k = 0; k < 2; k++) {
      const isLeaf = leaf < symbols && (inner >= node || load<u32>(counts + (<usize>leaf << 2)) <= load<u32>(counts + (<usize>inner << 2)));
      const taken = isLeaf ? leaf++ : inner++;
      sum += load<u32>(counts + (<usize>taken << 2));
      store<u16>(parents + (<usize>taken << 1), <u16>node);
    }
    store<u32>(counts + (<usize>node << 2), sum);
  }
  // Depths take the place of counts.
  store<u32>(counts + (<usize>root << 2), 0);
  for (let node = root; node > 0; node--) {
    const child = node - 1;
    const parent = <usize>load<u16>(parents + (<usize>child << 1));
    store<u32>(counts + (<usize>child << 2), load<u32>(counts + (parent << 2)) + 1);
  }
  for (let i: u32 = 0; i < symbols; i++) store<u8>(s + LENGTHS + <usize>i, <u8>load<u32>(counts + (<usize>i << 2)));
}

/** Cuts lengths to the longest that there may be, and makes the code whole again. False when that does not come out even. */
function cutLengths(s: usize, symbols: u32): bool {
  const whole: i32 = 1 << MOST_LENGTH;
  let left = whole;
  for (let i: u32 = 0; i < symbols; i++) {
    const length = min<u32>(MOST_LENGTH, <u32>load<u8>(s + LENGTHS + <usize>i));
    store<u8>(s + LENGTHS + <usize>i, <u8>length);
    left -= 1 << (MOST_LENGTH - length);
  }
  // The rarest give way first.
  for (let i: u32 = 0; left < 0 && i < symbols; i++) {
    let length = <u32>load<u8>(s + LENGTHS + <usize>i);
    for (; left < 0 && length < MOST_LENGTH; length++) left += 1 << (MOST_LENGTH - length - 1);
    store<u8>(s + LENGTHS + <usize>i, <u8>length);
  }
  for (let i = symbols; left > 0 && i > 0; i--) {
    let length = <u32>load<u8>(s + LENGTHS + <usize>(i - 1));
    for (; length > 1 && 1 << (MOST_LENGTH - length) <= left; length--) left -= 1 << (MOST_LENGTH - length);
    store<u8>(s + LENGTHS + <usize>(i - 1), <u8>length);
  }
  return left == 0;
}

/** Codes (lower half) with their lengths (upper half), and weights. Returns the length of the longest. */
function layOutCodes(s: usize, symbols: u32): u32 {
  let longest: u32 = 0;
  memory.fill(s + WEIGHTS, 0, 256);
  for (let i: u32 = 0; i < symbols; i++) longest = max<u32>(longest, <u32>load<u8>(s + LENGTHS + <usize>i));
  for (let i: u32 = 0; i < symbols; i++) {
    const byte = <usize>(load<u64>(s + SORTED + (<usize>i << 3)) & 255);
    store<u8>(s + WEIGHTS + byte, <u8>(longest + 1 - <u32>load<u8>(s + LENGTHS + <usize>i)));
  }
  let at: u32 = 0;
  for (let weight: u32 = 1; weight <= longest; weight++) {
    for (let byte: usize = 0; byte < 256; byte++) {
      if (<u32>load<u8>(s + WEIGHTS + byte) != weight) continue;
      store<u32>(s + CODES + (byte << 2), (at >> (weight - 1)) | ((longest + 1 - weight) << 16));
      at += 1 << (weight - 1);
    }
  }
  return longest;
}

/** Bits behind those that are there; what follows are zeros. */
// @ts-ignore: decorator
@inline
function addBits(out: usize, at: u32, bits: u32): void {
  const word = out + <usize>(at >> 3);
  store<u64>(word, load<u64>(word) | (<u64>bits << <u64>(at & 7)));
}

/** Shares of the weights, of 64 in all, of `count` weights of more than one kind. False when one would be left without. */
function shareOut(s: usize, count: u32): bool {
  memory.fill(s + SHARES, 0, 64);
  for (let i: u32 = 0; i < count; i++) {
    const at = s + SHARES + (<usize>load<u8>(s + WEIGHTS + <usize>i) << 2);
    store<u32>(at, load<u32>(at) + 1);
  }
  let left: i32 = 1 << SHARE_LOG;
  let most: usize = s + SHARES;
  for (let kind: usize = 0; kind < <usize>KINDS; kind++) {
    const at = s + SHARES + (kind << 2);
    const many = load<u32>(at);
    if (many == 0) continue;
    if (many == count) return false;
    const share = max<u32>(1, (many << SHARE_LOG) / count);
    left -= <i32>share;
    store<u32>(at, share);
    if (share > load<u32>(most)) most = at;
  }
  const all = <i32>load<u32>(most) + left;
  store<u32>(most, <u32>all);
  return all > 0;
}

/** The shares, as a table of the decoder begins with. Returns the bits. */
function putShares(s: usize, out: usize): u32 {
  let at: u32 = 4;
  addBits(out, 0, SHARE_LOG - 5);
  let left: i32 = (1 << SHARE_LOG) + 1;
  let threshold: i32 = 1 << SHARE_LOG;
  let bits: u32 = SHARE_LOG + 1;
  let isAfterZero = false;
  for (let kind: u32 = 0; kind < KINDS && left > 1; ) {
    if (isAfterZero) {
      const from = kind;
      while (load<u32>(s + SHARES + (<usize>kind << 2)) == 0) kind++;
      let zeros = kind - from;
      for (; zeros >= 3; zeros -= 3, at += 2) addBits(out, at, 3);
      addBits(out, at, zeros);
      at += 2;
    }
    const share = <i32>load<u32>(s + SHARES + (<usize>(kind++) << 2));
    const most = 2 * threshold - 1 - left;
    left -= share;
    let value = share + 1;
    if (value >= threshold) value += most;
    addBits(out, at, <u32>value);
    at += bits - <u32>(value < most);
    isAfterZero = share == 0;
    while (left < threshold && threshold > 1) {
      bits--;
      threshold >>= 1;
    }
  }
  return at;
}

/** The table that encodes by those shares (tANS, Duda and Collet). */
function layOutStates(s: usize): void {
  const size: u32 = 1 << SHARE_LOG;
  let at: u32 = 0;
  for (let kind: u32 = 0; kind < KINDS; kind++) {
    const share = load<u32>(s + SHARES + (<usize>kind << 2));
    for (let i: u32 = 0; i < share; i++) {
      store<u8>(s + PLACES + <usize>at, <u8>kind);
      at = (at + (size >> 1) + (size >> 3) + 3) & (size - 1);
    }
  }
  let total: u32 = 0;
  for (let kind: u32 = 0; kind < KINDS; kind++) {
    const share = load<u32>(s + SHARES + (<usize>kind << 2));
    let next = total;
    for (let u: u32 = 0; u < size; u++)
      if (<u32>load<u8>(s + PLACES + <usize>u) == kind) store<u16>(s + STATES + (<usize>(next++) << 1), <u16>(size + u));
    const most = share <= 1 ? SHARE_LOG : SHARE_LOG - highBit(share - 1);
    store<u32>(s + STEP_BITS + (<usize>kind << 2), (most << 16) - (share <= 1 ? size : share << most));
    store<i32>(s + STEP_FROM + (<usize>kind << 2), <i32>total - (share <= 1 ? 1 : <i32>share));
    total += share;
  }
}

// @ts-ignore: decorator
@inline
function nextState(s: usize, kind: usize, state: u32, bits: u32): u32 {
  return <u32>load<u16>(s + STATES + (<usize>(<i32>(state >> bits) + load<i32>(s + STEP_FROM + (kind << 2))) << 1));
}

function firstState(s: usize, kind: usize): u32 {
  const step = load<u32>(s + STEP_BITS + (kind << 2));
  const bits = (step + (1 << 15)) >> 16;
  return nextState(s, kind, (bits << 16) - step, bits);
}

/** Weights of the first `count` bytes, compressed, behind their length. Returns the end; 0 when they do not fit. */
function packWeights(s: usize, count: u32, out: usize): usize {
  if (!shareOut(s, count)) return 0;
  memory.fill(out, 0, 512);
  const from = out + 1;
  const begin = from + <usize>((putShares(s, from) + 7) >> 3);
  layOutStates(s);
  const weights = s + WEIGHTS;
  // Two states take turns; the one that ends with the first weight is read first.
  let i = count - 1;
  let odd = firstState(s, <usize>load<u8>(weights + <usize>i));
  i--;
  let even = firstState(s, <usize>load<u8>(weights + <usize>i));
  if ((count & 1) != 0) {
    const swapped = odd;
    odd = even;
    even = swapped;
  }
  let at: u32 = 0;
  while (i > 0) {
    i--;
    const kind = <usize>load<u8>(weights + <usize>i);
    const state = (i & 1) == 0 ? even : odd;
    const bits = (state + load<u32>(s + STEP_BITS + (kind << 2))) >> 16;
    addBits(begin, at, state & ((1 << bits) - 1));
    at += bits;
    const next = nextState(s, kind, state, bits);
    if ((i & 1) == 0) even = next;
    else odd = next;
  }
  const mask: u32 = (1 << SHARE_LOG) - 1;
  addBits(begin, at, odd & mask);
  addBits(begin, at + SHARE_LOG, (even & mask) | (1 << SHARE_LOG));
  at += 2 * SHARE_LOG + 1;
  const end = begin + <usize>((at + 7) >> 3);
  if (end - from > 127) return 0;
  store<u8>(out, <u8>(end - from));
  return end;
}

/** The tree. Returns its end; 0 when it cannot be told. */
function putTree(s: usize, out: usize): usize {
  let last: u32 = 255;
  while (load<u8>(s + WEIGHTS + <usize>last) == 0) last--;
  // The weight of the last byte follows from the others.
  if (last > 128) return packWeights(s, last, out);
  store<u8>(out++, <u8>(127 + last));
  for (let i: usize = 0; i < <usize>last; i += 2)
    store<u8>(out++, <u8>((<u32>load<u8>(s + WEIGHTS + i) << 4) | (i + 1 < <usize>last ? <u32>load<u8>(s + WEIGHTS + i, 1) : 0)));
  return out;
}

/** Codes of bytes [from, end), the last one first, and a bit that marks the end. Returns where they end. */
function putStream(codes: usize, from: usize, end: usize, out: usize): usize {
  let word: u64 = 0;
  let fill: u64 = 0;
  for (; end - from >= 4; ) {
    end -= 4;
    const bytes = load<u32>(end);
    const d = load<u32>(codes + (<usize>(bytes >> 24) << 2));
    const c = load<u32>(codes + (<usize>((bytes >> 16) & 255) << 2));
    const b = load<u32>(codes + (<usize>((bytes >> 8) & 255) << 2));
    const a = load<u32>(codes + (<usize>(bytes & 255) << 2));
    // Two and two first, so that not every step waits for the one before.
    const upper = <u64>(d & 0xffff) | (<u64>(c & 0xffff) << <u64>(d >> 16));
    const upperBits = (d >> 16) + (c >> 16);
    const lower = <u64>(b & 0xffff) | (<u64>(a & 0xffff) << <u64>(b >> 16));
    const all = upper | (lower << <u64>upperBits);
    word |= all << fill;
    fill += <u64>(upperBits + (b >> 16) + (a >> 16));
    store<u64>(out, word);
    out += <usize>(fill >> 3);
    word >>= fill & 56;
    fill &= 7;
  }
  while (end > from) {
    const code = load<u32>(codes + (<usize>load<u8>(--end) << 2));
    word |= <u64>(code & 0xffff) << fill;
    fill += <u64>(code >> 16);
  }
  store<u64>(out, word | (<u64>1 << fill));
  return out + <usize>(fill >> 3) + 1;
}

/** A block of Huffman codes. Returns its end; 0 when they do not save a quarter: making them and reading them takes time. */
function putCodes(s: usize, p: usize, bytes: usize, out: usize): usize {
  countBytes(s, p, bytes);
  const symbols = sortBytes(s);
  if (symbols < 2) return 0;
  seekLengths(s, symbols);
  if (!cutLengths(s, symbols)) return 0;
  let bits: u64 = 0;
  for (let i: usize = 0; i < <usize>symbols; i++) bits += (load<u64>(s + SORTED + (i << 3)) >> 8) * <u64>load<u8>(s + LENGTHS + i);
  if ((bits >> 3) + 160 > <u64>(bytes - (bytes >> 2))) return 0;
  layOutCodes(s, symbols);
  const head = out + 3;
  const from = head + 5;
  const sizes = putTree(s, from);
  if (sizes == 0) return 0;
  const part = (bytes + 3) >> 2;
  const first = sizes + 6;
  const second = putStream(s + CODES, p, p + part, first);
  const third = putStream(s + CODES, p + part, p + 2 * part, second);
  const fourth = putStream(s + CODES, p + 2 * part, p + 3 * part, third);
  const end = putStream(s + CODES, p + 3 * part, p + bytes, fourth);
  store<u16>(sizes, <u16>(second - first));
  store<u16>(sizes, <u16>(third - second), 2);
  store<u16>(sizes, <u16>(fourth - third), 4);
  const description: u64 = 2 | (3 << 2) | (<u64>bytes << 4) | (<u64>(end - from) << 22);
  store<u32>(head, <u32>description);
  store<u8>(head, <u8>(description >> 32), 4);
  // No sequences.
  store<u8>(end, 0);
  putHead(s, out, PACKED, end + 1 - head);
  return end + 1;
}

function putPart(s: usize, p: usize, bytes: usize, out: usize): usize {
  if (bytes < LEAST_BYTES) return putRaw(s, p, bytes, out);
  if (changes(p, bytes) * RUN_COST < bytes >> 3) return putRuns(s, p, bytes, out);
  if (isSkewed(s, p, bytes)) {
    const end = putCodes(s, p, bytes, out);
    if (end != 0) return end;
  }
  return putRaw(s, p, bytes, out);
}

/**
 * A frame of `first` bytes, at most 64 KiB, and behind them `planes` times `bytes`. Returns its end: at most 16 more than them, and 3 for each part
 * of 64 KiB of each plane. Up to 512 bytes behind that may be written over.
 */
export function zstdPlanes(scratch: usize, p: usize, first: u32, planes: u32, bytes: u32, out: usize): usize {
  store<u32>(out, 0xfd2fb528);
  store<u8>(out, 0xa0, 4);
  store<u32>(out, first + planes * bytes, 5);
  out = putHead(scratch, out + 9, RAW, <usize>first);
  memory.copy(out, p, <usize>first);
  out += <usize>first;
  p += <usize>first;
  for (let plane: u32 = 0; plane < planes; plane++) {
    for (let left = <usize>bytes; left > 0; ) {
      const part = min<usize>(MOST_PART, left);
      out = putPart(scratch, p, part, out);
      p += part;
      left -= part;
    }
  }
  const last = <usize>load<u32>(scratch + LAST);
  store<u8>(last, load<u8>(last) | 1);
  return out;
}
