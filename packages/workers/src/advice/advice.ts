/** What a run teaches about its limits: which stages were made to flush or spill, what would have spared that, and what earlier runs add. */

/** `summary.advice`. Sizes are bytes. */
export interface Advice {
  /** Sentences for people: what matters most first. Never empty. */
  text: string[];
  total: TotalAdvice;
  /** Every buffer of the plan, in its order. */
  stages: StageAdvice[];
  /** What the last hundred runs of the same plan have in common, this one included. */
  patterns: Pattern[];
}

/** What a run teaches about the pipeline's limit. */
export interface TotalAdvice {
  /** The pipeline's limit as it was. */
  limitBytes: number;
  /** `raise`: something was forced that a larger limit would have spared; `lower`: nothing was, and nothing would be with less. */
  action: 'raise' | 'lower' | 'keep';
  /** The limit that it would have taken, or that would have been enough; as it was for `keep`. */
  suggestedBytes: number;
  /** Most bytes of batches at once. */
  peakManagedBytes: number;
  /** Most that was resident beyond idle. */
  peakResidentBytes: number;
}

/** What a run teaches about the limit of one step. */
export interface StageAdvice {
  /** The step, and the stage that it runs in. */
  node: string;
  stage: string;
  /** Most that it held. */
  peakBytes: number;
  /** Most that it would have held if memory had forced nothing. */
  wantedBytes: number;
  spilledBytes: number;
  /** Flushes that only memory asked for. */
  forced: number;
  /** Its own limit, where it has one as a number. */
  limitBytes?: number;
  /** `raise`: a larger limit of its own fits into the total as it is. */
  action: 'raise' | 'keep';
  /** That limit. */
  suggestedBytes?: number;
}

/** What the runs of a plan have in common. */
export type Pattern = GrowthPattern | SeasonPattern | CreepPattern;

/** Input, or memory, goes up or down from run to run. */
export interface GrowthPattern {
  kind: 'growth';
  of: 'rows' | 'memory';
  runs: number;
  /** By how much it changes from one run to the next, as a part of its middle. */
  perRun: number;
  /** For memory: after how many more runs it will be at the limit. */
  runsUntilLimit?: number;
}

/** Input is larger at certain hours or on certain days. */
export interface SeasonPattern {
  kind: 'season';
  by: 'hour' | 'weekday';
  runs: number;
  /** The largest: hour of the day, or day of the week from 0 for Sunday, in local time. */
  peak: number;
  /** Its input against the average of all. */
  factor: number;
}

/** A stage needs more for each row than it did. */
export interface CreepPattern {
  kind: 'creep';
  stage: string;
  of: 'time' | 'memory';
  runs: number;
  /** What it needs a row at the end against the beginning. */
  factor: number;
}
