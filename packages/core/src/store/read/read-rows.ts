/** The rows of a dataset's files in order, cut to a range and filtered. */
import type { Batch, Column } from '../../batch/contract.ts';
import { makeBatch } from '../../batch/make-batch.ts';
import { sliceBatch } from '../../batch/slice-batch.ts';
import { type CompiledExpression, compileExpression } from '../../expressions/compile.ts';
import { releaseColumn } from '../../expressions/frame.ts';
import type { ExpressionNode } from '../../expressions/node.ts';
import { compareOrdered, type OrderedValue, orderedValue } from '../../formats/ordered-value.ts';
import { instantiateKernels } from '../../kernels/compiled-kernels.ts';
import { gatherBatch } from '../../kernels/gather.ts';
import type { Arena } from '../../memory/contract.ts';
import { fieldIndex } from '../../schema/fields.ts';
import type { Fields } from '../../schema/types.ts';
import { type FileBatchesOptions, fileBatches, type ReadableFile } from '../files/file-batches.ts';
import type { ValueRange } from '../files/file-pruning.ts';
import { type BatchRun, mergeRows } from '../merge/merge-rows.ts';
import { type ForeignFile, sortedForeignRows } from './foreign-files.ts';

export interface RowsRequest {
  arena: Arena;
  owner: number;
  /** Of the dataset. */
  fields: Fields;
  orderedOn: string;
  /** Those to read, in order. */
  files: readonly ReadableFile[];
  /** Merged in, behind rows of equal value. */
  foreign: readonly ForeignFile[];
  /** To deliver, in this order. */
  columns: readonly string[];
  range: ValueRange;
  where: ExpressionNode | undefined;
  batchRows: number;
}

/** First row whose value is at or after `bound`. */
function lowerBound(arena: Arena, column: Column, bound: OrderedValue): number {
  let [low, high] = [0, column.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareOrdered(orderedValue(arena, column, middle), bound) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

class RowReader {
  readonly #request: RowsRequest;
  /** What is read: the columns asked for, and behind them those that are only looked at. */
  readonly #columns: readonly string[];
  readonly #fields: Fields;
  readonly #predicate: CompiledExpression | undefined;

  constructor(request: RowsRequest) {
    const { fields, columns, orderedOn, range, foreign, where } = request;
    this.#request = request;
    const compiled = where === undefined ? undefined : compileExpression(where, fields);
    const isCut = range.from !== undefined || range.to !== undefined || foreign.length > 0;
    const looked = [...(isCut ? [orderedOn] : []), ...(compiled?.reads ?? [])];
    this.#columns = [...new Set([...columns, ...looked])];
    this.#fields = this.#columns.map((name) => fields[fieldIndex(fields, name)] as Fields[number]);
    this.#predicate = where === undefined ? undefined : compileExpression(where, this.#fields);
  }

  get #source(): FileBatchesOptions {
    const { arena, owner, fields, batchRows } = this.#request;
    return { arena, owner, fields, columns: this.#columns, batchRows };
  }

  async *#own(): AsyncGenerator<Batch, void, undefined> {
    for (const file of this.#request.files) yield* fileBatches(this.#source, file);
  }

  /** All rows in order. */
  #ordered(): BatchRun & AsyncIterable<Batch> {
    const { arena, owner, orderedOn, foreign } = this.#request;
    let run: AsyncGenerator<Batch, void, undefined> = this.#own();
    for (const file of foreign) {
      const kernels = instantiateKernels(arena);
      const others = sortedForeignRows(this.#source, file.path, orderedOn);
      run = mergeRows({ arena, kernels, owner, fields: this.#fields, orderedOn }, run, others);
    }
    return run;
  }

  async *rows(): AsyncGenerator<Batch, void, undefined> {
    for await (const batch of this.#ordered()) {
      const cut = this.#cut(batch);
      const kept = cut && this.#filter(cut);
      if (kept !== undefined) yield this.#narrow(kept);
    }
  }

  /** Takes over a batch; gives its rows in the range. */
  #cut(batch: Batch): Batch | undefined {
    const { arena, owner, orderedOn, range } = this.#request;
    if (range.from === undefined && range.to === undefined) return batch;
    try {
      const column = batch.columns[this.#columns.indexOf(orderedOn)] as Column;
      const first = range.from === undefined ? 0 : lowerBound(arena, column, range.from);
      const end = range.to === undefined ? batch.rows : lowerBound(arena, column, range.to);
      return first >= end ? undefined : sliceBatch(arena, owner, batch, first, end - first);
    } finally {
      batch.release();
    }
  }

  /** Takes over a batch; gives the rows that fulfil the condition. */
  #filter(batch: Batch): Batch | undefined {
    const predicate = this.#predicate;
    if (predicate === undefined) return batch;
    const { arena, owner } = this.#request;
    const kernels = instantiateKernels(arena);
    try {
      const context = { arena, kernels, owner, name: 'read', position: () => ({}) };
      const bits = predicate.evaluate(batch, context, predicate.reads[0] ?? 'where');
      const indices = arena.alloc(Math.max(4, batch.rows * 4), owner);
      try {
        const count = kernels.selectIndices(bits.values, bits.validity, batch.rows, indices);
        if (count === batch.rows) return batch.retain();
        return count === 0 ? undefined : gatherBatch({ arena, kernels, owner }, batch, this.#fields, indices, count);
      } finally {
        arena.release(indices);
        releaseColumn(arena, bits);
      }
    } finally {
      batch.release();
    }
  }

  /** Without the columns that were only looked at. Takes over the batch. */
  #narrow(batch: Batch): Batch {
    const { arena, owner, columns } = this.#request;
    if (columns.length === this.#columns.length) return batch;
    const fields = this.#fields.slice(0, columns.length);
    const narrow = makeBatch(arena, owner, fields, batch.columns.slice(0, columns.length), batch.rows);
    batch.release();
    return narrow;
  }
}

/**
 * Rows in order. The batches are the caller's.
 *
 * Memory: one file's encoded columns and two batches; for each file of another program as much again, and what sorting it takes where
 * it is not in order (`foreign-sort.ts`): tens of MiB, whatever its size.
 * @throws ERR_COLUMN_UNKNOWN, ERR_EXPRESSION, ERR_STORE_CORRUPT, ERR_FILE_NOT_FOUND, ERR_INPUT_UNORDERED
 */
export function readRows(request: RowsRequest): AsyncGenerator<Batch, void, undefined> {
  return new RowReader(request).rows();
}
