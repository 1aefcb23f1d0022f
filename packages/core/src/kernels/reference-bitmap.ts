/** TypeScript twins of the bitmap kernels. */
import type { Ptr } from '../memory/contract.ts';
import { isSet } from './reference-column.ts';
import type { Twin } from './reference-twin.ts';
import type { BitmapFn } from './vector-contract.ts';

/** Writes `rows` bits from the first of a bitmap on, and zeros to the end of the last byte. */
function writeBits(view: DataView, out: Ptr, rows: number, bitOf: (row: number) => boolean): void {
  for (let byte = 0; byte < Math.ceil(rows / 8); byte++) {
    let bits = 0;
    for (let row = 8 * byte; row < Math.min(rows, 8 * byte + 8); row++) if (bitOf(row)) bits |= 1 << (row & 7);
    view.setUint8(out + byte, bits);
  }
}

function setBit(view: DataView, out: Ptr, index: number, bit: boolean): void {
  const ptr = out + Math.floor(index / 8);
  const mask = 1 << (index & 7);
  view.setUint8(ptr, bit ? view.getUint8(ptr) | mask : view.getUint8(ptr) & ~mask);
}

function combined(fn: BitmapFn, a: boolean, b: boolean): boolean {
  switch (fn) {
    case 'and':
      return a && b;
    case 'or':
      return a || b;
    case 'xor':
      return a !== b;
    case 'andNot':
      return a && !b;
  }
}

export function bitmap(view: DataView, fn: BitmapFn, left: Ptr, right: Ptr, rows: number, out: Ptr): void {
  writeBits(view, out, rows, (row) => combined(fn, isSet(view, left, row), isSet(view, right, row)));
}

export function bitmapNot(view: DataView, bits: Ptr, rows: number, out: Ptr): void {
  writeBits(view, out, rows, (row) => !isSet(view, bits, row));
}

export const kleene: Twin<'kleene'> = (view, fn, left, leftValidity, right, rightValidity, rows, out, outValidity) => {
  /** The value that decides alone: false for `and`, true for `or`. */
  const decisive = fn === 'or';
  const values: (boolean | null)[] = [];
  for (let row = 0; row < rows; row++) {
    const a = isSet(view, leftValidity, row) ? isSet(view, left, row) : null;
    const b = isSet(view, rightValidity, row) ? isSet(view, right, row) : null;
    if (a === decisive || b === decisive) values.push(decisive);
    else values.push(a === null || b === null ? null : !decisive);
  }
  writeBits(view, out, rows, (row) => values[row] === true);
  if (outValidity !== 0) writeBits(view, outValidity, rows, (row) => values[row] !== null);
};

export function popcount(view: DataView, bits: Ptr, from: number, rows: number): number {
  let count = 0;
  for (let row = from; row < from + rows; row++) if (isSet(view, bits, row)) count++;
  return count;
}

export function copyBits(view: DataView, bits: Ptr, from: number, rows: number, out: Ptr, to: number): void {
  for (let row = 0; row < rows; row++) setBit(view, out, to + row, isSet(view, bits, from + row));
}

export function fillBits(view: DataView, out: Ptr, from: number, rows: number, bit: 0 | 1): void {
  for (let row = from; row < from + rows; row++) setBit(view, out, row, bit === 1);
}

export function selectIndices(view: DataView, bits: Ptr, validity: Ptr, rows: number, out: Ptr): number {
  let count = 0;
  for (let row = 0; row < rows; row++) {
    if (isSet(view, bits, row) && isSet(view, validity, row)) view.setUint32(out + 4 * count++, row, true);
  }
  return count;
}
