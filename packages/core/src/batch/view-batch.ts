import type { Arena, Ptr } from '../memory/contract.ts';
import { parseType } from '../schema/parse-type.ts';
import { childRange } from './child-range.ts';
import type { Column } from './contract.ts';
import type { PlainColumn } from './plain-batch.ts';

function viewBytes(arena: Arena, ptr: Ptr, length: number): Uint8Array {
  return length === 0 ? new Uint8Array(0) : arena.bytesAt(ptr, length);
}

function valueBytesOf(arena: Arena, column: Column): number {
  const { physical, byteWidth } = parseType(column.type);
  if (physical === 'bits') return Math.ceil(column.length / 8);
  return physical === 'variable' ? childRange(arena, column).to : column.length * byteWidth;
}

/** The buffers of a column as views: nothing is copied, and they are valid as long as the batch. Offsets begin anywhere. */
export function viewColumn(arena: Arena, column: Column): PlainColumn {
  const { physical } = parseType(column.type);
  const { type, length, nullCount } = column;
  const plain: PlainColumn = {
    type,
    length,
    nullCount,
    values: viewBytes(arena, column.values, physical === 'list' ? 0 : valueBytesOf(arena, column)),
  };
  if (nullCount > 0) plain.validity = viewBytes(arena, column.validity, Math.ceil(length / 8));
  if (physical === 'variable' || physical === 'list')
    plain.offsets = length === 0 ? new Int32Array(1) : arena.int32At(column.offsets, length + 1);
  if (column.child !== undefined) plain.child = viewColumn(arena, column.child);
  return plain;
}
