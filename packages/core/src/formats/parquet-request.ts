/** What is asked of those who read Parquet files, our own kernels and the library, and what they tell of it. */
import type { Batch } from '../batch/contract.ts';
import type { Arena } from '../memory/contract.ts';
import type { Fields } from '../schema/types.ts';
import type { OrderedValue } from './ordered-value.ts';
import type { ChunkChecksums } from './range-file.ts';

/** What to read and where to put it. */
export interface ReadParquetRequest {
  path: string;
  /** Ascending indices. */
  rowGroups: readonly number[];
  /** Columns to deliver, in this order. */
  columns: readonly string[];
  /** Types to deliver where they differ from the file's own, by column: a store's narrower or finer types. */
  types?: Fields;
  /** Rows of a logical batch. */
  batchRows: number;
  /** No batch goes on over a multiple of these rows of the source. Default `batchRows`. */
  pieceRows?: number;
  /** Number in the whole source of the first row of the first of these row groups. */
  firstRow: number;
  /** The source ends with these row groups, and so does its last logical batch. */
  isLast: boolean;
  arena: Arena;
  owner: number;
  /** Verify that this column ascends; it need not be among `columns`. */
  orderedOn?: string;
  /** Pages, which are of bounded size, are taken apart in the arena: for files of our own. */
  pagesInArena?: boolean;
  /** What the chunks must sum up to, for files of our own. */
  checksums?: ChunkChecksums;
  signal?: AbortSignal;
  /** Takes over each batch, in order, and is awaited: that is the backpressure. `ordered`: first and last value up to here, where the order is checked. */
  publish(batch: Batch, ordered?: ValueRange): void | Promise<void>;
}

/** First and last value of the ordered column, over some rows. */
export interface ValueRange {
  first: OrderedValue | undefined;
  last: OrderedValue | undefined;
}

/** What was read. `first` and `last` are of the `orderedOn` column, for checking one row group against the next. */
export interface ReadParquetResult extends ValueRange {
  rows: number;
  batches: number;
  /** Encoded bytes of the row groups. */
  bytes: number;
}
