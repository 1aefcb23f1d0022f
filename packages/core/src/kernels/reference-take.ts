/** TypeScript twins of gathers and fills. */
import type { Ptr } from '../memory/contract.ts';
import { copyBits } from './reference-bitmap.ts';
import { isSet } from './reference-column.ts';
import type { Twin } from './reference-twin.ts';
import { TAKE_NOTHING } from './vector-contract.ts';

export function take(view: DataView, width: number, values: Ptr, indices: Ptr, count: number, out: Ptr): void {
  const memory = new Uint8Array(view.buffer);
  for (let i = 0; i < count; i++) {
    const index = view.getUint32(indices + 4 * i, true);
    const target = out + width * i;
    if (index === TAKE_NOTHING) memory.fill(0, target, target + width);
    else memory.copyWithin(target, values + width * index, values + width * (index + 1));
  }
}

export function takeBits(view: DataView, bits: Ptr, indices: Ptr, count: number, out: Ptr): number {
  let set = 0;
  for (let i = 0; i < Math.ceil(count / 8); i++) view.setUint8(out + i, 0);
  for (let i = 0; i < count; i++) {
    const index = view.getUint32(indices + 4 * i, true);
    if (index === TAKE_NOTHING || !isSet(view, bits, index)) continue;
    copyBits(view, 0, 0, 1, out, i);
    set++;
  }
  return set;
}

/** Start and length of one text. */
function extent(view: DataView, offsets: Ptr, index: number): { start: number; length: number } {
  if (index === TAKE_NOTHING) return { start: 0, length: 0 };
  const start = view.getInt32(offsets + 4 * index, true);
  return { start, length: view.getInt32(offsets + 4 * index + 4, true) - start };
}

export function takeVariableBytes(view: DataView, offsets: Ptr, indices: Ptr, count: number): number {
  let bytes = 0;
  for (let i = 0; i < count; i++) bytes += extent(view, offsets, view.getUint32(indices + 4 * i, true)).length;
  return bytes;
}

export const takeVariable: Twin<'takeVariable'> = (view, offsets, values, indices, count, outOffsets, outValues) => {
  const memory = new Uint8Array(view.buffer);
  let bytes = 0;
  view.setInt32(outOffsets, 0, true);
  for (let i = 0; i < count; i++) {
    const { start, length } = extent(view, offsets, view.getUint32(indices + 4 * i, true));
    memory.copyWithin(outValues + bytes, values + start, values + start + length);
    bytes += length;
    view.setInt32(outOffsets + 4 * i + 4, bytes, true);
  }
};

export const choose: Twin<'choose'> = (view, width, mask, whenSet, whenUnset, rows, out) => {
  const memory = new Uint8Array(view.buffer);
  for (let row = 0; row < rows; row++) {
    const operand = isSet(view, mask, row) ? whenSet : whenUnset;
    const source = operand.isScalar ? operand.ptr : operand.ptr + width * row;
    memory.copyWithin(out + width * row, source, source + width);
  }
};

export function fill(view: DataView, width: number, value: Ptr, count: number, out: Ptr): void {
  const memory = new Uint8Array(view.buffer);
  const bytes = memory.slice(value, value + width);
  for (let i = 0; i < count; i++) memory.set(bytes, out + width * i);
}

export function iota(view: DataView, start: number, count: number, out: Ptr): void {
  for (let i = 0; i < count; i++) view.setUint32(out + 4 * i, start + i, true);
}
