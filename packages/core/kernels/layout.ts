// What the kernels and their TypeScript wrappers agree on. Keep in step with src/kernels/compiled-layout.ts.

/** Rows of a block: the sums of a block are exact in two doubles (see block-sum.ts). */
export const BLOCK_ROWS: i32 = 4096;
/** log2 of the rows of a block. */
export const BLOCK_LOG: i32 = 12;

/** Codes of column types. */
export const I8: i32 = 0;
export const I16: i32 = 1;
export const I32: i32 = 2;
export const I64: i32 = 3;
export const U8: i32 = 4;
export const U16: i32 = 5;
export const U32: i32 = 6;
export const U64: i32 = 7;
export const F32: i32 = 8;
export const F64: i32 = 9;

export const STATE_BYTES: usize = 40;
export const RECORD_BYTES: usize = 48;
export const NO_ROW: u32 = 0xffffffff;

export const FLAG_NAN: u32 = 1;
export const FLAG_PLUS_INFINITY: u32 = 2;
export const FLAG_MINUS_INFINITY: u32 = 4;
export const FLAG_NOT_MINUS_ZERO: u32 = 8;
/** The first two limbs are doubles (see pair-sum.ts). */
export const FLAG_PAIR: u32 = 16;

// Scratch, by offset. One area per thread; nothing in it has to survive a call.
/** u32: overflow records written so far, counting on beyond the capacity. */
export const RECORD_COUNT: usize = 0;
export const RECORD_CAPACITY: usize = 4;
export const RECORDS: usize = 8;
/** u32: 1 when WIDE holds a part of the current segment's sum. */
export const WIDE_USED: usize = 12;
/** Results of one block: two exact part sums, least, greatest; and whether every value was on the grid. */
export const BLOCK_Q: usize = 16;
export const BLOCK_R: usize = 24;
export const BLOCK_MIN: usize = 32;
export const BLOCK_MAX: usize = 40;
export const BLOCK_RESIDUE: usize = 48;
/** u32: 0 when no value of the block has a sign bit. */
export const BLOCK_SIGNS: usize = 52;
/**
 * Hints that go from block to block, and from call to call: i32 exponent (biased) that the next block is expected to stay
 * below, i32 way to sum it, i32 number of blocks in a row that a cheaper way would have done for. Whatever stands here at
 * first, sums are right; see block-sum.ts.
 */
export const GUESS: usize = 56;
export const WAY: usize = 60;
export const NARROW_RUN: usize = 64;
/** A window for temporary use. */
export const WINDOW: usize = 72;
/** A full-width accumulator: 72 limbs of 64 bits. */
export const WIDE: usize = 128;
export const WIDE_LIMBS: i32 = 72;
/** Weight of bit 0 of WIDE: below the square of the least subnormal, and a multiple of 64. */
export const WIDE_EXPONENT: i32 = -2176;
/** BLOCK_ROWS values of 8 bytes, ids and row numbers of 4. */
export const DENSE: usize = 1024;
export const DENSE_IDS: usize = DENSE + 32768;
export const DENSE_ROWS: usize = DENSE_IDS + 16384;
/** 64 bytes a group, for up to CELL_GROUPS groups: see groups.ts. */
export const CELLS: usize = DENSE_ROWS + 16384;
export const CELL_GROUPS: u32 = 4096;
export const SCRATCH_BYTES: usize = CELLS + 64 * 4096;
