/** Bitmaps written row by row. */
import type { DraftColumn } from '../../batch/alloc-batch.ts';
import type { Ptr } from '../../memory/contract.ts';

/** Writes a bitmap in whole bytes; returns the number of bits set. */
export function setBits(u8: Uint8Array, target: Ptr, rows: number, isSet: (row: number) => boolean): number {
  let count = 0;
  for (let row = 0; row < rows; row += 8) {
    const end = Math.min(rows - row, 8);
    let byte = 0;
    for (let bit = 0; bit < end; bit++) {
      if (!isSet(row + bit)) continue;
      byte |= 1 << bit;
      count++;
    }
    u8[target + (row >>> 3)] = byte;
  }
  return count;
}

/** Writes the validity of a column that has room for it, and counts its nulls. */
export function setValidity(draft: DraftColumn, rows: number, isValid: (row: number) => boolean, u8: Uint8Array): void {
  if (draft.validity === 0) return;
  draft.nullCount = rows - setBits(u8, draft.validity, rows, isValid);
}
