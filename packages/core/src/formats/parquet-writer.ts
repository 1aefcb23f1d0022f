/**
 * Writes a Parquet file from batches in the arena, one at a time, on a codec thread. The file appears under its name when
 * it is whole and on the disk.
 */
import { open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import type { Batch } from '../batch/contract.ts';
import type { ColumnBounds } from './column-bounds.ts';
import { DurableFile, TEMPORARY_SUFFIX } from './durable-file.ts';
import { fileError } from './file-error.ts';
import type { SummedChunk } from './parquet-encode/contract.ts';
import { ParquetEncoder, type WriteParquetOptions } from './parquet-encoder.ts';
import { readParquetInfo } from './parquet-info.ts';

/** A file that was written. Plain data. */
export interface WrittenParquet {
  path: string;
  rows: number;
  bytes: number;
  /** Statistics by column, in the order of the fields, of the values before any conversion. */
  bounds: ColumnBounds[];
  /** The column chunks and the CRC-32 of each. */
  chunks: SummedChunk[];
}

/** Bytes read at a time when a written file is summed up. */
const CHECK_BYTES = 256 * 1024;

/** A file being written. After `open`, exactly one of `end` and `abort` is called. */
export class ParquetWriter {
  readonly #path: string;
  readonly #file: DurableFile;
  readonly #encoder: ParquetEncoder;

  private constructor(options: WriteParquetOptions, file: DurableFile) {
    this.#path = options.path;
    this.#file = file;
    this.#encoder = new ParquetEncoder(options, {
      write: (views) => file.writeAll(views),
      overflowPath: `${file.temporaryPath}.pages${TEMPORARY_SUFFIX}`,
    });
  }

  get rows(): number {
    return this.#encoder.rows;
  }

  /** Encoded bytes written so far; the row group at hand is not among them. */
  get bytes(): number {
    return this.#file.bytes;
  }

  /** Creates the temporary file. @throws ERR_IO */
  static async open(options: WriteParquetOptions): Promise<ParquetWriter> {
    return new ParquetWriter(options, await DurableFile.create(options.path, options.isPassing));
  }

  /**
   * Encodes rows `from` … `from + rows` of a batch, which stays the caller's and may be released when this resolves.
   * @throws ERR_IO, ERR_TYPE_UNSUPPORTED
   */
  push(batch: Batch, from = 0, rows: number = batch.rows): Promise<void> {
    return this.#encoder.push(batch, from, rows);
  }

  /** Finishes the file and gives it its name. Removes it and throws when that fails. @throws ERR_IO */
  async end(): Promise<WrittenParquet> {
    try {
      const summed = await this.#encoder.end();
      await this.#file.seal();
      const chunks = summed ?? (await chunkChecksums(this.#file.temporaryPath));
      await this.#file.commit();
      const { rows, bounds } = this.#encoder;
      return { path: this.#path, rows, bytes: this.#file.bytes, bounds, chunks };
    } catch (error) {
      await this.#file.discard();
      throw this.#encoder.named(error);
    }
  }

  /** Removes the temporary file. */
  async abort(): Promise<void> {
    await this.#encoder.abort();
    await this.#file.discard();
  }
}

/** Reads a file's chunks back, from the page cache, to sum them up: their places are known only when it is whole. */
async function chunkChecksums(path: string): Promise<WrittenParquet['chunks']> {
  const info = await readParquetInfo(path);
  const file = await open(path, 'r');
  try {
    const chunks: WrittenParquet['chunks'] = [];
    const buffer = new Uint8Array(CHECK_BYTES);
    for (const chunk of info.rowGroups.flatMap((group) => group.chunks)) {
      let sum = 0;
      for (let done = 0; done < chunk.bytes; ) {
        const { bytesRead } = await file.read(
          buffer,
          0,
          Math.min(buffer.length, chunk.bytes - done),
          chunk.offset + done,
        );
        sum = crc32(buffer.subarray(0, bytesRead), sum);
        if (bytesRead === 0) throw new Error('the file shrank while it was being read back');
        done += bytesRead;
      }
      chunks.push({ ...chunk, crc32: sum });
    }
    return chunks;
  } catch (error) {
    throw await fileError(path, error);
  } finally {
    await file.close();
  }
}

/**
 * Writes batches as one file. The batches stay the caller's.
 *
 * Memory: the encoded pages of one row group and 4 MiB. Order: as given. A file without rows is valid and has the schema.
 * @throws ERR_IO, ERR_TYPE_UNSUPPORTED, ERR_INTERNAL; the temporary file is removed
 */
export async function writeParquetFile(
  batches: Iterable<Batch>,
  options: WriteParquetOptions,
): Promise<WrittenParquet> {
  const writer = await ParquetWriter.open(options);
  try {
    for (const batch of batches) await writer.push(batch);
  } catch (error) {
    await writer.abort();
    throw error;
  }
  return writer.end();
}
