/** Two ordered streams as one. The node's inputs are in the order of `sides`, the left one first. */
export interface JoinSpec {
  kind: 'joinStream';
  strategy: JoinStrategy;
  sides: JoinSide[];
  /** `asof`: on which side of a left row its match lies; default backward. */
  direction?: AsofDirection;
  /** `asof`: a row at the same time is no match. */
  strict?: true;
  /** `asof`: how far away a match may lie, in nanoseconds (or steps of a column of plain numbers), as decimal text. */
  tolerance?: { ns: string; text: string };
  /** `interval`: where matches lie, relative to the left row, both bounds included. */
  interval?: { from: { ns: string; text: string }; to: { ns: string; text: string } };
  /** Put behind the names of right columns that the left side has too. */
  suffix?: string;
  /** Bytes of rows that it may hold; default its share of the pipeline's. */
  memoryLimitBytes?: number;
  /** Names of the right columns in the output. Filled when the plan is resolved, before unused columns are left out. */
  rightColumns?: { column: string; as: string }[];
}

/** See `JoinOptions`. */
export type JoinStrategy = 'asof' | 'inner' | 'left' | 'full' | 'semi' | 'anti' | 'interval';
export type AsofDirection = 'backward' | 'forward' | 'nearest';

/** One input of a join. */
export interface JoinSide {
  /** How the user calls it; the name of its port. */
  name: string;
  /** The column that it ascends on. */
  on: string;
  /** Columns that have to be equal, in the order of the other side's. */
  by: string[];
}
