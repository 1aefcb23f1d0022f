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
import type { EncoderOutput, SummedChunk } from './parquet-encode/contract.ts';
import { canEncodeNatively } from './parquet-encode/encodable.ts';
import { NativeEncoder } from './parquet-encode/native-encoder.ts';
import { LibraryPanic } from './parquet-library.ts';

export interface WriteParquetOptions {
  path: string;
  /** The file gets another name later: this one need not survive a power cut. */
  isPassing?: boolean;
  /** Columns of the batches. */
  fields: Fields;
  /** `light`: as `none`, but floats that are a tenth shorter in streams of bytes have their own frames, which cost little. */
  compression: 'none' | 'light' | 'snappy' | 'zstd';
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
  /** How columns are stored, where that differs from `fields` (see `store/log/stored-types.ts`). */
  stored?: { fields: Fields; convert(columns: IpcColumn[]): IpcColumn[] };
}

/** Rows that are handed to the library at a time. */
const LIBRARY_ROWS = 16_384;
/** Bytes that are handed to the library, and to our own encoder, at a time, nearly. */
const LIBRARY_BYTES = 4 * 1024 * 1024;
const NATIVE_BYTES = 1024 * 1024;

function isDeltaEncoded(type: string): boolean {
  const parsed = parseType(type);
  const isInteger = parsed.domain === 'int' || parsed.domain === 'uint' || parsed.domain === 'temporal';
  return parsed.physical === 'fixed' && isInteger;
}

/** A file being encoded. Exactly one of `end` and `abort` is called. */
export class ParquetEncoder {
  rows = 0;
  /** Of columns whose values are converted, and of all where the library encodes. */
  readonly #ownBounds: ColumnBounds[];
  /** Columns whose values go into the file as they are. */
  #isAsItIs: boolean[] | undefined;
  readonly #options: WriteParquetOptions;
  readonly #output: EncoderOutput;
  /** Our own encoder, where the columns are such as it writes. */
  readonly #native: NativeEncoder | undefined;
  #isNativeOpen = false;
  /** The library, begun with the first rows, which tell how to encode. */
  #stream: EncodedStream | undefined;
  readonly #scratch = new IpcScratch();
  readonly #fileFields: Fields;

  constructor(options: WriteParquetOptions, output: EncoderOutput) {
    this.#options = options;
    this.#output = output;
    this.#ownBounds = options.fields.map(() => emptyBounds());
    this.#fileFields = options.stored?.fields ?? options.fields;
    const { compression, rowGroupRows, rowGroupBytes, orderedOn, metadata = {} } = options;
    if (!canEncodeNatively(this.#fileFields, compression)) return;
    const common = { fields: this.#fileFields, compression, rowGroupRows, rowGroupBytes, orderedOn, metadata };
    this.#native = new NativeEncoder({ ...common, ...output });
    this.#isNativeOpen = true;
  }

  /** Statistics by column, in the order of the fields, of the values before any conversion. After `end`. */
  get bounds(): ColumnBounds[] {
    return this.#ownBounds.map((own, index) => this.#nativeBounds(index) ?? own);
  }

  /** The encoder's, which sees the values that it writes. */
  #nativeBounds(index: number): ColumnBounds | undefined {
    return this.#isAsItIs?.[index] === true ? this.#native?.bounds(index) : undefined;
  }

  /**
   * Encodes rows `from` … `from + rows` of a batch, which stays the caller's and may be released when this resolves.
   * @throws ERR_IO, ERR_TYPE_UNSUPPORTED
   */
  async push(batch: Batch, from = 0, rows: number = batch.rows): Promise<void> {
    const rowBytes = Math.max(1, batch.logicalBytes / Math.max(1, batch.rows));
    const share = Math.max(1, Math.floor((this.#native === undefined ? LIBRARY_BYTES : NATIVE_BYTES) / rowBytes));
    for (let done = 0; done < rows || (rows === 0 && done === 0); ) {
      const step = Math.min(this.#native?.room ?? LIBRARY_ROWS, share, rows - done);
      await this.#encode(ipcColumns(this.#options.arena, batch, from + done, step, this.#native === undefined), step);
      done += Math.max(step, 1);
    }
    this.#addBounds(batch, from, rows);
    this.rows += rows;
  }

  #addBounds(batch: Batch, from: number, rows: number): void {
    for (const [index, column] of batch.columns.entries()) {
      const own = this.#ownBounds[index];
      const isKnown = this.#isAsItIs?.[index] === true && !column.type.startsWith('decimal');
      if (own !== undefined && !isKnown) addBounds(own, this.#options.arena, column, from, rows);
    }
  }

  async #encode(columns: IpcColumn[], rows: number): Promise<void> {
    const stored = this.#options.stored?.convert(columns) ?? columns;
    if (this.#native !== undefined)
      this.#isAsItIs ??= stored.map((column, index) => column.values === columns[index]?.values);
    try {
      if (this.#native !== undefined) return await this.#native.push(stored, rows);
      this.#stream ??= this.#begin(stored);
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
      {
        compression: compression === 'light' ? 'none' : compression,
        ...{ rowGroupRows, rowGroupBytes, deltaColumns, plainColumns, metadata: metadata ?? {} },
      },
      (bytes) => this.#output.write([bytes]),
    );
  }

  /** Writes what is left and the footer. Returns the chunks where their sums are known. @throws ERR_IO, ERR_INTERNAL */
  async end(): Promise<SummedChunk[] | undefined> {
    const isNative = this.#isNativeOpen;
    this.#isNativeOpen = false;
    try {
      if (isNative) return await this.#native?.end();
      if (this.#stream === undefined)
        await this.#encode(
          this.#fileFields.map((field) => emptyIpcColumn(field.type)),
          0,
        );
      await this.#stream?.end();
      return undefined;
    } catch (error) {
      throw this.named(error);
    }
  }

  /** Stops; what was written is no file. */
  async abort(): Promise<void> {
    if (this.#isNativeOpen) await this.#native?.abort().catch(() => undefined);
    this.#isNativeOpen = false;
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
