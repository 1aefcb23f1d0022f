import type { Arena } from '../memory/contract.ts';
import { parseType } from '../schema/parse-type.ts';
import type { Batch, Column } from './contract.ts';
import { sliceBatch } from './slice-batch.ts';

/** Bytes of the rows [from, to) of a column, about; elements of lists are taken at eight bytes. */
function columnBytes({ i32 }: Arena, column: Column, from: number, to: number): number {
  const { physical, byteWidth } = parseType(column.type);
  if (physical === 'bits') return (to - from) / 8;
  if (column.offsets === 0) return (to - from) * byteWidth;
  const at = column.offsets >>> 2;
  const values = (i32[at + to] as number) - (i32[at + from] as number);
  return 4 * (to - from) + values * (physical === 'list' ? 8 : 1);
}

/** Where the next piece ends: as many rows as fit, at least one. */
function endOfPiece(arena: Arena, batch: Batch, from: number, mostRows: number, mostBytes: number): number {
  const fits = (to: number): boolean =>
    batch.columns.reduce((sum, column) => sum + columnBytes(arena, column, from, to), 0) <= mostBytes;
  let [low, high] = [from + 1, Math.min(batch.rows, from + mostRows)];
  if (fits(high)) return high;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

/**
 * A batch, which it takes over, as pieces of at most so many rows and about so many bytes, of which the last ends its logical inputs. They
 * share its memory; one row is never cut.
 * @throws ERR_MEMORY_EXHAUSTED
 */
export function cutBatch(arena: Arena, owner: number, batch: Batch, mostRows: number, mostBytes: number): Batch[] {
  if (batch.rows <= 1 || endOfPiece(arena, batch, 0, mostRows, mostBytes) === batch.rows) return [batch];
  const pieces: Batch[] = [];
  try {
    for (let from = 0; from < batch.rows; ) {
      const to = endOfPiece(arena, batch, from, mostRows, mostBytes);
      pieces.push(sliceBatch(arena, owner, batch, from, to - from, to === batch.rows ? batch.inputs : 0));
      from = to;
    }
    return pieces;
  } catch (error) {
    for (const piece of pieces) piece.release();
    throw error;
  } finally {
    batch.release();
  }
}
