/**
 * Whether a row of numbers goes up or down, whatever a few of them do. The test is Mann and Kendall's (H. B. Mann, Nonparametric tests against
 * trend, 1945): pairs that ascend against pairs that descend; the slope is Theil and Sen's, the middle of the slopes of all pairs.
 */

/** Fewer say nothing. */
const LEAST_VALUES = 8;
/** Standard deviations from what chance gives: one row in a hundred without a trend passes. */
const CERTAIN = 2.58;

export interface Trend {
  /** Change from one value to the next. */
  slope: number;
  /** The middle value. */
  middle: number;
}

/** @returns undefined where chance explains the row */
export function trendOf(values: readonly number[]): Trend | undefined {
  const n = values.length;
  if (n < LEAST_VALUES) return undefined;
  const slopes: number[] = [];
  let score = 0;
  for (let later = 1; later < n; later += 1)
    for (let earlier = 0; earlier < later; earlier += 1) {
      const rise = (values[later] as number) - (values[earlier] as number);
      score += Math.sign(rise);
      slopes.push(rise / (later - earlier));
    }
  const deviation = Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18);
  if ((Math.abs(score) - 1) / deviation < CERTAIN) return undefined;
  return { slope: middleOf(slopes), middle: middleOf(values) };
}

/** The middle value; the mean of the two middle ones of an even number. */
export function middleOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? 0) + upper) / 2;
}
