/** Blocks of memory that the NDJSON kernel and its caller agree on. Keep in step with kernels/json-layout.ts; a test compares the two. */

/** What `jsonRows` is told, and what it answers, in bytes. */
export const JSON_ROWS = {
  text: 0,
  from: 4,
  end: 8,
  limit: 12,
  isEof: 16,
  columns: 20,
  entries: 24,
  entriesEnd: 28,
  bad: 32,
  badCapacity: 36,
  isCounting: 40,
  out: 44,
  outEnd: 48,
  keys: 52,
  slots: 56,
  frames: 60,
  next: 64,
  rows: 68,
  goodRows: 72,
  badRows: 76,
  flags: 80,
  place: 84,
  mark: 88,
  needed: 92,
  bytes: 128,
} as const;

export const JSON_NEEDS_ROOM = 16;
export const JSON_KEY_BYTES = 16;
export const JSON_SLOT_BYTES = 16;
export const JSON_FRAME_BYTES = 16;
export const JSON_MOST_DEPTH = 64;
/** Around texts among the values that the kernel writes. */
export const JSON_TEXT_MARK = 1;

export const JSON_BAD_KIND = { json: 4, noObject: 5, depth: 6, twice: 7, surrogate: 8 } as const;
