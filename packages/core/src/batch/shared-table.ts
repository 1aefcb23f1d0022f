/**
 * Tables that stay in shared memory between runs: put there once, read by any number of runs without a copy, given
 * back by `release`. They do not count in any run's `memoryLimit`.
 */

import type { RecordBatch, Table } from 'apache-arrow';
import { PipelineError } from '../errors.ts';
import type { Arena, Ptr } from '../memory/contract.ts';
import { processArena } from '../memory/process-arena.ts';
import { fieldsFromShape } from '../schema/fields.ts';
import { type ArrowModule, loadArrow } from '../schema/load-arrow.ts';
import type { ColumnsRecord, Fields, Shape } from '../schema/types.ts';
import { arrowToBatches } from './arrow-to-batches.ts';
import { concatBatches } from './concat-batches.ts';
import type { Batch } from './contract.ts';
import { withInputs } from './make-batch.ts';
import { rowsToBatch } from './rows-to-batch.ts';
import { sliceBatch } from './slice-batch.ts';
import type { RowValues } from './value-origin.ts';

/** Owner that shared tables are charged to; no run's owners are below 8. */
export const SHARED_TABLE_OWNER = 1;

const SHARED_BATCH_ROWS = 65_536;

/** What a table is made of: Arrow data, columns, or rows as objects. */
export type TablePart = Table | RecordBatch | ColumnsRecord | readonly Record<string, unknown>[];

/** A table in shared memory. Made by `shareTable`. */
export interface SharedTable<S extends Shape = Shape> {
  readonly id: number;
  readonly fields: Fields;
  readonly rows: number;
  /** Rows of each batch but the last. */
  readonly batchRows: number;
  /** Gives the memory back. No run may read the table any more. */
  release(): void;
  /** Types only. */
  readonly shape?: S;
}

interface Entry extends Omit<SharedTable, 'shape'> {
  batches: Batch[];
}

const tables = new Map<number, Entry>();
let made = 0;

/** The batches of a table, in order, by their descriptors. @throws ERR_PLAN when it was released */
export function sharedTableBatches(id: number): Ptr[] {
  const table = tables.get(id);
  if (table === undefined) {
    throw new PipelineError('ERR_PLAN', `shared table ${id} is not in this process, or was released`, {
      hint: 'release a table after the last run that reads it',
    });
  }
  return table.batches.map((batch) => batch.descriptor);
}

/** How many tables lie in shared memory now. */
export function sharedTableCount(): number {
  return tables.size;
}

/** See `shareTable` in `deferred.ts`. */
export async function shareTable<const S extends Shape>(
  schema: S,
  parts: Iterable<TablePart> | AsyncIterable<TablePart>,
  options: { batchRows?: number } = {},
): Promise<SharedTable<S>> {
  const { batchRows = SHARED_BATCH_ROWS } = options;
  const fields = fieldsFromShape(schema);
  const builder = new TableBuilder(processArena(), fields, batchRows);
  try {
    for await (const part of parts) builder.add(part, isArrow(part) ? await loadArrow() : undefined);
    builder.finish();
  } catch (error) {
    builder.discard();
    throw error;
  }
  const { batches, rows } = builder;
  const id = ++made;
  const table: Entry = {
    id,
    fields,
    rows,
    batchRows,
    batches,
    release: () => {
      if (!tables.delete(id)) return;
      for (const batch of batches) batch.release();
      processArena().trim();
    },
  };
  tables.set(id, table);
  return table;
}

function isArrow(part: TablePart): part is Table | RecordBatch {
  return 'numRows' in part && 'schema' in part;
}

/** Cuts what it is given into batches of equal size. */
class TableBuilder {
  readonly batches: Batch[] = [];
  rows = 0;
  readonly #arena: Arena;
  readonly #fields: Fields;
  readonly #batchRows: number;
  #rest: Batch[] = [];
  #restRows = 0;

  constructor(arena: Arena, fields: Fields, batchRows: number) {
    this.#arena = arena;
    this.#fields = fields;
    this.#batchRows = batchRows;
  }

  add(part: TablePart, arrow: ArrowModule | undefined): void {
    if (arrow === undefined)
      return this.#addBatch(rowsToBatch(this.#arena, SHARED_TABLE_OWNER, this.#fields, part as RowValues));
    const batches = arrowToBatches(arrow, this.#arena, SHARED_TABLE_OWNER, part as RecordBatch, this.#fields);
    for (const batch of batches) this.#addBatch(batch);
  }

  finish(): void {
    if (this.#restRows > 0) this.#join();
    this.#arena.trim();
  }

  discard(): void {
    for (const batch of [...this.batches.splice(0), ...this.#rest.splice(0)]) batch.release();
    this.#arena.trim();
  }

  /** Takes the batch over. */
  #addBatch(batch: Batch): void {
    this.rows += batch.rows;
    if (this.#restRows === 0 && batch.rows === this.#batchRows) {
      this.batches.push(withInputs(this.#arena, SHARED_TABLE_OWNER, batch, 1));
      return;
    }
    try {
      for (let from = 0; from < batch.rows; ) {
        const rows = Math.min(batch.rows - from, this.#batchRows - this.#restRows);
        this.#rest.push(sliceBatch(this.#arena, SHARED_TABLE_OWNER, batch, from, rows));
        this.#restRows += rows;
        from += rows;
        if (this.#restRows === this.#batchRows) this.#join();
      }
    } finally {
      batch.release();
    }
  }

  #join(): void {
    this.batches.push(concatBatches(this.#arena, SHARED_TABLE_OWNER, this.#fields, this.#rest));
    for (const piece of this.#rest.splice(0)) piece.release();
    this.#restRows = 0;
  }
}
