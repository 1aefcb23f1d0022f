import type { Batch } from '../../batch/contract.ts';
import { makeBatch } from '../../batch/make-batch.ts';
import { sliceBatch } from '../../batch/slice-batch.ts';
import type { Ptr } from '../../memory/contract.ts';
import type { Fields } from '../../schema/types.ts';
import type { OperatorContext } from '../contract.ts';
import type { RightRows } from './right-rows.ts';

/**
 * Rows [from, to) of a left batch, which stays the caller's and is not copied, each with the right row at its place (u32 at
 * `places`). The last rows of a batch end its logical inputs.
 * @throws ERR_MEMORY_EXHAUSTED
 */
export function besideLeft(
  context: OperatorContext,
  fields: Fields,
  left: Batch,
  [from, to]: readonly [number, number],
  right: RightRows,
  places: Ptr,
): Batch {
  const { arena, owner } = context;
  const inputs = to === left.rows ? left.inputs : 0;
  const made: Batch[] = [];
  try {
    const rows = to - from === left.rows ? left : sliceBatch(arena, owner, left, from, to - from, inputs);
    if (rows !== left) made.push(rows);
    const matched = right.gather(places, to - from);
    made.push(matched);
    return makeBatch(arena, owner, fields, [...rows.columns, ...matched.columns], to - from, inputs);
  } finally {
    for (const batch of made) batch.release();
  }
}
