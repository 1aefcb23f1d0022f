/**
 * The buffers of one record batch: read from the file into the arena, or, where they are compressed, unpacked there first.
 *
 * Memory: what is read goes where the caller says; compressed buffers are held, packed and unpacked, until `forget`.
 */
import { readSync } from 'node:fs';
import { PipelineError } from '../../errors.ts';
import { kernelExports } from '../../kernels/compiled-kernels.ts';
import type { Arena, Ptr } from '../../memory/contract.ts';
import { FlatReader } from '../flatbuffer-reader.ts';
import { writeZstdTables, ZSTD_SCRATCH_BYTES } from '../parquet-native/zstd-tables.ts';
import type { ArrowBlock } from './arrow-format.ts';
import { unpackLz4Frame } from './lz4-frame.ts';

/** Bytes behind what kernels read and write. */
const SLACK = 64;
const LENGTH_BYTES = 8;
const LZ4 = 0;
const ZSTD = 1;

interface Range {
  at: number;
  bytes: number;
}

/** Where a file is. */
export interface OpenFile {
  path: string;
  fd: number;
}

export class BodyReader {
  readonly path: string;
  readonly rows: number;
  readonly nodes: { rows: number; nulls: number }[];
  /** Of views: how many further buffers each has. */
  readonly variadic: number[];
  readonly #arena: Arena;
  readonly #owner: number;
  readonly #fd: number;
  readonly #ranges: Range[];
  readonly #codec: number | undefined;
  readonly #unpacked = new Map<number, { slab: Ptr; at: Ptr; bytes: number }>();

  /** @throws ERR_IO, ERR_FILE_TRUNCATED, ERR_FILE_FORMAT */
  constructor(arena: Arena, owner: number, { path, fd }: OpenFile, block: ArrowBlock) {
    this.#arena = arena;
    this.#owner = owner;
    this.#fd = fd;
    this.path = path;
    const head = new Uint8Array(block.bytes);
    readFully(path, fd, head, 0, block.bytes, block.at);
    try {
      const flat = new FlatReader(head);
      const header = flat.table(flat.root(), 2);
      const isDictionary = flat.i8(flat.root(), 1, 0) === 2;
      const batch = isDictionary ? flat.table(header, 1) : header;
      this.rows = flat.i64(batch, 0, 0);
      this.nodes = flat.structs(batch, 1, 16).map((at) => ({ rows: flat.int64At(at), nulls: flat.int64At(at + 8) }));
      this.#ranges = flat.structs(batch, 2, 16).map((at) => ({ at: flat.int64At(at), bytes: flat.int64At(at + 8) }));
      this.variadic = flat.structs(batch, 4, 8).map((at) => flat.int64At(at));
      const compression = flat.table(batch, 3);
      this.#codec = compression === 0 ? undefined : flat.i8(compression, 0, 0);
      const isOutside = ({ at, bytes }: Range): boolean => at < 0 || bytes < 0 || at + bytes > block.bodyBytes;
      if (this.#ranges.some(isOutside) || this.rows < 0) throw new RangeError('a buffer lies outside of its body');
      for (const range of this.#ranges) range.at += block.bodyAt;
    } catch (error) {
      if (error instanceof RangeError) throw this.damaged(error.message);
      throw error;
    }
  }

  damaged(why: string): PipelineError {
    return new PipelineError('ERR_FILE_FORMAT', `${this.path}: a record batch cannot be read: ${why}`, {
      file: this.path,
      hint: 'the file is damaged, or was written wrongly: write it again',
    });
  }

  /** Bytes of a buffer. @throws ERR_FILE_FORMAT, ERR_MEMORY_EXHAUSTED */
  size(buffer: number): number {
    if (this.#codec !== undefined) return this.#unpack(buffer).bytes;
    return this.#rangeOf(buffer).bytes;
  }

  /** Bytes [from, from + bytes) of a buffer. @throws ERR_FILE_FORMAT, ERR_FILE_TRUNCATED, ERR_IO */
  read(buffer: number, from: number, bytes: number, to: Ptr): void {
    if (bytes === 0) return;
    if (from < 0 || from + bytes > this.size(buffer)) throw this.damaged('a buffer is too short');
    if (this.#codec !== undefined) {
      const { at } = this.#unpack(buffer);
      this.#arena.u8.copyWithin(to, at + from, at + from + bytes);
    } else readFully(this.path, this.#fd, this.#arena.u8, to, bytes, this.#rangeOf(buffer).at + from);
  }

  /** Lets go of what was unpacked. */
  forget(): void {
    for (const { slab } of this.#unpacked.values()) this.#arena.release(slab);
    this.#unpacked.clear();
  }

  #rangeOf(buffer: number): Range {
    const range = this.#ranges[buffer];
    if (range === undefined) throw this.damaged('it has too few buffers');
    return range;
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
      readFully(this.path, this.#fd, arena.u8, packed, bytes, at);
      const length = new DataView(arena.buffer, packed, LENGTH_BYTES).getBigInt64(0, true);
      if (length === -1n) {
        isKept = true;
        const plain = { slab: packed, at: packed + LENGTH_BYTES, bytes: bytes - LENGTH_BYTES };
        this.#unpacked.set(buffer, plain);
        return plain;
      }
      if (length < 0n || length > 2n ** 31n) throw this.damaged(`a buffer of ${length} bytes`);
      const unpacked = this.#decode(packed + LENGTH_BYTES, packed + bytes, Number(length));
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
      if (this.#codec === ZSTD) {
        const scratch = arena.alloc(ZSTD_SCRATCH_BYTES, this.#owner);
        try {
          writeZstdTables(arena.u8, scratch);
          done = kernels['zstdDecode']?.(scratch, from, end, slab, bytes);
        } finally {
          arena.release(scratch);
        }
      } else if (this.#codec === LZ4) done = unpackLz4Frame(arena, from, end, slab, bytes);
      else throw this.damaged(`its codec ${this.#codec} is not known`);
      if (done !== bytes) throw this.damaged('a compressed buffer does not unpack');
      return { slab, at: slab, bytes };
    } catch (error) {
      arena.release(slab);
      throw error;
    }
  }
}

function readFully(path: string, fd: number, into: Uint8Array, at: number, bytes: number, from: number): void {
  for (let done = 0; done < bytes; ) {
    let read: number;
    try {
      read = readSync(fd, into, at + done, bytes - done, from + done);
    } catch (cause) {
      throw new PipelineError('ERR_IO', `${path}: ${(cause as Error).message}`, {
        file: path,
        cause,
        hint: 'check the disk and run again',
      });
    }
    if (read === 0) {
      throw new PipelineError('ERR_FILE_TRUNCATED', `${path} ended at byte ${from + done} while it was being read`, {
        file: path,
        hint: 'something else changed the file: run again when it is done',
      });
    }
    done += read;
  }
}
