/** Rows of one output batch at most. */
export const PIECE_ROWS = 8192;
