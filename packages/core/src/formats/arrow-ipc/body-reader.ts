/**
 * The buffers of one record batch: read from the file into the arena, or, where they are compressed, unpacked there first.
 *
 * Memory: what is read goes where the caller says; compressed buffers are held, packed and unpacked, until `forget`.
 */
import { PipelineError } from '../../errors.ts';
import { kernelExports } from '../../kernels/compiled-kernels.ts';
import type { Arena, Ptr } from '../../memory/contract.ts';
import { FlatReader } from '../flatbuffer-reader.ts';
import { writeZstdTables, ZSTD_SCRATCH_BYTES } from '../parquet-native/zstd-tables.ts';
import { type OpenFile, readFully } from '../read-fully.ts';
import type { ArrowBlock, ArrowColumn } from './arrow-format.ts';
import { type BatchHead, type BodyRange, checkColumns, readBatchHead } from './batch-head.ts';
import { unpackLz4Frame } from './lz4-frame.ts';

/** Bytes behind what kernels read and write. */
const SLACK = 64;
const LENGTH_BYTES = 8;
/** Offsets of our batches are of 32 bits. */
const MOST_BYTES = 2 ** 31 - 1;
/** A block of 128 KiB of one byte takes Zstandard four; LZ4 is far from that. */
const MOST_RATIO = 32_768;
const LZ4 = 0;
const ZSTD = 1;

export class BodyReader {
  readonly head: BatchHead;
  readonly #arena: Arena;
  readonly #owner: number;
  readonly #file: OpenFile;
  readonly #block: ArrowBlock;
  readonly #unpacked = new Map<number, { slab: Ptr; at: Ptr; bytes: number }>();

  /**
   * `columns` are those that will be read: all that is said of them is checked against the body.
   * @throws ERR_IO, ERR_FILE_TRUNCATED, ERR_FILE_FORMAT
   */
  constructor(arena: Arena, owner: number, file: OpenFile, block: ArrowBlock, columns: readonly ArrowColumn[]) {
    this.#arena = arena;
    this.#owner = owner;
    this.#file = file;
    this.#block = block;
    const bytes = new Uint8Array(block.bytes);
    readFully(file, bytes, 0, block.bytes, block.at);
    try {
      const flat = new FlatReader(bytes);
      const header = flat.table(flat.root(), 2);
      const isDictionary = flat.i8(flat.root(), 1, 0) === 2;
      this.head = readBatchHead(flat, isDictionary ? flat.table(header, 1) : header, block.bodyBytes);
      checkColumns(this.head, columns, (buffer) => this.#promised(buffer));
    } catch (error) {
      if (error instanceof RangeError) throw this.damaged(error.message);
      throw error;
    }
  }

  get path(): string {
    return this.#file.path;
  }

  damaged(why: string): PipelineError {
    return new PipelineError(
      'ERR_FILE_FORMAT',
      `${this.path}: the record batch at byte ${this.#block.at} cannot be read: ${why}`,
      {
        file: this.path,
        hint: 'the file is damaged, or was written wrongly: write it again',
      },
    );
  }

  /** Bytes of a buffer. @throws ERR_FILE_FORMAT, ERR_MEMORY_EXHAUSTED */
  size(buffer: number): number {
    if (this.head.codec !== undefined) return this.#unpack(buffer).bytes;
    return this.#rangeOf(buffer).bytes;
  }

  /** Bytes [from, from + bytes) of a buffer. @throws ERR_FILE_FORMAT, ERR_FILE_TRUNCATED, ERR_IO */
  read(buffer: number, from: number, bytes: number, to: Ptr): void {
    if (bytes === 0) return;
    if (from < 0 || from + bytes > this.size(buffer)) throw this.damaged('a buffer is too short');
    if (this.head.codec !== undefined) {
      const { at } = this.#unpack(buffer);
      this.#arena.u8.copyWithin(to, at + from, at + from + bytes);
    } else readFully(this.#file, this.#arena.u8, to, bytes, this.#rangeOf(buffer).at + from);
  }

  /** Lets go of what was unpacked. */
  forget(): void {
    for (const { slab } of this.#unpacked.values()) this.#arena.release(slab);
    this.#unpacked.clear();
  }

  /** In the file. */
  #rangeOf(buffer: number): BodyRange {
    const range = this.head.buffers[buffer];
    if (range === undefined) throw this.damaged('it has too few buffers');
    return { at: this.#block.bodyAt + range.at, bytes: range.bytes };
  }

  /** Bytes that a buffer says it has. */
  #promised(buffer: number): number {
    const { at, bytes } = this.#rangeOf(buffer);
    if (this.head.codec === undefined || bytes === 0) return bytes;
    if (bytes < LENGTH_BYTES) throw this.damaged('a compressed buffer is too short');
    const prefix = Buffer.alloc(LENGTH_BYTES);
    readFully(this.#file, prefix, 0, LENGTH_BYTES, at);
    return this.#lengthOf(prefix.readBigInt64LE(), bytes) ?? bytes - LENGTH_BYTES;
  }

  /** Bytes that a buffer has when it is unpacked; undefined where it is not compressed after all. */
  #lengthOf(length: bigint, packedBytes: number): number | undefined {
    if (length === -1n) return undefined;
    const most = Math.min(MOST_BYTES, packedBytes * MOST_RATIO);
    if (length < 0n || length > BigInt(most)) throw this.damaged(`${packedBytes} bytes cannot unpack to ${length}`);
    return Number(length);
  }

  #unpack(buffer: number): { at: Ptr; bytes: number } {
    const known = this.#unpacked.get(buffer);
    if (known !== undefined) return known;
    const { at, bytes } = this.#rangeOf(buffer);
    if (bytes === 0) return { at: 0, bytes: 0 };
    if (bytes < LENGTH_BYTES) throw this.damaged('a compressed buffer is too short');
    const arena = this.#arena;
    const packed = arena.alloc(bytes + SLACK, this.#owner);
    let isKept = false;
    try {
      readFully(this.#file, arena.u8, packed, bytes, at);
      const prefix = new DataView(arena.buffer, packed, LENGTH_BYTES).getBigInt64(0, true);
      const length = this.#lengthOf(prefix, bytes);
      if (length === undefined) {
        isKept = true;
        const plain = { slab: packed, at: packed + LENGTH_BYTES, bytes: bytes - LENGTH_BYTES };
        this.#unpacked.set(buffer, plain);
        return plain;
      }
      const unpacked = this.#decode(packed + LENGTH_BYTES, packed + bytes, length);
      this.#unpacked.set(buffer, unpacked);
      return unpacked;
    } finally {
      if (!isKept) arena.release(packed);
    }
  }

  #decode(from: Ptr, end: Ptr, bytes: number): { slab: Ptr; at: Ptr; bytes: number } {
    const arena = this.#arena;
    const kernels = kernelExports(arena.memory) as unknown as Record<string, (...args: number[]) => number>;
    const slab = arena.alloc(bytes + SLACK, this.#owner);
    let done: number | undefined;
    try {
      if (this.head.codec === ZSTD) {
        const scratch = arena.alloc(ZSTD_SCRATCH_BYTES, this.#owner);
        try {
          writeZstdTables(arena.u8, scratch);
          done = kernels['zstdDecode']?.(scratch, from, end, slab, bytes);
        } finally {
          arena.release(scratch);
        }
      } else if (this.head.codec === LZ4) done = unpackLz4Frame(arena, from, end, slab, bytes);
      else throw this.damaged(`its codec ${this.head.codec} is not known`);
      if (done !== bytes) throw this.damaged('a compressed buffer does not unpack');
      return { slab, at: slab, bytes };
    } catch (error) {
      arena.release(slab);
      throw error;
    }
  }
}
