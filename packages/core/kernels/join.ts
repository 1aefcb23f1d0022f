// Joins of ordered columns.
import { wordsAt } from './dense';
import { NO_ROW } from './layout';

/** See `rowsOfSegment` in src/kernels/vector-contract.ts. */
export function rowsOfSegment(places: usize, count: u32, first: u32, end: u32, out: usize): i32 {
  const firsts = i32x4.splat(<i32>first);
  const lengths = i32x4.splat(<i32>(end - first));
  const none = i32x4.splat(<i32>NO_ROW);
  let outside = i32x4.splat(0);
  let nones = i32x4.splat(0);
  let row: u32 = 0;
  for (; row + 8 <= count; row += 8) {
    const at = <usize>row << 2;
    const a = v128.load(places + at);
    const b = v128.load(places + at, 16);
    const isNoneA = i32x4.eq(a, none);
    const isNoneB = i32x4.eq(b, none);
    const rowA = i32x4.sub(a, firsts);
    const rowB = i32x4.sub(b, firsts);
    outside = v128.or(outside, v128.andnot(i32x4.ge_u(rowA, lengths), isNoneA));
    outside = v128.or(outside, v128.andnot(i32x4.ge_u(rowB, lengths), isNoneB));
    nones = i32x4.add(nones, i32x4.add(isNoneA, isNoneB));
    v128.store(out + at, v128.or(rowA, isNoneA));
    v128.store(out + at, v128.or(rowB, isNoneB), 16);
  }
  let isOutside: bool = v128.any_true(outside);
  let nothing = -(
    i32x4.extract_lane(nones, 0) + i32x4.extract_lane(nones, 1) +
    i32x4.extract_lane(nones, 2) + i32x4.extract_lane(nones, 3)
  );
  for (; row < count; row++) {
    const place = load<u32>(places + (<usize>row << 2));
    const at = place == NO_ROW ? NO_ROW : place - first;
    nothing += i32(place == NO_ROW);
    isOutside = isOutside || (place != NO_ROW && at >= end - first);
    store<u32>(out + (<usize>row << 2), at);
  }
  return isOutside ? -1 : nothing;
}

/** The segment of a place: `bounds` are the first places of all segments, and the one behind the last. */
function segmentOf(bounds: usize, segments: u32, place: u32): u32 {
  let low: u32 = 0;
  let high = segments - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (load<u32>(bounds + (<usize>middle << 2)) <= place) low = middle;
    else high = middle - 1;
  }
  return low;
}

export function dealRows(
  places: usize, count: u32, bounds: usize, segments: u32, counts: usize, chosen: usize, order: usize,
): void {
  const starts = counts + (<usize>segments << 2);
  memory.fill(counts, 0, <usize>segments << 3);
  let current: u32 = 0;
  let first: u32 = 0;
  let length: u32 = 0;
  let run: u32 = 0;
  for (let row: u32 = 0; row < count; row++) {
    const place = load<u32>(places + (<usize>row << 2));
    if (place == NO_ROW) continue;
    if (place - first >= length) {
      store<u32>(counts + (<usize>current << 2), load<u32>(counts + (<usize>current << 2)) + run);
      run = 0;
      current = segmentOf(bounds, segments, place);
      first = load<u32>(bounds + (<usize>current << 2));
      length = load<u32>(bounds + (<usize>current << 2), 4) - first;
    }
    run++;
  }
  store<u32>(counts + (<usize>current << 2), load<u32>(counts + (<usize>current << 2)) + run);
  let next: u32 = 0;
  for (let segment: u32 = 0; segment < segments; segment++) {
    store<u32>(starts + (<usize>segment << 2), next);
    next += load<u32>(counts + (<usize>segment << 2));
  }
  length = 0;
  current = 0;
  next = 0;
  for (let row: u32 = 0; row < count; row++) {
    const place = load<u32>(places + (<usize>row << 2));
    if (place == NO_ROW) {
      store<u32>(order + (<usize>row << 2), NO_ROW);
      continue;
    }
    if (place - first >= length) {
      store<u32>(starts + (<usize>current << 2), next);
      current = segmentOf(bounds, segments, place);
      next = load<u32>(starts + (<usize>current << 2));
      first = load<u32>(bounds + (<usize>current << 2));
      length = load<u32>(bounds + (<usize>current << 2), 4) - first;
    }
    store<u32>(chosen + (<usize>next << 2), place - first);
    store<u32>(order + (<usize>row << 2), next++);
  }
}

/** Eight bytes at each of two addresses. */
// @ts-ignore: decorator
@inline
function longsAt(first: u64, second: u64): v128 {
  return v128.load64_lane(<usize>second, v128.load64_zero(<usize>first), 1);
}

/** All bits set where a left time lies farther behind the last time of its key. Unsigned: differences of int64 may need 64 bits. */
// @ts-ignore: decorator
@inline
function areFar(leftTimes: usize, addresses: u64, tolerance: u64): v128 {
  const flip = i64x2.splat(i64.MIN_VALUE);
  const last = longsAt(addresses & 0xffffffff, addresses >> 32);
  const distance = i64x2.sub(v128.load(leftTimes), last);
  return i64x2.gt_s(v128.xor(distance, flip), i64x2.splat(<i64>tolerance ^ i64.MIN_VALUE));
}

/** The lower halves of four numbers. */
// @ts-ignore: decorator
@inline
function lowHalves(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
}

/** Matches four left rows. A key that equals nothing, NO_ROW, leads to what lies before `lastRows`. */
// @ts-ignore: decorator
@inline
function matchFour(
  leftTimes: usize, leftKeys: usize, left: u32, lastRows: usize, lastTimes: usize, tolerance: u64, isNear: bool, out: usize,
): void {
  const keys = v128.load(leftKeys + (<usize>left << 2));
  let places = wordsAt(i32x4.add(i32x4.shl(keys, 2), i32x4.splat(<i32>lastRows)));
  if (isNear) {
    const times = i32x4.add(i32x4.shl(keys, 3), i32x4.splat(<i32>lastTimes));
    const a = areFar(leftTimes + (<usize>left << 3), i64x2.extract_lane(times, 0), tolerance);
    const b = areFar(leftTimes + (<usize>left << 3) + 16, i64x2.extract_lane(times, 1), tolerance);
    places = v128.or(places, lowHalves(a, b));
  }
  v128.store(out + (<usize>left << 2), places);
}

// @ts-ignore: decorator
@inline
function matchOne(
  leftTimes: usize, leftKeys: usize, left: u32, lastRows: usize, lastTimes: usize, tolerance: u64, isNear: bool, out: usize,
): void {
  const key = <usize>load<u32>(leftKeys + (<usize>left << 2));
  let place = load<u32>(lastRows + (key << 2));
  if (isNear && place != NO_ROW) {
    const time = load<i64>(leftTimes + (<usize>left << 3));
    if (<u64>(time - load<i64>(lastTimes + (key << 3))) > tolerance) place = NO_ROW;
  }
  store<u32>(out + (<usize>left << 2), place);
}

// @ts-ignore: decorator
@inline
function comesBefore(leftTimes: usize, left: u32, right: i64, isStrict: bool): bool {
  const time = load<i64>(leftTimes + (<usize>left << 3));
  return isStrict ? time <= right : time < right;
}

/** How many of four ascending times come before one. */
// @ts-ignore: decorator
@inline
function countBefore(times: usize, time: i64, isStrict: bool): u32 {
  const right = i64x2.splat(time);
  const a = v128.load(times);
  const b = v128.load(times, 16);
  const c = isStrict ? i64x2.le_s(a, right) : i64x2.lt_s(a, right);
  const d = isStrict ? i64x2.le_s(b, right) : i64x2.lt_s(b, right);
  return popcnt(i32x4.bitmask(lowHalves(c, d)));
}

/**
 * One right row after the other, and the left rows before it: four at a time while all of them are. Where only some are, all four are matched, and the
 * others once more when it is their turn. Whether four are is asked of the last one alone, so that the next ones need not wait for a count.
 */
// @ts-ignore: decorator
@inline
function asof(
  cursor: usize,
  leftTimes: usize,
  leftKeys: usize,
  leftRows: u32,
  rightTimes: usize,
  rightKeys: usize,
  rightRows: u32,
  isLast: u32,
  firstPlace: u32,
  lastRows: usize,
  lastTimes: usize,
  tolerance: u64,
  isNear: bool,
  isStrict: bool,
  out: usize,
): void {
  let left = load<u32>(cursor);
  let right = load<u32>(cursor + 4);
  for (; right < rightRows; right++) {
    const time = load<i64>(rightTimes + (<usize>right << 3));
    while (left + 4 <= leftRows && comesBefore(leftTimes, left + 3, time, isStrict)) {
      matchFour(leftTimes, leftKeys, left, lastRows, lastTimes, tolerance, isNear, out);
      left += 4;
    }
    if (left + 4 <= leftRows) {
      const count = countBefore(leftTimes + (<usize>left << 3), time, isStrict);
      if (count > 0) matchFour(leftTimes, leftKeys, left, lastRows, lastTimes, tolerance, isNear, out);
      left += count;
    } else {
      for (; left < leftRows && comesBefore(leftTimes, left, time, isStrict); left++) {
        matchOne(leftTimes, leftKeys, left, lastRows, lastTimes, tolerance, isNear, out);
      }
      if (left == leftRows) break;
    }
    const key = <usize>load<u32>(rightKeys + (<usize>right << 2));
    if (key == <usize>NO_ROW) continue;
    store<u32>(lastRows + (key << 2), firstPlace + right);
    if (isNear) store<i64>(lastTimes + (key << 3), time);
  }
  if (right == rightRows && isLast != 0) {
    for (; left + 4 <= leftRows; left += 4) {
      matchFour(leftTimes, leftKeys, left, lastRows, lastTimes, tolerance, isNear, out);
    }
    for (; left < leftRows; left++) {
      matchOne(leftTimes, leftKeys, left, lastRows, lastTimes, tolerance, isNear, out);
    }
  }
  store<u32>(cursor, left);
  store<u32>(cursor + 4, right);
}

export function asofMatch(
  cursor: usize,
  leftTimes: usize,
  leftKeys: usize,
  leftRows: u32,
  rightTimes: usize,
  rightKeys: usize,
  rightRows: u32,
  isLast: u32,
  firstPlace: u32,
  lastRows: usize,
  lastTimes: usize,
  tolerance: u64,
  isStrict: u32,
  out: usize,
): void {
  if (tolerance == <u64>-1 && isStrict == 0) {
    asof(
      cursor, leftTimes, leftKeys, leftRows, rightTimes, rightKeys, rightRows, isLast, firstPlace, lastRows, lastTimes,
      tolerance, false, false, out,
    );
  } else if (tolerance == <u64>-1) {
    asof(
      cursor, leftTimes, leftKeys, leftRows, rightTimes, rightKeys, rightRows, isLast, firstPlace, lastRows, lastTimes,
      tolerance, false, true, out,
    );
  } else if (isStrict == 0) {
    asof(
      cursor, leftTimes, leftKeys, leftRows, rightTimes, rightKeys, rightRows, isLast, firstPlace, lastRows, lastTimes,
      tolerance, true, false, out,
    );
  } else {
    asof(
      cursor, leftTimes, leftKeys, leftRows, rightTimes, rightKeys, rightRows, isLast, firstPlace, lastRows, lastTimes,
      tolerance, true, true, out,
    );
  }
}

// What a merge writes of a left row, beside its pairs: see MERGE_MODE.
// @ts-ignore: decorator
@inline const LEFT: u32 = 1;
// @ts-ignore: decorator
@inline const SEMI: u32 = 2;
// @ts-ignore: decorator
@inline const ANTI: u32 = 3;

// Offsets in the cursor of a merge.
// @ts-ignore: decorator
@inline const CURSOR_CHAIN: usize = 8;
// @ts-ignore: decorator
@inline const CURSOR_PAIRS: usize = 12;
// @ts-ignore: decorator
@inline const CURSOR_GROUP_START: usize = 16;
// @ts-ignore: decorator
@inline const CURSOR_GROUP_TIME: usize = 24;

export function mergeMatch(
  cursor: usize,
  leftTimes: usize,
  leftKeys: usize,
  leftRows: u32,
  rightTimes: usize,
  rightKeys: usize,
  rightRows: u32,
  isLast: u32,
  firstPlace: u32,
  heads: usize,
  tails: usize,
  times: usize,
  next: usize,
  nextFrom: u32,
  leftPairs: usize,
  rightPairs: usize,
  capacity: u32,
  mode: u32,
): void {
  let left = load<u32>(cursor);
  let right = load<u32>(cursor + 4);
  let chain = load<u32>(cursor + CURSOR_CHAIN);
  let pairs = load<u32>(cursor + CURSOR_PAIRS);
  let groupStart = load<u32>(cursor + CURSOR_GROUP_START);
  let groupTime = load<i64>(cursor + CURSOR_GROUP_TIME);
  while (left < leftRows) {
    if (chain == NO_ROW) {
      const now = load<i64>(leftTimes + ((<usize>left) << 3));
      while (right < rightRows) {
        const time = load<i64>(rightTimes + ((<usize>right) << 3));
        if (time > now) break;
        const place = firstPlace + right;
        if (time > groupTime) {
          groupTime = time;
          groupStart = place;
        }
        const key = load<u32>(rightKeys + ((<usize>right) << 2));
        right++;
        if (key == NO_ROW) continue;
        const head = heads + ((<usize>key) << 2);
        const tail = tails + ((<usize>key) << 2);
        const keyTime = times + ((<usize>key) << 3);
        if (load<u32>(head) != NO_ROW && load<i64>(keyTime) == time) {
          store<u32>(next + ((<usize>(load<u32>(tail) - nextFrom)) << 2), place);
        } else {
          store<u32>(head, place);
        }
        store<u32>(tail, place);
        store<i64>(keyTime, time);
        store<u32>(next + ((<usize>(place - nextFrom)) << 2), NO_ROW);
      }
      if (right == rightRows && isLast == 0) break;
      const key = load<u32>(leftKeys + ((<usize>left) << 2));
      if (key != NO_ROW && load<i64>(times + ((<usize>key) << 3)) == now) chain = load<u32>(heads + ((<usize>key) << 2));
      const isMatched = chain != NO_ROW;
      if (mode == SEMI || mode == ANTI || (mode == LEFT && !isMatched)) {
        chain = NO_ROW;
        if (isMatched == (mode == SEMI)) {
          if (pairs == capacity) break;
          store<u32>(leftPairs + ((<usize>pairs) << 2), left);
          store<u32>(rightPairs + ((<usize>pairs) << 2), NO_ROW);
          pairs++;
        }
        left++;
        continue;
      }
    }
    while (chain != NO_ROW && pairs < capacity) {
      store<u32>(leftPairs + ((<usize>pairs) << 2), left);
      store<u32>(rightPairs + ((<usize>pairs) << 2), chain);
      chain = load<u32>(next + ((<usize>(chain - nextFrom)) << 2));
      pairs++;
    }
    if (chain != NO_ROW) break;
    left++;
  }
  store<u32>(cursor, left);
  store<u32>(cursor + 4, right);
  store<u32>(cursor + CURSOR_CHAIN, chain);
  store<u32>(cursor + CURSOR_PAIRS, pairs);
  store<u32>(cursor + CURSOR_GROUP_START, groupStart);
  store<i64>(cursor + CURSOR_GROUP_TIME, groupTime);
}
