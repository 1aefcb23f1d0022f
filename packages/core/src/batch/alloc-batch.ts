/**
 * Making batches from scratch: one slab holds the descriptor and all buffers, so that a batch of any number of columns
 * costs one allocation and one reference.
 */
import assert from 'node:assert';
import type { Arena, Ptr } from '../memory/contract.ts';
import { parseType } from '../schema/parse-type.ts';
import type { Fields, TypeText } from '../schema/types.ts';
import type { Batch, Column } from './contract.ts';
import { descriptorBytes, recordsOf } from './layout.ts';
import { slabsOf, writeDescriptor } from './shared-batch.ts';

/** Which buffers to lay out. */
export interface BufferPlan {
  /** Bytes for the values of variable columns, by column; 0 where not given. */
  variableBytes?: readonly (number | undefined)[];
  /** Columns that get a validity bitmap: those of nullable fields (default), none, or one by one. */
  validity?: 'nullable' | 'none' | readonly boolean[];
}

/** A column to be filled: write to the pointers, then set what is mutable here. Buffers hold garbage at first. */
export interface DraftColumn {
  readonly type: TypeText;
  /** 0 when the plan gave it none. Arrow's bitmap; ignored in the end when `nullCount` is 0. */
  readonly validity: Ptr;
  readonly values: Ptr;
  /** Room at `values`. */
  readonly valueCapacity: number;
  /** Room for rows + 1 offsets; 0 for columns without. */
  readonly offsets: Ptr;
  nullCount: number;
  /** The dictionary or the elements; the batch retains its slabs. */
  child: Column | undefined;
}

/** A batch under construction. Exactly one of `finish` and `discard` has to be called. */
export interface BatchDraft {
  readonly columns: readonly DraftColumn[];
  /** Rows there is room for. */
  readonly capacity: number;
  /** Makes the batch of the first `rows` rows. */
  finish(rows?: number, inputs?: number): Batch;
  discard(): void;
}

function align(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}

function valueBytesFor(type: TypeText, rows: number, variableBytes: number): number {
  const { physical, byteWidth } = parseType(type);
  if (physical === 'bits') return Math.ceil(rows / 8);
  if (physical === 'variable') return variableBytes;
  return physical === 'list' ? 0 : rows * byteWidth;
}

function hasOffsets(type: TypeText): boolean {
  const { physical } = parseType(type);
  return physical === 'variable' || physical === 'list';
}

interface Placed {
  draft: (base: Ptr) => DraftColumn;
  bytes: number;
}

/** Offsets of one column's buffers, from `at` on. */
function placeColumn(type: TypeText, rows: number, at: number, variableBytes: number, hasValidity: boolean): Placed {
  const validityBytes = hasValidity ? align(Math.ceil(rows / 8)) : 0;
  const offsetBytes = hasOffsets(type) ? align((rows + 1) * 4) : 0;
  const valueCapacity = valueBytesFor(type, rows, variableBytes);
  return {
    bytes: validityBytes + offsetBytes + align(valueCapacity),
    draft: (base) => ({
      type,
      validity: hasValidity ? base + at : 0,
      offsets: offsetBytes > 0 ? base + at + validityBytes : 0,
      values: base + at + validityBytes + offsetBytes,
      valueCapacity,
      nullCount: 0,
      child: undefined,
    }),
  };
}

function place(fields: Fields, rows: number, plan: BufferPlan, from: number): { placed: Placed[]; end: number } {
  const { validity = 'nullable' } = plan;
  let at = from;
  const placed = fields.map((field, index) => {
    const hasValidity = validity === 'nullable' ? field.nullable : validity !== 'none' && validity[index] === true;
    const column = placeColumn(field.type, rows, at, plan.variableBytes?.[index] ?? 0, hasValidity);
    at += column.bytes;
    return column;
  });
  return { placed, end: at };
}

/** The column that a filled draft is. `slab` is where its buffers lie. */
export function finishColumn(arena: Arena, draft: DraftColumn, rows: number, slab: Ptr): Column {
  const { type } = draft;
  if (!(draft.nullCount >= 0 && draft.nullCount <= rows)) assert.fail(`${draft.nullCount} nulls in ${rows} rows`);
  assert(draft.nullCount === 0 || draft.validity !== 0, 'nulls without a validity bitmap');
  let valueBytes = valueBytesFor(type, rows, 0);
  if (draft.offsets !== 0 && parseType(type).physical === 'variable') {
    valueBytes = arena.i32[(draft.offsets >>> 2) + rows] as number;
    if (!(valueBytes >= 0 && valueBytes <= draft.valueCapacity))
      assert.fail(`${valueBytes} bytes of text in room for ${draft.valueCapacity}`);
  }
  return {
    type,
    length: rows,
    nullCount: draft.nullCount,
    validity: draft.nullCount === 0 ? 0 : draft.validity,
    values: draft.values,
    valueBytes,
    offsets: draft.offsets,
    child: draft.child,
    slabs: [slab],
  };
}

/**
 * Lays out a batch of up to `rows` rows in one slab charged to `owner`.
 * Memory: one slab, owned by the draft, then by the batch.
 * @throws ERR_MEMORY_EXHAUSTED
 */
export function allocBatch(
  arena: Arena,
  owner: number,
  fields: Fields,
  rows: number,
  plan: BufferPlan = {},
): BatchDraft {
  const records = recordsOf(fields);
  // Children may lie in slabs of their own: leave room for two lists with a few entries for each.
  const header = align(descriptorBytes(records, records * 4, records * 4));
  const { placed, end } = place(fields, rows, plan, header);
  const slab = arena.alloc(end, owner);
  const columns = placed.map((column) => column.draft(slab));
  let open = true;
  const close = (): void => {
    assert(open, 'the draft was finished or discarded before');
    open = false;
  };
  return {
    columns,
    capacity: rows,
    finish(finalRows = rows, inputs = 1): Batch {
      close();
      if (finalRows > rows) assert.fail(`${finalRows} rows in a draft of ${rows}`);
      const finished = columns.map((column) => finishColumn(arena, column, finalRows, slab));
      const slabs = slabsOf(finished);
      return writeDescriptor(arena, fields, {
        rows: finalRows,
        inputs,
        columns: finished,
        slabs,
        at: slab,
        room: header,
        block: slab,
      });
    },
    discard(): void {
      close();
      arena.release(slab);
    },
  };
}

/**
 * Room for one free-standing column, for operators that add a column to a batch: fill it, `finishColumn`, pass it to
 * `makeBatch` (which retains the slab), then release `slab`.
 * @throws ERR_MEMORY_EXHAUSTED
 */
export function allocColumn(
  arena: Arena,
  owner: number,
  type: TypeText,
  rows: number,
  plan: { variableBytes?: number; validity?: boolean } = {},
): { column: DraftColumn; slab: Ptr } {
  const placed = placeColumn(type, rows, 0, plan.variableBytes ?? 0, plan.validity ?? false);
  const slab = arena.alloc(placed.bytes, owner);
  return { column: placed.draft(slab), slab };
}
