/** A plan whose columns are known: what the stages are cut from and what both executors run. Plain data. */
import type { ParquetInfo } from '../formats/parquet-info.ts';
import type { Fields } from '../schema/types.ts';
import type { LogicalPlan, PlanNode } from './logical.ts';

/** A node with the columns of all its ends bound. */
export interface ResolvedNode extends PlanNode {
  /** By input. */
  inputFields: Fields[];
  /** By output port; none for a sink. */
  outputFields: Record<string, Fields>;
  /** The column that the rows of a port ascend on, as far as the plan can tell. */
  ordered: Record<string, string>;
  /**
   * How its output is cut into logical batches can be observed downstream, or by the operator itself at a flush: it
   * then flushes only on its own triggers and at the end.
   */
  emissionsVisible: boolean;
  /** Of an aggregate: nobody can tell in which order it gives the rows of one bin. */
  tiesUnseen?: true;
  /** For Parquet sources: what the footers say, by file, in the order of the stream. */
  files?: ParquetInfo[];
  /** For sources and sinks of files. */
  codec?: CodecNeeds;
}

/** What a source or sink takes on a codec thread, in bytes outside the arena. */
export interface CodecNeeds {
  /** Pages and pieces of a row group being read by our own kernels. */
  readBytes: number;
  /** What its writer gathers. */
  writeBytes: number;
  /** Reading stored rows and new ones, at the end. */
  mergeBytes: number;
  /** It writes by our own kernels. */
  encodes: boolean;
  /** Beside an instance of the library, which it needs; undefined where it does not. */
  libraryBytes: number | undefined;
}

/** A row group that has to be read to write a dataset. */
export interface StoredGroup {
  rows: number;
  /** On disk. */
  bytes: number;
}

/** Why the answer depends on timing. */
export interface TimingDependence {
  node: string;
  reason: string;
}

export interface ResolvedPlan extends LogicalPlan {
  nodes: ResolvedNode[];
  timingDependence: TimingDependence[];
}

/** How planning looks at the world. Tests give their own. */
export interface PlanProbes {
  readParquetInfo(path: string): Promise<ParquetInfo>;
  /** Files behind paths and patterns, in order. @throws ERR_FILE_NOT_FOUND */
  expandPaths(patterns: readonly string[]): Promise<string[]>;
  /** The largest row group of a dataset, or undefined when there is none. Left out: datasets are not looked at. */
  largestStoredGroup?(root: string, path: string): Promise<StoredGroup | undefined>;
}
