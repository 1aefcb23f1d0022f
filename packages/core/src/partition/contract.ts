/** What travels between the coordinator of a cut plan and the processes that run its tasks. All of it is plain JSON. */

import type { LogicalPlan, SortKey, SourceSpec } from '../plan/logical.ts';
import type { TypeText } from '../schema/types.ts';

/** A source of a task's plan, and the part of it that the task reads. */
export interface TaskInput {
  /** Node of the plan. */
  node: number;
  /** `SourceSpec` as of `writePlanText`. */
  source: string;
  /** Files of earlier tasks that it reads, compared with what they were when those ended. */
  files?: PartitionFile[];
  /** Record batches of each of these files that it reads. Left out: all. */
  blocks?: PartitionRange[];
  /** Between which values of a sort, as text, from and up to (not included): so a range can be cut in two. Left out: the first, the last. */
  range?: { key: RangeKey; from?: string; to?: string };
  /** Which of their rows count: the condition of a filter of the plan, as of `writePlanText`. */
  filter?: { node: number; predicate: string };
}

/** One part of the work of a step, for any process that sees the same files. Running it twice gives the same files. */
export interface PartitionTask {
  step: number;
  partition: number;
  /** Numbers the attempts at it, so that none writes over the files of another. Default 0. */
  attempt?: number;
  /** Which piece of the partition, where that was cut in two, and those again: `1` and `2`, `11`, `12` and so on. */
  piece?: string;
  /** `LogicalPlan` as of `writePlanText`. The sinks are files without a path: `output` says where. */
  plan: string;
  /** The first is its part of the source that was cut. */
  inputs: TaskInput[];
  /** How much it reads of that, in bytes where they are known: what compares. */
  size?: number;
  /** What it reads of its source, for people. */
  part?: string;
  /** Path that the names of its files begin with. */
  output: string;
  /** Nobody goes on with its files when the job is no more: only those of stores are flushed to the disk. */
  isPassing?: boolean;
  /** Which of its files says between which values its ordered column lies (`first`, `last`), where the next step has to know. */
  bounds?: number;
  /** Which of its files hold rows in the order of a sort, of which a later step reads ranges. */
  runs?: RunFiles[];
  /** Which values it reads, where that follows from results of earlier steps: what it gave for others does not count. */
  range?: string;
  /** It is not cut in two: what it reads beside its part belongs to the first of its rows. */
  isWhole?: true;
}

/** Sorted rows of a partition, and the keys of some of them: of every so-maniest row from the first on. */
export interface RunFiles {
  rows: number;
  samples: number;
  /** One row in so many. */
  every: number;
}

/** A file that a task has written. */
export interface PartitionFile {
  path: string;
  rows: number;
  bytes: number;
  /** Of all its bytes. */
  crc32: number;
  /** Of a file of bounds: least and greatest value, as decimal text. Null where there are no rows, and of other files. */
  min: string | null;
  max: string | null;
  /** Of a file of sorted rows. */
  run?: RunIndex;
  /** It is a folder of files that a store can take as they are. `rows` are those that were to be written; some may have replaced others. */
  stored?: StoredPart[];
}

/** A file for a store, of one row group. In the order of their rows. */
export interface StoredPart {
  path: string;
  rows: number;
  bytes: number;
  /** Of all its bytes. */
  crc32: number;
  /** Of the ordered column, as exact text. */
  min: string;
  max: string;
  /** By column. */
  nullCounts: number[];
  /** For the log of the dataset. */
  stats: string;
  checksums: string;
}

/** What those have to know who read a range of a file of sorted rows. */
export interface RunIndex {
  /** Pieces that make up the file: each record batch with what lies before it, then the end of the file, without rows. */
  blocks: { rows: number; bytes: number; crc32: number }[];
  /** Keys as text, of one row in so many, from the first row on. */
  every: number;
  samples: (string | null)[];
}

/** What a task has done. Metadata only: rows stay in the files. */
export interface PartitionResult {
  step: number;
  partition: number;
  piece?: string;
  attempt: number;
  /** As of its task. */
  range?: string;
  /** One for each sink of the task's plan, in their order. */
  files: PartitionFile[];
  /** The same of the pieces behind the first, where the partition was cut into pieces. */
  more?: PartitionFile[][];
  /** Highest resident size of its process while it ran, in bytes. */
  peakRss: number;
  /** Rows that its sources gave. */
  rows: number;
}

/** Tasks that do not depend on each other. */
export interface CutStep {
  /** For people: what its tasks do. */
  name: string;
  tasks: PartitionTask[];
  /** Tasks whose inputs follow from results of earlier steps: see `tasksOf`. */
  reads: StepReads[];
  ranges: RangeReads[];
  tails: TailReads[];
}

/** Partitions, from and up to (not included). */
export type PartitionRange = [from: number, to: number];

/** Tasks of an earlier step. */
export interface TasksBefore {
  step: number;
  partitions: PartitionRange;
}

/** What some tasks of a step read beside their own partition: the rows of another stream that its rows are joined to. */
export interface StepReads {
  /** Of this step. */
  tasks: PartitionRange;
  /** Who says where their rows lie, in the same order. Left out where they read ranges of a sort. */
  bounds?: TasksBefore;
  sides: SideReads[];
}

/** Tasks with a step that looks back: they read the last rows of the partitions before. */
export interface TailReads {
  /** Of this step. */
  tasks: PartitionRange;
  /** Who has found these rows, in the same order; which of their files has them, and which has none. */
  of: TasksBefore;
  file: number;
  empty: number;
  /** Source of the task's plan. */
  node: number;
  /** How many rows are enough; or how long before the first row of a partition. Neither: rows of each key, from all partitions before. */
  rows?: number;
  period?: bigint;
}

/** Tasks that read sorted rows of all partitions, one range of values each, in their order. */
export interface RangeReads {
  /** Of this step. */
  tasks: PartitionRange;
  /** Who has sorted the rows, and which of their files have them. */
  runs: TasksBefore;
  file: number;
  key: RangeKey;
  /** Of the task's plan: what reads the files, and the filter behind it. */
  source: number;
  filter: number;
}

/** The column by whose values rows are shared out: the first that they are sorted by. */
export interface RangeKey extends SortKey {
  type: TypeText;
}

/** The right side of a join. Times are compared as of `JoinTimes`: each value by its scale. */
export interface SideReads {
  /** Who refuses rows out of order. */
  name: string;
  /** One for each part of the side. */
  tasks: TasksBefore;
  /** The parts of its source; or which file of its tasks has the rows. */
  parts: { sources: SourceSpec[] } | { file: number };
  /** Sources of the task's plan: for the rows that may match, and for one row of each key of the partitions before and behind those. */
  rows: number;
  before?: HaloRead;
  after?: HaloRead;
  scales: [left: bigint, right: bigint];
  /** Where matches lie, relative to a left row. */
  from: bigint;
  to: bigint;
  /** How far away a match as of a time may lie, where that is bounded. */
  tolerance?: bigint;
}

/** Rows of partitions that are not read. */
export interface HaloRead {
  node: number;
  /** Which file of their tasks has them, and which has none. */
  file: number;
  empty: number;
}

/** Where rows of the tasks come into the rest of the plan. */
export interface MergeInput {
  /** Source of the rest's plan that reads them. */
  node: number;
  step: number;
  /** Partitions of the step, from and up to (not included), in the order of their rows. */
  partitions: PartitionRange;
  /** Which file of each result. */
  file: number;
  /** The tasks have written the files of this sink, so that no rows come in here. */
  sink?: number;
}

/** How a node of the plan crosses the cut, for people. */
export interface Crossing {
  node: string;
  /**
   * `tasks`: in every partition; `ranges`: there, then in tasks for ranges of its values, in which what follows goes on; `halves`: states there, merged
   * at the end; `twice`: there, and over their results at the end; `files`: its files there, one commit at the end; `end`: on the coordinator, at
   * the end.
   */
  runs: 'tasks' | 'ranges' | 'halves' | 'twice' | 'files' | 'end';
  /** Why, where it is not in the tasks. */
  reason?: string;
}

/** A plan in parts. */
export interface CutPlan {
  /** Each begins when all tasks of the one before have ended. */
  steps: CutStep[];
  /** What the coordinator runs at the end, once. It stays in its process: sinks and sources of the program are named by id. */
  rest: LogicalPlan;
  inputs: MergeInput[];
  crossings: Crossing[];
}
