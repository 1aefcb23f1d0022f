/**
 * Constants of Zstandard (RFC 8878, 3.1.1.3.2) as the kernel wants them at the start of its scratch: counts of the predefined
 * distributions, bases and extra bits of lengths.
 */
import type { Ptr } from '../../memory/contract.ts';

/** Bytes of the kernel's scratch: constants, tables, and the literals of a block with room behind them. */
export const ZSTD_SCRATCH_BYTES: number = 16 * 1024 + 128 * 1024 + 64;

const LITERAL_COUNTS = [
  ...[4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1],
  ...[-1, -1, -1, -1],
];
const MATCH_COUNTS = [
  ...[1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
  ...[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1],
];
const OFFSET_COUNTS = [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1];
const LITERAL_BITS = [...Array<number>(16).fill(0), 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
const MATCH_BITS = [...Array<number>(32).fill(0), 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

/** Each base is the one before and what its extra bits can add. */
function bases(first: number, bits: readonly number[]): Uint32Array {
  const all = new Uint32Array(bits.length);
  let base = first;
  for (const [index, extra] of bits.entries()) {
    all[index] = base;
    base += 2 ** extra;
  }
  return all;
}

/** Writes them to `at`. Places are those of kernels/zstd.ts. */
export function writeZstdTables(u8: Uint8Array, at: Ptr): void {
  const bytes = (array: Int16Array | Uint32Array): Uint8Array => new Uint8Array(array.buffer);
  u8.fill(0, at, at + 1024);
  u8.set(bytes(Int16Array.from(LITERAL_COUNTS)), at);
  u8.set(bytes(Int16Array.from(MATCH_COUNTS)), at + 80);
  u8.set(bytes(Int16Array.from(OFFSET_COUNTS)), at + 192);
  u8.set(bytes(bases(0, LITERAL_BITS)), at + 256);
  u8.set(bytes(bases(3, MATCH_BITS)), at + 400);
  u8.set(LITERAL_BITS, at + 612);
  u8.set(MATCH_BITS, at + 648);
}
