/** What `verify` says of a dataset. */

/** Something that is not as it should be. */
export interface VerifyProblem {
  /** Absolute: of data, of the log, or the table's folder where it is about all of it. */
  file: string | undefined;
  problem: string;
}

/** What `verify` found. */
export interface VerifyResult {
  ok: boolean;
  /** That was looked at: the newest that can be opened; -1 when none can. */
  version: number;
  files: number;
  rows: number;
  problems: VerifyProblem[];
}
