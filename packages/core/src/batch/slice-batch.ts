import assert from 'node:assert';
import type { Arena, Ptr } from '../memory/contract.ts';
import { parseType } from '../schema/parse-type.ts';
import { copyBits, countSetBits } from './bitmap.ts';
import type { Batch, Column } from './contract.ts';
import { emptyColumn } from './empty-column.ts';
import { makeBatch } from './make-batch.ts';

/** A bitmap must begin at a byte: elsewhere its bits are copied to where they do, into a slab added to `made`. */
function sliceBits(arena: Arena, owner: number, bitmap: Ptr, from: number, rows: number, made: Ptr[]): Ptr {
  if (from % 8 === 0) return bitmap + from / 8;
  const slab = arena.alloc(Math.ceil(rows / 8), owner);
  made.push(slab);
  copyBits(arena.u8, bitmap * 8 + from, arena.u8, slab * 8, rows);
  return slab;
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
  const before = made.length;
  const nullCount = column.nullCount === 0 ? 0 : rows - countSetBits(arena.u8, column.validity * 8 + from, rows);
  const validity = nullCount === 0 ? 0 : sliceBits(arena, owner, column.validity, from, rows, made);
  const isFixed = physical === 'fixed' || physical === 'dictionary';
  const isBits = physical === 'bits';
  const values = isBits ? sliceBits(arena, owner, column.values, from, rows, made) : column.values;
  return {
    type: column.type,
    length: rows,
    nullCount,
    validity,
    values: isFixed ? values + from * byteWidth : values,
    valueBytes: isFixed ? rows * byteWidth : isBits ? Math.ceil(rows / 8) : column.valueBytes,
    offsets: isFixed || isBits ? 0 : column.offsets + from * 4,
    child: column.child,
    slabs: made.length === before ? column.slabs : [...column.slabs, ...made.slice(before)],
  };
}

/**
 * Rows [from, from + rows) of a batch, which stays the caller's. Values and offsets are shared with the parent, at
 * addresses that are multiples of the value's size but not of 64. Bitmaps (validity, bool values) are shared where
 * `from` is a multiple of 8, else copied: cut at multiples of 8 where you can choose.
 * @throws ERR_MEMORY_EXHAUSTED
 */
export function sliceBatch(arena: Arena, owner: number, batch: Batch, from: number, rows: number, inputs = 1): Batch {
  if (!(from >= 0 && rows >= 0 && from + rows <= batch.rows))
    assert.fail(`rows ${from} to ${from + rows} of ${batch.rows}`);
  const made: Ptr[] = [];
  try {
    const columns = batch.columns.map((column) => sliceColumn(arena, owner, column, from, rows, made));
    return makeBatch(arena, owner, batch.fields, columns, rows, inputs);
  } finally {
    for (const slab of made) arena.release(slab);
  }
}
