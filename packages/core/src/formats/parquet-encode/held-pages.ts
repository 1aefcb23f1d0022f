/**
 * Pages of a row group until it is whole: a file has the columns of a row group one behind the other, and they are made side by side. Where they
 * do not fit into their part of memory, one column, the largest, goes to the file at once; what else there is waits in a file without a name.
 */
import { type FileHandle, open, rm } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import type { Ptr } from '../../memory/contract.ts';
import { joinCrc32 } from '../crc32-join.ts';
import type { EncoderMemory } from './encoder-memory.ts';
import { HELD_BYTES } from './encoder-sizes.ts';

/** Bytes that go to a file or come from it at a time. */
const BLOCK_BYTES: number = 64 * 1024;

interface Block {
  at: Ptr;
  bytes: number;
  used: number;
}

/** Bytes of one column, in the order in which they were added: those on disk first. */
export interface HeldColumn {
  bytes: number;
  /** CRC-32 of all of them. */
  sum: number;
  /** A dictionary may have to go before them. */
  isOpenInFront: boolean;
  readonly stored: { from: number; bytes: number }[];
  readonly blocks: Block[];
}

export class HeldPages {
  readonly #memory: EncoderMemory;
  readonly #path: string;
  #columns: HeldColumn[] = [];
  #file: FileHandle | undefined;
  #fileBytes = 0;
  /** The column of which the first bytes are where they belong. */
  #placed: HeldColumn | undefined;

  /** @param path of a file that is made where memory does not do; nothing else has that name */
  constructor(memory: EncoderMemory, path: string) {
    this.#memory = memory;
    this.#path = path;
  }

  /** Of the row group, so far. */
  get bytes(): number {
    return this.#columns.reduce((sum, column) => sum + column.bytes, 0);
  }

  /** A further column of the row group. */
  begin(): HeldColumn {
    const column: HeldColumn = { bytes: 0, sum: 0, isOpenInFront: true, stored: [], blocks: [] };
    this.#columns.push(column);
    return column;
  }

  append(column: HeldColumn, bytes: Uint8Array): void {
    this.#append(column, bytes.length, crc32(bytes), (from, to, at) =>
      this.#memory.u8.set(bytes.subarray(from, to), at),
    );
  }

  /** Bytes that lie in the memory already, and their CRC-32. */
  appendFrom(column: HeldColumn, at: Ptr, bytes: number, sum: number): void {
    const { kernels } = this.#memory;
    this.#append(column, bytes, sum, (from, to, out) => kernels['copyBytes']?.(at + from, to - from, out));
  }

  #append(column: HeldColumn, bytes: number, sum: number, put: (from: number, to: number, at: Ptr) => void): void {
    for (let done = 0; done < bytes; ) {
      const block = this.#room(column);
      const some = Math.min(bytes - done, block.bytes - block.used);
      put(done, done + some, block.at + block.used);
      block.used += some;
      done += some;
    }
    column.sum = joinCrc32(column.sum, sum, bytes);
    column.bytes += bytes;
  }

  /** The column whose chunk has begun in the file: the others go behind it. */
  get placed(): HeldColumn | undefined {
    return this.#placed;
  }

  #room(column: HeldColumn): Block {
    const last = column.blocks.at(-1);
    if (last !== undefined && last.used < last.bytes) return last;
    const block = { ...this.#memory.take(BLOCK_BYTES), used: 0 };
    column.blocks.push(block);
    this.#memory.heldBytes += block.bytes;
    return block;
  }

  /**
   * Makes room, where the writers of this thread hold more than they may: the largest column goes first.
   * @param place writes what the file has next
   * @throws what the file system says
   */
  async shrink(place: (views: readonly Uint8Array[]) => Promise<void>): Promise<void> {
    while (this.#memory.heldBytes > HELD_BYTES) {
      const most = this.#columns.reduce((a, b) => (b.blocks.length > a.blocks.length ? b : a));
      if (most.blocks.length === 0) return;
      if (!most.isOpenInFront && most.stored.length === 0) this.#placed ??= most;
      if (this.#placed === most) await place(this.views(most));
      else await this.#store(most);
      this.#giveBack(most);
    }
  }

  async #store(column: HeldColumn): Promise<void> {
    const bytes = this.memoryBytes(column);
    const file = (this.#file ??= await this.#open());
    const from = this.#fileBytes;
    await writeAll(file, this.views(column), from);
    this.#fileBytes += bytes;
    column.stored.push({ from, bytes });
  }

  async #open(): Promise<FileHandle> {
    const file = await open(this.#path, 'w+');
    // It goes with its handle, whatever happens.
    await rm(this.#path);
    return file;
  }

  /** Bytes of a column that are in memory. */
  memoryBytes(column: HeldColumn): number {
    return column.blocks.reduce((sum, block) => sum + block.used, 0);
  }

  /** They themselves, as long as the memory does not grow. */
  views(column: HeldColumn): Uint8Array[] {
    return column.blocks.map((block) => this.#memory.view(block.at, block.used));
  }

  /** What of a column is on disk, piece by piece; a piece is valid until the next. @throws what the file system says */
  async *stored(column: HeldColumn): AsyncGenerator<Uint8Array> {
    const buffer = new Uint8Array(BLOCK_BYTES);
    for (const { from, bytes } of column.stored) {
      for (let done = 0; done < bytes; ) {
        const { bytesRead = 0 } =
          (await this.#file?.read(buffer, 0, Math.min(buffer.length, bytes - done), from + done)) ?? {};
        if (bytesRead === 0) throw new Error('pages that were put aside are gone');
        yield buffer.subarray(0, bytesRead);
        done += bytesRead;
      }
    }
  }

  #giveBack(column: HeldColumn): void {
    for (const block of column.blocks.splice(0)) {
      this.#memory.heldBytes -= block.bytes;
      this.#memory.give(block);
    }
  }

  /** The row group is written. */
  reset(): void {
    for (const column of this.#columns.splice(0)) this.#giveBack(column);
    this.#fileBytes = 0;
    this.#placed = undefined;
  }

  async close(): Promise<void> {
    this.reset();
    await this.#file?.close();
    this.#file = undefined;
  }
}

/** Writes all bytes, from a place in the file on. */
async function writeAll(file: FileHandle, views: readonly Uint8Array[], from: number): Promise<void> {
  let at = from;
  for (const view of views) {
    for (let done = 0; done < view.length; )
      done += (await file.write(view, done, view.length - done, at + done)).bytesWritten;
    at += view.length;
  }
}
