import type { RecordBatch } from 'apache-arrow';
import { batchToArrowCopy } from '../batch/batch-to-arrow.ts';
import type { Batch } from '../batch/contract.ts';
import { loadArrow } from '../schema/load-arrow.ts';

/** Copies of batches, which are released. */
export async function* arrowCopies(batches: AsyncIterable<Batch>): AsyncGenerator<RecordBatch, void, undefined> {
  const arrow = await loadArrow();
  for await (const batch of batches) {
    const copy = batchToArrowCopy(arrow, batch);
    batch.release();
    yield copy;
  }
}
