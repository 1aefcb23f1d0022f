import assert from 'node:assert';
import type { Arena, Ptr } from '../memory/contract.ts';
import { parseType } from '../schema/parse-type.ts';
import { copyBits, countSetBits } from './bitmap.ts';
import type { Batch, Column } from './contract.ts';
import { emptyColumn } from './empty-column.ts';
import { makeBatch } from './make-batch.ts';

interface Bits {
  ptr: Ptr;
  /** The slab made for a shifted copy, 0 when the bits are still the parent's. */
  slab: Ptr;
}

/** A bitmap must begin at a byte: elsewhere its bits are copied to where they do. */
function sliceBits(arena: Arena, owner: number, bitmap: Ptr, from: number, rows: number): Bits {
  if (from % 8 === 0) return { ptr: bitmap + from / 8, slab: 0 };
  const slab = arena.alloc(Math.ceil(rows / 8), owner);
  copyBits(arena.u8, bitmap * 8 + from, arena.u8, slab * 8, rows);
  return { ptr: slab, slab };
}

/** As `sliceBatch` for one column. Slabs made for shifted bitmaps are added to `made`, for the caller to release. */
export function sliceColumn(
  arena: Arena,
  owner: number,
  column: Column,
  from: number,
  rows: number,
  made: Ptr[],
): Column {
  if (rows === 0) return emptyColumn(column.type);
  const { physical, byteWidth } = parseType(column.type);
  const slabs = [...column.slabs];
  const cut = (bitmap: Ptr): Ptr => {
    const bits = sliceBits(arena, owner, bitmap, from, rows);
    if (bits.slab !== 0) {
      made.push(bits.slab);
      slabs.push(bits.slab);
    }
    return bits.ptr;
  };
  const nullCount = column.nullCount === 0 ? 0 : rows - countSetBits(arena.u8, column.validity * 8 + from, rows);
  const validity = nullCount === 0 ? 0 : cut(column.validity);
  const same = { type: column.type, length: rows, nullCount, validity, child: column.child, slabs };
  if (physical === 'bits') return { ...same, values: cut(column.values), valueBytes: Math.ceil(rows / 8), offsets: 0 };
  if (physical === 'fixed' || physical === 'dictionary') {
    return { ...same, values: column.values + from * byteWidth, valueBytes: rows * byteWidth, offsets: 0 };
  }
  return { ...same, values: column.values, valueBytes: column.valueBytes, offsets: column.offsets + from * 4 };
}

/**
 * Rows [from, from + rows) of a batch, which stays the caller's. Values and offsets are shared with the parent, at
 * addresses that are multiples of the value's size but not of 64. Bitmaps (validity, bool values) are shared where
 * `from` is a multiple of 8, else copied: cut at multiples of 8 where you can choose.
 * @throws ERR_MEMORY_EXHAUSTED
 */
export function sliceBatch(arena: Arena, owner: number, batch: Batch, from: number, rows: number, inputs = 1): Batch {
  assert(from >= 0 && rows >= 0 && from + rows <= batch.rows, `rows ${from} to ${from + rows} of ${batch.rows}`);
  const made: Ptr[] = [];
  try {
    const columns = batch.columns.map((column) => sliceColumn(arena, owner, column, from, rows, made));
    return makeBatch(arena, owner, batch.fields, columns, rows, inputs);
  } finally {
    for (const slab of made) arena.release(slab);
  }
}
