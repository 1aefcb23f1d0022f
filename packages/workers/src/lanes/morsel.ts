import type { Batch } from '@spillway/core/internal';

/** What one sequence number stands for at a stage's input. */
export interface Morsel {
  sequence: number;
  /** In order; owned by whoever takes the morsel. */
  batches: Batch[];
  /** Which of several inputs it comes from, and its number there. */
  port?: number;
  packet?: number;
  /** Nothing more comes of this port. */
  isLast?: boolean;
  /** More batches of the same sequence follow. */
  isPart?: boolean;
  /** Bytes of a file that it came from, and where in it, as far as only the input knows. */
  bytes?: number;
  origin?: { file: string; row: number };
}
