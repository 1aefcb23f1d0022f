/** TypeScript twins of the kernels of joins. */
import type { Ptr } from '../memory/contract.ts';
import type { Twin } from './reference-twin.ts';
import { MERGE_CURSOR, MERGE_MODE, TAKE_NOTHING } from './vector-contract.ts';

export function rowsOfSegment(
  view: DataView,
  places: Ptr,
  count: number,
  first: number,
  end: number,
  out: Ptr,
): number {
  let isInside = true;
  let nothing = 0;
  for (let row = 0; row < count; row++) {
    const place = view.getUint32(places + 4 * row, true);
    if (place === TAKE_NOTHING) nothing += 1;
    else if (place < first || place >= end) isInside = false;
    view.setUint32(out + 4 * row, place === TAKE_NOTHING ? TAKE_NOTHING : place - first, true);
  }
  return isInside ? nothing : -1;
}

export const takePlaces: Twin<'takePlaces'> = (view, width, values, places, count, first, end, out) => {
  let taken = 0;
  for (let row = 0; row < count; row++) {
    const place = view.getUint32(places + 4 * row, true);
    const isInside = place !== TAKE_NOTHING && place >= first && place < end;
    if (isInside) taken += 1;
    if (!isInside && place !== TAKE_NOTHING) continue;
    for (let byte = 0; byte < width; byte++)
      view.setUint8(out + width * row + byte, isInside ? view.getUint8(values + width * (place - first) + byte) : 0);
  }
  return taken;
};

export const dealRows: Twin<'dealRows'> = (view, places, count, bounds, segments, counts, chosen, order) => {
  const rows: number[][] = Array.from({ length: segments }, () => []);
  const first = (segment: number): number => view.getUint32(bounds + 4 * segment, true);
  const found = Array.from({ length: count }, (_unused, row) => {
    const place = view.getUint32(places + 4 * row, true);
    if (place === TAKE_NOTHING) return undefined;
    const segment = rows.findIndex((_rows, index) => place < first(index + 1));
    return { segment, at: (rows[segment] as number[]).push(place - first(segment)) - 1 };
  });
  const starts: number[] = [];
  let next = 0;
  for (const [segment, { length }] of rows.entries()) {
    starts.push(next);
    next += length;
    view.setUint32(counts + 4 * segment, length, true);
  }
  for (const [at, row] of rows.flat().entries()) view.setUint32(chosen + 4 * at, row, true);
  for (const [row, place] of found.entries())
    view.setUint32(order + 4 * row, place ? (starts[place.segment] as number) + place.at : TAKE_NOTHING, true);
};

export const asofMatch: Twin<'asofMatch'> = (
  view,
  cursor,
  leftTimes,
  leftKeys,
  leftRows,
  rightTimes,
  rightKeys,
  rightRows,
  isLast,
  firstPlace,
  lastRows,
  lastTimes,
  tolerance,
  isStrict,
  out,
) => {
  const farthest = BigInt.asUintN(64, tolerance);
  let left = view.getUint32(cursor, true);
  let right = view.getUint32(cursor + 4, true);
  for (; left < leftRows; left++) {
    const time = view.getBigInt64(leftTimes + 8 * left, true);
    for (; right < rightRows; right++) {
      const rightTime = view.getBigInt64(rightTimes + 8 * right, true);
      if (rightTime > time || (rightTime === time && isStrict === 1)) break;
      const key = view.getUint32(rightKeys + 4 * right, true);
      if (key === TAKE_NOTHING) continue;
      view.setUint32(lastRows + 4 * key, firstPlace + right, true);
      if (tolerance !== -1n) view.setBigInt64(lastTimes + 8 * key, rightTime, true);
    }
    if (right === rightRows && isLast === 0) break;
    const key = view.getUint32(leftKeys + 4 * left, true);
    let place = key === TAKE_NOTHING ? TAKE_NOTHING : view.getUint32(lastRows + 4 * key, true);
    if (place !== TAKE_NOTHING && tolerance !== -1n && time - view.getBigInt64(lastTimes + 8 * key, true) > farthest)
      place = TAKE_NOTHING;
    view.setUint32(out + 4 * left, place, true);
  }
  view.setUint32(cursor, left, true);
  view.setUint32(cursor + 4, right, true);
};

/** The place begins a group when its time is a later one. */
function noteGroup(view: DataView, cursor: Ptr, place: number, time: bigint): void {
  if (time <= view.getBigInt64(cursor + MERGE_CURSOR.groupTime, true)) return;
  view.setBigInt64(cursor + MERGE_CURSOR.groupTime, time, true);
  view.setUint32(cursor + MERGE_CURSOR.groupStart, place, true);
}

export const mergeMatch: Twin<'mergeMatch'> = (
  view,
  cursor,
  leftTimes,
  leftKeys,
  leftRows,
  rightTimes,
  rightKeys,
  rightRows,
  isLast,
  firstPlace,
  heads,
  tails,
  times,
  next,
  nextFrom,
  leftPairs,
  rightPairs,
  capacity,
  mode,
) => {
  const word = (at: Ptr, index: number): number => view.getUint32(at + 4 * index, true);
  const time = (at: Ptr, index: number): bigint => view.getBigInt64(at + 8 * index, true);
  const field = (offset: number): number => view.getUint32(cursor + offset, true);
  let left = field(MERGE_CURSOR.left);
  let right = field(MERGE_CURSOR.right);
  let chain = field(MERGE_CURSOR.chain);
  let pairs = field(MERGE_CURSOR.pairs);
  const put = (row: number, place: number): void => {
    view.setUint32(leftPairs + 4 * pairs, row, true);
    view.setUint32(rightPairs + 4 * pairs, place, true);
    pairs++;
  };
  const apply = (place: number, key: number, at: bigint): void => {
    noteGroup(view, cursor, place, at);
    if (key === TAKE_NOTHING) return;
    if (word(heads, key) !== TAKE_NOTHING && time(times, key) === at)
      view.setUint32(next + 4 * (word(tails, key) - nextFrom), place, true);
    else view.setUint32(heads + 4 * key, place, true);
    view.setUint32(tails + 4 * key, place, true);
    view.setBigInt64(times + 8 * key, at, true);
    view.setUint32(next + 4 * (place - nextFrom), TAKE_NOTHING, true);
  };
  for (; left < leftRows; left++) {
    if (chain === TAKE_NOTHING) {
      const now = time(leftTimes, left);
      for (; right < rightRows && time(rightTimes, right) <= now; right++)
        apply(firstPlace + right, word(rightKeys, right), time(rightTimes, right));
      if (right === rightRows && isLast === 0) break;
      const key = word(leftKeys, left);
      if (key !== TAKE_NOTHING && word(heads, key) !== TAKE_NOTHING && time(times, key) === now)
        chain = word(heads, key);
      const isMatched = chain !== TAKE_NOTHING;
      if (mode === MERGE_MODE.semi || mode === MERGE_MODE.anti || (mode === MERGE_MODE.left && !isMatched)) {
        chain = TAKE_NOTHING;
        if (isMatched !== (mode === MERGE_MODE.semi)) continue;
        if (pairs === capacity) break;
        put(left, TAKE_NOTHING);
        continue;
      }
    }
    for (; chain !== TAKE_NOTHING && pairs < capacity; chain = word(next, chain - nextFrom)) put(left, chain);
    if (chain !== TAKE_NOTHING) break;
  }
  view.setUint32(cursor + MERGE_CURSOR.left, left, true);
  view.setUint32(cursor + MERGE_CURSOR.right, right, true);
  view.setUint32(cursor + MERGE_CURSOR.chain, chain, true);
  view.setUint32(cursor + MERGE_CURSOR.pairs, pairs, true);
};
