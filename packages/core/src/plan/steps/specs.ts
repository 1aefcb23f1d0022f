/** Steps whose description is a few values, as plain data. What the planner has to know of each is in `traits.ts`. */

/** The last rows before every so many, each as one logical batch. */
export interface SlidingWindowSpec {
  kind: 'slidingWindow';
  /** Rows of a window. */
  rows: number;
  /** Rows from the end of one window to the end of the next. */
  every: number;
  /** Windows that lack rows, at the start and at the end of the stream, come too. */
  partial: boolean;
  /** Column that gets the window's number, from 0. */
  number?: string;
  memoryLimitBytes?: number;
}

export type StepSpec = SlidingWindowSpec;
