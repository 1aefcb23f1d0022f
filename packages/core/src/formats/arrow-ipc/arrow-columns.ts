/**
 * Rows of a record batch of an Arrow file as batches of the arena. Values of fixed width are read straight into their slabs; offsets and
 * codes are checked, because a file is not trusted, and texts are UTF-8 or refused.
 *
 * Memory: the batches that are made; of texts the offsets as well, on the heap, and one buffer of views or codes at a time.
 */
import { allocBatch, allocColumn, type BatchDraft, type DraftColumn, finishColumn } from '../../batch/alloc-batch.ts';
import { copyBits, countSetBits } from '../../batch/bitmap.ts';
import type { Batch, Column } from '../../batch/contract.ts';
import { PipelineError } from '../../errors.ts';
import { csvKernels } from '../../kernels/csv-kernels.ts';
import type { Arena, Ptr } from '../../memory/contract.ts';
import { parseType } from '../../schema/parse-type.ts';
import type { Fields } from '../../schema/types.ts';
import type { ArrowColumn } from './arrow-format.ts';
import { bufferOf } from './batch-head.ts';
import type { BodyReader } from './body-reader.ts';

const VIEW_BYTES = 16;
const INLINE_BYTES = 12;
const MOST_TEXT = 2 ** 31 - 128;
/** Kernels look at so many bytes behind a text. */
const TEXT_SLACK = 64;

/** Rows of a record batch. */
export interface ArrowRows {
  from: number;
  rows: number;
}

/** Rows that become a batch, and the logical inputs that it ends. */
export interface ArrowPiece extends ArrowRows {
  inputs: number;
}

/** Dictionaries by their id: columns whose slabs the caller holds. */
export type ArrowDictionaries = ReadonlyMap<number, Column>;

/** Where texts of some rows lie. */
interface Texts {
  /** From 0. */
  offsets: Int32Array;
  bytes: number;
  /** In the buffer of bytes; of views in the buffer that each names. */
  first: number;
  views?: DataView;
}

/** What is read of one record batch. */
export class ArrowColumns {
  readonly #arena: Arena;
  readonly #owner: number;
  readonly #body: BodyReader;
  readonly #dictionaries: ArrowDictionaries;

  constructor(arena: Arena, owner: number, body: BodyReader, dictionaries: ArrowDictionaries) {
    this.#arena = arena;
    this.#owner = owner;
    this.#body = body;
    this.#dictionaries = dictionaries;
  }

  /**
   * A batch for each range of rows. `columns` are those of the file, by field.
   * @throws ERR_FILE_FORMAT, ERR_VALUE, ERR_MEMORY_EXHAUSTED, ERR_IO
   */
  batches(columns: readonly ArrowColumn[], fields: Fields, ranges: readonly ArrowPiece[]): Batch[] {
    const drafts: BatchDraft[] = [];
    const made: Batch[] = [];
    const slabs: Ptr[] = [];
    try {
      const texts = columns.map((column) => ranges.map((rows) => this.#texts(column, rows)));
      ranges.forEach(({ rows }, piece) => {
        const variableBytes = texts.map((pieces) => pieces[piece] && pieces[piece].bytes + TEXT_SLACK);
        drafts.push(
          allocBatch(this.#arena, this.#owner, fields, rows, { variableBytes, validity: fields.map(() => true) }),
        );
      });
      columns.forEach((column, index) => {
        ranges.forEach((range, piece) => {
          const draft = drafts[piece]?.columns[index] as DraftColumn;
          this.#fill(column, draft, range, texts[index]?.[piece], slabs);
        });
        this.#body.forget();
      });
      for (const { rows, inputs } of ranges) made.push((drafts.shift() as BatchDraft).finish(rows, inputs));
      return made;
    } catch (error) {
      for (const batch of made) batch.release();
      for (const draft of drafts) draft.discard();
      throw error;
    } finally {
      this.#body.forget();
      for (const slab of slabs) this.#arena.release(slab); // the batches hold them
    }
  }

  /** All texts of a column, as a column of its own; its slab is the caller's. */
  dictionary(column: ArrowColumn): { column: Column; slab: Ptr } {
    const rows = { from: 0, rows: this.#body.head.rows };
    try {
      return this.#standing(column, rows, []);
    } finally {
      this.#body.forget();
    }
  }

  #standing(column: ArrowColumn, rows: ArrowRows, slabs: Ptr[]): { column: Column; slab: Ptr } {
    this.#checkRows(column, rows);
    const texts = this.#texts(column, rows);
    const plan = { variableBytes: (texts?.bytes ?? 0) + TEXT_SLACK, validity: true };
    const { column: draft, slab } = allocColumn(this.#arena, this.#owner, column.field.type, rows.rows, plan);
    try {
      this.#fill(column, draft, rows, texts, slabs);
      return { column: finishColumn(this.#arena, draft, rows.rows, slab), slab };
    } catch (error) {
      this.#arena.release(slab);
      throw error;
    }
  }

  /** That a list does not name elements behind its last. */
  #checkRows(column: ArrowColumn, { from, rows }: ArrowRows): { nulls: number } {
    const node = this.#body.head.nodes[column.node];
    if (node === undefined || from + rows > node.rows)
      throw this.#body.damaged(`column "${column.field.name}" has too few rows`);
    return node;
  }

  #fill(column: ArrowColumn, draft: DraftColumn, rows: ArrowRows, texts: Texts | undefined, slabs: Ptr[]): void {
    this.#validity(column, draft, rows, this.#checkRows(column, rows).nulls);
    const { physical, byteWidth } = parseType(column.field.type);
    if (texts !== undefined) this.#writeTexts(column, draft, rows, texts);
    else if (physical === 'bits') this.#bits(column, rows, 1, draft.values);
    else if (physical === 'list') this.#list(column, draft, rows, slabs);
    else if (column.dictionary !== undefined) this.#codes(column, draft, rows);
    else this.#body.read(this.#at(column, 1), rows.from * byteWidth, rows.rows * byteWidth, draft.values);
  }

  #at(column: ArrowColumn, index: number): number {
    return bufferOf(this.#body.head, column, index);
  }

  #validity(column: ArrowColumn, draft: DraftColumn, rows: ArrowRows, nulls: number): void {
    draft.nullCount = 0;
    if (nulls === 0 || rows.rows === 0 || this.#body.size(this.#at(column, 0)) === 0) return;
    this.#bits(column, rows, 0, draft.validity);
    draft.nullCount = rows.rows - countSetBits(this.#arena.u8, draft.validity * 8, rows.rows);
  }

  #bits(column: ArrowColumn, { from, rows }: ArrowRows, index: number, to: Ptr): void {
    const buffer = this.#at(column, index);
    const first = from >>> 3;
    const bytes = ((from + rows + 7) >>> 3) - first;
    if ((from & 7) === 0) {
      this.#body.read(buffer, first, bytes, to);
      return;
    }
    this.#withScratch(bytes, (at) => {
      this.#body.read(buffer, first, bytes, at);
      copyBits(this.#arena.u8.subarray(at, at + bytes), from & 7, this.#arena.u8.subarray(to), 0, rows);
    });
  }

  #codes(column: ArrowColumn, draft: DraftColumn, { from, rows }: ArrowRows): void {
    const { id, indexBytes, isSigned } = column.dictionary as NonNullable<ArrowColumn['dictionary']>;
    const dictionary = this.#dictionaries.get(id);
    if (dictionary === undefined) throw this.#body.damaged(`the dictionary of "${column.field.name}" is not there`);
    draft.child = dictionary;
    const codes = this.#arena.int32At(draft.values, rows);
    const { u8 } = this.#arena;
    this.#withScratch(rows * indexBytes, (at) => {
      this.#body.read(this.#at(column, 1), from * indexBytes, rows * indexBytes, at);
      const read = integerReader(new DataView(this.#arena.buffer, at, rows * indexBytes), indexBytes, isSigned);
      for (let row = 0; row < rows; row++) {
        const bit = draft.validity * 8 + row;
        const isThere = draft.nullCount === 0 || (((u8[Math.floor(bit / 8)] as number) >> (row & 7)) & 1) !== 0;
        const code = isThere ? read(row) : 0;
        if (isThere && !(code >= 0 && code < dictionary.length))
          throw this.#body.damaged(`column "${column.field.name}" has the code ${code}, of ${dictionary.length}`);
        codes[row] = code;
      }
    });
  }

  #list(column: ArrowColumn, draft: DraftColumn, rows: ArrowRows, slabs: Ptr[]): void {
    const { offsets, first, bytes } = this.#offsets(column, rows, column.storage === 'large-list');
    this.#arena.int32At(draft.offsets, rows.rows + 1).set(offsets);
    const child = this.#standing(column.child as ArrowColumn, { from: first, rows: bytes }, slabs);
    slabs.push(child.slab);
    draft.child = child.column;
  }

  #texts(column: ArrowColumn, rows: ArrowRows): Texts | undefined {
    if (column.storage === 'view') return this.#views(column, rows);
    if (column.storage !== 'text' && column.storage !== 'large') return undefined;
    const texts = this.#offsets(column, rows, column.storage === 'large');
    if (texts.first + texts.bytes > this.#body.size(this.#at(column, 2)))
      throw this.#body.damaged(`a text of "${column.field.name}" ends behind its buffer`);
    return texts;
  }

  /** Offsets from 0, checked to ascend. */
  #offsets(column: ArrowColumn, { from, rows }: ArrowRows, isLarge: boolean): Texts {
    const offsets = new Int32Array(rows + 1);
    const width = isLarge ? 8 : 4;
    const buffer = this.#at(column, 1);
    // Of no rows there may be no offsets at all.
    if (rows === 0) return { offsets, bytes: 0, first: 0 };
    let first = 0;
    this.#withScratch((rows + 1) * width, (at) => {
      this.#body.read(buffer, from * width, (rows + 1) * width, at);
      const read = integerReader(new DataView(this.#arena.buffer, at, (rows + 1) * width), width, true);
      first = read(0);
      let last = 0;
      for (let row = 0; row <= rows; row++) {
        const offset = read(row) - first;
        if (!(offset >= last && offset <= MOST_TEXT))
          throw this.#body.damaged(`offsets of "${column.field.name}" do not ascend`);
        offsets[row] = offset;
        last = offset;
      }
    });
    if (first < 0) throw this.#body.damaged(`an offset of "${column.field.name}" is ${first}`);
    return { offsets, first, bytes: offsets[rows] as number };
  }

  #views(column: ArrowColumn, { from, rows }: ArrowRows): Texts {
    const offsets = new Int32Array(rows + 1);
    const views = new Uint8Array(rows * VIEW_BYTES);
    this.#withScratch(views.length, (at) => {
      this.#body.read(this.#at(column, 1), from * VIEW_BYTES, views.length, at);
      views.set(this.#arena.bytesAt(at, views.length));
    });
    const isThere = this.#presence(column, { from, rows });
    const view = new DataView(views.buffer);
    let bytes = 0;
    for (let row = 0; row < rows; row++) {
      // What stands in the place of null is anything.
      if (!isThere(row)) view.setInt32(row * VIEW_BYTES, 0, true);
      const length = view.getInt32(row * VIEW_BYTES, true);
      bytes += length;
      if (length < 0 || bytes > MOST_TEXT)
        throw this.#body.damaged(`a text of "${column.field.name}" has ${length} bytes`);
      if (length > INLINE_BYTES) this.#checkView(column, view, row * VIEW_BYTES, length);
      offsets[row + 1] = bytes;
    }
    return { offsets, bytes, first: 0, views: view };
  }

  /** That the text that a view names is there. */
  #checkView(column: ArrowColumn, views: DataView, at: number, length: number): void {
    const [buffer, from] = [views.getInt32(at + 8, true), views.getInt32(at + 12, true)];
    const count = this.#body.head.variadic[column.variadic] ?? 0;
    const isThere = buffer >= 0 && buffer < count && from >= 0;
    if (!isThere || from + length > this.#body.size(this.#at(column, 2 + buffer)))
      throw this.#body.damaged(`a text of "${column.field.name}" lies in a buffer that is not there`);
  }

  #presence(column: ArrowColumn, rows: ArrowRows): (row: number) => boolean {
    const nulls = this.#body.head.nodes[column.node]?.nulls ?? 0;
    if (nulls === 0 || this.#body.size(this.#at(column, 0)) === 0) return () => true;
    const bytes = (rows.rows + 7) >>> 3;
    const bits = new Uint8Array(bytes);
    this.#withScratch(bytes, (at) => {
      this.#bits(column, rows, 0, at);
      bits.set(this.#arena.bytesAt(at, bytes));
    });
    return (row) => (((bits[row >>> 3] as number) >> (row & 7)) & 1) !== 0;
  }

  #writeTexts(column: ArrowColumn, draft: DraftColumn, rows: ArrowRows, texts: Texts): void {
    this.#arena.int32At(draft.offsets, rows.rows + 1).set(texts.offsets);
    if (texts.views === undefined) this.#body.read(this.#at(column, 2), texts.first, texts.bytes, draft.values);
    else this.#gather(column, draft, rows.rows, texts, texts.views);
    if (column.field.type !== 'binary') this.#checkText(column, draft, rows, texts);
  }

  /** Texts that views name, from the parts of their buffers that are used. */
  #gather(column: ArrowColumn, draft: DraftColumn, rows: number, { offsets }: Texts, views: DataView): void {
    const { u8 } = this.#arena;
    const ranges = new Map<number, { from: number; to: number }>();
    for (let row = 0; row < rows; row++) {
      const at = row * VIEW_BYTES;
      const bytes = views.getInt32(at, true);
      if (bytes <= INLINE_BYTES) {
        u8.set(new Uint8Array(views.buffer, at + 4, bytes), draft.values + (offsets[row] as number));
        continue;
      }
      const [buffer, from] = [views.getInt32(at + 8, true), views.getInt32(at + 12, true)];
      const range = ranges.get(buffer) ?? { from, to: from };
      ranges.set(buffer, { from: Math.min(range.from, from), to: Math.max(range.to, from + bytes) });
    }
    for (const [buffer, { from, to }] of ranges) {
      this.#withScratch(to - from, (scratch) => {
        this.#body.read(this.#at(column, 2 + buffer), from, to - from, scratch);
        for (let row = 0; row < rows; row++) {
          const at = row * VIEW_BYTES;
          const bytes = views.getInt32(at, true);
          if (bytes <= INLINE_BYTES || views.getInt32(at + 8, true) !== buffer) continue;
          const start = scratch + views.getInt32(at + 12, true) - from;
          u8.copyWithin(draft.values + (offsets[row] as number), start, start + bytes);
        }
      });
    }
  }

  /** @throws ERR_VALUE naming the row and the column */
  #checkText(column: ArrowColumn, { values }: DraftColumn, { from, rows }: ArrowRows, { offsets, bytes }: Texts): void {
    const { u8 } = this.#arena;
    const bad = csvKernels(this.#arena).utf8Check(values, 0, bytes);
    let row = -1;
    if (bad < bytes) row = offsets.findLastIndex((offset) => offset <= bad);
    // A character that two texts share is in neither.
    else
      for (let at = 0; at < rows && row < 0; at++) {
        const start = offsets[at] as number;
        if (start < bytes && ((u8[values + start] as number) & 0xc0) === 0x80) row = at;
      }
    if (row < 0) return;
    const { name } = column.field;
    throw new PipelineError(
      'ERR_VALUE',
      `${this.#body.path}: column "${name}" is not UTF-8 in a row of a record batch`,
      {
        file: this.#body.path,
        row: from + Math.min(row, rows - 1),
        column: name,
        expected: 'UTF-8',
        hint: `declare "${name}" as binary where the file is written`,
      },
    );
  }

  #withScratch(bytes: number, use: (at: Ptr) => void): void {
    if (bytes === 0) return;
    const at = this.#arena.alloc(bytes + TEXT_SLACK, this.#owner);
    try {
      use(at);
    } finally {
      this.#arena.release(at);
    }
  }
}

/** Little-endian integers as numbers; what a double cannot hold exactly is out of every range that is asked for. */
function integerReader(view: DataView, bytes: number, isSigned: boolean): (index: number) => number {
  if (bytes === 1) return isSigned ? (at) => view.getInt8(at) : (at) => view.getUint8(at);
  if (bytes === 2) return isSigned ? (at) => view.getInt16(2 * at, true) : (at) => view.getUint16(2 * at, true);
  if (bytes === 4) return isSigned ? (at) => view.getInt32(4 * at, true) : (at) => view.getUint32(4 * at, true);
  return isSigned ? (at) => Number(view.getBigInt64(8 * at, true)) : (at) => Number(view.getBigUint64(8 * at, true));
}
