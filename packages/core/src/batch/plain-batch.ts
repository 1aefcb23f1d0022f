/** Batches outside shared memory: for what is handed to the user for good, and for what the user hands over. */
import type { Arena, Ptr } from '../memory/contract.ts';
import { parseType } from '../schema/parse-type.ts';
import type { Fields, TypeText } from '../schema/types.ts';
import { allocBatch, allocColumn, type DraftColumn, finishColumn } from './alloc-batch.ts';
import { childRange, sliceChild } from './child-range.ts';
import type { Batch, Column } from './contract.ts';
import { arenaOf } from './shared-batch.ts';

/** One column in ordinary memory, Arrow's layout; offsets begin at 0, bitmaps at bit 0. */
export interface PlainColumn {
  type: TypeText;
  length: number;
  nullCount: number;
  validity?: Uint8Array;
  offsets?: Int32Array;
  values: Uint8Array;
  child?: PlainColumn;
}

/** A batch in ordinary memory: plain data that clones, or is transferred by the buffers of its columns. */
export interface PlainBatch {
  fields: Fields;
  rows: number;
  inputs: number;
  columns: PlainColumn[];
}

function copyBytes(arena: Arena, ptr: Ptr, length: number): Uint8Array {
  return new Uint8Array(arena.bytesAt(ptr, length));
}

function copyOutColumn(arena: Arena, column: Column, made: Ptr[]): PlainColumn {
  const { physical, byteWidth } = parseType(column.type);
  const { from, to } = physical === 'variable' || physical === 'list' ? childRange(arena, column) : { from: 0, to: 0 };
  const bytes =
    physical === 'bits'
      ? Math.ceil(column.length / 8)
      : physical === 'variable'
        ? to - from
        : column.length * byteWidth;
  const plain: PlainColumn = {
    type: column.type,
    length: column.length,
    nullCount: column.nullCount,
    values: copyBytes(arena, column.values + from, physical === 'list' ? 0 : bytes),
  };
  if (column.nullCount > 0) plain.validity = copyBytes(arena, column.validity, Math.ceil(column.length / 8));
  if (physical === 'variable' || physical === 'list') {
    plain.offsets = new Int32Array(column.length + 1);
    if (column.length > 0) plain.offsets.set(arena.int32At(column.offsets, column.length + 1));
    if (from !== 0)
      for (let row = 0; row <= column.length; row++) plain.offsets[row] = (plain.offsets[row] as number) - from;
  }
  if (physical === 'dictionary') plain.child = copyOutColumn(arena, column.child as Column, made);
  if (physical === 'list') plain.child = copyOutColumn(arena, sliceChild(arena, 0, column, made), made);
  return plain;
}

/** A copy of a batch in ordinary memory, which outlives it. The batch stays the caller's. */
export function copyOut(batch: Batch): PlainBatch {
  const arena = arenaOf(batch);
  const made: Ptr[] = [];
  try {
    return {
      fields: batch.fields,
      rows: batch.rows,
      inputs: batch.inputs,
      columns: batch.columns.map((column) => copyOutColumn(arena, column, made)),
    };
  } finally {
    for (const slab of made) arena.release(slab);
  }
}

function fill(arena: Arena, owner: number, plain: PlainColumn, draft: DraftColumn, made: Ptr[]): void {
  draft.nullCount = plain.nullCount;
  if (plain.validity !== undefined && plain.nullCount > 0)
    arena.u8.set(plain.validity.subarray(0, Math.ceil(plain.length / 8)), draft.validity);
  if (plain.offsets !== undefined) arena.i32.set(plain.offsets.subarray(0, plain.length + 1), draft.offsets >>> 2);
  arena.u8.set(plain.values, draft.values);
  if (plain.child !== undefined) draft.child = copyInColumn(arena, owner, plain.child, made);
}

function copyInColumn(arena: Arena, owner: number, plain: PlainColumn, made: Ptr[]): Column {
  const { column, slab } = allocColumn(arena, owner, plain.type, plain.length, {
    variableBytes: plain.values.length,
    validity: plain.nullCount > 0,
  });
  made.push(slab);
  fill(arena, owner, plain, column, made);
  return finishColumn(arena, column, plain.length, slab);
}

/**
 * A batch in shared memory from one outside.
 * @throws ERR_MEMORY_EXHAUSTED
 */
export function copyIn(arena: Arena, owner: number, plain: PlainBatch): Batch {
  const draft = allocBatch(arena, owner, plain.fields, plain.rows, {
    variableBytes: plain.columns.map((column) => column.values.length),
    validity: plain.columns.map((column) => column.nullCount > 0),
  });
  const made: Ptr[] = [];
  try {
    plain.columns.forEach((column, index) => fill(arena, owner, column, draft.columns[index] as DraftColumn, made));
    return draft.finish(plain.rows, plain.inputs);
  } catch (error) {
    draft.discard();
    throw error;
  } finally {
    for (const slab of made) arena.release(slab);
  }
}
