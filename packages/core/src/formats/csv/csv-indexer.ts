/**
 * Rows and fields of CSV text in the arena, as places, in memory that is allocated once.
 *
 * Scratch is bounded whatever the rows are: places are found for as many rows as there is room for, and the caller comes back
 * for the rest.
 */

import { type CsvKernels, csvKernels } from '../../kernels/csv-kernels.ts';
import { BAD_KIND, INDEX, NO_QUOTE, spareEntries } from '../../kernels/csv-layout.ts';
import type { Arena, Ptr } from '../../memory/contract.ts';
import { entryCapacity } from './chunk-sizes.ts';
import type { RowProblem } from './csv-error.ts';
import type { CsvFormat, TextFile } from './csv-format.ts';
import { IndexBlock } from './index-block.ts';
import type { FaultyRow, FoundRows, RowPlace, RowRange, TextIndexer } from './text-indexer.ts';

const EVERY_ROW = 0xffff_ffff;

const LF = 10;
const CR = 13;

export class CsvIndexer implements TextIndexer {
  readonly entries: Ptr;
  readonly #kernels: CsvKernels;
  readonly #format: CsvFormat;
  readonly #arena: Arena;
  readonly #block: IndexBlock;
  readonly #capacity: number;
  #text: Ptr = 0;
  #width = 1;

  /** @param scratch `indexerBytes` of memory that stays the caller's */
  constructor(arena: Arena, scratch: Ptr, chunkBytes: number, width: number, format: CsvFormat) {
    this.#format = format;
    this.#arena = arena;
    this.#kernels = csvKernels(arena);
    this.#block = new IndexBlock(arena, scratch, INDEX, scratch + INDEX.bytes);
    this.entries = this.#block.entries;
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
    this.#block.set(INDEX.text, text);
    this.#block.set(INDEX.delimiter, delimiter.charCodeAt(0));
    this.#block.set(INDEX.quote, quote === '' ? NO_QUOTE : quote.charCodeAt(0));
    this.#block.set(INDEX.columns, width);
    this.#block.set(INDEX.entries, this.entries);
    this.#block.set(INDEX.entriesEnd, end);
    this.#block.set(INDEX.maxRows, EVERY_ROW);
    this.#block.setBad();
  }

  find(range: RowRange): FoundRows {
    this.#block.run(this.#kernels.csvIndex, range, false);
    return this.#block.found((kind, detail) => this.#problem(kind, detail));
  }

  count(range: RowRange): FoundRows {
    this.#block.run(this.#kernels.csvIndex, range, true);
    return this.#block.counted();
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
    return this.#block.withoutRows(found, rows, this.#width + 1);
  }

  /** An entry of a row: 0 is the byte before it, the others are ends of fields. */
  #place(row: number, entry: number): number {
    return this.#arena.i32[(this.entries >>> 2) + row * (this.#width + 1) + entry] as number;
  }

  lines(from: number, to: number): number {
    return this.#kernels.csvLines(this.#text, from, to);
  }

  #problem(kind: number, fields: number): RowProblem {
    if (kind === BAD_KIND.fields) return { kind: 'fields', fields, expected: this.#width };
    return { kind: kind === BAD_KIND.quote ? 'quote' : 'unclosed' };
  }
}
