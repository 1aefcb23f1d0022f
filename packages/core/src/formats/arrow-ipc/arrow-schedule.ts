/** How the record batches of Arrow files are shared out between lanes: computed from the plan alone, the same in every thread. */
import { rowBytes } from '../../batch/largest-batch.ts';
import type { Fields } from '../../schema/types.ts';
import type { ArrowBatchBlock, ArrowFile } from './arrow-format.ts';

const SPLIT_ROWS = 65_536;
/** A split reads no more of a record batch that can be read in part. */
const SPLIT_BYTES = 4 * 2 ** 20;
/** Small record batches are taken together. */
const MOST_BATCHES = 256;

/** Some record batches of a file, or part of one. */
export interface ArrowSplit {
  file: number;
  batch: number;
  batches: number;
  /** Rows of the one batch; of several all. */
  from: number;
  rows: number;
  /** Of the first row. */
  fileRow: number;
  sourceRow: number;
}

function partRows({ rows, bodyBytes, isCompressed }: ArrowBatchBlock): number {
  if (isCompressed || rows === 0) return Math.max(1, rows);
  return Math.max(1, Math.min(SPLIT_ROWS, Math.floor(SPLIT_BYTES / Math.max(1, bodyBytes / rows))));
}

/** @param firstRow row of the source that the first file begins with */
export function arrowSplits(files: readonly ArrowFile[], firstRow = 0): ArrowSplit[] {
  const splits: ArrowSplit[] = [];
  let sourceRow = firstRow;
  files.forEach(({ batches }, file) => {
    let fileRow = 0;
    let open: ArrowSplit | undefined;
    batches.forEach((block, batch) => {
      const part = partRows(block);
      if (
        open !== undefined &&
        block.rows <= part &&
        open.rows + block.rows <= SPLIT_ROWS &&
        open.batches < MOST_BATCHES
      ) {
        open.batches += 1;
        open.rows += block.rows;
      } else
        for (let from = 0; from < block.rows; from += part) {
          const rows = Math.min(part, block.rows - from);
          const split = { file, batch, batches: 1, from, rows, fileRow: fileRow + from, sourceRow: sourceRow + from };
          splits.push(split);
          open = rows === block.rows && !block.isCompressed ? split : undefined;
        }
      fileRow += block.rows;
      sourceRow += block.rows;
    });
  });
  return splits;
}

/** What one lane needs beside the batch that it makes: a record batch that has to be unpacked as a whole. */
export function unpackedBytes(files: readonly ArrowFile[], fields: Fields): number {
  let most = 0;
  for (const { batches } of files)
    for (const { rows, bodyBytes, isCompressed } of batches)
      if (isCompressed) most = Math.max(most, Math.ceil(rows * rowBytes(fields)) + bodyBytes);
  return most;
}
