/** A sink of one Parquet file with many row groups. */
import type { Batch } from '../batch/contract.ts';
import type { WriteParquetOptions } from '../formats/parquet-encoder.ts';
import { ParquetParts } from '../formats/parquet-parts.ts';
import type { FileMark, FileSink, FileSinkOptions, StagedSink } from './file-sink.ts';

export class ParquetSink implements FileSink {
  readonly #parts: ParquetParts;
  readonly #options: FileSinkOptions;

  private constructor(parts: ParquetParts, options: FileSinkOptions) {
    this.#parts = parts;
    this.#options = options;
  }

  /** @throws ERR_IO */
  static async open(
    options: FileSinkOptions,
    format: Pick<WriteParquetOptions, 'compression' | 'rowGroupRows'>,
    from: FileMark | undefined,
  ): Promise<ParquetSink> {
    const { fields, arena, staging, memoryLimitBytes } = options;
    const limit = memoryLimitBytes === undefined ? {} : { rowGroupBytes: memoryLimitBytes };
    const { compression, rowGroupRows } = format;
    const parts = await ParquetParts.open(
      { path: staging, fields, compression, rowGroupRows, arena, ...limit },
      from && { rows: from.rows, bytes: from.bytes, parts: [...from.places] },
    );
    return new ParquetSink(parts, options);
  }

  get rows(): number {
    return this.#parts.rows;
  }

  async push(batch: Batch): Promise<void> {
    try {
      await this.#parts.push(batch);
    } finally {
      batch.release();
    }
  }

  async mark(): Promise<FileMark> {
    const { rows, bytes, parts } = await this.#parts.mark();
    return { type: 'file', rows, number: parts.length, bytes, places: parts };
  }

  async end(): Promise<StagedSink> {
    const { spec, fields, staging } = this.#options;
    const { rows, bytes } = await this.#parts.end();
    return { spec, fields, rows, bytes, files: [], staging };
  }

  abort(): Promise<void> {
    return this.#parts.abort();
  }
}
