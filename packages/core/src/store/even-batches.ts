/** Rows of a dataset as batches of one size, whatever they were cut like. */
import type { RecordBatch } from 'apache-arrow';

import { batchToArrowCopy } from '../batch/batch-to-arrow.ts';
import { concatBatches } from '../batch/concat-batches.ts';
import type { Batch } from '../batch/contract.ts';
import { sliceBatch } from '../batch/slice-batch.ts';
import { createArena } from '../memory/process-arena.ts';
import { loadArrow } from '../schema/load-arrow.ts';
import type { Dataset, DatasetReadOptions } from './dataset.ts';

const OWNER = 0;

/** Rows in order, `batchRows` in each batch but the last. Memory: a batch twice, and what reading takes. */
export async function* evenBatches(
  dataset: Dataset,
  options: DatasetReadOptions & { batchRows: number },
): AsyncGenerator<RecordBatch, void, undefined> {
  const arrow = await loadArrow();
  const arena = createArena();
  const { batchRows } = options;
  let waiting: Batch[] = [];
  let rows = 0;
  const take = (count: number): RecordBatch => {
    const all = concatBatches(arena, OWNER, waiting[0]?.fields ?? [], waiting);
    for (const batch of waiting) batch.release();
    const given = sliceBatch(arena, OWNER, all, 0, count);
    waiting = all.rows === count ? [] : [sliceBatch(arena, OWNER, all, count, all.rows - count)];
    rows -= count;
    all.release();
    const copy = batchToArrowCopy(arrow, given);
    given.release();
    return copy;
  };
  try {
    for await (const batch of dataset.batches(arena, options)) {
      waiting.push(batch);
      rows += batch.rows;
      while (rows >= batchRows) yield take(batchRows);
    }
    if (rows > 0) yield take(rows);
  } finally {
    for (const batch of waiting) batch.release();
  }
}
