// Blocks of memory that the NDJSON kernel and `src/kernels/json-layout.ts` agree on; a test compares the two.

// What `jsonRows` is told.
export const J_TEXT: usize = 0;
export const J_FROM: usize = 4;
/** Bytes that are there. 64 more may be read behind them. */
export const J_END: usize = 8;
/** Rows that start before it are taken. */
export const J_LIMIT: usize = 12;
/** 1 when the file ends where the bytes do. */
export const J_IS_EOF: usize = 16;
export const J_COLUMNS: usize = 20;
/** Room for places: of each row the one before its first value, the end of each value, and where the row starts in the text. */
export const J_ENTRIES: usize = 24;
export const J_ENTRIES_END: usize = 28;
export const J_BAD: usize = 32;
/** Bad rows to stop after. */
export const J_BAD_CAPACITY: usize = 36;
/** 1 when rows are only counted. */
export const J_IS_COUNTING: usize = 40;
/** Room for values, and its end, behind which 64 bytes may be written. */
export const J_OUT: usize = 44;
export const J_OUT_END: usize = 48;
/** Keys of the outermost object. */
export const J_KEYS: usize = 52;
/** A slot for each column. */
export const J_SLOTS: usize = 56;
/** A frame for each level of nesting. */
export const J_FRAMES: usize = 60;
// What it answers.
/** Where the next row starts. */
export const J_NEXT: usize = 64;
export const J_ROWS: usize = 68;
export const J_GOOD_ROWS: usize = 72;
export const J_BAD_ROWS: usize = 76;
export const J_FLAGS: usize = 80;
/** Of a bad row: the byte, from its start, or the column. */
export const J_PLACE: usize = 84;
/** Number of the row at work, kept between calls: slots of others are empty. */
export const J_MARK: usize = 88;
/** Room that the first row needs, when it does not fit. */
export const J_NEEDED: usize = 92;

/** Beside the flags of `csv-layout.ts`: the values of the first row do not fit. */
export const FLAG_NEEDS_ROOM: u32 = 16;

// Keys of an object: a count (8 bytes), then for each its bytes, their number, its column (or -1), and the keys of the object below it.
export const KEY_BYTES: usize = 16;
/** Where the value of a column starts and ends, what it is, and the number of its row. */
export const SLOT_BYTES: usize = 16;
export const SLOT_PLAIN: u32 = 1;
export const SLOT_TEXT: u32 = 2;
export const SLOT_ESCAPED: u32 = 3;
export const SLOT_NULL: u32 = 4;
/** Keys of the object, the column that is the whole of it (or -1), the key expected next, whether it is an object. */
export const FRAME_BYTES: usize = 16;
export const MOST_DEPTH: u32 = 64;
/** Around texts among the values: no JSON text holds it as it is. */
export const TEXT_MARK: u32 = 1;

// What is wrong with a row, beside the kinds of `csv-layout.ts`.
export const BAD_JSON: u32 = 4;
export const BAD_NO_OBJECT: u32 = 5;
export const BAD_DEPTH: u32 = 6;
export const BAD_TWICE: u32 = 7;
export const BAD_SURROGATE: u32 = 8;
