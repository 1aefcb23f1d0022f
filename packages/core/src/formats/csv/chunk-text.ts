/** Bytes of a CSV file in the arena, for one thread: a chunk, and behind it as much as its last row needs. */
import type { Arena, Ptr } from '../../memory/contract.ts';
import { readFully } from '../read-fully.ts';
import { TEXT_PADDING, textBytes } from './chunk-sizes.ts';
import type { TextFile } from './csv-format.ts';

/** A chunk to read: a range of a file's bytes, whose rows are those that start inside. */
export interface ChunkPlace {
  file: TextFile;
  fd: number;
  from: number;
  to: number;
}

export class ChunkText {
  place: ChunkPlace = {
    file: { path: '', bytes: 0, dataStart: 0, headLines: 0, names: [], fieldIndex: [] },
    fd: -1,
    from: 0,
    to: 0,
  };
  /** Where the bytes lie. Changes when they grow. */
  text: Ptr;
  /** Byte of the file that the first one is, and how many there are. */
  base = 0;
  bytes = 0;
  readonly #arena: Arena;
  readonly #owner: number;
  #capacity: number;

  /** @throws ERR_MEMORY_EXHAUSTED */
  constructor(arena: Arena, owner: number, chunkBytes: number) {
    this.#arena = arena;
    this.#owner = owner;
    this.#capacity = textBytes(chunkBytes) - TEXT_PADDING;
    this.text = arena.alloc(this.#capacity + TEXT_PADDING, owner);
  }

  close(): void {
    this.#arena.release(this.text);
  }

  get isEof(): boolean {
    return this.base + this.bytes >= this.place.file.bytes;
  }

  /** Place in the text at which the chunk ends. */
  get limit(): number {
    return this.place.to - this.base;
  }

  /** @throws ERR_FILE_TRUNCATED, ERR_IO */
  load(place: ChunkPlace): void {
    this.place = place;
    // One byte more, because what comes before a row tells that it is one.
    this.base = Math.max(place.file.dataStart, place.from - 1);
    this.bytes = 0;
    this.#readTo(Math.min(this.#capacity, place.file.bytes - this.base));
  }

  /** Reads twice as many bytes as there are. @throws ERR_MEMORY_EXHAUSTED, ERR_FILE_TRUNCATED, ERR_IO */
  grow(): void {
    const wanted = Math.min(2 * this.bytes, this.place.file.bytes - this.base);
    if (wanted > this.#capacity) {
      const text = this.#arena.alloc(wanted + TEXT_PADDING, this.#owner);
      this.#arena.u8.copyWithin(text, this.text, this.text + this.bytes);
      this.#arena.release(this.text);
      this.text = text;
      this.#capacity = wanted;
    }
    this.#readTo(wanted);
  }

  /** Calls with the bytes of the file up to a place, block by block, for what has to be known before a refusal. */
  reread(to: number, take: (bytes: number) => void): void {
    for (let from = 0; from < to; from += this.#capacity) {
      this.base = from;
      this.bytes = 0;
      this.#readTo(Math.min(this.#capacity, to - from));
      take(this.bytes);
    }
  }

  #readTo(bytes: number): void {
    const { file, fd } = this.place;
    readFully(
      { path: file.path, fd },
      this.#arena.u8,
      this.text + this.bytes,
      bytes - this.bytes,
      this.base + this.bytes,
    );
    this.bytes = bytes;
  }
}
