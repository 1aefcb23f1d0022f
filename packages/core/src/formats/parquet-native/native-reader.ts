/**
 * Row groups read by our own kernels: pages are decoded one by one, so that nothing needs a whole row group, and pieces are laid out
 * in the arena as they leave. Which row groups can be read so is known from the footer; what turns up in a page all the same is a
 * `PageProblem`, and the library reads on from there.
 */
import { closeSync, openSync } from 'node:fs';
import { allocBatch, type DraftColumn } from '../../batch/alloc-batch.ts';
import { isBitSet } from '../../batch/bitmap.ts';
import type { Batch } from '../../batch/contract.ts';
import { emptyBatch, makeBatch } from '../../batch/make-batch.ts';
import type { Arena } from '../../memory/contract.ts';
import { isTimestamp, parseType } from '../../schema/parse-type.ts';
import type { FieldSpec } from '../../schema/types.ts';
import { fileError, throwIfStopped } from '../file-error.ts';
import { OrderCheck } from '../order-check.ts';
import type { ParquetInfo } from '../parquet-info.ts';
import type { ReadParquetRequest, ReadParquetResult } from '../parquet-request.ts';
import { ColumnPages } from './column-pages.ts';
import { asPageProblem, PageProblem } from './page-error.ts';
import { borrowMemory, PageMemory, Region, returnMemory } from './page-memory.ts';
import { readableColumn } from './supports.ts';

/** Rows of a piece at most. */
const PIECE_ROWS = 65_536;
/** Bytes of a piece; one row may be more. */
const PIECE_BYTES = 8 * 1024 * 1024;

export interface NativeRequest extends ReadParquetRequest {
  /** Columns to read: those to deliver and, behind them, the ordered one where it is only checked. */
  copied: readonly FieldSpec[];
  fields: readonly FieldSpec[];
}

/** Whether all columns of a request can be read here. */
export function canReadNatively(info: ParquetInfo, request: NativeRequest): boolean {
  if (request.copied.length === 0) return false;
  return request.copied.every((field) => readableColumn(info, request.rowGroups, field) !== undefined);
}

export class NativeReader {
  readonly result: ReadParquetResult = { rows: 0, batches: 0, bytes: 0, first: undefined, last: undefined };
  readonly #info: ParquetInfo;
  readonly #request: NativeRequest;
  readonly #order: OrderCheck | undefined;
  readonly #memory: PageMemory;
  readonly #narrowed: Region;
  readonly #firstRowInFile: number;
  /** By column, where its unit is another one in the file. */
  readonly #scales: Map<string, Scale | undefined> = new Map();
  readonly #rowsToRead: number;

  constructor(info: ParquetInfo, request: NativeRequest) {
    this.#info = info;
    this.#request = request;
    this.#memory = request.pagesInArena === true ? new PageMemory(request) : borrowMemory();
    this.#narrowed = new Region(this.#memory);
    const ordered = request.copied.find((field) => field.name === request.orderedOn);
    this.#order = ordered && new OrderCheck(request.arena, ordered.name, ordered.type, request.path);
    const groups = request.rowGroups.map((index) => info.rowGroups[index]);
    if (groups.some((group) => group === undefined)) throw new PageProblem('a row group that is not there');
    this.#firstRowInFile = groups[0]?.firstRow ?? 0;
    this.#rowsToRead = groups.reduce((sum, group) => sum + (group?.rows ?? 0), 0);
    this.result.bytes = groups.reduce((sum, group) => sum + (group?.bytes ?? 0), 0);
  }

  /** @throws PageProblem, ERR_FILE_FORMAT, ERR_FILE_TRUNCATED, ERR_IO, ERR_STORE_CORRUPT, ERR_INPUT_UNORDERED, ERR_MEMORY_EXHAUSTED, what `publish` throws */
  async run(): Promise<ReadParquetResult> {
    const { path } = this.#request;
    let fd: number;
    try {
      fd = openSync(path, 'r');
    } catch (error) {
      throw await fileError(path, error);
    }
    try {
      for (const index of this.#request.rowGroups) await this.#readGroup(index, fd);
      await this.#end();
      return this.result;
    } catch (error) {
      throw asPageProblem(error);
    } finally {
      closeSync(fd);
      returnMemory(this.#memory);
    }
  }

  async #readGroup(index: number, fd: number): Promise<void> {
    const { copied, path, checksums, signal } = this.#request;
    this.#memory.reset();
    this.#narrowed.forget();
    const columns = copied.map((field) => {
      const found = readableColumn(this.#info, [index], field);
      const [chunk] = found?.chunks ?? [];
      if (found === undefined || chunk === undefined) throw new PageProblem('a column of another kind');
      this.#scales.set(field.name, scaleBetween(found.own, field));
      const place = { chunk, leaf: found.leaf, checksum: checksums?.get(chunk.offset) };
      return new ColumnPages(this.#memory, { path, fd }, place, parseType(field.type));
    });
    const verify = (): void => columns.forEach((column) => column.verify());
    try {
      await this.#readRows(columns, this.#info.rowGroups[index]?.rows ?? 0);
    } catch (error) {
      // Whatever else is wrong with bytes that were changed comes of that.
      if (signal?.aborted !== true) verify();
      throw error;
    }
    verify();
  }

  async #readRows(columns: readonly ColumnPages[], rows: number): Promise<void> {
    for (let left = rows; left > 0; ) {
      throwIfStopped(this.#request.signal, this.#request.path);
      const count = Math.min(left, this.#pieceRows());
      for (const [index, column] of columns.entries()) if (!this.#isDirect(column, index)) column.gather(count);
      await this.#publish(columns, count);
      left -= count;
    }
  }

  /** Up to where a batch may go on; fewer where rows turned out to be long. */
  #pieceRows(): number {
    const { batchRows, pieceRows = batchRows, firstRow } = this.#request;
    const toBoundary = pieceRows - ((firstRow + this.result.rows) % pieceRows);
    return Math.max(1, Math.min(toBoundary, PIECE_ROWS, this.#mostRows));
  }

  /** So that a piece like the one before has `PIECE_BYTES`. */
  #mostRows = PIECE_ROWS;

  async #publish(columns: readonly ColumnPages[], rows: number): Promise<void> {
    const request = this.#request;
    const { arena, owner, fields, copied, batchRows } = request;
    const at = request.firstRow + this.result.rows;
    const isEnd = request.isLast && this.result.rows + rows === this.#rowsToRead;
    const inputs = (at + rows) % batchRows === 0 || isEnd ? 1 : 0;
    const whole = this.#layOut(columns, rows, inputs);
    let batch = whole;
    try {
      if (this.#order !== undefined)
        this.#order.check(whole.column(request.orderedOn as string), this.#firstRowInFile + this.result.rows);
      if (copied.length > fields.length)
        batch = makeBatch(arena, owner, [...fields], whole.columns.slice(0, fields.length), rows, inputs);
    } catch (error) {
      whole.release();
      throw error;
    }
    if (batch !== whole) whole.release();
    this.result.rows += rows;
    this.result.batches += 1;
    await request.publish(batch, this.#order);
  }

  /** Whether values go where they are delivered as they are decoded: they are as wide there. Room for others is known when they are gathered. */
  #isDirect({ layout }: ColumnPages, index: number): boolean {
    const field = this.#request.copied[index] as FieldSpec;
    return layout.kind === 'fixed' && parseType(field.type).byteWidth === layout.width;
  }

  #layOut(columns: readonly ColumnPages[], rows: number, inputs: number): Batch {
    const { arena, owner, copied } = this.#request;
    const variableBytes = columns.map(({ layout, gathered }) =>
      layout.kind === 'text' ? gathered.valueBytes : undefined,
    );
    const bytes = variableBytes.reduce<number>((sum, more) => sum + (more ?? 0), 0);
    this.#mostRows = Math.max(1, Math.floor((rows * PIECE_BYTES) / Math.max(bytes, 1)));
    const validity = columns.map((column, index) =>
      this.#isDirect(column, index) ? column.isOptional : column.gathered.nulls > 0,
    );
    const draft = allocBatch(arena, owner, [...copied], rows, { variableBytes, validity });
    try {
      for (const [index, column] of columns.entries()) {
        const target = draft.columns[index] as DraftColumn;
        if (this.#isDirect(column, index)) column.gather(rows, { u8: arena.u8, at: target.values });
        this.#copyOut(arena, column, target, rows);
        const scale = this.#scales.get(copied[index]?.name ?? '');
        if (scale !== undefined) rescale(arena, target, rows, scale);
      }
    } catch (error) {
      draft.discard();
      throw error;
    }
    return draft.finish(rows, inputs);
  }

  #copyOut(arena: Arena, { layout, gathered }: ColumnPages, target: DraftColumn, rows: number): void {
    const memory = this.#memory;
    const copy = (from: number, bytes: number, to: number): void => {
      if (memory.isLent) memory.decoders.copyBytes(from, bytes, to);
      else arena.u8.set(memory.view(from, bytes), to);
    };
    target.nullCount = gathered.nulls;
    if (gathered.nulls > 0) {
      copy(gathered.validity.at, Math.ceil(rows / 8), target.validity);
      clearTail(arena, target.validity, rows);
    }
    if (layout.kind === 'text') {
      copy(gathered.offsets.at, 4 * (rows + 1), target.offsets);
      copy(gathered.values.at, gathered.valueBytes, target.values);
    } else if (layout.kind === 'bits') {
      copy(gathered.values.at, Math.ceil(rows / 8), target.values);
      clearTail(arena, target.values, rows);
    } else {
      const { byteWidth } = parseType(target.type);
      if (byteWidth === layout.width) return;
      const narrowed = this.#narrowed.ensure(rows * byteWidth);
      this.#memory.decoders.narrow(gathered.values.at, rows, byteWidth, narrowed);
      copy(narrowed, rows * byteWidth, target.values);
    }
  }

  /** A source whose last row groups are empty still ends its last logical batch. */
  async #end(): Promise<void> {
    const { arena, owner, fields, isLast, firstRow, batchRows, publish } = this.#request;
    this.result.first = this.#order?.first;
    this.result.last = this.#order?.last;
    if (!isLast || this.#rowsToRead > 0 || firstRow % batchRows === 0) return;
    this.result.batches += 1;
    await publish(emptyBatch(arena, owner, [...fields], 1));
  }
}

/** What moments of one unit are multiplied or divided by to be of another. */
interface Scale {
  multiply: bigint;
  divide: bigint;
}

const PER_SECOND = { s: 1n, ms: 1_000n, us: 1_000_000n, ns: 1_000_000_000n, day: 0n } as const;

function scaleBetween(own: FieldSpec, asked: FieldSpec): Scale | undefined {
  if (!isTimestamp(own.type) || !isTimestamp(asked.type)) return undefined;
  const [from, to] = [PER_SECOND[parseType(own.type).unit ?? 's'], PER_SECOND[parseType(asked.type).unit ?? 's']];
  if (from === to) return undefined;
  return to > from ? { multiply: to / from, divide: 1n } : { multiply: 1n, divide: from / to };
}

/** @throws PageProblem where that is not exact: the library says which value it is */
function rescale(
  arena: Arena,
  { values, validity, nullCount }: DraftColumn,
  rows: number,
  { multiply, divide }: Scale,
): void {
  const moments = arena.int64At(values, rows);
  for (let row = 0; row < rows; row++) {
    if (nullCount > 0 && !isBitSet(arena.u8, validity * 8 + row)) continue;
    const value = moments[row] as bigint;
    const scaled = (value * multiply) / divide;
    if (scaled * divide !== value * multiply || BigInt.asIntN(64, scaled) !== scaled)
      throw new PageProblem('a moment that its unit cannot hold');
    moments[row] = scaled;
  }
}

/** Zeros behind the last row of a bitmap. */
function clearTail(arena: Arena, bitmap: number, rows: number): void {
  if ((rows & 7) === 0) return;
  const at = bitmap + (rows >> 3);
  arena.u8[at] = (arena.u8[at] as number) & ((1 << (rows & 7)) - 1);
}
