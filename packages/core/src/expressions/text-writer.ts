/** A utf8 column written row by row, whose bytes grow by doubling. */
import type { Column } from '../batch/contract.ts';
import { bytesOfArena, type ColumnDraft, type Frame } from './frame.ts';

const LARGEST = 2 ** 31 - 1;

export class TextWriter {
  readonly #frame: Frame;
  readonly #rows: number;
  readonly #draft: ColumnDraft;
  readonly #offsets: Int32Array;
  readonly #buffer: Buffer;
  /** The slab of the bytes; apart from that of offsets and validity, because it moves. */
  #bytes: ColumnDraft;
  #capacity: number;
  #used = 0;
  #row = 0;

  constructor(frame: Frame, rows: number, expectedBytes: number, hasValidity: boolean) {
    this.#frame = frame;
    this.#rows = rows;
    this.#draft = frame.allocate('utf8', rows, 0, hasValidity, true);
    this.#offsets = new Int32Array(frame.arena.buffer, this.#draft.offsets, rows + 1);
    this.#offsets[0] = 0;
    this.#buffer = bytesOfArena(frame.arena);
    this.#capacity = Math.max(64, expectedBytes);
    this.#bytes = frame.allocate('utf8', 0, this.#capacity, false);
  }

  /** Appends a piece of the current text that lies in the arena. */
  copy(start: number, end: number): void {
    this.#reserve(end - start);
    this.#frame.arena.u8.copyWithin(this.#bytes.values + this.#used, start, end);
    this.#used += end - start;
  }

  /** Appends a piece of the current text. */
  write(text: string): void {
    this.#reserve(text.length * 3);
    // Without a length Node takes all of the arena behind it, which as a 32-bit number is negative: nothing is written.
    this.#used += this.#buffer.write(text, this.#bytes.values + this.#used, text.length * 3, 'utf8');
  }

  /** The text of this row is complete. */
  endRow(): void {
    this.#row += 1;
    this.#offsets[this.#row] = this.#used;
  }

  #reserve(more: number): void {
    const needed = this.#used + more;
    if (needed <= this.#capacity) return;
    if (needed > LARGEST) {
      throw this.#frame.refuse('ERR_VALUE', this.#row, 'more than 2 GiB of text in one batch', {
        hint: 'use smaller batches',
      });
    }
    this.#capacity = Math.min(LARGEST, Math.max(needed, 2 * this.#capacity));
    const grown = this.#frame.allocate('utf8', 0, this.#capacity, false);
    this.#frame.arena.u8.copyWithin(grown.values, this.#bytes.values, this.#bytes.values + this.#used);
    this.#frame.drop(this.#bytes);
    this.#bytes = grown;
  }

  /** The column, with the nulls of another of the same length. */
  finish(nulls: Column): Column {
    const { values, slabs } = this.#bytes;
    this.#frame.copyValidity(this.#draft, nulls);
    const merged: ColumnDraft = {
      ...this.#draft,
      length: this.#rows,
      values,
      valueBytes: this.#used,
      slabs: [...this.#draft.slabs, ...slabs],
    };
    this.#frame.replace(this.#bytes, this.#draft);
    return this.#frame.replace(this.#draft, merged);
  }
}
