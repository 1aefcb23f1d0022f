/** What expressions need of bitmaps besides the kernels. Pointer 0 stands for all ones, as for validity. */
import type { Arena, Ptr } from '../memory/contract.ts';

/** Bytes of a bitmap, whole 64-bit words. */
export function bitmapBytes(rows: number): number {
  return ((rows + 63) >>> 6) * 8;
}

export function bitAt(arena: Arena, bits: Ptr, row: number): boolean {
  return bits === 0 || (((arena.u8[bits + (row >>> 3)] as number) >>> (row & 7)) & 1) === 1;
}

/** Writes a bitmap from a test on each row, a byte at a time; the bits behind the last row are 0. */
export function writeBits(arena: Arena, out: Ptr, rows: number, test: (row: number) => boolean): void {
  const { u8 } = arena;
  for (let start = 0; start < rows; start += 8) {
    const end = Math.min(start + 8, rows);
    let byte = 0;
    for (let row = start; row < end; row++) if (test(row)) byte |= 1 << (row & 7);
    u8[out + (start >>> 3)] = byte;
  }
}
