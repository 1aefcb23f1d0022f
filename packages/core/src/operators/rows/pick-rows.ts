import type { Batch } from '../../batch/contract.ts';
import { emptyBatch, withInputs } from '../../batch/make-batch.ts';
import { gatherBatch } from '../../kernels/gather.ts';
import type { OperatorContext } from '../contract.ts';

/**
 * The rows of a batch, which stays the caller's, at the given numbers, in their order; shares the batch where that is all of it.
 * @throws ERR_MEMORY_EXHAUSTED
 */
export function pickRows(context: OperatorContext, batch: Batch, rows: ArrayLike<number>, inputs: number): Batch {
  const { arena, owner } = context;
  const { fields } = batch;
  if (rows.length === 0) return emptyBatch(arena, owner, fields, inputs);
  if (rows.length === batch.rows && isEvery(rows)) return withInputs(arena, owner, batch.retain(), inputs);
  const indices = arena.alloc(4 * rows.length, owner);
  try {
    new Uint32Array(arena.buffer, indices, rows.length).set(rows);
    const picked = gatherBatch(context, batch, fields, indices, rows.length);
    return withInputs(arena, owner, picked, inputs);
  } finally {
    arena.release(indices);
  }
}

function isEvery(rows: ArrayLike<number>): boolean {
  for (let row = 0; row < rows.length; row++) if (rows[row] !== row) return false;
  return true;
}
