/** What a job did, as data: `await job.done`, and the last line of `--json`. */
import type { PipelineErrorData } from '@spillway/core';
import type { Advice } from '../advice/advice.ts';
import type { FlushCounts } from '../monitor/operator-statistics.ts';
import type { DeadLetterCount } from './dead-letter.ts';

/** One stage of the plan, over all its lanes. */
export interface StageSummary {
  name: string;
  lanes: number;
  rowsIn: number;
  rowsOut: number;
  /** Most logical bytes that its buffers held at once, summed over buffers and lanes. */
  peakHeldBytes: number;
  /** Bytes that it wrote to disk because they did not fit into its share. */
  spilledBytes: number;
  /** Rows that came too late and were left out. */
  lateRows: number;
  flushes: FlushCounts;
}

/** One source or sink. */
export interface EndpointSummary {
  name: string;
  rows: number;
  /** Rows that a source has left out because they were not right, where it was told to. */
  badRows?: number;
  /** Rows of a sink were put between those that its dataset had, or beside some with the same ordered values. */
  overlaps?: boolean;
}

/** What a run did and held. Plain data. */
export interface Summary {
  ok: boolean;
  /** Rows that all sources gave. */
  rowsIn: number;
  /** Rows that all sinks took. */
  rowsOut: number;
  elapsedMs: number;
  memoryLimitBytes: number;
  /** Highest RSS seen while rows moved. */
  peakRssBytes: number;
  /** RSS with all threads started and nothing read yet. */
  idleRssBytes: number;
  /** Bytes that were written to disk because they did not fit into memory, over all stages. */
  spilledBytes: number;
  /** How often it went on after the death of a stage worker. */
  restarts: number;
  /** Batches that killed their workers and were left out: see `onPoisonBatch`. */
  deadLetters: DeadLetterCount;
  flushes: FlushCounts;
  stages: StageSummary[];
  sources: EndpointSummary[];
  sinks: EndpointSummary[];
  /** What it teaches about its limits; once it has ended. */
  advice?: Advice;
  /** Only in a summary that is printed: `job.done` rejects with the error itself. */
  error?: PipelineErrorData;
}
