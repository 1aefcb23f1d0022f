/** TypeScript twins of the kernels of joins. */
import type { Ptr } from '../memory/contract.ts';
import { TAKE_NOTHING } from './vector-contract.ts';

export function asofMatch(
  view: DataView,
  cursor: Ptr,
  leftTimes: Ptr,
  leftKeys: Ptr,
  leftRows: number,
  rightTimes: Ptr,
  rightKeys: Ptr,
  rightRows: number,
  isLast: 0 | 1,
  firstPlace: number,
  lastRows: Ptr,
  lastTimes: Ptr,
  tolerance: bigint,
  out: Ptr,
): void {
  const farthest = BigInt.asUintN(64, tolerance);
  let left = view.getUint32(cursor, true);
  let right = view.getUint32(cursor + 4, true);
  for (; left < leftRows; left++) {
    const time = view.getBigInt64(leftTimes + 8 * left, true);
    for (; right < rightRows && view.getBigInt64(rightTimes + 8 * right, true) <= time; right++) {
      const key = view.getUint32(rightKeys + 4 * right, true);
      if (key === TAKE_NOTHING) continue;
      view.setUint32(lastRows + 4 * key, firstPlace + right, true);
      view.setBigInt64(lastTimes + 8 * key, view.getBigInt64(rightTimes + 8 * right, true), true);
    }
    if (right === rightRows && isLast === 0) break;
    const key = view.getUint32(leftKeys + 4 * left, true);
    let place = key === TAKE_NOTHING ? TAKE_NOTHING : view.getUint32(lastRows + 4 * key, true);
    if (place !== TAKE_NOTHING && time - view.getBigInt64(lastTimes + 8 * key, true) > farthest) place = TAKE_NOTHING;
    view.setUint32(out + 4 * left, place, true);
  }
  view.setUint32(cursor, left, true);
  view.setUint32(cursor + 4, right, true);
}
