// Joins of ordered columns.
import { NO_ROW } from './layout';

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
  out: usize,
): void {
  let left = load<u32>(cursor);
  let right = load<u32>(cursor + 4);
  while (left < leftRows) {
    const time = load<i64>(leftTimes + ((<usize>left) << 3));
    while (right < rightRows) {
      const rightTime = load<i64>(rightTimes + ((<usize>right) << 3));
      if (rightTime > time) break;
      const key = load<u32>(rightKeys + ((<usize>right) << 2));
      if (key != NO_ROW) {
        store<u32>(lastRows + ((<usize>key) << 2), firstPlace + right);
        store<i64>(lastTimes + ((<usize>key) << 3), rightTime);
      }
      right++;
    }
    if (right == rightRows && isLast == 0) break;
    const key = load<u32>(leftKeys + ((<usize>left) << 2));
    let place = NO_ROW;
    if (key != NO_ROW) {
      place = load<u32>(lastRows + ((<usize>key) << 2));
      // Unsigned: the difference of two int64 may need 64 bits.
      if (place != NO_ROW && <u64>(time - load<i64>(lastTimes + ((<usize>key) << 3))) > tolerance) place = NO_ROW;
    }
    store<u32>(out + ((<usize>left) << 2), place);
    left++;
  }
  store<u32>(cursor, left);
  store<u32>(cursor + 4, right);
}
