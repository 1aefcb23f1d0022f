/** What finds rows and the places of their values in text, whatever its syntax is. */
import type { Ptr } from '../../memory/contract.ts';
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
