/**
 * Rows of NDJSON text in the arena: the values of each, written side by side in the order of the columns, and their places.
 *
 * Memory: room for as many values as a chunk has bytes; it grows for a row that does not fit.
 */
import { type CsvKernels, csvKernels } from '../../kernels/csv-kernels.ts';
import { spareEntries } from '../../kernels/csv-layout.ts';
import { type JsonRowsKernel, jsonRowsKernel } from '../../kernels/json-kernels.ts';
import {
  JSON_BAD_KIND,
  JSON_FRAME_BYTES,
  JSON_MOST_DEPTH,
  JSON_NEEDS_ROOM,
  JSON_ROWS,
  JSON_SLOT_BYTES,
} from '../../kernels/json-layout.ts';
import type { Arena, Ptr } from '../../memory/contract.ts';
import type { Fields } from '../../schema/types.ts';
import { entryCapacity, TEXT_PADDING, valuesBytes } from '../csv/chunk-sizes.ts';
import type { RowProblem } from '../csv/csv-error.ts';
import { IndexBlock } from '../csv/index-block.ts';
import type { FaultyRow, FoundRows, RowPlace, RowRange, TextIndexer } from '../csv/text-indexer.ts';
import { keyTree, keyTreeBytes, writeKeyTree } from './key-tree.ts';

const LF = 10;

export class JsonIndexer implements TextIndexer {
  readonly entries: Ptr;
  readonly #arena: Arena;
  readonly #owner: number;
  readonly #kernel: JsonRowsKernel;
  readonly #text: CsvKernels;
  readonly #block: IndexBlock;
  readonly #fields: Fields;
  readonly #keys: Ptr;
  #values: Ptr;
  #textAt: Ptr = 0;
  /** Of the last range. */
  #end = 0;

  /**
   * @param scratch `indexerBytes` of memory that stays the caller's
   * @throws ERR_MEMORY_EXHAUSTED
   */
  constructor(arena: Arena, owner: number, scratch: Ptr, chunkBytes: number, fields: Fields) {
    this.#arena = arena;
    this.#owner = owner;
    this.#fields = fields;
    this.#kernel = jsonRowsKernel(arena);
    this.#text = csvKernels(arena);
    const frames = scratch + JSON_ROWS.bytes;
    const slots = frames + JSON_MOST_DEPTH * JSON_FRAME_BYTES;
    const width = fields.length + 1;
    const bad = slots + width * JSON_SLOT_BYTES;
    this.#block = new IndexBlock(arena, scratch, JSON_ROWS, bad);
    this.entries = this.#block.entries;
    arena.u8.fill(0, scratch, bad);
    const tree = keyTree(fields);
    this.#keys = arena.alloc(keyTreeBytes(tree), owner);
    const bytes = valuesBytes(chunkBytes);
    try {
      this.#values = arena.alloc(bytes, owner);
    } catch (error) {
      arena.release(this.#keys);
      throw error;
    }
    writeKeyTree(arena.buffer, tree, this.#keys);
    this.#block.set(JSON_ROWS.columns, fields.length);
    this.#block.set(JSON_ROWS.keys, this.#keys);
    this.#block.set(JSON_ROWS.frames, frames);
    this.#block.set(JSON_ROWS.slots, slots);
    this.#block.setBad();
    this.#block.set(JSON_ROWS.entries, this.entries);
    this.#block.set(JSON_ROWS.entriesEnd, this.entries + 4 * (entryCapacity(chunkBytes, width) - spareEntries(width)));
    this.#tellValues(bytes);
  }

  get values(): Ptr {
    return this.#values;
  }

  close(): void {
    this.#arena.release(this.#keys);
    this.#arena.release(this.#values);
  }

  isLineEnd(letter: number | undefined): boolean {
    return letter === LF;
  }

  setText(text: Ptr): void {
    this.#textAt = text;
    this.#block.set(JSON_ROWS.text, text);
  }

  find(range: RowRange): FoundRows {
    this.#run(range, false);
    while ((this.#block.get(JSON_ROWS.flags) & JSON_NEEDS_ROOM) !== 0) {
      this.#grow(this.#block.get(JSON_ROWS.needed));
      this.#run(range, false);
    }
    return this.#block.found((kind, place) => this.#problem(kind, place));
  }

  count(range: RowRange): FoundRows {
    this.#run(range, true);
    return this.#block.counted();
  }

  firstBadByte(from: number, to: number): number {
    const at = this.#text.utf8Check(this.#textAt, from, to);
    return at === to ? -1 : at;
  }

  rowAt(byte: number, goodRows: number): RowPlace | undefined {
    let [low, high] = [0, goodRows];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#startOf(middle) <= byte) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return undefined;
    const start = this.#startOf(low - 1);
    const text = this.#arena.u8.subarray(this.#textAt, this.#textAt + this.#end);
    const found = text.indexOf(LF, start);
    const end = found < 0 ? this.#end : found;
    return byte < end ? { ordinal: low - 1, start, end } : undefined;
  }

  leaveOut(found: FoundRows, rows: readonly FaultyRow[]): FoundRows {
    return this.#block.withoutRows(found, rows, this.#fields.length + 2);
  }

  lines(from: number, to: number): number {
    const text = this.#arena.u8.subarray(this.#textAt + from, this.#textAt + to);
    let lines = 0;
    for (let at = text.indexOf(LF); at >= 0; at = text.indexOf(LF, at + 1)) lines += 1;
    return lines;
  }

  /** The last of a row's places: where it starts in the text. */
  #startOf(row: number): number {
    const width = this.#fields.length + 2;
    return this.#arena.i32[(this.entries >>> 2) + row * width + width - 1] as number;
  }

  #grow(bytes: number): void {
    const values = this.#arena.alloc(bytes + TEXT_PADDING, this.#owner);
    this.#arena.release(this.#values);
    this.#values = values;
    this.#tellValues(bytes + TEXT_PADDING);
  }

  #tellValues(bytes: number): void {
    this.#block.set(JSON_ROWS.out, this.#values);
    this.#block.set(JSON_ROWS.outEnd, this.#values + bytes - TEXT_PADDING);
  }

  #run(range: RowRange, isCounting: boolean): void {
    this.#end = range.end;
    this.#block.run(this.#kernel, range, isCounting);
  }

  #problem(kind: number, place: number): RowProblem {
    const column = this.#fields[place]?.name ?? '';
    if (kind === JSON_BAD_KIND.twice) return { kind: 'column', why: 'twice', column };
    if (kind === JSON_BAD_KIND.surrogate) return { kind: 'column', why: 'surrogate', column };
    const why = kind === JSON_BAD_KIND.depth ? 'depth' : kind === JSON_BAD_KIND.noObject ? 'noObject' : 'syntax';
    return { kind: 'json', why, byte: place };
  }
}
