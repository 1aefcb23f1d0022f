/**
 * Rows and fields of CSV text in the arena, as places, in memory that is allocated once.
 *
 * Scratch is bounded whatever the rows are: places are found for as many rows as there is room for, and the caller comes back
 * for the rest.
 */

import { type CsvKernels, csvKernels } from '../../kernels/csv-kernels.ts';
import { BAD_KIND, BAD_WORDS, INDEX, NO_QUOTE, spareEntries } from '../../kernels/csv-layout.ts';
import type { Arena, Ptr } from '../../memory/contract.ts';
import { BAD_CAPACITY, entryCapacity } from './chunk-sizes.ts';
import type { RowProblem } from './csv-error.ts';
import type { CsvFormat, TextFile } from './csv-format.ts';
import {
  badRowsIn,
  type FaultyRow,
  type FoundRows,
  foundIn,
  type RowPlace,
  type RowRange,
  type TextIndexer,
  withoutRows,
} from './text-indexer.ts';

const EVERY_ROW = 0xffff_ffff;

const LF = 10;
const CR = 13;

export class CsvIndexer implements TextIndexer {
  readonly entries: Ptr;
  readonly #kernels: CsvKernels;
  readonly #format: CsvFormat;
  readonly #arena: Arena;
  readonly #view: DataView;
  readonly #block: Ptr;
  readonly #bad: Ptr;
  readonly #capacity: number;
  #text: Ptr = 0;
  #width = 1;

  /** @param scratch `indexerBytes` of memory that stays the caller's */
  constructor(arena: Arena, scratch: Ptr, chunkBytes: number, width: number, format: CsvFormat) {
    this.#format = format;
    this.#arena = arena;
    this.#kernels = csvKernels(arena);
    this.#view = new DataView(arena.buffer, scratch, INDEX.bytes);
    this.#block = scratch;
    this.#bad = scratch + INDEX.bytes;
    this.entries = this.#bad + BAD_CAPACITY * BAD_WORDS * 4;
    this.#capacity = entryCapacity(chunkBytes, width);
  }

  /** The text itself. */
  get values(): Ptr {
    return this.#text;
  }

  isLineEnd(letter: number | undefined): boolean {
    return letter === LF || letter === CR;
  }

  close(): void {}

  setText(text: Ptr, { names }: TextFile): void {
    const { delimiter, quote } = this.#format;
    const width = names.length;
    this.#text = text;
    this.#width = width;
    const end = this.entries + 4 * (this.#capacity - spareEntries(width));
    this.#set(INDEX.text, text);
    this.#set(INDEX.delimiter, delimiter.charCodeAt(0));
    this.#set(INDEX.quote, quote === '' ? NO_QUOTE : quote.charCodeAt(0));
    this.#set(INDEX.columns, width);
    this.#set(INDEX.entries, this.entries);
    this.#set(INDEX.entriesEnd, end);
    this.#set(INDEX.bad, this.#bad);
    this.#set(INDEX.badCapacity, BAD_CAPACITY);
  }

  find(range: RowRange): FoundRows {
    this.#run(range, false);
    const bad = badRowsIn(this.#arena, this.#view, INDEX, this.#bad, (kind, detail) => this.#problem(kind, detail));
    return { ...foundIn(this.#view, INDEX), bad };
  }

  count(range: RowRange): FoundRows {
    this.#run(range, true);
    return { ...foundIn(this.#view, INDEX), bad: [] };
  }

  firstBadByte(from: number, to: number): number {
    const at = this.#kernels.utf8Check(this.#text, from, to);
    return at === to ? -1 : at;
  }

  rowAt(byte: number, goodRows: number): RowPlace | undefined {
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

  leaveOut(found: FoundRows, rows: readonly FaultyRow[]): FoundRows {
    return withoutRows(found, rows, this.#arena.u8, this.entries, 4 * (this.#width + 1));
  }

  /** An entry of a row: 0 is the byte before it, the others are ends of fields. */
  #place(row: number, entry: number): number {
    return this.#arena.i32[(this.entries >>> 2) + row * (this.#width + 1) + entry] as number;
  }

  lines(from: number, to: number): number {
    return this.#kernels.csvLines(this.#text, from, to);
  }

  #run({ from, end, limit, isEof }: RowRange, isCounting: boolean): void {
    this.#set(INDEX.from, from);
    this.#set(INDEX.end, end);
    this.#set(INDEX.limit, limit);
    this.#set(INDEX.isEof, isEof ? 1 : 0);
    this.#set(INDEX.maxRows, EVERY_ROW);
    this.#set(INDEX.isCounting, isCounting ? 1 : 0);
    this.#kernels.csvIndex(this.#block);
  }

  #problem(kind: number, fields: number): RowProblem {
    if (kind === BAD_KIND.fields) return { kind: 'fields', fields, expected: this.#width };
    return { kind: kind === BAD_KIND.quote ? 'quote' : 'unclosed' };
  }

  #set(offset: number, value: number): void {
    this.#view.setUint32(offset, value, true);
  }
}
