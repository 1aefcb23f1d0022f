import type { Arena, Ptr } from '../memory/contract.ts';
import type { Column } from './contract.ts';
import { sliceColumn } from './slice-batch.ts';

/** The elements (or bytes) of its values that a column with offsets covers. */
export function childRange(arena: Arena, column: Column): { from: number; to: number } {
  if (column.length === 0) return { from: 0, to: 0 };
  const at = column.offsets >>> 2;
  return { from: arena.i32[at] as number, to: arena.i32[at + column.length] as number };
}

/** The part of a list's elements that its rows cover. Slabs made on the way are added to `made`, for the caller to release. */
export function sliceChild(arena: Arena, owner: number, column: Column, made: Ptr[]): Column {
  const { from, to } = childRange(arena, column);
  return sliceColumn(arena, owner, column.child as Column, from, to - from, made);
}
