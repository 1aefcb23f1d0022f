import type { PipelineError } from '@spillway/core';
import type { RecordBatch } from 'apache-arrow';

/** A batch of a source that killed its worker again and again, and was left out. */
export interface DeadLetter {
  /** Name of the source. */
  source: string;
  /** Number of the batch (or split) in it, from 0. */
  batch: number;
  /** Where it is, for people: file and row, as far as they are known. */
  place: string;
  /** The stage whose worker died of it. */
  stage: string;
  /** What the worker died of. */
  error: PipelineError;
  /** Its rows, in memory of their own. */
  rows: RecordBatch[];
}

/** Counted in the summary. */
export interface DeadLetterCount {
  batches: number;
  rows: number;
}
