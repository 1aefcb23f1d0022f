/** Batches in, bytes of a Parquet file out, and what is known of the values meanwhile. Where the bytes go is the caller's. */
import type { Batch } from '../batch/contract.ts';
import { PipelineError } from '../errors.ts';
import type { Arena } from '../memory/contract.ts';
import { parseType } from '../schema/parse-type.ts';
import type { Fields } from '../schema/types.ts';
import { addBounds, type ColumnBounds, emptyBounds } from './column-bounds.ts';
import { EncodedStream } from './encoded-stream.ts';
import { prefersDeltas } from './integer-encoding.ts';
import { type IpcColumn, ipcColumns } from './ipc-columns.ts';
import { encodeIpcStream, IpcScratch } from './ipc-stream.ts';
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
  /** For readers of few encodings: values as they are. */
  isPlain?: boolean;
  /** Key-value pairs of the footer. */
  metadata?: Readonly<Record<string, string>>;
  /** How columns are stored, where that differs from `fields` (see `store/stored-types.ts`). */
  stored?: { fields: Fields; convert(columns: IpcColumn[]): IpcColumn[] };
}

/** Rows that are handed to the encoder at a time. */
const ENCODE_ROWS = 16_384;
/** Bytes that are handed to the encoder at a time, nearly. */
const ENCODE_BYTES = 4 * 1024 * 1024;

function isDeltaEncoded(type: string): boolean {
  const parsed = parseType(type);
  const isInteger = parsed.domain === 'int' || parsed.domain === 'uint' || parsed.domain === 'temporal';
  return parsed.physical === 'fixed' && isInteger;
}

/** A file being encoded. Exactly one of `end` and `abort` is called. */
export class ParquetEncoder {
  rows = 0;
  /** Statistics by column, in the order of the fields, of the values before any conversion. */
  readonly bounds: ColumnBounds[];
  readonly #options: WriteParquetOptions;
  readonly #write: (bytes: Uint8Array) => Promise<void>;
  /** Begun with the first rows, which tell how to encode. */
  #stream: EncodedStream | undefined;
  readonly #scratch = new IpcScratch();
  readonly #fileFields: Fields;

  /** @param write takes the next bytes of the file, and is awaited */
  constructor(options: WriteParquetOptions, write: (bytes: Uint8Array) => Promise<void>) {
    this.#options = options;
    this.#write = write;
    this.bounds = options.fields.map(() => emptyBounds());
    this.#fileFields = options.stored?.fields ?? options.fields;
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
      addBounds(this.bounds[i] ?? emptyBounds(), this.#options.arena, column, from, rows),
    );
    this.rows += rows;
  }

  async #encode(columns: IpcColumn[], rows: number): Promise<void> {
    const stored = this.#options.stored?.convert(columns) ?? columns;
    this.#stream ??= this.#begin(stored);
    try {
      await this.#stream.push(encodeIpcStream(this.#fileFields, stored, rows, this.#scratch));
    } catch (error) {
      throw this.named(error);
    }
  }

  #begin(first: readonly IpcColumn[]): EncodedStream {
    const { compression, rowGroupRows, rowGroupBytes, orderedOn, isPlain, metadata } = this.#options;
    const fields = this.#fileFields;
    const names = (some: Fields): string[] => some.map((field) => field.name);
    const deltaColumns = isPlain === true ? [] : names(fields.filter((field) => isDeltaEncoded(field.type)));
    const plainColumns = deltaColumns.filter((name) => {
      const column = first[fields.findIndex((field) => field.name === name)];
      return column !== undefined && name !== orderedOn && prefersDeltas(column);
    });
    if (isPlain === true) plainColumns.push(...names(fields));
    else if (orderedOn !== undefined) plainColumns.push(orderedOn);
    return new EncodedStream(
      { compression, rowGroupRows, rowGroupBytes, deltaColumns, plainColumns, metadata: metadata ?? {} },
      this.#write,
    );
  }

  /** Writes what is left and the footer. @throws ERR_IO, ERR_INTERNAL */
  async end(): Promise<void> {
    try {
      if (this.#stream === undefined)
        await this.#encode(
          this.#fileFields.map((field) => emptyIpcColumn(field.type)),
          0,
        );
      await this.#stream?.end();
    } catch (error) {
      throw this.named(error);
    }
  }

  /** Stops; what was written is no file. */
  async abort(): Promise<void> {
    await this.#stream?.abort().catch(() => undefined);
  }

  /** What is thrown, as the refusal of this file. */
  named(error: unknown): PipelineError {
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
