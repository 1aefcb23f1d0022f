import type { ExpressionNode } from '../../expressions/node.ts';
import type { Fields } from '../../schema/types.ts';
import type { AggregateColumn, AggregateSpec } from '../specs/aggregation.ts';

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

/** Columns under other names. */
export interface RenameSpec {
  kind: 'rename';
  names: { column: string; as: string }[];
}

/** Rows without a null in these columns, or in any. Becomes a filter when the columns are known. */
export interface DropNullsSpec {
  kind: 'dropNulls';
  columns: string[];
}

/** Values in place of nulls. Becomes expressions when the types of the columns are known. */
export interface FillNullsSpec {
  kind: 'fillNulls';
  values: { column: string; value: ExpressionNode }[];
}

/** A row for each element of a list. */
export interface FlattenSpec {
  kind: 'flatten';
  column: string;
}

/** Rows by their number: from, to (not included), every so many. */
export interface SliceSpec {
  kind: 'slice';
  from: number;
  to?: number;
  step: number;
}

/** The first row of each key. */
export interface DistinctSpec {
  kind: 'distinct';
  /** Empty: all columns. */
  by: string[];
  /** Keys remembered, the latest used. */
  max?: number;
  memoryLimitBytes?: number;
}

/** Logical batches of so many rows, of rows with one key, or of so many rows with one key. */
export interface PartitionSpec {
  kind: 'partition';
  rows?: number;
  by: string[];
  /** What is there after so long goes on, though it is less. */
  intervalMs?: number;
}

/** Logical batches of so many rows with different keys. */
export interface PartitionUniqueSpec {
  kind: 'partitionUnique';
  rows?: number;
  intervalMs?: number;
  by: string[];
  keep: 'first' | 'last';
}

/** Values of rows before (`rows` > 0) or after it, as columns; or the difference to them. */
export interface ShiftSpec {
  kind: 'shift';
  rows: number;
  columns: { column: string; as: string }[];
  by: string[];
  isDifference: boolean;
  memoryLimitBytes?: number;
}

/** Rows of several streams of the same columns, in the order in which they come. */
export interface UnionSpec {
  kind: 'union';
  /** Of the inputs. */
  names: string[];
}

/** Rows of several ordered streams of the same columns, in order. */
export interface MergeOrderedSpec {
  kind: 'mergeOrdered';
  names: string[];
  on: string;
  memoryLimitBytes?: number;
}

/** Rows of several streams side by side: the first with the first, and so on. */
export interface ZipSpec {
  kind: 'zip';
  names: string[];
  memoryLimitBytes?: number;
}

/** Each row beside the latest ones of the other streams. */
export interface CombineLatestSpec {
  kind: 'combineLatest';
  names: string[];
  /** Only rows of the first stream make one, and none of them is left out. */
  isLossless: boolean;
  memoryLimitBytes?: number;
}

/** Holds rows until another stream has one. */
export interface CollectUntilFlushSpec {
  kind: 'collectUntilFlush';
  memoryLimitBytes?: number;
}

/** Rows that are a little out of order, in order. */
export interface ReorderSpec {
  kind: 'reorder';
  on: string;
  /** How far a row may lie behind the latest one before it: nanoseconds, or steps of a column of plain numbers, as decimal text. */
  lateness: { ns: string; text: string };
  lateRows: 'error' | 'drop-and-count' | 'side';
  memoryLimitBytes?: number;
}

/** Aggregates over the last rows before each row, or over those of the last so long. */
export interface RollingSpec {
  kind: 'rolling';
  columns: AggregateColumn[];
  /** Rows of a window; absent for a period, or all rows. */
  rows?: number;
  /** How far a window goes back, not included: nanoseconds, or steps of a column of plain numbers, as decimal text. */
  period?: { ns: string; text: string };
  /** With a period: the column that rows ascend on. */
  on?: string;
  by: string[];
  /** Results are null before a window has so many rows. */
  minRows: number;
  /** In a part of a plan that was cut: rows in which this column of integers is 0 come from the part before, and have no results. */
  isOwn?: string;
}

/** Each row so much later. */
export interface DelaySpec {
  kind: 'delay';
  intervalMs: number;
}

/** One row at a time, no sooner than so long after the last. */
export interface RateLimitSpec {
  kind: 'rateLimit';
  intervalMs: number;
}

/** The latest row, whenever what is behind has taken the one before. */
export interface LatestSpec {
  kind: 'latest';
}

/** The states of an aggregate's rows, as one stream of words, for a `mergeStates` elsewhere: half of a plan that was cut. */
export interface MakeStatesSpec {
  kind: 'makeStates';
  aggregate: AggregateSpec;
}

/** The other half: rows of the aggregate, from the states of `makeStates`, streams of which follow each other in the order of their rows. */
export interface MergeStatesSpec {
  kind: 'mergeStates';
  aggregate: AggregateSpec;
  /** Columns of the rows that the states were made of. */
  fields: Fields;
}

/** The last rows of each key, or the rows of about the last so long, when all have come: what the partition behind needs. Made by cutting a plan. */
export interface TailSpec {
  kind: 'tail';
  rows?: number;
  by: string[];
  /** Instead of rows, as of `RollingSpec`. */
  period?: { ns: string; text: string };
  on?: string;
}

export type StepSpec =
  | MakeStatesSpec
  | MergeStatesSpec
  | DelaySpec
  | LatestSpec
  | RateLimitSpec
  | RollingSpec
  | ReorderSpec
  | CollectUntilFlushSpec
  | CombineLatestSpec
  | MergeOrderedSpec
  | UnionSpec
  | ZipSpec
  | DistinctSpec
  | DropNullsSpec
  | FillNullsSpec
  | FlattenSpec
  | PartitionSpec
  | PartitionUniqueSpec
  | RenameSpec
  | ShiftSpec
  | SliceSpec
  | SlidingWindowSpec
  | TailSpec;
