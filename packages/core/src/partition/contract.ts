/** What travels between the coordinator of a cut plan and the processes that run its tasks. All of it is plain JSON. */

import type { LogicalPlan } from '../plan/logical.ts';

/** A source of a task's plan, and the part of it that the task reads. */
export interface TaskInput {
  /** Node of the plan. */
  node: number;
  /** `SourceSpec` as of `writePlanText`. */
  source: string;
}

/** One part of the work of a step, for any process that sees the same files. Running it twice gives the same files. */
export interface PartitionTask {
  step: number;
  partition: number;
  /** Numbers the attempts at it, so that none writes over the files of another. Default 0. */
  attempt?: number;
  /** `LogicalPlan` as of `writePlanText`. The sinks are files without a path: `output` says where. */
  plan: string;
  inputs: TaskInput[];
  /** Path that the names of its files begin with. */
  output: string;
}

/** A file that a task has written. */
export interface PartitionFile {
  path: string;
  rows: number;
  bytes: number;
  /** Of all its bytes. */
  crc32: number;
  /** Of the ordered column, where the rows have one: first and last value, as decimal text. Null where there are no rows. */
  min: string | null;
  max: string | null;
}

/** What a task has done. Metadata only: rows stay in the files. */
export interface PartitionResult {
  step: number;
  partition: number;
  attempt: number;
  /** One for each sink of the task's plan, in their order. */
  files: PartitionFile[];
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
}

/** Where rows of the tasks come into the rest of the plan. */
export interface MergeInput {
  /** Source of the rest's plan that reads them. */
  node: number;
  step: number;
  /** Partitions of the step, from and up to (not included), in the order of their rows. */
  partitions: [from: number, to: number];
  /** Which file of each result. */
  file: number;
}

/** How a node of the plan crosses the cut, for people. */
export interface Crossing {
  node: string;
  /** `tasks`: in every partition; `halves`: states there, merged at the end; `end`: on the coordinator, at the end. */
  runs: 'tasks' | 'halves' | 'end';
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
