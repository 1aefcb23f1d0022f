/** What writing Parquet files takes on a codec thread: planning counts on these, and encoders keep them. */

const MEBIBYTE = 2 ** 20;

/** Encoded pages that all writers of a thread hold in memory. */
export const HELD_BYTES: number = 4 * MEBIBYTE;
/** Tables of values that all writers of a thread have, to make dictionaries. */
export const DICTIONARY_BYTES: number = 5 * MEBIBYTE;
/** What columns go through on their way into pages: one page's worth of everything, plain and encoded. */
const SCRATCH_BYTES = 5 * MEBIBYTE;

/** Values that all writers of a thread have gathered for pages, nearly: one that takes more ends its page. */
export const STAGED_BYTES: number = 4 * MEBIBYTE;

/** What the writers of one thread take together. */
export const ENCODER_BYTES: number = HELD_BYTES + DICTIONARY_BYTES + SCRATCH_BYTES + STAGED_BYTES;

/** Values that one writer gathers, nearly. */
export const PAGE_BYTES: number = 2 * MEBIBYTE;
/** What each writer has beside that: the beginnings of its pages. Where the library writes, its own buffers, of so many writers at most. */
export const WRITER_BYTES: number = MEBIBYTE / 4;
export const LIBRARY_WRITER_BYTES: number = MEBIBYTE;
export const LIBRARY_WRITERS = 16;
