/** One thread's reader of Arrow files: the rows of a split as batches, and the dictionaries that they name. */
import { concatBatches } from '../../batch/concat-batches.ts';
import type { Batch, Column } from '../../batch/contract.ts';
import { cutBatch } from '../../batch/cut-batch.ts';
import { floorBytes, PIECE_ROWS } from '../../batch/largest-batch.ts';
import { makeBatch } from '../../batch/make-batch.ts';
import type { Arena, Ptr } from '../../memory/contract.ts';
import type { Fields } from '../../schema/types.ts';
import type { OpenFile } from '../read-fully.ts';
import { ArrowColumns } from './arrow-columns.ts';
import type { ArrowBlock, ArrowColumn, ArrowFile, ArrowStorage } from './arrow-format.ts';
import type { ArrowSplit } from './arrow-schedule.ts';
import { dictionaryColumn } from './arrow-schema-reader.ts';
import { BodyReader } from './body-reader.ts';

export interface ArrowReaderParts {
  arena: Arena;
  owner: number;
  fields: Fields;
  batchRows: number;
  /** Of the source. */
  rows: number;
}

export class ArrowReader {
  readonly #parts: ArrowReaderParts;
  /** Of the set of dictionaries used last. */
  #dictionaries: { file: ArrowFile; set: number; columns: Map<number, Column>; slabs: Ptr[] } | undefined;

  constructor(parts: ArrowReaderParts) {
    this.#parts = parts;
  }

  close(): void {
    for (const slab of this.#dictionaries?.slabs ?? []) this.#parts.arena.release(slab);
    this.#dictionaries = undefined;
  }

  /**
   * Batches of a split; they end where logical batches do.
   * @throws ERR_FILE_FORMAT, ERR_FILE_TRUNCATED, ERR_VALUE, ERR_IO, ERR_MEMORY_EXHAUSTED
   */
  read(file: ArrowFile, open: OpenFile, split: ArrowSplit): Batch[] {
    const { arena, owner, fields } = this.#parts;
    const columns = fields.map(({ name }) => file.columns.find(({ field }) => field.name === name) as ArrowColumn);
    const made: Batch[] = [];
    let { sourceRow } = split;
    try {
      for (let index = split.batch; index < split.batch + split.batches; index++) {
        const block = file.batches[index] as ArrowFile['batches'][number];
        const rows = split.batches === 1 ? split.rows : block.rows;
        if (rows === 0) continue;
        const body = new BodyReader(arena, owner, open, block, columns);
        if (body.head.rows !== block.rows) throw body.damaged('it changed while it was being read');
        const needsTexts = columns.some(({ dictionary }) => dictionary !== undefined);
        const dictionaries = needsTexts
          ? this.#dictionariesOf(file, open, block.dictionaries)
          : new Map<number, Column>();
        const reader = new ArrowColumns(arena, owner, body, dictionaries);
        const from = split.batches === 1 ? split.from : 0;
        for (const batch of reader.batches(columns, fields, this.#ranges(sourceRow, from, rows)))
          made.push(...cutBatch(arena, owner, batch, PIECE_ROWS, floorBytes(fields, PIECE_ROWS)));
        sourceRow += rows;
      }
      return made;
    } catch (error) {
      for (const batch of made) batch.release();
      throw error;
    }
  }

  /** Pieces that end where logical batches do, or after so many rows. */
  #ranges(sourceRow: number, from: number, rows: number): { from: number; rows: number; inputs: number }[] {
    const { batchRows, rows: all } = this.#parts;
    const ranges = [];
    for (let done = 0; done < rows; ) {
      const left = batchRows - ((sourceRow + done) % batchRows);
      const count = Math.min(rows - done, left, PIECE_ROWS);
      done += count;
      const isEnd = count === left || sourceRow + done === all;
      ranges.push({ from: from + done - count, rows: count, inputs: isEnd ? 1 : 0 });
    }
    return ranges;
  }

  #dictionariesOf(file: ArrowFile, open: OpenFile, set: number): Map<number, Column> {
    if (this.#dictionaries?.file === file && this.#dictionaries.set === set) return this.#dictionaries.columns;
    this.close();
    const loaded = { file, set, columns: new Map<number, Column>(), slabs: [] as Ptr[] };
    this.#dictionaries = loaded;
    const wanted = new Set(
      file.columns
        .filter(({ field }) => this.#parts.fields.some(({ name }) => name === field.name))
        .map(({ dictionary }) => dictionary?.id),
    );
    for (const { id, blocks } of file.dictionaries[set] ?? []) {
      if (!wanted.has(id)) continue;
      const storage = file.values.find((value) => value.id === id)?.storage ?? 'text';
      const { column, slab } = this.#dictionary(open, blocks, storage);
      loaded.columns.set(id, column);
      loaded.slabs.push(slab);
    }
    return loaded.columns;
  }

  /** The texts of one dictionary, of all the messages that make it up. */
  #dictionary(open: OpenFile, blocks: readonly ArrowBlock[], storage: ArrowStorage): { column: Column; slab: Ptr } {
    const { arena, owner } = this.#parts;
    const texts = dictionaryColumn(storage);
    const field = texts.field;
    const parts: { column: Column; slab: Ptr }[] = [];
    try {
      for (const block of blocks) {
        const body = new BodyReader(arena, owner, open, block, [texts]);
        const part = new ArrowColumns(arena, owner, body, new Map()).dictionary(texts);
        parts.push(part);
        if (part.column.nullCount > 0) throw body.damaged('null stands in a dictionary');
      }
      const [first, ...more] = parts;
      if (first !== undefined && more.length === 0) {
        parts.length = 0;
        return first;
      }
      const batches = parts.map(({ column }) => makeBatch(arena, owner, [field], [column], column.length, 0));
      const whole = concatBatches(arena, owner, [field], batches);
      for (const batch of batches) batch.release();
      const column = whole.columns[0] as Column;
      const [slab] = column.slabs as [Ptr];
      arena.retain(slab);
      whole.release();
      return { column, slab };
    } finally {
      for (const { slab } of parts) arena.release(slab);
    }
  }
}
