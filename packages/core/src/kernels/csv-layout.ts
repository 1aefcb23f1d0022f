/** Blocks of memory that the CSV kernels and their callers agree on. Keep in step with kernels/csv-layout.ts; a test compares the two. */

/** What `csvIndex` is told, and what it answers, in bytes. */
export const INDEX = {
  text: 0,
  from: 4,
  end: 8,
  limit: 12,
  isEof: 16,
  delimiter: 20,
  quote: 24,
  columns: 28,
  entries: 32,
  entriesEnd: 36,
  maxRows: 40,
  bad: 44,
  badCapacity: 48,
  isCounting: 52,
  next: 56,
  rows: 60,
  goodRows: 64,
  badRows: 68,
  flags: 72,
  bytes: 192,
} as const;

export const INDEX_FLAG = { notAscii: 1, quotes: 2, needsMore: 4, stopped: 8 } as const;

/** A bad row, in words: its number in the call, where it starts, its fields, what is wrong. */
export const BAD_WORDS = 4;
export const BAD_KIND = { fields: 1, quote: 2, unclosed: 3 } as const;

/** What the converting kernels are told, and what they answer, in bytes. */
export const CONVERT = {
  text: 0,
  entries: 4,
  stride: 8,
  rows: 12,
  quote: 16,
  nulls: 20,
  nullsFirst: 24,
  powers: 28,
  widePowers: 32,
  format: 36,
  offsets: 40,
  digits: 44,
  moreDigits: 48,
  nullCount: 52,
  status: 56,
  bytes: 64,
} as const;

export const VALUE_STATUS = { noValue: 1, outOfRange: 2, tooFine: 3, ask: 4 } as const;

/** Kinds of values beyond the numbers. */
export const VALUE_KIND = {
  bool: 10,
  date32: 11,
  timestamp: 12,
  time32: 13,
  time64: 14,
  decimal: 15,
  epoch: 16,
} as const;

/** No byte: nothing quotes. */
export const NO_QUOTE = 256;

/** Places beyond the last row's that `csvIndex` may write. */
export function spareEntries(columns: number): number {
  return 2 * columns + 136;
}
