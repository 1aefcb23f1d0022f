// Joins of ordered columns.
import { NO_ROW } from './layout';

/**
 * Places as rows of the segment that holds places [first, end): `out` gets what lies behind `first`, or NO_ROW as it is.
 * Returns 0 where a place lies elsewhere; then `out` is not to be used.
 */
export function rowsOfSegment(places: usize, count: u32, first: u32, end: u32, out: usize): u32 {
  const firsts = i32x4.splat(<i32>first);
  const lengths = i32x4.splat(<i32>(end - first));
  const none = i32x4.splat(<i32>NO_ROW);
  let outside = i32x4.splat(0);
  let row: u32 = 0;
  for (; row + 4 <= count; row += 4) {
    const place = v128.load(places + (<usize>row << 2));
    const isNone = i32x4.eq(place, none);
    const at = i32x4.sub(place, firsts);
    outside = v128.or(outside, v128.andnot(i32x4.ge_u(at, lengths), isNone));
    v128.store(out + (<usize>row << 2), v128.or(at, isNone));
  }
  let isOutside: bool = v128.any_true(outside);
  for (; row < count; row++) {
    const place = load<u32>(places + (<usize>row << 2));
    const at = place == NO_ROW ? NO_ROW : place - first;
    isOutside = isOutside || (place != NO_ROW && at >= end - first);
    store<u32>(out + (<usize>row << 2), at);
  }
  return isOutside ? 0 : 1;
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

/** Left rows [from, end), between which no right row comes. */
// @ts-ignore: decorator
@inline
function asofRun(
  leftTimes: usize, leftKeys: usize, from: u32, end: u32, lastRows: usize, lastTimes: usize, tolerance: u64, out: usize,
): void {
  for (let left = from; left < end; left++) {
    const key = load<u32>(leftKeys + ((<usize>left) << 2));
    let place = NO_ROW;
    if (key != NO_ROW) {
      place = load<u32>(lastRows + ((<usize>key) << 2));
      if (tolerance != <u64>-1 && place != NO_ROW) {
        // Unsigned: the difference of two int64 may need 64 bits.
        const time = load<i64>(leftTimes + ((<usize>left) << 3));
        if (<u64>(time - load<i64>(lastTimes + ((<usize>key) << 3))) > tolerance) place = NO_ROW;
      }
    }
    store<u32>(out + ((<usize>left) << 2), place);
  }
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
  let left = load<u32>(cursor);
  let right = load<u32>(cursor + 4);
  while (left < leftRows) {
    if (right == rightRows) {
      if (isLast == 0) break;
      asofRun(leftTimes, leftKeys, left, leftRows, lastRows, lastTimes, tolerance, out);
      left = leftRows;
      break;
    }
    const rightTime = load<i64>(rightTimes + ((<usize>right) << 3));
    // The left rows before this right row, which are mostly several, or none.
    let end = left;
    if (isStrict != 0) while (end < leftRows && load<i64>(leftTimes + ((<usize>end) << 3)) <= rightTime) end++;
    else while (end < leftRows && load<i64>(leftTimes + ((<usize>end) << 3)) < rightTime) end++;
    asofRun(leftTimes, leftKeys, left, end, lastRows, lastTimes, tolerance, out);
    left = end;
    if (left == leftRows) break;
    const key = load<u32>(rightKeys + ((<usize>right) << 2));
    if (key != NO_ROW) {
      store<u32>(lastRows + ((<usize>key) << 2), firstPlace + right);
      store<i64>(lastTimes + ((<usize>key) << 3), rightTime);
    }
    right++;
  }
  store<u32>(cursor, left);
  store<u32>(cursor + 4, right);
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
