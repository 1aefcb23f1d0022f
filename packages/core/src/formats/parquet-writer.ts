/**
 * Writes a Parquet file from batches in the arena, one at a time, on a codec thread. The file appears under its name when
 * it is whole and on the disk.
 */
import { open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

import type { Batch } from '../batch/contract.ts';
import { PipelineError } from '../errors.ts';
import type { Arena } from '../memory/contract.ts';
import { parseType } from '../schema/parse-type.ts';
import type { Fields } from '../schema/types.ts';
import { addBounds, type ColumnBounds, emptyBounds } from './column-bounds.ts';
import { DurableFile } from './durable-file.ts';
import { EncodedStream } from './encoded-stream.ts';
import { fileError } from './file-error.ts';
import { prefersDeltas } from './integer-encoding.ts';
import { type IpcColumn, ipcColumns } from './ipc-columns.ts';
import { encodeIpcStream, IpcScratch } from './ipc-stream.ts';
import { type ParquetChunk, readParquetInfo } from './parquet-info.ts';
import { LibraryPanic } from './parquet-library.ts';

export interface WriteParquetOptions {
  path: string;
  /** Columns of the batches. */
  fields: Fields;
  compression: 'none' | 'snappy' | 'zstd';
  rowGroupRows: number;
  /** Encoded bytes after which a row group is closed, whatever its rows. */
  rowGroupBytes?: number;
  arena: Arena;
  /** An ascending column, for its encoding. Its order is the caller's to verify. */
  orderedOn?: string;
  /** Key-value pairs of the footer. */
  metadata?: Readonly<Record<string, string>>;
  /** How columns are stored, where that differs from `fields` (see `store/stored-types.ts`). */
  stored?: { fields: Fields; convert(columns: IpcColumn[]): IpcColumn[] };
}

/** A file that was written. Plain data. */
export interface WrittenParquet {
  path: string;
  rows: number;
  bytes: number;
  /** Statistics by column, in the order of the fields, of the values before any conversion. */
  bounds: ColumnBounds[];
  /** The column chunks and the CRC-32 of each. */
  chunks: (ParquetChunk & { crc32: number })[];
}

/** Rows that are handed to the encoder at a time. */
const ENCODE_ROWS = 16_384;
/** Bytes that are handed to the encoder at a time, nearly. */
const ENCODE_BYTES = 4 * 1024 * 1024;
/** Bytes read at a time when a written file is summed up. */
const CHECK_BYTES = 256 * 1024;

function isDeltaEncoded(type: string): boolean {
  const parsed = parseType(type);
  const isInteger = parsed.domain === 'int' || parsed.domain === 'uint' || parsed.domain === 'temporal';
  return parsed.physical === 'fixed' && isInteger;
}

/** A file being written. After `open`, exactly one of `end` and `abort` is called. */
export class ParquetWriter {
  rows = 0;
  readonly #options: WriteParquetOptions;
  readonly #file: DurableFile;
  /** Begun with the first rows, which tell how to encode. */
  #stream: EncodedStream | undefined;
  readonly #bounds: ColumnBounds[];
  readonly #scratch = new IpcScratch();
  readonly #fileFields: Fields;

  private constructor(options: WriteParquetOptions, file: DurableFile) {
    this.#options = options;
    this.#file = file;
    this.#bounds = options.fields.map(() => emptyBounds());
    this.#fileFields = options.stored?.fields ?? options.fields;
  }

  /** Encoded bytes written so far; the row group at hand is not among them. */
  get bytes(): number {
    return this.#file.bytes;
  }

  /** Creates the temporary file. @throws ERR_IO */
  static async open(options: WriteParquetOptions): Promise<ParquetWriter> {
    return new ParquetWriter(options, await DurableFile.create(options.path));
  }

  /**
   * Encodes rows `from` … `from + rows` of a batch, which stays the caller's and may be released when this resolves.
   * @throws ERR_IO, ERR_TYPE_UNSUPPORTED
   */
  async push(batch: Batch, from = 0, rows: number = batch.rows): Promise<void> {
    const share = Math.max(1, Math.floor(ENCODE_BYTES / Math.max(1, batch.logicalBytes / Math.max(1, batch.rows))));
    const step = Math.min(ENCODE_ROWS, share);
    for (let done = 0; done < rows || (rows === 0 && done === 0); done += step) {
      await this.#encode(
        ipcColumns(this.#options.arena, batch, from + done, Math.min(step, rows - done)),
        Math.min(step, rows - done),
      );
    }
    batch.columns.forEach((column, i) =>
      addBounds(this.#bounds[i] ?? emptyBounds(), this.#options.arena, column, from, rows),
    );
    this.rows += rows;
  }

  async #encode(columns: IpcColumn[], rows: number): Promise<void> {
    const stored = this.#options.stored?.convert(columns) ?? columns;
    this.#stream ??= this.#begin(stored);
    try {
      await this.#stream.push(encodeIpcStream(this.#fileFields, stored, rows, this.#scratch));
    } catch (error) {
      throw this.#named(error);
    }
  }

  #begin(first: readonly IpcColumn[]): EncodedStream {
    const { compression, rowGroupRows, rowGroupBytes, orderedOn, metadata } = this.#options;
    const fields = this.#fileFields;
    const deltaColumns = fields.filter((field) => isDeltaEncoded(field.type)).map((field) => field.name);
    const plainColumns = deltaColumns.filter((name) => {
      const column = first[fields.findIndex((field) => field.name === name)];
      return column !== undefined && name !== orderedOn && prefersDeltas(column);
    });
    if (orderedOn !== undefined) plainColumns.push(orderedOn);
    return new EncodedStream(
      { compression, rowGroupRows, rowGroupBytes, deltaColumns, plainColumns, metadata: metadata ?? {} },
      (bytes) => this.#file.write(bytes),
    );
  }

  /** Finishes the file and gives it its name. Removes it and throws when that fails. @throws ERR_IO */
  async end(): Promise<WrittenParquet> {
    try {
      if (this.#stream === undefined)
        await this.#encode(
          this.#fileFields.map((field) => emptyIpcColumn(field.type)),
          0,
        );
      await this.#stream?.end();
      await this.#file.seal();
      const chunks = await chunkChecksums(this.#file.temporaryPath);
      await this.#file.commit();
      return { path: this.#options.path, rows: this.rows, bytes: this.#file.bytes, bounds: this.#bounds, chunks };
    } catch (error) {
      await this.#file.discard();
      throw this.#named(error);
    }
  }

  /** Removes the temporary file. */
  async abort(): Promise<void> {
    await this.#stream?.abort().catch(() => undefined);
    await this.#file.discard();
  }

  #named(error: unknown): PipelineError {
    if (error instanceof PipelineError) return error;
    const { path } = this.#options;
    const why =
      error instanceof LibraryPanic ? 'the encoder gave up' : error instanceof Error ? error.message : String(error);
    return new PipelineError('ERR_INTERNAL', `${path} cannot be written: ${why}`, {
      file: path,
      cause: error,
      hint: 'try a smaller rowGroupRows, so that the encoder needs less memory',
    });
  }
}

function emptyIpcColumn(type: IpcColumn['type']): IpcColumn {
  const { physical, of } = parseType(type);
  const child =
    physical === 'dictionary'
      ? emptyIpcColumn('utf8')
      : of === undefined
        ? undefined
        : emptyIpcColumn(of as IpcColumn['type']);
  const offsets = physical === 'variable' || physical === 'list' ? new Uint8Array(4) : undefined;
  return { type, rows: 0, nullCount: 0, validity: undefined, offsets, values: new Uint8Array(), child };
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
