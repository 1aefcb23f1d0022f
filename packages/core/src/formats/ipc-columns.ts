/**
 * Rows of a batch as the buffers that Arrow's IPC format wants: views into the arena where they can be, copies where a
 * slice has to be moved to row 0. Valid while the batch is held.
 */
import { copyBits, countSetBits } from '../batch/bitmap.ts';
import type { Batch, Column } from '../batch/contract.ts';
import type { Arena } from '../memory/contract.ts';
import { parseType } from '../schema/parse-type.ts';
import type { TypeText } from '../schema/types.ts';

/** One column's buffers. */
export interface IpcColumn {
  type: TypeText;
  rows: number;
  nullCount: number;
  validity: Uint8Array | undefined;
  /** Of variable columns and lists; from 0, unless they were asked for as they are. */
  offsets: Uint8Array | undefined;
  values: Uint8Array;
  /** Dictionary or elements. */
  child: IpcColumn | undefined;
}

function bitsOf(arena: Arena, address: number, from: number, rows: number): Uint8Array {
  if (from % 8 === 0) return arena.u8.subarray(address + from / 8, address + from / 8 + ((rows + 7) >>> 3));
  const bits = new Uint8Array((rows + 7) >>> 3);
  copyBits(arena.u8.subarray(address), from, bits, 0, rows);
  return bits;
}

/** Offsets from 0, and the range of elements that they cover. */
function offsetsOf(
  arena: Arena,
  column: Column,
  from: number,
  rows: number,
  isMoved: boolean,
): { bytes: Uint8Array; first: number; count: number } {
  if (column.offsets === 0) return { bytes: new Uint8Array(4), first: 0, count: 0 };
  const source = new Int32Array(arena.buffer, column.offsets + from * 4, rows + 1);
  const first = source[0] ?? 0;
  const count = (source[rows] ?? 0) - first;
  if (first === 0 || !isMoved)
    return {
      bytes: arena.u8.subarray(column.offsets + from * 4, column.offsets + (from + rows + 1) * 4),
      first,
      count,
    };
  // A loop: `Int32Array.from` goes through an iterator, twenty times slower.
  const moved = new Int32Array(rows + 1);
  for (let i = 0; i <= rows; i += 1) moved[i] = (source[i] as number) - first;
  return { bytes: new Uint8Array(moved.buffer), first, count };
}

/** Rows `from` … `from + rows` of a column. */
function ipcColumn(arena: Arena, column: Column, from: number, rows: number, isMoved: boolean): IpcColumn {
  const parsed = parseType(column.type);
  const validity = column.validity === 0 ? undefined : bitsOf(arena, column.validity, from, rows);
  const nullCount = validity === undefined ? 0 : rows - countSetBits(validity, 0, rows);
  const base = {
    type: column.type,
    rows,
    nullCount,
    validity: nullCount === 0 ? undefined : validity,
    offsets: undefined,
    child: undefined,
  };
  const bytesAt = (start: number, length: number): Uint8Array => arena.u8.subarray(start, start + length);
  switch (parsed.physical) {
    case 'bits':
      return { ...base, values: bitsOf(arena, column.values, from, rows) };
    case 'variable': {
      const { bytes, first, count } = offsetsOf(arena, column, from, rows, isMoved);
      return { ...base, offsets: bytes, values: bytesAt(column.values + first, count) };
    }
    case 'list': {
      const { bytes, first, count } = offsetsOf(arena, column, from, rows, true);
      return {
        ...base,
        offsets: bytes,
        values: new Uint8Array(),
        child: column.child && ipcColumn(arena, column.child, first, count, true),
      };
    }
    case 'dictionary':
      return {
        ...base,
        values: bytesAt(column.values + from * 4, rows * 4),
        child: column.child && ipcColumn(arena, column.child, 0, column.child.length, isMoved),
      };
    default:
      return { ...base, values: bytesAt(column.values + from * parsed.byteWidth, rows * parsed.byteWidth) };
  }
}

/**
 * Rows `from` … `from + rows` of a batch.
 * @param isMoved offsets of texts are from 0, which is a copy of them for most slices; else `values` begin where the first one says
 */
export function ipcColumns(arena: Arena, batch: Batch, from: number, rows: number, isMoved = true): IpcColumn[] {
  return batch.columns.map((column) => ipcColumn(arena, column, from, rows, isMoved));
}
