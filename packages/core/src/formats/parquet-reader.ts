/**
 * Streams row groups of a Parquet file into arena slabs. It runs on a codec thread, one call at a time: decoding itself
 * is synchronous, everything around it only awaits.
 *
 * Logical batches are counted from the source's first row, across files and row groups, because that count can be
 * observed (`iterMax`); how rows are cut into pieces cannot. A piece ends where a logical batch ends, or where a row
 * group of this call or the piece's share of memory does; only the piece that ends a logical batch carries `inputs: 1`.
 */
import type { Batch } from '../batch/contract.ts';
import { emptyBatch, makeBatch } from '../batch/make-batch.ts';
import { PipelineError } from '../errors.ts';
import { nameHint } from '../schema/nearest-name.ts';
import type { FieldSpec } from '../schema/types.ts';
import { type CopyTarget, copyColumn } from './copy-column.ts';
import { throwIfStopped } from './file-error.ts';
import { parquetFooter } from './kept-footers.ts';
import { OrderCheck } from './order-check.ts';
import type { ParquetInfo } from './parquet-info.ts';
import {
  type DecodedBatch,
  LibraryPanic,
  type OpenParquetFile,
  type ParquetLibrary,
  parquetLibrary,
  privateParquetLibrary,
} from './parquet-library.ts';
import { canReadNatively, NativeReader, type NativeRequest } from './parquet-native/native-reader.ts';
import { PageProblem } from './parquet-native/page-error.ts';
import type { ReadParquetRequest, ReadParquetResult } from './parquet-request.ts';
import { PieceQueue, type TakenColumn } from './piece-queue.ts';
import { RangeFile } from './range-file.ts';

/** Rows of a piece at most: batches of this size stay in the cache of one core. */
const PIECE_ROWS = 65_536;
/** Rows that the library decodes at a time. Small, because a piece waits for several of them anyway. */
const DECODE_ROWS = 16_384;
/** Decoded bytes that may wait before a piece is cut short. */
const HELD_BYTES = 8 * 1024 * 1024;

/**
 * Columns of a file by name.
 * @throws ERR_COLUMN_UNKNOWN with the nearest name, ERR_TYPE_UNSUPPORTED with the reason
 */
export function selectParquetFields(info: ParquetInfo, columns: readonly string[]): FieldSpec[] {
  return columns.map((name) => {
    const field = info.fields.find((candidate) => candidate.name === name);
    if (field !== undefined) return field;
    const unsupported = info.unsupported.find((candidate) => candidate.name === name);
    if (unsupported !== undefined) {
      throw new PipelineError(
        'ERR_TYPE_UNSUPPORTED',
        `column "${name}" of ${info.path} cannot be read: ${unsupported.reason}`,
        {
          file: info.path,
          column: name,
          hint: 'leave it out: name the columns to read',
        },
      );
    }
    throw new PipelineError('ERR_COLUMN_UNKNOWN', `${info.path} has no column "${name}"`, {
      file: info.path,
      column: name,
      hint: nameHint(
        name,
        info.fields.map((candidate) => candidate.name),
      ),
    });
  });
}

/** One call's state. */
class RowReader {
  readonly result: ReadParquetResult = { rows: 0, batches: 0, bytes: 0, first: undefined, last: undefined };
  readonly #request: NativeRequest;
  readonly #info: ParquetInfo;
  #library: ParquetLibrary = parquetLibrary();
  #queue: PieceQueue = new PieceQueue(this.#library);
  readonly #fields: readonly FieldSpec[];
  /** The fields and, when it is checked but not delivered, the ordered column. */
  readonly #copied: readonly FieldSpec[];
  readonly #order: OrderCheck | undefined;
  readonly #firstRowInFile: number;
  #rowsToRead = 0;
  /** Rows that were published before the library had to be replaced. */
  #rowsToSkip = 0;
  /** What `publish` threw: the caller's own error, not ours to name. */
  thrownByPublish: { error: unknown } | undefined;
  /** Called when all is over: writers on the same instance fail only after the read whose file it was. */
  readonly leaveLibrary: () => void;

  /** @param before what has been read of the row groups in another way: these rows are not published again */
  constructor(request: NativeRequest, info: ParquetInfo, before?: ReadParquetResult) {
    this.#request = request;
    this.#info = info;
    this.#fields = request.fields;
    this.#copied = request.copied;
    const { orderedOn } = request;
    const ordered = this.#copied.find((field) => field.name === orderedOn);
    this.#order =
      ordered === undefined ? undefined : new OrderCheck(request.arena, ordered.name, ordered.type, request.path);
    this.#firstRowInFile = info.rowGroups[request.rowGroups[0] ?? 0]?.firstRow ?? 0;
    for (const index of request.rowGroups) {
      const group = info.rowGroups[index];
      if (group === undefined) throw this.#changed(`it has no row group ${index}`);
      this.#rowsToRead += group.rows;
      this.result.bytes += group.bytes;
    }
    if (before !== undefined) this.#goOnAfter(before);
    this.leaveLibrary = this.#library.enter('read');
  }

  #goOnAfter(before: ReadParquetResult): void {
    this.result.rows = before.rows;
    this.result.batches = before.batches;
    this.#rowsToSkip = before.rows;
    if (this.#order === undefined) return;
    this.#order.first = before.first;
    this.#order.last = before.last;
  }

  async run(file: RangeFile): Promise<void> {
    try {
      await this.#attempt(file);
    } catch (error) {
      if (!(error instanceof LibraryPanic) || !error.wasShared) throw error;
      // Another user of this thread's instance may have broken it. Alone, this file shows whether it was the one.
      this.#library = privateParquetLibrary();
      this.#queue = new PieceQueue(this.#library);
      this.#rowsToSkip = this.result.rows;
      await this.#attempt(file);
    }
  }

  async #attempt(file: RangeFile): Promise<void> {
    let isAlive = true;
    let opened: OpenParquetFile | undefined;
    try {
      opened = await this.#library.guard(this.#library.api.ParquetFile.fromFile(file.asBlob()), 'read');
      if (this.#rowsToRead > 0) await this.#stream(opened, file);
      await this.#endSource();
    } catch (error) {
      isAlive = !(error instanceof LibraryPanic);
      throw error;
    } finally {
      this.#queue.close(isAlive);
      if (isAlive) opened?.free();
    }
  }

  async #stream(opened: OpenParquetFile, file: RangeFile): Promise<void> {
    const { rowGroups } = this.#request;
    const options = {
      rowGroups: [...rowGroups],
      columns: this.#copied.map((field) => field.name),
      batchSize: this.#decodeRows(),
    };
    const stream: ReadableStream<DecodedBatch> = await this.#library.guard(opened.stream(options), 'read');
    const reader = stream.getReader();
    let isDone = false;
    try {
      while (!isDone) {
        throwIfStopped(this.#request.signal, this.#info.path);
        const next = await this.#library.guard(reader.read(), 'read');
        file.reclaim();
        isDone = next.done;
        if (next.value !== undefined) this.#queue.add(next.value);
        this.#skipPublished();
        await this.#emitPieces(isDone);
      }
    } finally {
      if (!isDone) await this.#library.guard(reader.cancel(), 'read').catch(() => undefined);
    }
    if (this.result.rows !== this.#rowsToRead)
      throw this.#changed(`${this.#rowsToRead} rows were promised, ${this.result.rows} came`);
  }

  /** Wide rows are decoded in smaller batches. The estimate is of encoded bytes; `HELD_BYTES` corrects it. */
  #decodeRows(): number {
    const names = new Set(this.#copied.map((field) => field.name));
    const groups = this.#request.rowGroups
      .map((index) => this.#info.rowGroups[index])
      .filter((group) => group !== undefined);
    const bytes = groups.reduce((sum, group) => {
      return (
        sum + group.chunks.reduce((inner, chunk) => inner + (names.has(chunk.column) ? chunk.uncompressedBytes : 0), 0)
      );
    }, 0);
    const rowBytes = bytes / Math.max(1, this.#rowsToRead);
    return Math.max(64, Math.min(DECODE_ROWS, Math.floor(HELD_BYTES / 2 / Math.max(1, rowBytes))));
  }

  #skipPublished(): void {
    const rows = Math.min(this.#rowsToSkip, this.#queue.rows);
    this.#queue.take(rows, []);
    this.#queue.release();
    this.#rowsToSkip -= rows;
  }

  async #emitPieces(isEnd: boolean): Promise<void> {
    const { batchRows, pieceRows = batchRows, firstRow } = this.#request;
    while (this.#queue.rows > 0) {
      const toBoundary = pieceRows - ((firstRow + this.result.rows) % pieceRows);
      const whole = Math.min(toBoundary, PIECE_ROWS);
      if (this.#queue.rows < whole && !isEnd && this.#queue.bytes < HELD_BYTES) return;
      await this.#emit(Math.min(whole, this.#queue.rows));
    }
  }

  async #emit(rows: number): Promise<void> {
    const request = this.#request;
    const at = request.firstRow + this.result.rows;
    const isSourceEnd = request.isLast && this.result.rows + rows === this.#rowsToRead;
    const inputs = (at + rows) % request.batchRows === 0 || isSourceEnd ? 1 : 0;
    const batch = this.#copy(rows, inputs);
    this.#queue.release();
    this.result.rows += rows;
    this.result.batches += 1;
    await this.#publish(batch);
  }

  #copy(rows: number, inputs: number): Batch {
    const { arena, owner } = this.#request;
    const taken = this.#queue.take(
      rows,
      this.#copied.map((field) => field.name),
    );
    const target: CopyTarget = { arena, owner, memory: this.#library.memory(), slabs: [] };
    try {
      const columns = this.#copied.map((field, i) =>
        copyColumn(target, this.#present(taken[i], field).pieces, field.type, this.#present(taken[i], field).field),
      );
      const ordered = columns[this.#copied.findIndex((field) => field.name === this.#request.orderedOn)];
      if (ordered !== undefined) this.#order?.check(ordered, this.#firstRowInFile + this.result.rows);
      return makeBatch(arena, owner, this.#fields, columns.slice(0, this.#fields.length), rows, inputs);
    } finally {
      for (const slab of target.slabs) arena.release(slab);
    }
  }

  #present(taken: TakenColumn | undefined, field: FieldSpec): TakenColumn {
    if (taken === undefined) throw this.#changed(`the decoder gave no column "${field.name}"`);
    return taken;
  }

  /** A source whose last row groups are empty still ends its last logical batch. */
  async #endSource(): Promise<void> {
    const request = this.#request;
    this.result.first = this.#order?.first;
    this.result.last = this.#order?.last;
    if (!request.isLast || this.#rowsToRead > 0 || request.firstRow % request.batchRows === 0) return;
    this.result.batches += 1;
    await this.#publish(emptyBatch(request.arena, request.owner, this.#fields, 1));
  }

  async #publish(batch: Batch): Promise<void> {
    try {
      await this.#request.publish(batch, this.#order);
    } catch (error) {
      this.thrownByPublish = { error };
      throw error;
    }
  }

  #changed(what: string): PipelineError {
    return new PipelineError('ERR_FILE_FORMAT', `${this.#info.path}: ${what}`, {
      file: this.#info.path,
      hint: 'the file was changed after the pipeline was planned, or is damaged: run again',
    });
  }
}

/** What the library said, as a refusal that names the file. */
function decodeError(path: string, error: unknown): PipelineError {
  if (error instanceof PipelineError) return error;
  const why =
    error instanceof LibraryPanic
      ? 'its pages do not decode'
      : error instanceof Error
        ? error.message.replace(/^Parquet error: /, '')
        : String(error);
  return new PipelineError('ERR_FILE_FORMAT', `${path} cannot be read: ${why}`, {
    file: path,
    cause: error,
    hint: 'the file is damaged, or uses an encoding that is not supported: write it again',
  });
}

/**
 * Reads row groups into batches in the arena and hands each to `publish`.
 *
 * Our own kernels read what they know, page by page; memory then is a page of each column, and the batch being made. Everything
 * else the library reads: one row group in it, encoded twice over and decoded (it decodes a row group at once). Order: as in the
 * file. The library's instance of this thread is used, and replaced if it dies.
 *
 * @throws ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT, ERR_FILE_TRUNCATED, ERR_IO, ERR_STORE_CORRUPT (checksums),
 * ERR_COLUMN_UNKNOWN, ERR_TYPE_UNSUPPORTED, ERR_INPUT_UNORDERED, ERR_MEMORY_EXHAUSTED, ERR_ABORTED, and what `publish` throws.
 */
export async function readParquetRows(request: ReadParquetRequest): Promise<ReadParquetResult> {
  const info = await parquetFooter(request.path);
  const bound = bindColumns(info, request);
  const native = await readNatively(info, bound);
  return native.isDone ? native.result : readByLibrary(info, bound, native.result);
}

/** The request with the columns that it means, and their types. */
function bindColumns(info: ParquetInfo, request: ReadParquetRequest): NativeRequest {
  const { columns, orderedOn, types } = request;
  const typed = (names: readonly string[]): FieldSpec[] =>
    selectParquetFields(info, names).map((field) => types?.find((type) => type.name === field.name) ?? field);
  const fields = typed(columns);
  const isExtra = orderedOn !== undefined && !columns.includes(orderedOn);
  return { ...request, fields, copied: isExtra ? [...fields, ...typed([orderedOn])] : fields };
}

/** As far as our kernels can read. @throws what is no question of who reads: checksums, order, room, what `publish` throws */
async function readNatively(
  info: ParquetInfo,
  request: NativeRequest,
): Promise<{ isDone: true; result: ReadParquetResult } | { isDone: false; result?: ReadParquetResult }> {
  if (!canReadNatively(info, request)) return { isDone: false };
  const reader = new NativeReader(info, request);
  try {
    return { isDone: true, result: await reader.run() };
  } catch (error) {
    if (error instanceof PageProblem) return { isDone: false, result: reader.result };
    throw error;
  }
}

async function readByLibrary(
  info: ParquetInfo,
  request: NativeRequest,
  before: ReadParquetResult | undefined,
): Promise<ReadParquetResult> {
  const reader = new RowReader(request, info, before);
  let file: RangeFile | undefined;
  try {
    file = await RangeFile.open(info, request.checksums);
    await reader.run(file);
    return reader.result;
  } catch (error) {
    if (reader.thrownByPublish !== undefined) throw reader.thrownByPublish.error;
    throw file?.failure ?? decodeError(request.path, error);
  } finally {
    await file?.close();
    reader.leaveLibrary();
  }
}
