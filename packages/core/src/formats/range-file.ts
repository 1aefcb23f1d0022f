/**
 * The file as the Parquet library sees it: something with a size whose byte ranges can be read. Being in between, we
 * check what passes: no Parquet reader notices changed bytes inside a page, so checksums are compared here, those that
 * the store keeps for its own files and those that some writers put into page headers.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

import { PipelineError } from '../errors.ts';
import { fileError } from './file-error.ts';
import type { ParquetChunk, ParquetInfo } from './parquet-info.ts';
import { decodeThriftStructAt, numberField } from './thrift-compact.ts';

/** CRC-32 by offset of the chunk in the file. */
export type ChunkChecksums = ReadonlyMap<number, number>;

/** Bytes of one read. */
const MOST_AT_ONCE = 2 ** 30;

/** What the library takes for a Blob. */
interface BlobLike {
  readonly size: number;
  slice(from: number, to: number): { arrayBuffer(): Promise<ArrayBuffer> };
}

/** What `lib` does not have yet: Node 20 does. */
type ResizableBuffer = ArrayBuffer & { resize(bytes: number): void };
const ResizableArrayBuffer = ArrayBuffer as unknown as new (
  bytes: number,
  options: { maxByteLength: number },
) => ResizableBuffer;

/** An open file. `close` it on every path. */
export class RangeFile {
  /** The first refusal; the library only knows that a read failed. */
  failure: PipelineError | undefined;
  readonly #file: FileHandle;
  readonly #info: ParquetInfo;
  readonly #checksums: ChunkChecksums | undefined;
  /** Ranges that were handed to the library. */
  #lent: ResizableBuffer[] = [];

  private constructor(file: FileHandle, info: ParquetInfo, checksums: ChunkChecksums | undefined) {
    this.#file = file;
    this.#info = info;
    this.#checksums = checksums;
  }

  /** @throws ERR_FILE_NOT_FOUND, ERR_IO */
  static async open(info: ParquetInfo, checksums?: ChunkChecksums): Promise<RangeFile> {
    try {
      return new RangeFile(await open(info.path, 'r'), info, checksums);
    } catch (error) {
      throw await fileError(info.path, error);
    }
  }

  /** For `ParquetFile.fromFile`. */
  asBlob(): Blob {
    const blob: BlobLike = {
      size: this.#info.fileBytes,
      slice: (from, to) => ({ arrayBuffer: () => this.#read(from, to) }),
    };
    return blob as unknown as Blob;
  }

  /**
   * Gives back the memory of the ranges read so far, at once: the library has copied them, and the collector would see
   * megabytes of garbage late. Call it when a batch has come out of them.
   */
  reclaim(): void {
    for (const buffer of this.#lent) buffer.resize(0);
    this.#lent = [];
  }

  close(): Promise<void> {
    this.reclaim();
    return this.#file.close();
  }

  async #read(from: number, to: number): Promise<ArrayBuffer> {
    try {
      // Lengths in damaged pages: what is not there is not made room for, and Node ends the process when it is asked for 2 GiB at once.
      if (to > this.#info.fileBytes) throw this.#shrunk(this.#info.fileBytes);
      const buffer = new ResizableArrayBuffer(to - from, { maxByteLength: to - from });
      const bytes = new Uint8Array(buffer);
      let done = 0;
      while (done < bytes.length) {
        const { bytesRead } = await this.#file.read(
          bytes,
          done,
          Math.min(bytes.length - done, MOST_AT_ONCE),
          from + done,
        );
        if (bytesRead === 0) throw this.#shrunk(from + done);
        done += bytesRead;
      }
      for (const group of this.#info.rowGroups) {
        for (const chunk of group.chunks) {
          const isInside = chunk.offset >= from && chunk.offset + chunk.bytes <= to;
          if (isInside) this.#check(chunk, bytes.subarray(chunk.offset - from, chunk.offset - from + chunk.bytes));
        }
      }
      this.#lent.push(buffer);
      return buffer;
    } catch (error) {
      this.failure ??= error instanceof PipelineError ? error : await fileError(this.#info.path, error);
      throw error;
    }
  }

  #shrunk(at: number): PipelineError {
    const { path } = this.#info;
    return new PipelineError('ERR_FILE_TRUNCATED', `${path} ended at byte ${at} while it was being read`, {
      file: path,
      hint: 'something else changed the file: run again when it is done',
    });
  }

  #check(chunk: ParquetChunk, bytes: Uint8Array): void {
    const { path } = this.#info;
    const expected = this.#checksums?.get(chunk.offset);
    if (expected !== undefined && crc32(bytes) !== expected) throw changedChunk(path, chunk.column);
    if (expected === undefined && !pageChecksumsHold(bytes)) {
      throw new PipelineError(
        'ERR_FILE_FORMAT',
        `${path}: a page of column "${chunk.column}" does not match its checksum`,
        {
          file: path,
          column: chunk.column,
          hint: 'the file is damaged: restore it, or write it again',
        },
      );
    }
  }
}

/** The refusal for bytes that do not match their checksum. */
export function changedChunk(path: string, column: string): PipelineError {
  return new PipelineError(
    'ERR_STORE_CORRUPT',
    `${path}: the bytes of column "${column}" are not those that were written`,
    {
      file: path,
      column,
      hint: 'the disk or another program changed the file: restore it from a copy',
    },
  );
}

/** Walks the pages of a chunk as far as they carry checksums. Pages that do not parse are left to the decoder. */
function pageChecksumsHold(chunk: Uint8Array): boolean {
  let at = 0;
  try {
    while (at < chunk.length) {
      const { fields, end } = decodeThriftStructAt(chunk, at);
      const size = numberField(fields, 3) ?? 0;
      const stored = numberField(fields, 4);
      if (stored === undefined || size < 0 || end + size > chunk.length) return true;
      if (crc32(chunk.subarray(end, end + size)) !== stored >>> 0) return false;
      at = end + size;
    }
  } catch {
    // Not a page header: the decoder says what is wrong, in better words.
  }
  return true;
}
