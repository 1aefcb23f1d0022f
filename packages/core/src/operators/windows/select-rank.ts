/**
 * The value of a rank among doubles, found by partitioning them in place (quickselect, C. A. R. Hoare 1961, pivots by the median of three). NaN comes
 * behind all numbers. What was partitioned for one rank makes the next one cheap.
 */
export function selectRank(values: Float64Array, from: number, count: number, rank: number): number {
  const numbers = moveNaNs(values, from, count);
  if (rank >= numbers) return NaN;
  let [low, high] = [from, from + numbers - 1];
  const at = from + rank;
  while (low < high) {
    const pivot = medianOfThree(values[low] as number, values[(low + high) >>> 1] as number, values[high] as number);
    let [left, right] = [low, high];
    while (left <= right) {
      while ((values[left] as number) < pivot) left++;
      while ((values[right] as number) > pivot) right--;
      if (left > right) break;
      const held = values[left] as number;
      values[left++] = values[right] as number;
      values[right--] = held;
    }
    if (at <= right) high = right;
    else if (at >= left) low = left;
    else return values[at] as number;
  }
  return values[at] as number;
}

/** Puts NaN behind the numbers; gives how many numbers there are. */
function moveNaNs(values: Float64Array, from: number, count: number): number {
  let numbers = count;
  for (let index = 0; index < numbers; ) {
    if (!Number.isNaN(values[from + index])) {
      index++;
      continue;
    }
    numbers -= 1;
    values[from + index] = values[from + numbers] as number;
    values[from + numbers] = NaN;
  }
  return numbers;
}

function medianOfThree(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}
