/**
 * Rows and fields of CSV text in the arena, as places, in memory that is allocated once.
 *
 * Scratch is bounded whatever the rows are: places are found for as many rows as there is room for, and the caller comes back
 * for the rest.
 */

import { type CsvKernels, csvKernels } from '../../kernels/csv-kernels.ts';
import { BAD_KIND, BAD_WORDS, INDEX, INDEX_FLAG, NO_QUOTE, spareEntries } from '../../kernels/csv-layout.ts';
import type { Arena, Ptr } from '../../memory/contract.ts';
import { BAD_CAPACITY, entryCapacity } from './chunk-sizes.ts';
import type { RowProblem } from './csv-error.ts';
import type { CsvFormat } from './csv-format.ts';

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
  maxRows: number;
}

const EVERY_ROW = 0xffff_ffff;

export class CsvIndexer {
  readonly kernels: CsvKernels;
  /** Places of the rows found last: width + 1 each. */
  readonly entries: Ptr;
  readonly #arena: Arena;
  readonly #view: DataView;
  readonly #block: Ptr;
  readonly #bad: Ptr;
  readonly #capacity: number;
  #text: Ptr = 0;
  #width = 1;

  /** @param scratch `indexerBytes` of memory that stays the caller's */
  constructor(arena: Arena, scratch: Ptr, chunkBytes: number, width: number) {
    this.#arena = arena;
    this.kernels = csvKernels(arena);
    this.#view = new DataView(arena.buffer, scratch, INDEX.bytes);
    this.#block = scratch;
    this.#bad = scratch + INDEX.bytes;
    this.entries = this.#bad + BAD_CAPACITY * BAD_WORDS * 4;
    this.#capacity = entryCapacity(chunkBytes, width);
  }

  /** Tells where the text lies and how its rows are written. */
  setText(text: Ptr, format: Pick<CsvFormat, 'delimiter' | 'quote'>, width: number): void {
    this.#text = text;
    this.#width = width;
    const end = this.entries + 4 * (this.#capacity - spareEntries(width));
    this.#set(INDEX.text, text);
    this.#set(INDEX.delimiter, format.delimiter.charCodeAt(0));
    this.#set(INDEX.quote, format.quote === '' ? NO_QUOTE : format.quote.charCodeAt(0));
    this.#set(INDEX.columns, width);
    this.#set(INDEX.entries, this.entries);
    this.#set(INDEX.entriesEnd, end);
    this.#set(INDEX.bad, this.#bad);
    this.#set(INDEX.badCapacity, BAD_CAPACITY);
  }

  /** Finds rows and where their fields lie. */
  find(range: RowRange): FoundRows {
    this.#run(range, false);
    const bad = this.#badRows();
    return { ...this.#answer(), bad };
  }

  /** As `find`, of all rows there are, without their places. */
  count(range: Omit<RowRange, 'maxRows'>): FoundRows {
    this.#run({ ...range, maxRows: EVERY_ROW }, true);
    return { ...this.#answer(), bad: [] };
  }

  /** Byte in [from, to) that begins no UTF-8 character, or -1. */
  firstBadByte(from: number, to: number): number {
    const at = this.kernels.utf8Check(this.#text, from, to);
    return at === to ? -1 : at;
  }

  /** The good row, of those found, that a byte belongs to. */
  rowAt(byte: number, goodRows: number): { ordinal: number; start: number; end: number } | undefined {
    let [low, high] = [0, goodRows];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#place(middle, this.#width) < byte) low = middle + 1;
      else high = middle;
    }
    if (low === goodRows) return undefined;
    const [start, end] = [this.#place(low, 0) + 1, this.#place(low, this.#width)];
    return start <= byte ? { ordinal: low, start, end } : undefined;
  }

  /** Takes good rows (their `ordinal` among the good ones) out of what was found; the places of the others close up. */
  leaveOut(found: FoundRows, rows: readonly FaultyRow[]): FoundRows {
    const left = new Set(rows.map(({ ordinal }) => ordinal));
    const { u8 } = this.#arena;
    const stride = 4 * (this.#width + 1);
    let good = 0;
    for (let row = 0; row < found.goodRows; row++) {
      if (left.has(row)) continue;
      const from = this.entries + row * stride;
      if (good !== row) u8.copyWithin(this.entries + good * stride, from, from + stride);
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

  /** An entry of a row: 0 is the byte before it, the others are ends of fields. */
  #place(row: number, entry: number): number {
    return this.#arena.i32[(this.entries >>> 2) + row * (this.#width + 1) + entry] as number;
  }

  /** Lines that end in [from, to). */
  lines(from: number, to: number): number {
    return this.kernels.csvLines(this.#text, from, to);
  }

  #run({ from, end, limit, isEof, maxRows }: RowRange, isCounting: boolean): void {
    this.#set(INDEX.from, from);
    this.#set(INDEX.end, end);
    this.#set(INDEX.limit, limit);
    this.#set(INDEX.isEof, isEof ? 1 : 0);
    this.#set(INDEX.maxRows, maxRows);
    this.#set(INDEX.isCounting, isCounting ? 1 : 0);
    this.kernels.csvIndex(this.#block);
  }

  #answer(): Omit<FoundRows, 'bad'> {
    const flags = this.#get(INDEX.flags);
    return {
      next: this.#get(INDEX.next),
      rows: this.#get(INDEX.rows),
      goodRows: this.#get(INDEX.goodRows),
      isAscii: (flags & INDEX_FLAG.notAscii) === 0,
      needsMore: (flags & INDEX_FLAG.needsMore) !== 0,
      isStopped: (flags & INDEX_FLAG.stopped) !== 0,
    };
  }

  #badRows(): FaultyRow[] {
    const words = this.#arena.uint32At(this.#bad, this.#get(INDEX.badRows) * BAD_WORDS);
    const rows: FaultyRow[] = [];
    for (let at = 0; at < words.length; at += BAD_WORDS) {
      const [ordinal, start, fields, kind] = words.subarray(at, at + BAD_WORDS) as unknown as [
        number,
        number,
        number,
        number,
      ];
      const problem: RowProblem =
        kind === BAD_KIND.fields
          ? { kind: 'fields', fields, expected: this.#width }
          : { kind: kind === BAD_KIND.quote ? 'quote' : 'unclosed' };
      rows.push({ ordinal, start, problem });
    }
    return rows;
  }

  #set(offset: number, value: number): void {
    this.#view.setUint32(offset, value, true);
  }

  #get(offset: number): number {
    return this.#view.getUint32(offset, true);
  }
}
