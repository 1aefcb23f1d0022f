import type { Arena, Ptr } from '../../memory/contract.ts';
import type { SavedBytes, SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';

const CHUNK_ROWS = 65_536;

export interface SavedWords {
  from: number;
  chunks: SavedBytes[];
}

/** A u32 for each of the latest rows, by number: 0 until it is written. In chunks, so that it grows and shrinks without copies. */
export class RowWords {
  readonly #arena: Arena;
  readonly #owner: number;
  readonly #u32: Uint32Array;
  /** Number of the first chunk. */
  #from = 0;
  #chunks: Ptr[] = [];

  constructor(arena: Arena, owner: number) {
    this.#arena = arena;
    this.#owner = owner;
    this.#u32 = new Uint32Array(arena.buffer);
  }

  get bytes(): number {
    return 4 * CHUNK_ROWS * this.#chunks.length;
  }

  /** Makes room for rows below `end`. @throws ERR_MEMORY_EXHAUSTED */
  growTo(end: number): void {
    while ((this.#from + this.#chunks.length) * CHUNK_ROWS < end) {
      const chunk = this.#arena.alloc(4 * CHUNK_ROWS, this.#owner);
      this.#u32.fill(0, chunk >>> 2, (chunk >>> 2) + CHUNK_ROWS);
      this.#chunks.push(chunk);
    }
  }

  get(row: number): number {
    return this.#u32[this.#at(row)] as number;
  }

  set(row: number, word: number): void {
    this.#u32[this.#at(row)] = word;
  }

  #at(row: number): number {
    const chunk = Math.floor(row / CHUNK_ROWS);
    return ((this.#chunks[chunk - this.#from] as Ptr) >>> 2) + (row - chunk * CHUNK_ROWS);
  }

  /** Rows before this one are not asked for again. */
  dropBefore(row: number): void {
    while (this.#chunks.length > 0 && (this.#from + 1) * CHUNK_ROWS <= row) {
      this.#arena.release(this.#chunks.shift() as Ptr);
      this.#from += 1;
    }
  }

  async save(writer: SnapshotWriter): Promise<SavedWords> {
    const chunks: SavedBytes[] = [];
    for (const chunk of this.#chunks) chunks.push(await writer.bytes(this.#arena.bytesAt(chunk, 4 * CHUNK_ROWS)));
    return { from: this.#from, chunks };
  }

  restore({ from, chunks }: SavedWords, reader: SnapshotReader): void {
    this.#from = from;
    for (const saved of chunks) {
      const chunk = this.#arena.alloc(saved.bytes, this.#owner);
      this.#chunks.push(chunk);
      reader.bytes(saved, this.#arena.bytesAt(chunk, saved.bytes));
    }
  }

  close(): void {
    for (const chunk of this.#chunks.splice(0)) this.#arena.release(chunk);
  }
}
