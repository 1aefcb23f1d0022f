/**
 * A pipeline as plain, cloneable data. The fluent API writes it, the planner reads it, the reference executor and the
 * stage workers run it. Nothing here holds a function, a handle or a thread.
 */

import type { ExpressionNode } from '../expressions/node.ts';
import type { ArrowFile } from '../formats/arrow-ipc/arrow-format.ts';
import type { TextFile, TextFormat } from '../formats/csv/csv-format.ts';
import type { Interpolation } from '../kernels/quantiles.ts';
import type { Fields, TypeText } from '../schema/types.ts';
import type { WriteMode } from '../store/commit.ts';
import type { StagedFile } from '../store/dataset-file.ts';
import type { RowGroupTarget } from '../store/row-group-target.ts';
import type { MetadataChange } from '../store/write-settings.ts';
import type { StepSpec } from './steps/specs.ts';

/** Which output of which node an input reads. Most operators have the one output `out`. */
export interface InputRef {
  node: number;
  port: string;
}

/** What makes a buffering operator flush; the first to fire does. All limits are optional and positive. */
export interface Triggers {
  /** Logical inputs taken since the last flush. */
  iterMax?: number;
  /** Rows held. Checked when a logical input has been taken. */
  rows?: number;
  /** Logical Arrow bytes held; `auto` lets the governor choose. Checked when a logical input has been taken. */
  memoryLimitBytes?: number | 'auto';
  /** Milliseconds since the first input after the last flush. Timing-dependent where emissions can be seen. */
  intervalMs?: number;
}

export type FlushReason = 'iterations' | 'rows' | 'memory' | 'interval' | 'pressure' | 'end';

/** A registered op, named so that another thread can import it. */
export interface OpRef {
  /** URL of the module that calls `defineOp`. */
  url: string;
  /** Which `defineOp` call of that module, counted from 0 in evaluation order. */
  ordinal: number;
  /** Chain name, for people. */
  name: string;
}

export type SourceSpec =
  /**
   * `expected`: columns and types that every file has to have. A resolved plan lists the files and the columns to read. `overlap`, here and
   * below: files are read side by side and merged on `orderedOn`; a resolved plan has a source for each and a merge instead.
   */
  | {
      type: 'parquet';
      paths: string[];
      orderedOn?: string;
      columns?: string[];
      expected?: Fields;
      batchRows: number;
      overlap?: 'merge';
      /** By path: row groups to read, from and up to (not included). Left out: all. */
      rowGroups?: [number, number][];
      /** Files of a dataset: its columns, and what the chunks of each file sum up to. */
      stored?: { fields: Fields; checksums: Record<string, string> };
    }
  /**
   * CSV or lines of JSON, parsed in the lanes. A resolved plan has the delimiter, the schema of all columns, the columns to read, and the files.
   */
  | {
      type: 'text';
      paths: string[];
      orderedOn?: string;
      schema?: Fields;
      columns?: string[];
      format: TextFormat;
      batchRows: number;
      overlap?: 'merge';
      files: TextFile[];
      /** Rows of the source that earlier runs have read. */
      rowsBefore?: number;
      /** More comes in another run: the last batch is not whole. */
      isOpen?: true;
    }
  /** Arrow IPC, read in the lanes. `expected`: columns and types that every file has to have. A resolved plan has the files and the columns. */
  | {
      type: 'arrow';
      paths: string[];
      orderedOn?: string;
      columns?: string[];
      expected?: Fields;
      batchRows: number;
      overlap?: 'merge';
      files: ArrowFile[];
      /** As of text. */
      rowsBefore?: number;
      isOpen?: true;
    }
  /**
   * Fed on the main thread: push sources, iterables, Node streams. `id` names the feeder in this process; `objectRows`: how many rows it
   * makes as objects before they are laid out, 0 where the objects are there anyway.
   */
  | {
      type: 'fed';
      id: string;
      label: string;
      orderedOn?: string;
      fields: Fields;
      objectRows: number;
      /** Rows of the whole before the first one that this process gives. */
      position?: number;
    }
  /** Batches that already lie in the arena (see `shareTable`). */
  | {
      type: 'shared';
      tableId: number;
      orderedOn?: string;
      orderTrusted: boolean;
      fields: Fields;
      rows: number;
      batchRows: number;
    }
  /** Rows made inside the lanes by a registered source, split by split; each split is one logical input. */
  | {
      type: 'generated';
      source: OpRef;
      options: unknown;
      splits: number;
      /** The first one that is read; default 0. */
      firstSplit?: number;
      orderedOn?: string;
      fields: Fields;
    };

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

/** How rows are written to a file. */
export type FileFormat =
  | { kind: 'parquet'; compression: 'none' | 'snappy' | 'zstd'; rowGroupRows: number }
  | { kind: 'csv'; delimiter: string; hasHeader: boolean; compression: 'none' | 'gzip' }
  | { kind: 'ndjson'; compression: 'none' | 'gzip' }
  | { kind: 'arrow'; layout: 'file' | 'stream' };

/** When a sink of files begins another file. */
export type FileParts =
  | { kind: 'rows'; rows: number }
  | { kind: 'bytes'; bytes: number }
  /** `every` as of row groups: `'1d'`, `'1mo'`. */
  | { kind: 'period'; every: string; on: string };

/** Columns whose values name folders of files, and how many files are open at once. */
export interface FileKeys {
  columns: readonly string[];
  mostOpen: number;
}

export type SinkSpec =
  | { type: 'collect' }
  /** Delivered to a function or async iterator on the main thread, by logical batch. `id` names it in this process. */
  | { type: 'callback'; id: string; takes: 'batch' | 'rows' }
  | { type: 'iterate'; id: string }
  /** One file, or several, there when the run has succeeded. */
  | { type: 'file'; path: string; format: FileFormat; parts?: FileParts; keys?: FileKeys }
  | {
      type: 'store';
      root: string;
      key: Record<string, string | number>;
      /** Of the dataset, inside the store. */
      path: string;
      mode: WriteMode;
      orderedOn: string;
      /** Settings: left out, as the dataset was written before. */
      duplicatesOn?: readonly string[] | null;
      rowGroupTarget?: RowGroupTarget;
      maxOffTargetRowGroups?: number | null;
      schemaChange?: 'refuse' | 'evolve';
      metadata?: MetadataChange;
      /** Of a task: the folder that its files are left in, for who commits those of all tasks. Nothing of the store itself is touched. */
      left?: string;
      /** Files that tasks have left; the rows that come are behind them. */
      written?: WrittenFiles;
    };

/** Files of a store's sink that other processes have written. */
export interface WrittenFiles {
  /** That were given to be written: some may have replaced others. */
  rows: number;
  /** In the order of their rows. Those of a process end with one that `isCut`; rows that are equal may lie before it and behind. */
  files: StagedFile[];
}

/** One column that rows are sorted by. */
export interface SortKey {
  column: string;
  descending: boolean;
  nulls: 'first' | 'last';
}

export type OperatorSpec =
  | { kind: 'source'; source: SourceSpec }
  | { kind: 'filter'; predicate: ExpressionNode }
  /** Keeps exactly these columns, computed or plain. */
  | { kind: 'select'; columns: { name: string; expression: ExpressionNode }[] }
  /** Adds or replaces columns. */
  | { kind: 'withColumns'; columns: { name: string; expression: ExpressionNode }[] }
  /** A registered op. With triggers its outputs (and its `flush`) wait for a flush; without, every input passes on at once. */
  | {
      kind: 'op';
      op: OpRef;
      options: unknown;
      triggers: Triggers;
      accumulate: boolean;
      observesBatches: boolean;
      stateless: boolean;
      blocking: boolean;
    }
  /** Concatenates what it holds; one flush is one logical batch. */
  | { kind: 'memoryBuffer'; triggers: Triggers; accumulate: boolean }
  /** A registered fold. */
  | { kind: 'memoryAccumulate'; fold: OpRef; options: unknown; triggers: Triggers; resetOnFlush: boolean }
  | {
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
  /** Two ordered streams as one. The node's inputs are in the order of `sides`, the left one first. */
  | {
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
  /** Everything, in order, at the end of input; beyond its share on disk. */
  | { kind: 'sort'; by: SortKey[]; memoryLimitBytes?: number }
  | StepSpec
  | { kind: 'sink'; sink: SinkSpec; triggers: Triggers };

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

export interface PlanNode {
  id: number;
  /** Unique, for people: `clean`, `aggStream`, `aggStream-2`. */
  name: string;
  spec: OperatorSpec;
  inputs: InputRef[];
  /** Start a stage of its own here even where fusion would be possible. */
  ownStage?: boolean;
}

/** What `run` takes: every node that the given sinks need, inputs before users. */
export interface LogicalPlan {
  nodes: PlanNode[];
  /** Hard total in bytes for the whole pipeline. */
  memoryLimitBytes: number;
  deterministic: boolean;
}
