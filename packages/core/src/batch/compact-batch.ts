import { PipelineError } from '../errors.ts';
import { copyBatches } from './concat-batches.ts';
import type { Batch, Column } from './contract.ts';
import { arenaOf } from './shared-batch.ts';

/** Slabs may be so many times as large as what is used of them. */
const MOST_WASTE = 4;
/** Less than this is not worth a copy. */
const LEAST_BYTES = 256 * 1024;

/**
 * The batch, or, where it keeps slabs alive of which it uses little (a column of a wide batch, some rows of a long one), a copy in a slab of
 * its own; takes over the caller's reference. Whoever counts a batch by its rows, as a ring does, then knows what it holds.
 * Where there is no room for a copy, the batch stays as it is.
 */
export function compactBatch(batch: Batch, owner: number): Batch {
  const arena = arenaOf(batch);
  const slabs = new Set<number>();
  const visit = ({ slabs: own, child }: Column): void => {
    for (const slab of own) slabs.add(slab);
    if (child !== undefined) visit(child);
  };
  for (const column of batch.columns) visit(column);
  let bytes = 0;
  for (const slab of slabs) bytes += arena.slabBytes(slab);
  if (batch.rows === 0 || bytes <= Math.max(LEAST_BYTES, MOST_WASTE * batch.logicalBytes)) return batch;
  try {
    const copy = copyBatches(arena, owner, batch.fields, [batch], batch.inputs);
    batch.release();
    return copy;
  } catch (error) {
    if (error instanceof PipelineError && error.code === 'ERR_MEMORY_EXHAUSTED') return batch;
    throw error;
  }
}
