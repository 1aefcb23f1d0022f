/** A file that rows are written to, of any format: what a sink needs of it. */
import type { Batch } from '../batch/contract.ts';

/** How far a file had been written. Plain data. */
export interface RowFileMark {
  rows: number;
  bytes: number;
  /** Places in it that its format has to know. */
  places: number[];
}

/** Under its own name from the start, which is a temporary one to others. After it is opened, one of `end` and `abort` is called. */
export interface RowFile {
  readonly rows: number;
  /** Written so far. */
  readonly bytes: number;
  /** Encodes a batch, which stays the caller's and may be released when this resolves. @throws ERR_IO, ERR_TYPE_UNSUPPORTED */
  push(batch: Batch): Promise<void>;
  /** Puts on the disk what has come. @throws ERR_IO */
  mark(): Promise<RowFileMark>;
  /** Writes what is left, and puts the file on the disk. @throws ERR_IO */
  end(): Promise<{ rows: number; bytes: number }>;
  /** Lets go of the file, which stays. */
  abort(): Promise<void>;
}
