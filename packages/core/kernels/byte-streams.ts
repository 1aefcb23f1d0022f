// Values of 4 or 8 bytes as streams of bytes: all first bytes, then all second ones, and so on (BYTE_STREAM_SPLIT); sixteen values at a time, which
// is a square of bytes turned over in halves.

// @ts-ignore: decorator
@inline
function bytesLow(a: v128, b: v128): v128 {
  return v128.shuffle<i8>(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

// @ts-ignore: decorator
@inline
function bytesHigh(a: v128, b: v128): v128 {
  return v128.shuffle<i8>(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

// @ts-ignore: decorator
@inline
function pairsLow(a: v128, b: v128): v128 {
  return v128.shuffle<i16>(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}

// @ts-ignore: decorator
@inline
function pairsHigh(a: v128, b: v128): v128 {
  return v128.shuffle<i16>(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}

// @ts-ignore: decorator
@inline
function foursLow(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(a, b, 0, 4, 1, 5);
}

// @ts-ignore: decorator
@inline
function foursHigh(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(a, b, 2, 6, 3, 7);
}

// @ts-ignore: decorator
@inline
function halvesLow(a: v128, b: v128): v128 {
  return v128.shuffle<i64>(a, b, 0, 2);
}

// @ts-ignore: decorator
@inline
function halvesHigh(a: v128, b: v128): v128 {
  return v128.shuffle<i64>(a, b, 1, 3);
}

/** The bytes of two values of 8 side by side: first bytes, second bytes, … */
// @ts-ignore: decorator
@inline
function twoValues(p: usize): v128 {
  const a = v128.load(p);
  return v128.shuffle<i8>(a, a, 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15);
}

/** The same of four values of 4 bytes. */
// @ts-ignore: decorator
@inline
function fourValues(p: usize): v128 {
  const a = v128.load(p);
  return v128.shuffle<i8>(a, a, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
}

/** Four streams, `far` apart, of sixteen values whose bytes stand in fours. */
// @ts-ignore: decorator
@inline
function storeStreams(a: v128, b: v128, c: v128, d: v128, far: usize, out: usize): void {
  const first = foursLow(a, b);
  const firstRest = foursLow(c, d);
  v128.store(out, halvesLow(first, firstRest));
  v128.store(out + far, halvesHigh(first, firstRest));
  const third = foursHigh(a, b);
  const thirdRest = foursHigh(c, d);
  v128.store(out + 2 * far, halvesLow(third, thirdRest));
  v128.store(out + 3 * far, halvesHigh(third, thirdRest));
}

function splitWide(values: usize, count: u32, far: usize, out: usize): void {
  for (let i: u32 = 0; i < count; i += 16, values += 128, out += 16) {
    const a = twoValues(values);
    const b = twoValues(values + 16);
    const c = twoValues(values + 32);
    const d = twoValues(values + 48);
    const e = twoValues(values + 64);
    const f = twoValues(values + 80);
    const g = twoValues(values + 96);
    const h = twoValues(values + 112);
    storeStreams(pairsLow(a, b), pairsLow(c, d), pairsLow(e, f), pairsLow(g, h), far, out);
    storeStreams(pairsHigh(a, b), pairsHigh(c, d), pairsHigh(e, f), pairsHigh(g, h), far, out + 4 * far);
  }
}

function splitNarrow(values: usize, count: u32, far: usize, out: usize): void {
  for (let i: u32 = 0; i < count; i += 16, values += 64, out += 16) {
    const a = fourValues(values);
    const b = fourValues(values + 16);
    const c = fourValues(values + 32);
    const d = fourValues(values + 48);
    storeStreams(a, b, c, d, far, out);
  }
}

/** The bytes of values of 4 or 8 bytes in as many streams. */
export function streamsEncode(values: usize, count: u32, width: u32, out: usize): void {
  const even = count & ~15;
  // What is written behind a stream's end would be the next stream's: the last few values go byte by byte.
  if (width == 8) splitWide(values, even, <usize>count, out);
  else splitNarrow(values, even, <usize>count, out);
  for (let i = <usize>even; i < <usize>count; i++)
    for (let k: usize = 0; k < <usize>width; k++) store<u8>(out + k * <usize>count + i, load<u8>(values + i * <usize>width + k));
}

/** Eight values of 8 bytes, of which two bytes stand together in each argument. */
// @ts-ignore: decorator
@inline
function storeEights(ab: v128, cd: v128, ef: v128, gh: v128, out: usize): void {
  storeFours(pairsLow(ab, cd), pairsLow(ef, gh), out);
  storeFours(pairsHigh(ab, cd), pairsHigh(ef, gh), out + 32);
}

// @ts-ignore: decorator
@inline
function storeFours(low: v128, high: v128, out: usize): void {
  v128.store(out, foursLow(low, high));
  v128.store(out, foursHigh(low, high), 16);
}

function joinWide(p: usize, count: u32, far: usize, out: usize): void {
  for (let i: u32 = 0; i < count; i += 16, p += 16, out += 128) {
    const a = v128.load(p);
    const b = v128.load(p + far);
    const c = v128.load(p + 2 * far);
    const d = v128.load(p + 3 * far);
    const e = v128.load(p + 4 * far);
    const f = v128.load(p + 5 * far);
    const g = v128.load(p + 6 * far);
    const h = v128.load(p + 7 * far);
    storeEights(bytesLow(a, b), bytesLow(c, d), bytesLow(e, f), bytesLow(g, h), out);
    storeEights(bytesHigh(a, b), bytesHigh(c, d), bytesHigh(e, f), bytesHigh(g, h), out + 64);
  }
}

function joinNarrow(p: usize, count: u32, far: usize, out: usize): void {
  for (let i: u32 = 0; i < count; i += 16, p += 16, out += 64) {
    const a = v128.load(p);
    const b = v128.load(p + far);
    const c = v128.load(p + 2 * far);
    const d = v128.load(p + 3 * far);
    let ab = bytesLow(a, b);
    let cd = bytesLow(c, d);
    v128.store(out, pairsLow(ab, cd));
    v128.store(out, pairsHigh(ab, cd), 16);
    ab = bytesHigh(a, b);
    cd = bytesHigh(c, d);
    v128.store(out, pairsLow(ab, cd), 32);
    v128.store(out, pairsHigh(ab, cd), 48);
  }
}

/** Bytes that lie in `width` streams, as values of that width. */
export function streamsDecode(p: usize, count: u32, width: u32, out: usize): void {
  const far = <usize>count;
  let i: usize = 0;
  if (width == 8 || width == 4) {
    i = <usize>(count & ~15);
    if (width == 8) joinWide(p, <u32>i, far, out);
    else joinNarrow(p, <u32>i, far, out);
  }
  for (; i < far; i++) for (let k: usize = 0; k < <usize>width; k++) store<u8>(out + i * width + k, load<u8>(p + k * far + i));
}
