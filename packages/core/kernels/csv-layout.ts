// Blocks of memory that the CSV kernels and `src/kernels/csv-layout.ts` agree on; a test compares the two.

// What `csvIndex` is told.
export const TEXT: usize = 0;
export const FROM: usize = 4;
/** Bytes that are there. 64 more may be read behind them. */
export const END: usize = 8;
/** Rows that start before it are taken. */
export const LIMIT: usize = 12;
/** 1 when the file ends where the bytes do. */
export const IS_EOF: usize = 16;
export const DELIMITER: usize = 20;
/** 256 when nothing quotes. */
export const QUOTE: usize = 24;
export const COLUMNS: usize = 28;
/** Room for places, of which a block of 64 bytes may need 64, and its end. */
export const ENTRIES: usize = 32;
export const ENTRIES_END: usize = 36;
/** Rows to stop after, bad ones included. */
export const MAX_ROWS: usize = 40;
export const BAD: usize = 44;
export const BAD_CAPACITY: usize = 48;
/** 1 when rows are only counted. */
export const IS_COUNTING: usize = 52;
// What it answers.
/** Where the next row starts. */
export const NEXT: usize = 56;
export const ROWS: usize = 60;
export const GOOD_ROWS: usize = 64;
export const BAD_ROWS: usize = 68;
export const FLAGS: usize = 72;
export const FLAG_NOT_ASCII: u32 = 1;
export const FLAG_QUOTES: u32 = 2;
/** The last row is not there whole. */
export const FLAG_NEEDS_MORE: u32 = 4;
/** It stopped for lack of room, or because of MAX_ROWS. */
export const FLAG_STOPPED: u32 = 8;

// What a block of 64 bytes leaves for the next one, all 64 bits wide: all ones inside of quotes; whether its last byte ended a
// field, was a quote, closed one.
export const LAST_INSIDE: usize = 80;
export const LAST_BREAK: usize = 88;
export const LAST_QUOTE: usize = 96;
export const LAST_CLOSE: usize = 104;
/** Bits of the bytes of a block that end lines, and of those at which something is wrong with quotes. */
export const BLOCK_LINES: usize = 112;
export const BLOCK_WRONG: usize = 120;

/** Whether the last byte ended a line. */
export const LAST_LINE: usize = 128;
/** Of the places looked at once: the block behind them, up to which there was nothing but plain blocks, and line ends. */
export const TILE_BASE: usize = 136;
export const TILE_PLAIN: usize = 140;
export const TILE_ENDS: usize = 144;

/** A bad row: its number in this call, where it starts, its fields, what is wrong. */
export const BAD_BYTES: usize = 16;
export const BAD_FIELDS: u32 = 1;
export const BAD_QUOTE: u32 = 2;
export const BAD_UNCLOSED: u32 = 3;

// What the converting kernels are told.
export const C_TEXT: usize = 0;
export const C_ENTRIES: usize = 4;
/** Bytes of a row's entries. */
export const C_STRIDE: usize = 8;
export const C_ROWS: usize = 12;
export const C_QUOTE: usize = 16;
/** Texts that stand for null: a count, then a length and bytes of each; 0 for none. */
export const C_NULLS: usize = 20;
/** 1 when some of them could be values. */
export const C_NULLS_FIRST: usize = 24;
/** 10^0 to 10^22 as doubles. */
export const C_POWERS: usize = 28;
/** Rounded powers of ten from 10^-342 to 10^308, 16 bytes each, low word first. */
export const C_WIDE_POWERS: usize = 32;
/** A compiled time format; 0 for ISO 8601. */
export const C_FORMAT: usize = 36;
/** Bitmap of rows whose text names its offset from UTC; 0 when nobody asks. */
export const C_OFFSETS: usize = 40;
/** Digits behind the point: of a unit of time, or of a decimal. */
export const C_DIGITS: usize = 44;
/** Of an epoch's own unit; of a decimal, all digits. */
export const C_MORE_DIGITS: usize = 48;
// What they answer.
export const C_NULL_COUNT: usize = 52;
export const C_STATUS: usize = 56;

export const NO_VALUE: u32 = 1;
export const OUT_OF_RANGE: u32 = 2;
export const TOO_FINE: u32 = 3;
/** Digits alone do not tell how a double is rounded: somebody else has to. */
export const ASK: u32 = 4;

// Kinds of values beyond the numbers of layout.ts.
export const BOOL: i32 = 10;
export const DATE32: i32 = 11;
export const TIMESTAMP: i32 = 12;
export const TIME32: i32 = 13;
export const TIME64: i32 = 14;
export const DECIMAL: i32 = 15;
export const EPOCH: i32 = 16;
