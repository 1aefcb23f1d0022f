/**
 * Record batches in, bytes of a Parquet file out, by our own kernels. A row group's pages are encoded as soon as they are full, and held
 * until it is whole. Beyond `HELD_BYTES` the largest column is written at once and others wait on disk: what is held does not grow with the row group.
 */
import type { Fields } from '../../schema/types.ts';
import type { ColumnBounds } from '../column-bounds.ts';
import { joinCrc32 } from '../crc32-join.ts';
import type { IpcColumn } from '../ipc-columns.ts';
import { ChunkBounds } from './chunk-bounds.ts';
import { ColumnEncoder, type EncodedChunk } from './column-encoder.ts';
import type { EncoderOutput, SummedChunk } from './contract.ts';
import type { NativeCodec } from './encodable.ts';
import { type EncoderMemory, enterEncoderMemory, leaveEncoderMemory } from './encoder-memory.ts';
import { PAGE_BYTES, STAGED_BYTES } from './encoder-sizes.ts';
import { type FooterChunk, type FooterGroup, footerBytes } from './footer.ts';
import { type HeldColumn, HeldPages } from './held-pages.ts';
import { type PhysicalColumn, physicalColumn } from './physical-column.ts';

/** Rows of a page. */
const MOST_PAGE_ROWS = 32_768;
const LEAST_PAGE_ROWS = 1024;
/** Bytes of a text that are counted on. */
const TEXT_BYTES = 16;

const MAGIC = Buffer.from('PAR1');

export interface NativeEncoderOptions extends EncoderOutput {
  fields: Fields;
  compression: string;
  rowGroupRows: number;
  rowGroupBytes: number | undefined;
  orderedOn: string | undefined;
  metadata: Readonly<Record<string, string>>;
}

/** Rows of a page, so that all columns together gather about `PAGE_BYTES`. */
function pageRowsOf(columns: readonly PhysicalColumn[]): number {
  const rowBytes = columns.reduce((sum, { kind, width }) => sum + (kind === 'fixed' ? width : TEXT_BYTES), 0);
  return Math.min(MOST_PAGE_ROWS, Math.max(LEAST_PAGE_ROWS, Math.floor(PAGE_BYTES / rowBytes / 8) * 8));
}

/** One file. After the constructor exactly one of `end` and `abort` is called. */
export class NativeEncoder {
  readonly #options: NativeEncoderOptions;
  readonly #memory: EncoderMemory;
  readonly #held: HeldPages;
  readonly #physical: PhysicalColumn[];
  readonly #columns: ColumnEncoder[];
  readonly #pageRows: number;
  readonly #groups: FooterGroup[] = [];
  readonly #checksums: number[] = [];
  readonly #bounds: { of: ChunkBounds; nulls: number }[];
  #bytes = 0;
  /** Where the chunk begins of which some has been written. */
  #placedAt: number | undefined;
  #groupRows = 0;
  #pageFill = 0;
  /** What goes to the file next, in one call. Views are made when it does: the memory may grow before. */
  readonly #pending: (() => readonly Uint8Array[])[] = [];

  /** `fields` and `compression` are such that `canEncodeNatively`. */
  constructor(options: NativeEncoderOptions) {
    const { fields, compression, rowGroupRows, orderedOn, overflowPath } = options;
    this.#options = options;
    this.#memory = enterEncoderMemory();
    this.#held = new HeldPages(this.#memory, overflowPath);
    this.#physical = fields.map((field) => physicalColumn(field) as PhysicalColumn);
    this.#pageRows = pageRowsOf(this.#physical);
    this.#bounds = this.#physical.map((column) => ({ of: new ChunkBounds(column), nulls: 0 }));
    const [memory, held] = [this.#memory, this.#held];
    const common = { memory, held, codec: compression as NativeCodec, chunkRows: rowGroupRows };
    this.#columns = this.#physical.map(
      (column) => new ColumnEncoder({ ...common, column, isOrdered: column.field.name === orderedOn }),
    );
  }

  /** Rows that may be pushed at once: to the end of the page, or of the row group. */
  get room(): number {
    return Math.min(this.#pageRows - this.#pageFill, this.#options.rowGroupRows - this.#groupRows);
  }

  /** Takes up to `room` rows, which may be forgotten when this resolves. */
  async push(columns: readonly IpcColumn[], rows: number): Promise<void> {
    columns.forEach((column, index) => this.#columns[index]?.push(column));
    this.#groupRows += rows;
    this.#pageFill += rows;
    const isCrowded = this.#memory.stagedBytes > STAGED_BYTES;
    if (isCrowded || this.#pageFill >= this.#pageRows) await this.#endPage();
    if (isCrowded) for (const column of this.#columns) column.shrink();
    if (this.#groupRows >= this.#options.rowGroupRows) await this.#endGroup();
  }

  async #endPage(): Promise<void> {
    for (const column of this.#columns) column.flush();
    this.#pageFill = 0;
    if (this.#held.bytes >= (this.#options.rowGroupBytes ?? Infinity)) await this.#endGroup();
    else await this.#held.shrink((views) => this.#place(views));
  }

  async #endGroup(): Promise<void> {
    if (this.#groupRows === 0) return;
    const chunks: FooterChunk[] = [];
    const sums: number[] = [];
    const order = this.#order();
    const ended = this.#columns.map((column) => column.end());
    for (const index of order) {
      const chunk = ended[index] as EncodedChunk;
      chunks[index] = await this.#writeChunk(chunk);
      sums[index] = joinCrc32(chunk.dictionary?.sum ?? 0, chunk.pages.sum, chunk.pages.bytes);
      const bounds = this.#bounds[index];
      if (bounds === undefined) continue;
      bounds.of.add((this.#columns[index] as ColumnEncoder).bounds);
      bounds.nulls += chunk.nulls;
    }
    this.#groups.push({ rows: this.#groupRows, chunks });
    this.#checksums.push(...sums);
    await this.#writePending();
    this.#held.reset();
    for (const column of this.#columns) column.begin();
    this.#groupRows = 0;
    this.#pageFill = 0;
    this.#placedAt = undefined;
  }

  /** Of the columns in the file: that of which some has been written, then the others as they are. */
  #order(): number[] {
    const all = this.#columns.map((_, index) => index);
    const { placed } = this.#held;
    return placed === undefined ? all : all.sort((a, b) => this.#isPlaced(b) - this.#isPlaced(a));
  }

  #isPlaced(index: number): number {
    return Number(this.#columns[index]?.pages === this.#held.placed);
  }

  /** Writes the first bytes of a chunk, or further ones: no other comes before it is whole. */
  async #place(views: readonly Uint8Array[]): Promise<void> {
    this.#begin();
    this.#placedAt ??= this.#bytes;
    this.#append(...views);
    await this.#writePending();
  }

  #begin(): void {
    if (this.#bytes === 0) this.#append(MAGIC);
  }

  /** Of the whole file, when it has ended, in the order of the columns; undefined for a decimal. */
  bounds(index: number): ColumnBounds | undefined {
    const bounds = this.#bounds[index];
    if (bounds === undefined || this.#physical[index]?.isDecimal === true) return undefined;
    return { ...bounds.of.values(), nullCount: bounds.nulls };
  }

  async #writeChunk(chunk: EncodedChunk): Promise<FooterChunk> {
    const { dictionary, pages, codec, encodings, values, nulls, uncompressedBytes, bounds } = chunk;
    this.#begin();
    const isPlaced = pages === this.#held.placed;
    const offset = isPlaced ? (this.#placedAt as number) : this.#bytes;
    if (dictionary !== undefined) this.#appendHeld(dictionary);
    const dictionaryBytes = dictionary?.bytes ?? 0;
    for await (const piece of this.#held.stored(pages)) {
      this.#append(piece);
      await this.#writePending();
    }
    this.#appendHeld(pages);
    const bytes = this.#bytes - offset;
    return { offset, dictionaryBytes, bytes, uncompressedBytes, values, nulls, codec, encodings, bounds };
  }

  #append(...views: readonly Uint8Array[]): void {
    this.#pending.push(() => views);
    this.#bytes += views.reduce((total, view) => total + view.length, 0);
  }

  /** What of a column is in memory. */
  #appendHeld(column: HeldColumn): void {
    this.#pending.push(() => this.#held.views(column));
    this.#bytes += this.#held.memoryBytes(column);
  }

  async #writePending(): Promise<void> {
    const pending = this.#pending.splice(0);
    if (pending.length > 0) await this.#options.write(pending.flatMap((views) => views()));
  }

  /** Writes what is left, and the footer. The chunks with the CRC-32 of each. */
  async end(): Promise<SummedChunk[]> {
    try {
      await this.#endGroup();
      this.#begin();
      const footer = footerBytes(this.#physical, this.#groups, this.#options.metadata);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(footer.length);
      this.#append(footer, length, MAGIC);
      await this.#writePending();
    } finally {
      await this.abort();
    }
    const names = this.#physical.map(({ field }) => field.name);
    return this.#groups
      .flatMap(({ chunks }) => chunks)
      .map(({ offset, bytes, uncompressedBytes, codec, encodings }, index) => {
        const column = names[index % names.length] as string;
        return { column, offset, bytes, uncompressedBytes, codec, encodings, crc32: this.#checksums[index] as number };
      });
  }

  /** Gives memory back. */
  async abort(): Promise<void> {
    for (const column of this.#columns) column.release();
    try {
      await this.#held.close();
    } finally {
      leaveEncoderMemory();
    }
  }
}
