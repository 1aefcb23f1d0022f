/**
 * What the main thread takes of a memory limit: what sources that are fed there and sinks that deliver there leave on its heap and in
 * array buffers. It belongs to the program that uses us, so nothing caps its heap; what is delivered there waits for collections instead
 * (see `MainHeap` in the governor), and this is the room that keeps them rare.
 */

import { PIECE_ROWS, rowBytes } from '../batch/largest-batch.ts';
import type { Fields } from '../schema/types.ts';
import { rowsFrom } from './batch-rows.ts';
import type { ResolvedPlan } from './resolved.ts';

const MEBIBYTE = 2 ** 20;

/** Where the runtime makes new objects: it grows with what is alive there at once, up to two halves of 16 MiB, and stays so large. */
const MOST_NURSERY_BYTES = 32 * MEBIBYTE;
const NURSERY_TIMES = 8;
/** The rows at work and those of the batch before. */
const BATCHES_OF_OBJECTS = 2;
/** A row as an object, and each of its values that is not a small integer. */
const OBJECT_BYTES = 16;
const VALUE_BYTES = 24;
/** Views of batches, promises, what a program does with a few values. */
const VIEW_BYTES = MEBIBYTE;
/** Of an iteration the batch that the loop has, the one before, and the next. */
const ITERATED_BATCHES = 3;

function objectBytes(fields: Fields, rows: number): number {
  return rows * (OBJECT_BYTES + VALUE_BYTES * fields.length);
}

function withNursery(bytes: number): number {
  return BATCHES_OF_OBJECTS * bytes + Math.min(MOST_NURSERY_BYTES, NURSERY_TIMES * bytes);
}

/** Whether results gather on the main thread. */
export function collects(plan: ResolvedPlan): boolean {
  return plan.nodes.some(({ spec }) => spec.kind === 'sink' && spec.sink.type === 'collect');
}

/** The least that the main thread can do with; 0 when no rows come by there. */
export function leastMainBytes(plan: ResolvedPlan): number {
  let objects = 0;
  let others = 0;
  for (const { spec, inputFields, outputFields } of plan.nodes) {
    if (spec.kind === 'source' && spec.source.type === 'fed') {
      others += VIEW_BYTES;
      objects += objectBytes(outputFields['out'] ?? [], Math.min(PIECE_ROWS, spec.source.objectRows));
    }
    if (spec.kind !== 'sink') continue;
    const fields = inputFields[0] ?? [];
    const { sink } = spec;
    if (sink.type === 'callback' && sink.takes === 'rows') objects += objectBytes(fields, PIECE_ROWS);
    else if (sink.type === 'callback') others += VIEW_BYTES;
    else if (sink.type === 'iterate') others += VIEW_BYTES + ITERATED_BATCHES * PIECE_ROWS * rowBytes(fields);
  }
  return Math.ceil(withNursery(objects) + others) + leastResultBytes(plan);
}

/** Of that, what results may take that are kept: a batch for each sink that collects, so that a few rows have room at any limit. */
export function leastResultBytes(plan: ResolvedPlan): number {
  return plan.nodes.reduce((sum, { spec, inputs, inputFields }) => {
    const isKept = spec.kind === 'sink' && spec.sink.type === 'collect';
    return sum + (isKept ? Math.ceil(rowsFrom(plan, inputs[0]?.node, PIECE_ROWS) * rowBytes(inputFields[0] ?? [])) : 0);
  }, 0);
}
