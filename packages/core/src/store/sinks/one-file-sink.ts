/** A sink of one file, of any format. */
import type { Batch } from '../../batch/contract.ts';
import { ArrowFileWriter } from '../../formats/arrow-ipc/arrow-file.ts';
import { ParquetParts } from '../../formats/parquet-parts.ts';
import type { RowFile, RowFileMark } from '../../formats/row-file.ts';
import { TextFileWriter } from '../../formats/text-file.ts';
import type { FileFormat } from '../../plan/logical.ts';
import type { FileMark, FileSink, FileSinkOptions, StagedSink } from './contract.ts';

/** Opens a file for rows, or goes on behind a mark. @throws ERR_IO */
export async function openRowFile(
  path: string,
  format: FileFormat,
  {
    fields,
    arena,
    memoryLimitBytes,
    openFiles,
    spec,
  }: Pick<FileSinkOptions, 'fields' | 'arena' | 'memoryLimitBytes' | 'openFiles' | 'spec'>,
  from?: RowFileMark,
): Promise<RowFile> {
  switch (format.kind) {
    case 'parquet': {
      const limit = memoryLimitBytes === undefined ? {} : { rowGroupBytes: memoryLimitBytes };
      const { compression, rowGroupRows } = format;
      return ParquetParts.open({ path, fields, compression, rowGroupRows, arena, ...limit }, from);
    }
    case 'csv': {
      const { delimiter, hasHeader, compression } = format;
      return TextFileWriter.open(
        { path, fields, arena, rows: { syntax: 'csv', delimiter }, hasHeader, compression, openFiles },
        from,
      );
    }
    case 'ndjson':
      return TextFileWriter.open(
        { path, fields, arena, rows: { syntax: 'json' }, hasHeader: false, compression: format.compression, openFiles },
        from,
      );
    case 'arrow': {
      const isPassing = spec.type === 'file' && spec.isPassing === true;
      return ArrowFileWriter.open({ path, fields, arena, layout: format.layout, isPassing }, from);
    }
  }
}

export class OneFileSink implements FileSink {
  readonly #file: RowFile;
  readonly #options: FileSinkOptions;
  #marks: number;

  private constructor(file: RowFile, options: FileSinkOptions, marks: number) {
    this.#file = file;
    this.#options = options;
    this.#marks = marks;
  }

  /** @throws ERR_IO */
  static async open(options: FileSinkOptions, format: FileFormat, from: FileMark | undefined): Promise<OneFileSink> {
    const file = await openRowFile(options.staging, format, options, from);
    return new OneFileSink(file, options, from?.number ?? 0);
  }

  get rows(): number {
    return this.#file.rows;
  }

  async push(batch: Batch): Promise<void> {
    try {
      await this.#file.push(batch);
    } finally {
      batch.release();
    }
  }

  async mark(): Promise<FileMark> {
    this.#marks += 1;
    return { type: 'file', number: this.#marks, ...(await this.#file.mark()) };
  }

  async end(): Promise<StagedSink> {
    const { spec, fields, staging } = this.#options;
    const { rows, bytes } = await this.#file.end();
    return { spec, fields, rows, bytes, files: [], staging };
  }

  abort(): Promise<void> {
    return this.#file.abort();
  }
}
