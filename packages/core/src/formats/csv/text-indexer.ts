/** What finds rows and the places of their values in text, whatever its syntax is. */
import { BAD_WORDS, INDEX_FLAG } from '../../kernels/csv-layout.ts';
import type { Arena, Ptr } from '../../memory/contract.ts';
import type { RowProblem } from './csv-error.ts';
import type { TextFile } from './csv-format.ts';

/** A row that is left out, by its number among all rows of the call. */
export interface FaultyRow {
  ordinal: number;
  start: number;
  problem: RowProblem;
}

/** What a run over the text found. Places are offsets into the text. */
export interface FoundRows {
  /** Where the next row starts. */
  next: number;
  /** Rows, good and bad. */
  rows: number;
  goodRows: number;
  bad: FaultyRow[];
  isAscii: boolean;
  /** The last row goes on behind the bytes that are there. */
  needsMore: boolean;
  /** More rows start before the limit. */
  isStopped: boolean;
}

/** Which rows to look for. */
export interface RowRange {
  from: number;
  /** Bytes that are there. */
  end: number;
  /** Rows that start before it are taken. */
  limit: number;
  isEof: boolean;
}

/** A good row's number among those of the last call, and its bytes. */
export interface RowPlace {
  ordinal: number;
  start: number;
  end: number;
}

export interface TextIndexer {
  /** Places of the rows found last: `places` + 1 each. */
  readonly entries: Ptr;
  /** What the places of values are places in. */
  readonly values: Ptr;
  /** Whether a letter ends lines. */
  isLineEnd(letter: number | undefined): boolean;
  /** Tells where the text lies and whose it is. */
  setText(text: Ptr, file: TextFile): void;
  /** Finds rows and where their values lie. @throws ERR_MEMORY_EXHAUSTED */
  find(range: RowRange): FoundRows;
  /** As `find`, of all rows there are, without their places. */
  count(range: RowRange): FoundRows;
  /** Byte in [from, to) that begins no UTF-8 character, or -1. */
  firstBadByte(from: number, to: number): number;
  /** The good row, of those found, that a byte belongs to. */
  rowAt(byte: number, goodRows: number): RowPlace | undefined;
  /** Takes good rows (their `ordinal` among the good ones) out of what was found; the places of the others close up. */
  leaveOut(found: FoundRows, rows: readonly FaultyRow[]): FoundRows;
  /** Lines that end in [from, to). */
  lines(from: number, to: number): number;
  close(): void;
}

/** Where the kernels of a syntax put what they found, as offsets into the block that they share with us. */
interface FoundLayout {
  next: number;
  rows: number;
  goodRows: number;
  flags: number;
  badRows: number;
}

/** What a kernel has just found, but for the bad rows. */
export function foundIn(block: DataView, layout: FoundLayout): Omit<FoundRows, 'bad'> {
  const get = (offset: number): number => block.getUint32(offset, true);
  const flags = get(layout.flags);
  return {
    next: get(layout.next),
    rows: get(layout.rows),
    goodRows: get(layout.goodRows),
    isAscii: (flags & INDEX_FLAG.notAscii) === 0,
    needsMore: (flags & INDEX_FLAG.needsMore) !== 0,
    isStopped: (flags & INDEX_FLAG.stopped) !== 0,
  };
}

/**
 * The bad rows among them.
 * @param bad where the kernel lists them
 * @param problemOf what a kind of fault, and the number that goes with it, means
 */
export function badRowsIn(
  arena: Arena,
  block: DataView,
  layout: FoundLayout,
  bad: Ptr,
  problemOf: (kind: number, detail: number) => RowProblem,
): FaultyRow[] {
  const words = arena.uint32At(bad, block.getUint32(layout.badRows, true) * BAD_WORDS);
  const rows: FaultyRow[] = [];
  for (let at = 0; at < words.length; at += BAD_WORDS) {
    const [ordinal = 0, start = 0, detail = 0, kind = 0] = words.subarray(at, at + BAD_WORDS);
    rows.push({ ordinal, start, problem: problemOf(kind, detail) });
  }
  return rows;
}

/** Closes up the places of good rows that are left out, and counts these among the bad ones. */
export function withoutRows(
  found: FoundRows,
  rows: readonly FaultyRow[],
  u8: Uint8Array,
  entries: Ptr,
  stride: number,
): FoundRows {
  const left = new Set(rows.map(({ ordinal }) => ordinal));
  let good = 0;
  for (let row = 0; row < found.goodRows; row++) {
    if (left.has(row)) continue;
    const from = entries + row * stride;
    if (good !== row) u8.copyWithin(entries + good * stride, from, from + stride);
    good += 1;
  }
  const bad = [...found.bad];
  for (const row of rows) {
    let { ordinal } = row;
    for (const known of found.bad) if (known.ordinal <= ordinal) ordinal += 1;
    bad.push({ ...row, ordinal });
  }
  bad.sort((a, b) => a.ordinal - b.ordinal);
  return { ...found, goodRows: good, bad };
}
