import assert from 'node:assert';
import type { Arena } from '../memory/contract.ts';
import type { Fields } from '../schema/types.ts';
import type { Batch, Column } from './contract.ts';
import { emptyColumn } from './empty-column.ts';
import { descriptorBytes, recordsOf } from './layout.ts';
import { slabsOf, writeDescriptor } from './shared-batch.ts';

/**
 * A batch over columns that exist already, of one batch or of several, or made by `allocColumn`. Copies nothing: the new
 * descriptor retains the slabs of the columns; the caller keeps its own references.
 * @throws ERR_MEMORY_EXHAUSTED
 */
export function makeBatch(
  arena: Arena,
  owner: number,
  fields: Fields,
  columns: readonly Column[],
  rows: number,
  inputs = 1,
): Batch {
  if (columns.length !== fields.length) assert.fail(`${columns.length} columns for ${fields.length} fields`);
  const slabs = slabsOf(columns);
  const room = descriptorBytes(recordsOf(fields), slabs.held.length, slabs.listed);
  const block = arena.alloc(room, owner);
  return writeDescriptor(arena, fields, { rows, inputs, columns, slabs, at: block, room, block });
}

/** The same rows, ending another number of logical inputs. Takes over the caller's reference. */
export function withInputs(arena: Arena, owner: number, batch: Batch, inputs: number): Batch {
  if (batch.inputs === inputs) return batch;
  const result = makeBatch(arena, owner, batch.fields, batch.columns, batch.rows, inputs);
  batch.release();
  return result;
}

/**
 * Batches that are one logical input: the last of them ends it. Each is given out when the next one is there, and is the caller's then;
 * the one that waits is released where the caller stops early.
 */
export function* asOneInput(arena: Arena, owner: number, batches: Iterable<Batch>): Generator<Batch, void> {
  let before: Batch | undefined;
  try {
    for (const batch of batches) {
      const ready = before;
      before = batch;
      if (ready !== undefined) yield ready;
    }
    const last = before;
    before = undefined;
    if (last !== undefined) yield withInputs(arena, owner, last, 1);
  } finally {
    before?.release();
  }
}

/** The same columns under other names, types being equal. Takes over the caller's reference. */
export function withFields(arena: Arena, owner: number, batch: Batch, fields: Fields): Batch {
  if (batch.fields === fields) return batch;
  const result = makeBatch(arena, owner, fields, batch.columns, batch.rows, batch.inputs);
  batch.release();
  return result;
}

/** A batch without rows. It ends `inputs` logical inputs all the same. */
export function emptyBatch(arena: Arena, owner: number, fields: Fields, inputs = 1): Batch {
  return makeBatch(
    arena,
    owner,
    fields,
    fields.map((field) => emptyColumn(field.type)),
    0,
    inputs,
  );
}
