import type { Arena } from '../memory/contract.ts';
import { parseType } from '../schema/parse-type.ts';
import type { Column } from './contract.ts';

/**
 * Logical bytes of a column: its values, 4 bytes of offset for each row of a variable column, and a bit for each null.
 *
 * Every row counts for itself, so that the pieces of a batch add up to the batch wherever it was cut; that is what makes
 * `memoryLimit` triggers fire at the same input whatever the split (bits make this a multiple of 1/8). A dictionary
 * column counts its codes: the dictionary is shared by all its batches.
 */
export function columnLogicalBytes(arena: Arena, column: Column): number {
  const { physical, byteWidth } = parseType(column.type);
  const nulls = column.nullCount / 8;
  const rows = column.length;
  if (physical === 'bits') return nulls + rows / 8;
  if (physical === 'fixed' || physical === 'dictionary') return nulls + rows * byteWidth;
  if (rows === 0) return 0;
  const at = column.offsets >>> 2;
  const from = arena.i32[at] as number;
  const to = arena.i32[at + rows] as number;
  if (physical === 'variable') return nulls + rows * 4 + (to - from);
  return nulls + rows * 4 + elementBytes(arena, column.child as Column, from, to);
}

/** Elements [from, to) of a list's child. */
function elementBytes(arena: Arena, child: Column, from: number, to: number): number {
  const { physical, byteWidth } = parseType(child.type);
  const rows = to - from;
  if (physical === 'bits') return rows / 8;
  if (physical === 'fixed' || physical === 'dictionary') return rows * byteWidth;
  if (rows === 0) return 0;
  const at = child.offsets >>> 2;
  const start = arena.i32[at + from] as number;
  const end = arena.i32[at + to] as number;
  return rows * 4 + (physical === 'variable' ? end - start : elementBytes(arena, child.child as Column, start, end));
}
