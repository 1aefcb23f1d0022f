// Gathers and fills. Index 0xFFFFFFFF takes nothing: zeros.
import { isSet } from './dense';
import { NO_ROW } from './layout';

// @ts-ignore: decorator
@inline
function takeOne<T>(values: usize, index: u32, out: usize): void {
  store<T>(out, index == NO_ROW ? <T>0 : load<T>(values + <usize>index * sizeof<T>()));
}

/** Four at a time, where all of them are any. */
function takeWidth<T>(values: usize, indices: usize, count: u32, out: usize): void {
  const none = i32x4.splat(<i32>NO_ROW);
  let i: u32 = 0;
  for (; i + 4 <= count; i += 4, indices += 16, out += 4 * sizeof<T>()) {
    const four = v128.load(indices);
    if (v128.any_true(i32x4.eq(four, none))) {
      for (let at: usize = 0; at < 4; at++) takeOne<T>(values, load<u32>(indices + (at << 2)), out + at * sizeof<T>());
    } else copyFour<T>(values, four, out);
  }
  for (; i < count; i++, indices += 4, out += sizeof<T>()) takeOne<T>(values, load<u32>(indices), out);
}

// @ts-ignore: decorator
@inline
function copyFour<T>(values: usize, four: v128, out: usize): void {
  store<T>(out, load<T>(values + <usize>i32x4.extract_lane(four, 0) * sizeof<T>()));
  store<T>(out, load<T>(values + <usize>i32x4.extract_lane(four, 1) * sizeof<T>()), sizeof<T>());
  store<T>(out, load<T>(values + <usize>i32x4.extract_lane(four, 2) * sizeof<T>()), 2 * sizeof<T>());
  store<T>(out, load<T>(values + <usize>i32x4.extract_lane(four, 3) * sizeof<T>()), 3 * sizeof<T>());
}

function takeInside<T>(values: usize, places: usize, count: u32, first: u32, end: u32, out: usize): u32 {
  const none = i32x4.splat(<i32>NO_ROW);
  const start = i32x4.splat(<i32>first);
  const rows = i32x4.splat(<i32>(end - first));
  let taken = i32x4.splat(0);
  let i: u32 = 0;
  for (; i + 4 <= count; i += 4, places += 16, out += 4 * sizeof<T>()) {
    const four = v128.load(places);
    const at = i32x4.sub(four, start);
    const isInside = i32x4.lt_u(at, rows);
    taken = i32x4.sub(taken, isInside);
    if (i32x4.all_true(isInside)) copyFour<T>(values, at, out);
    else if (v128.any_true(v128.or(isInside, i32x4.eq(four, none)))) takeSome<T>(values, places, 4, first, end, out);
  }
  return (
    i32x4.extract_lane(taken, 0) + i32x4.extract_lane(taken, 1) + i32x4.extract_lane(taken, 2) +
    i32x4.extract_lane(taken, 3) + takeSome<T>(values, places, count - i, first, end, out)
  );
}

/** Rows one by one. */
function takeSome<T>(values: usize, places: usize, count: u32, first: u32, end: u32, out: usize): u32 {
  let taken: u32 = 0;
  for (let i: u32 = 0; i < count; i++, places += 4, out += sizeof<T>()) {
    const place = load<u32>(places);
    if (place == NO_ROW) store<T>(out, <T>0);
    else if (place - first < end - first) {
      store<T>(out, load<T>(values + <usize>(place - first) * sizeof<T>()));
      taken++;
    }
  }
  return taken;
}

/** See `takePlaces` in src/kernels/vector-contract.ts. */
export function takePlaces(
  width: usize, values: usize, places: usize, count: u32, first: u32, end: u32, out: usize,
): u32 {
  if (width == 8) return takeInside<u64>(values, places, count, first, end, out);
  if (width == 4) return takeInside<u32>(values, places, count, first, end, out);
  if (width == 2) return takeInside<u16>(values, places, count, first, end, out);
  return takeInside<u8>(values, places, count, first, end, out);
}

/** Wider values, a multiple of 8 bytes, word by word. */
function takeWords(width: usize, values: usize, indices: usize, count: u32, out: usize): void {
  for (let i: u32 = 0; i < count; i++, indices += 4) {
    const index = load<u32>(indices);
    const source = values + <usize>index * width;
    for (let at: usize = 0; at < width; at += 8, out += 8) store<u64>(out, index == NO_ROW ? 0 : load<u64>(source + at));
  }
}

function takeBytes(width: usize, values: usize, indices: usize, count: u32, out: usize): void {
  for (let i: u32 = 0; i < count; i++, indices += 4, out += width) {
    const index = load<u32>(indices);
    if (index == NO_ROW) memory.fill(out, 0, width);
    else copyShort(out, values + <usize>index * width, width);
  }
}

export function take(width: usize, values: usize, indices: usize, count: u32, out: usize): void {
  if (width == 8) takeWidth<u64>(values, indices, count, out);
  else if (width == 4) takeWidth<u32>(values, indices, count, out);
  else if (width == 2) takeWidth<u16>(values, indices, count, out);
  else if (width == 1) takeWidth<u8>(values, indices, count, out);
  else if ((width & 7) == 0) takeWords(width, values, indices, count, out);
  else takeBytes(width, values, indices, count, out);
}

function takeEachWithin<T>(values: usize, valueCount: u32, indices: usize, count: u32, out: usize): i32 {
  let most = i32x4.splat(0);
  let i: u32 = 0;
  for (; i + 4 <= count; i += 4, indices += 16, out += 4 * sizeof<T>()) {
    const four = v128.load(indices);
    most = i32x4.max_u(most, four);
    copyFour<T>(values, four, out);
  }
  for (; i < count; i++, indices += 4, out += sizeof<T>()) {
    const index = load<u32>(indices);
    most = i32x4.max_u(most, i32x4.splat(index));
    store<T>(out, load<T>(values + <usize>index * sizeof<T>()));
  }
  return v128.any_true(i32x4.ge_u(most, i32x4.splat(valueCount))) ? 0 : 1;
}

/**
 * Values of 4 or 8 bytes by indices that nobody has looked at. 0 where one is not among them: what was read and put there then is of no use, and
 * it may have been read outside of the memory, which traps.
 */
export function takeWithin(
  width: usize, values: usize, valueCount: u32, indices: usize, count: u32, out: usize,
): i32 {
  if (count == 0) return 1;
  return width == 8
    ? takeEachWithin<u64>(values, valueCount, indices, count, out)
    : takeEachWithin<u32>(values, valueCount, indices, count, out);
}

/** As `copyWithin` of the memory, which goes word by word where memory is shared. */
export function copyBytes(from: usize, bytes: usize, out: usize): void {
  memory.copy(out, from, bytes);
}

/** Copies bytes without a call for the short ones; never reads or writes outside. */
// @ts-ignore: decorator
@inline
export function copyShort(out: usize, from: usize, bytes: usize): void {
  if (bytes > 32) {
    memory.copy(out, from, bytes);
  } else if (bytes >= 8) {
    for (let at: usize = 0; at + 8 < bytes; at += 8) store<u64>(out + at, load<u64>(from + at));
    store<u64>(out + bytes - 8, load<u64>(from + bytes - 8));
  } else if (bytes >= 4) {
    const head = load<u32>(from);
    store<u32>(out + bytes - 4, load<u32>(from + bytes - 4));
    store<u32>(out, head);
  } else if (bytes > 0) {
    const middle = load<u8>(from + (bytes >> 1));
    const last = load<u8>(from + bytes - 1);
    store<u8>(out, load<u8>(from));
    store<u8>(out + (bytes >> 1), middle);
    store<u8>(out + bytes - 1, last);
  }
}

export function takeVariableBytes(offsets: usize, indices: usize, count: u32): f64 {
  let bytes: u64 = 0;
  for (let i: u32 = 0; i < count; i++, indices += 4) {
    const index = load<u32>(indices);
    if (index == NO_ROW) continue;
    const at = offsets + (<usize>index << 2);
    bytes += <u64>(load<u32>(at, 4) - load<u32>(at));
  }
  return <f64>bytes;
}

export function takeVariable(
  offsets: usize, values: usize, indices: usize, count: u32, outOffsets: usize, outValues: usize,
): void {
  let bytes: u32 = 0;
  store<u32>(outOffsets, 0);
  for (let i: u32 = 0; i < count; i++, indices += 4) {
    const index = load<u32>(indices);
    if (index != NO_ROW) {
      const at = offsets + (<usize>index << 2);
      const start = load<u32>(at);
      const length = load<u32>(at, 4) - start;
      copyShort(outValues + bytes, values + start, length);
      bytes += length;
    }
    outOffsets += 4;
    store<u32>(outOffsets, bytes);
  }
}

/** Bytes of the longest of some texts. */
export function longestText(offsets: usize, count: u32): u32 {
  let most: u32 = 0;
  for (let i: u32 = 0; i < count; i++, offsets += 4) most = max<u32>(most, load<u32>(offsets, 4) - load<u32>(offsets));
  return most;
}

/**
 * Texts of at most 16 bytes by their indices, none of them `NO_ROW`, with offsets from `before` on. 16 bytes are read where a text begins, and
 * written: there has to be room behind the last of both. Returns where the texts end.
 */
export function takeShortTexts(
  offsets: usize, values: usize, indices: usize, count: u32, before: u32, outOffsets: usize, outValues: usize,
): u32 {
  let bytes = before;
  store<u32>(outOffsets, bytes);
  for (let i: u32 = 0; i < count; i++, indices += 4) {
    const bounds = load<u64>(offsets + (<usize>load<u32>(indices) << 2));
    v128.store(outValues + bytes, v128.load(values + <u32>bounds));
    bytes += <u32>(bounds >> 32) - <u32>bounds;
    outOffsets += 4;
    store<u32>(outOffsets, bytes);
  }
  return bytes;
}

function chooseWidth<T>(mask: usize, set: usize, setStride: usize, unset: usize, unsetStride: usize, rows: i32, out: usize): void {
  for (let row = 0; row < rows; row++, set += setStride, unset += unsetStride, out += sizeof<T>()) {
    store<T>(out, mask == 0 || isSet(mask, row) ? load<T>(set) : load<T>(unset));
  }
}

/** 16 bytes. */
function chooseWide(mask: usize, set: usize, setStride: usize, unset: usize, unsetStride: usize, rows: i32, out: usize): void {
  for (let row = 0; row < rows; row++, set += setStride, unset += unsetStride, out += 16) {
    v128.store(out, v128.load(mask == 0 || isSet(mask, row) ? set : unset));
  }
}

export function choose(
  width: usize, mask: usize, set: usize, setIsScalar: i32, unset: usize, unsetIsScalar: i32, rows: i32, out: usize,
): void {
  const ss: usize = setIsScalar != 0 ? 0 : width;
  const us: usize = unsetIsScalar != 0 ? 0 : width;
  if (width == 8) chooseWidth<u64>(mask, set, ss, unset, us, rows, out);
  else if (width == 4) chooseWidth<u32>(mask, set, ss, unset, us, rows, out);
  else if (width == 2) chooseWidth<u16>(mask, set, ss, unset, us, rows, out);
  else if (width == 1) chooseWidth<u8>(mask, set, ss, unset, us, rows, out);
  else chooseWide(mask, set, ss, unset, us, rows, out);
}

function fillWidth<T>(value: usize, count: u32, out: usize): void {
  const x = load<T>(value);
  for (let i: u32 = 0; i < count; i++, out += sizeof<T>()) store<T>(out, x);
}

export function fill(width: usize, value: usize, count: u32, out: usize): void {
  if (width == 8) {
    fillWidth<u64>(value, count, out);
  } else if (width == 4) {
    fillWidth<u32>(value, count, out);
  } else if (width == 2) {
    fillWidth<u16>(value, count, out);
  } else if (width == 1) {
    memory.fill(out, load<u8>(value), <usize>count);
  } else {
    const x = v128.load(value);
    for (let i: u32 = 0; i < count; i++, out += 16) v128.store(out, x);
  }
}

export function iota(start: u32, count: u32, out: usize): void {
  for (let i: u32 = 0; i < count; i++, out += 4) store<u32>(out, start + i);
}
