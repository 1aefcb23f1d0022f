/**
 * Numbers for rows of a batch, equal where the rows are equal in some columns. Null equals null and NaN equals NaN, as
 * identities of rows have to; -0 equals 0.
 */
import { isBitSet } from '../../batch/bitmap.ts';
import type { Column } from '../../batch/contract.ts';
import type { KernelType } from '../../kernels/aggregate-contract.ts';
import { KeyTable } from '../../kernels/key-table.ts';
import type { VectorKernels } from '../../kernels/vector-contract.ts';
import type { Arena, Ptr } from '../../memory/contract.ts';
import { parseType } from '../../schema/parse-type.ts';

/** Where the numbers are made. */
interface Workshop {
  arena: Arena;
  kernels: VectorKernels;
  owner: number;
}

/** Numbers from 0 up to `count`, u32 each, in a slab that is the caller's. */
export interface RowIds {
  ids: Ptr;
  count: number;
}

function room(shop: Workshop, rows: number, width: number): Ptr {
  return shop.arena.alloc(Math.max(8, rows * width), shop.owner);
}

/** Ids by a table that is gone afterwards. */
function encode(shop: Workshop, rows: number, isText: boolean, fill: (table: KeyTable, ids: Ptr) => void): RowIds {
  const ids = room(shop, rows, 4);
  const table = new KeyTable(shop.arena, shop.kernels, shop.owner, isText);
  try {
    fill(table, ids);
    return { ids, count: table.size };
  } catch (error) {
    shop.arena.release(ids);
    throw error;
  } finally {
    table.release();
  }
}

/** int64 keys that `fill` writes. */
function encodeKeys(shop: Workshop, column: Pick<Column, 'validity' | 'length'>, fill: (keys: Ptr) => void): RowIds {
  const keys = room(shop, column.length, 8);
  try {
    fill(keys);
    return encode(shop, column.length, false, (table, ids) =>
      table.encodeInt64(keys, column.validity, column.length, ids),
    );
  } finally {
    shop.arena.release(keys);
  }
}

function kernelType(byteWidth: number, isUnsigned: boolean): KernelType {
  return `${isUnsigned ? 'u' : 'i'}${byteWidth * 8}` as KernelType;
}

function floatIds(shop: Workshop, column: Column, byteWidth: number): RowIds {
  const { buffer } = shop.arena;
  const { values, length } = column;
  return encodeKeys(shop, column, (keys) => {
    const source =
      byteWidth === 8 ? new Float64Array(buffer, values, length) : new Float32Array(buffer, values, length);
    const target = new Float64Array(buffer, keys, length);
    // Adding 0 makes -0 into 0; one NaN stands for all.
    for (let row = 0; row < length; row += 1) {
      const value = source[row] as number;
      target[row] = Number.isNaN(value) ? NaN : value + 0;
    }
  });
}

/** Values of more than eight bytes, as texts of a length. */
function wideIds(shop: Workshop, column: Column, byteWidth: number): RowIds {
  const offsets = room(shop, column.length + 1, 4);
  try {
    const words = new Int32Array(shop.arena.buffer, offsets, column.length + 1);
    for (let row = 0; row <= column.length; row += 1) words[row] = row * byteWidth;
    return encode(shop, column.length, true, (table, ids) =>
      table.encodeText(offsets, column.values, column.validity, column.length, ids),
    );
  } finally {
    shop.arena.release(offsets);
  }
}

/** Codes of equal texts become one. */
function dictionaryIds(shop: Workshop, column: Column): RowIds {
  const dictionary = column.child as Column;
  const texts = columnIds(shop, dictionary);
  try {
    const ids = room(shop, column.length, 4);
    const { buffer, u8 } = shop.arena;
    const textIds = new Uint32Array(buffer, texts.ids, dictionary.length);
    const codes = new Int32Array(buffer, column.values, column.length);
    const target = new Uint32Array(buffer, ids, column.length);
    for (let row = 0; row < column.length; row += 1) {
      const isThere = column.nullCount === 0 || isBitSet(u8, column.validity * 8 + row);
      target[row] = isThere ? (textIds[codes[row] as number] as number) : texts.count;
    }
    return { ids, count: texts.count + 1 };
  } finally {
    shop.arena.release(texts.ids);
  }
}

function columnIds(shop: Workshop, column: Column): RowIds {
  const { physical, byteWidth, domain } = parseType(column.type);
  const { length, values, offsets, validity } = column;
  if (physical === 'variable')
    return encode(shop, length, true, (table, ids) => table.encodeText(offsets, values, validity, length, ids));
  if (physical === 'dictionary') return dictionaryIds(shop, column);
  if (physical === 'bits')
    return encodeKeys(shop, column, (keys) => shop.kernels.castBits(values, 'i64', length, keys));
  if (domain === 'float') return floatIds(shop, column, byteWidth);
  if (byteWidth > 8 || domain === 'opaque') return wideIds(shop, column, byteWidth);
  if (byteWidth === 8)
    return encode(shop, length, false, (table, ids) => table.encodeInt64(values, validity, length, ids));
  return encodeKeys(shop, column, (keys) => {
    shop.kernels.cast(kernelType(byteWidth, domain === 'uint'), 'i64', values, validity, length, keys);
  });
}

/** Ids of rows that are equal in both. Takes over both. */
function combine(shop: Workshop, left: RowIds, right: RowIds, rows: number): RowIds {
  try {
    return encodeKeys(shop, { validity: 0, length: rows }, (keys) =>
      shop.kernels.combineIds(left.ids, right.ids, rows, keys),
    );
  } finally {
    shop.arena.release(left.ids);
    shop.arena.release(right.ids);
  }
}

/**
 * Numbers of the rows of these columns, of which there is at least one.
 * @throws ERR_MEMORY_EXHAUSTED
 */
export function rowIds(shop: Workshop, columns: readonly Column[], rows: number): RowIds {
  let all: RowIds | undefined;
  for (const column of columns) {
    let next: RowIds;
    try {
      next = columnIds(shop, column);
    } catch (error) {
      if (all !== undefined) shop.arena.release(all.ids);
      throw error;
    }
    all = all === undefined ? next : combine(shop, all, next, rows);
  }
  if (all === undefined) throw new TypeError('rows are told apart by at least one column');
  return all;
}
