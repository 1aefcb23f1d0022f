import assert from 'node:assert';
import { mix } from '../generators/mix.ts';

/** Columns of a result, in order; all of one length. */
export type DigestColumn = BigInt64Array | Float64Array | Int32Array;

/** A digest of rows, their order and value bits, blind to how they are cut into batches. Leaves no garbage behind, so that it weighs nothing. */
export class RowDigest {
  #rows = 0;
  #low = 0;
  #high = 0x5bd1e995;

  add(columns: readonly DigestColumn[]): void {
    const words = columns.map((column) => ({
      words: new Int32Array(column.buffer, column.byteOffset, column.byteLength >>> 2),
      each: column.BYTES_PER_ELEMENT >>> 2,
    }));
    const rows = columns[0]?.length ?? 0;
    assert(columns.every((column) => column.length === rows));
    for (let row = 0; row < rows; row += 1)
      for (const column of words)
        for (let word = 0; word < column.each; word += 1) this.#take(column.words[row * column.each + word] as number);
    this.#rows += rows;
  }

  text(): string {
    const hex = (half: number): string => (half >>> 0).toString(16).padStart(8, '0');
    return `${this.#rows} rows, ${hex(this.#high)}${hex(this.#low)}`;
  }

  #take(word: number): void {
    this.#low = mix((word + this.#low) | 0);
    this.#high = mix((word ^ Math.imul(this.#high, 31)) | 0);
  }
}
