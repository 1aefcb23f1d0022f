/** Aggregations as plain data: bins, functions, snapshots. */
import type { ExpressionNode } from '../../expressions/node.ts';
import type { Interpolation } from '../../kernels/quantiles.ts';
import type { TypeText } from '../../schema/types.ts';
import type { OpRef } from './op-ref.ts';
import type { Triggers } from './triggers.ts';

/** Aggregations of one stream. */
export interface AggregateSpec {
  kind: 'aggStream';
  orderedOn: string;
  by: string[];
  aggregations: AggregationSpec[];
  triggers: Triggers;
  accumulate: boolean;
  emitOpen: boolean;
  /** The source vouches for the order or has verified it, and nothing between touches it: rows are not compared again. */
  orderTrusted?: boolean;
}

/** One named aggregation of an `aggStream`. */
export interface AggregationSpec {
  name: string;
  bins: BinSpec;
  /** Output columns in order. */
  columns: AggregateColumn[];
  /** Which end of a bin belongs to it; default the left one. */
  closed?: 'right';
  /** Which end of a bin stands in the output; default the left one. */
  label?: 'right';
  /** Bins without rows are rows of the output, between those that have some. */
  empty?: 'null';
  /** Rows for which it is not true are not there for this aggregation. */
  filter?: ExpressionNode;
  snapshots?: SnapshotSpec;
}

/** Running values of the current bin, as an output of their own. */
export interface SnapshotSpec {
  /** Name of the output. */
  port: string;
  closed?: 'right';
  label?: 'left';
  /** A grid, or points in ascending order: nanoseconds since 1970 as decimal text (or steps of a column of plain numbers). */
  at: FixedBins | { kind: 'points'; unit?: 'step'; pointsNs: string[]; text: string };
}

/** Fixed durations in the unit of the ordered column. Weeks start on Monday unless an origin says otherwise. */
export interface FixedBins {
  kind: 'fixed';
  /** Bound to a column of plain numbers: what is called nanoseconds here are its steps. */
  unit?: 'step';
  /** Bin width in nanoseconds, as decimal text (beyond 2^53). */
  everyNs: string;
  /** A bin start, nanoseconds since 1970 as decimal text. */
  originNs: string;
  /** Length of a window where it is not the width of a bin: windows then overlap, or leave something out. */
  periodNs?: string;
  /** How the user wrote it, for people. */
  text: string;
}

/** Days or months of a time zone's calendar, counted from 1970-01 on. */
export interface CalendarBins {
  kind: 'calendar';
  unit: 'day' | 'month';
  every: number;
  /** A bin starts with this day (month) after 1970-01-01. */
  origin: number;
  /** Length of a window where it is not the width of a bin. */
  period?: number;
  timeZone: string;
  text: string;
}

/** Bins between given times. */
export interface EdgeBins {
  kind: 'edges';
  /** Bound to a column of plain numbers: what is called nanoseconds here are its steps. */
  unit?: 'step';
  /** Ascending, at least two. */
  edgesNs: string[];
  /** What becomes of rows before the first and behind the last. */
  outside: 'error' | 'drop';
  text: string;
}

/** So many rows of a key each. */
export interface RowBins {
  kind: 'rows';
  rows: number;
  text: string;
}

/** Rows of a key that follow each other by no more than the gap. */
export interface SessionBins {
  kind: 'sessions';
  /** Bound to a column of plain numbers: what is called nanoseconds here are its steps. */
  unit?: 'step';
  gapNs: string;
  text: string;
}

export type BinSpec = FixedBins | CalendarBins | EdgeBins | RowBins | SessionBins;

/** Functions whose states the kernels keep. */
export type KernelFn = 'first' | 'last' | 'min' | 'max' | 'sum' | 'count' | 'mean' | 'std' | 'var';

export type AggregateFn =
  | KernelFn
  | 'wmean'
  | 'argMin'
  | 'argMax'
  | 'median'
  | 'quantile'
  | 'nUnique'
  | 'quantileApprox'
  | 'nUniqueApprox'
  | 'custom';

export interface AggregateColumn {
  /** Output column. */
  name: string;
  fn: AggregateFn;
  /** Input column; absent for `count()` of rows. */
  column?: string;
  /** The weight of `wmean`; what `argMin` and `argMax` compare. */
  other?: string;
  /** Sums of integers beyond 64 bits; default an error. */
  overflow?: 'wrap' | 'float64';
  quantile?: number;
  interpolation?: Interpolation;
  /** Of `quantileApprox`. */
  relativeError?: number;
  /** Of `nUniqueApprox`: 2 to this power registers. */
  precision?: number;
  custom?: CustomAggregate;
}

/** A registered aggregate function. */
export interface CustomAggregate {
  ref: OpRef;
  columns: string[];
  options: unknown;
  output: TypeText;
  takesNulls: boolean;
}
