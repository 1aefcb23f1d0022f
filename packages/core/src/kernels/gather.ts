/** Selected rows of a batch as a new batch, column by column through the kernels. */
import { allocBatch, allocColumn, type DraftColumn, finishColumn } from '../batch/alloc-batch.ts';
import type { Batch, Column } from '../batch/contract.ts';
import type { Arena, Ptr } from '../memory/contract.ts';
import { parseType } from '../schema/parse-type.ts';
import type { Fields } from '../schema/types.ts';
import { TAKE_NOTHING, type VectorKernels } from './vector-contract.ts';

/** Which rows, as u32 indices in the arena. */
interface Selection {
  indices: Ptr;
  count: number;
  /** Some indices may be `TAKE_NOTHING`: these rows are null. */
  hasNothing?: boolean;
}

interface Target {
  arena: Arena;
  kernels: VectorKernels;
  owner: number;
}

/**
 * Rows of a batch, which stays the caller's, at the given indices (u32, `count` of them).
 * @throws ERR_MEMORY_EXHAUSTED
 */
export function gatherBatch(target: Target, batch: Batch, fields: Fields, indices: Ptr, count: number): Batch {
  return gatherColumns(target, batch.columns, fields, { indices, count }, batch.inputs);
}

/**
 * As `gatherBatch`, of columns wherever they come from.
 * @throws ERR_MEMORY_EXHAUSTED
 */
export function gatherColumns(
  target: Target,
  columns: readonly Column[],
  fields: Fields,
  selection: Selection,
  inputs: number,
): Batch {
  const { arena, kernels, owner } = target;
  const { indices, count, hasNothing = false } = selection;
  const draft = allocBatch(arena, owner, fields, count, {
    variableBytes: columns.map((column) =>
      parseType(column.type).physical === 'variable' ? kernels.takeVariableBytes(column.offsets, indices, count) : 0,
    ),
    validity: columns.map((column) => hasNothing || column.nullCount > 0),
  });
  const made: Ptr[] = [];
  try {
    columns.forEach((column, index) => {
      gatherColumn(target, column, selection, draft.columns[index] as DraftColumn, made);
    });
    return draft.finish(count, inputs);
  } catch (error) {
    draft.discard();
    throw error;
  } finally {
    for (const slab of made) arena.release(slab);
  }
}

function gatherColumn(target: Target, column: Column, selection: Selection, out: DraftColumn, made: Ptr[]): void {
  const { kernels } = target;
  const { indices, count } = selection;
  const { physical, byteWidth } = parseType(column.type);
  if (out.validity !== 0)
    out.nullCount = count - kernels.takeBits(column.nullCount > 0 ? column.validity : 0, indices, count, out.validity);
  switch (physical) {
    case 'bits':
      kernels.takeBits(column.values, indices, count, out.values);
      break;
    case 'variable':
      kernels.takeVariable(column.offsets, column.values, indices, count, out.offsets, out.values);
      break;
    case 'list':
      out.child = gatherLists(target, column, selection, out, made);
      break;
    default:
      kernels.take(byteWidth, column.values, indices, count, out.values);
      out.child = column.child;
  }
}

/** Writes the offsets of the selected lists and gives their elements as a child of its own. */
function gatherLists(target: Target, column: Column, selection: Selection, out: DraftColumn, made: Ptr[]): Column {
  const { arena, kernels, owner } = target;
  const child = column.child as Column;
  const chosen = new Uint32Array(arena.buffer, selection.indices, selection.count);
  const offsets = new Int32Array(arena.buffer, column.offsets, column.length + 1);
  const outOffsets = new Int32Array(arena.buffer, out.offsets, selection.count + 1);
  outOffsets[0] = 0;
  const lengthOf = (row: number): number =>
    row === TAKE_NOTHING ? 0 : (offsets[row + 1] as number) - (offsets[row] as number);
  chosen.forEach((row, index) => {
    outOffsets[index + 1] = (outOffsets[index] as number) + lengthOf(row);
  });
  const count = outOffsets[selection.count] as number;
  const indices = arena.alloc(Math.max(4, count * 4), owner);
  made.push(indices);
  const elements = new Uint32Array(arena.buffer, indices, count);
  let at = 0;
  for (const row of chosen) {
    if (row === TAKE_NOTHING) continue;
    for (let element = offsets[row] as number; element < (offsets[row + 1] as number); element++)
      elements[at++] = element;
  }
  const isVariable = parseType(child.type).physical === 'variable';
  const { column: draft, slab } = allocColumn(arena, owner, child.type, count, {
    variableBytes: isVariable ? kernels.takeVariableBytes(child.offsets, indices, count) : 0,
    validity: child.nullCount > 0,
  });
  made.push(slab);
  gatherColumn(target, child, { indices, count }, draft, made);
  return finishColumn(arena, draft, count, slab);
}
