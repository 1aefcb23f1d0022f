/**
 * One batch out of many. In its own file with everything that merging buffers takes: validity, offsets that begin
 * anywhere, and dictionaries that differ.
 */
import assert from 'node:assert';
import { PipelineError } from '../errors.ts';
import type { Arena, Ptr } from '../memory/contract.ts';
import { parseType } from '../schema/parse-type.ts';
import type { Fields } from '../schema/types.ts';
import { allocBatch, allocColumn, type DraftColumn, finishColumn } from './alloc-batch.ts';
import { copyBits, fillBits } from './bitmap.ts';
import { childRange, sliceChild } from './child-range.ts';
import type { Batch, Column } from './contract.ts';
import { emptyBatch, withInputs } from './make-batch.ts';
import { unifyDictionaries } from './unify-dictionaries.ts';

const MOST_OFFSET = 2 ** 31 - 1;

function bytesOfValues(arena: Arena, parts: readonly Column[]): number {
  const bytes = parts.reduce((sum, part) => {
    const { from, to } = childRange(arena, part);
    return sum + to - from;
  }, 0);
  if (bytes <= MOST_OFFSET) return bytes;
  throw new PipelineError('ERR_MEMORY_EXHAUSTED', 'one batch cannot hold 2 GiB of text in a column', {
    hint: 'flush earlier: give the stage a memoryLimit or rows',
  });
}

function mergeValidity(arena: Arena, parts: readonly Column[], target: DraftColumn): void {
  let row = 0;
  for (const part of parts) {
    target.nullCount += part.nullCount;
    if (part.nullCount === 0) fillBits(arena.u8, target.validity * 8 + row, part.length, true);
    else copyBits(arena.u8, part.validity * 8, arena.u8, target.validity * 8 + row, part.length);
    row += part.length;
  }
}

/** Writes offsets that begin at 0; returns the elements (or bytes) counted. */
function mergeOffsets(arena: Arena, parts: readonly Column[], target: Ptr): void {
  const words = arena.i32;
  let at = target >>> 2;
  let base = 0;
  words[at++] = 0;
  for (const part of parts) {
    if (part.length === 0) continue;
    const source = part.offsets >>> 2;
    const first = words[source] as number;
    for (let row = 1; row <= part.length; row++) words[at++] = (words[source + row] as number) - first + base;
    base += (words[source + part.length] as number) - first;
  }
}

function mergeBytes(arena: Arena, parts: readonly Column[], target: Ptr): void {
  let at = target;
  for (const part of parts) {
    const { from, to } = childRange(arena, part);
    arena.u8.copyWithin(at, part.values + from, part.values + to);
    at += to - from;
  }
}

function mergeFixed(arena: Arena, parts: readonly Column[], target: Ptr, byteWidth: number): void {
  let at = target;
  for (const part of parts) {
    arena.u8.copyWithin(at, part.values, part.values + part.length * byteWidth);
    at += part.length * byteWidth;
  }
}

function mergeBits(arena: Arena, parts: readonly Column[], target: Ptr): void {
  let row = 0;
  for (const part of parts) {
    copyBits(arena.u8, part.values * 8, arena.u8, target * 8 + row, part.length);
    row += part.length;
  }
}

/** Slabs made on the way, which the finished batch retains. */
type Made = Ptr[];

function mergeColumn(arena: Arena, owner: number, parts: readonly Column[], target: DraftColumn, made: Made): void {
  const { physical, byteWidth } = parseType(target.type);
  if (target.validity !== 0) mergeValidity(arena, parts, target);
  switch (physical) {
    case 'bits':
      return mergeBits(arena, parts, target.values);
    case 'fixed':
      return mergeFixed(arena, parts, target.values, byteWidth);
    case 'dictionary': {
      const unified = unifyDictionaries(arena, owner, parts, target.values);
      if (unified.slab !== 0) made.push(unified.slab);
      target.child = unified.dictionary;
      return undefined;
    }
    case 'variable':
      mergeOffsets(arena, parts, target.offsets);
      return mergeBytes(arena, parts, target.values);
    case 'list':
      mergeOffsets(arena, parts, target.offsets);
      target.child = mergeChildren(arena, owner, parts, made);
      return undefined;
  }
}

function mergeChildren(arena: Arena, owner: number, parts: readonly Column[], made: Made): Column {
  const children = parts.map((part) => sliceChild(arena, owner, part, made));
  const rows = children.reduce((sum, child) => sum + child.length, 0);
  const { type } = children[0] as Column;
  const isVariable = parseType(type).physical === 'variable';
  const { column, slab } = allocColumn(arena, owner, type, rows, {
    variableBytes: isVariable ? bytesOfValues(arena, children) : 0,
    validity: children.some((child) => child.nullCount > 0),
  });
  made.push(slab);
  mergeColumn(arena, owner, children, column, made);
  return finishColumn(arena, column, rows, slab);
}

/**
 * One logical batch with the rows of all, in order; the parts stay the caller's. Equal dictionaries are shared, others
 * unified. One part is not copied.
 * @throws ERR_MEMORY_EXHAUSTED
 */
export function concatBatches(
  arena: Arena,
  owner: number,
  fields: Fields,
  batches: readonly Batch[],
  inputs = 1,
): Batch {
  const full = batches.filter((batch) => batch.rows > 0);
  const [first] = full;
  if (first === undefined) return emptyBatch(arena, owner, fields, inputs);
  if (full.length === 1 && first.fields === fields) return withInputs(arena, owner, first.retain(), inputs);
  return copyBatches(arena, owner, fields, full, inputs);
}

/**
 * As `concatBatches` of batches that have rows; always copies, also one alone.
 * @throws ERR_MEMORY_EXHAUSTED
 */
export function copyBatches(
  arena: Arena,
  owner: number,
  fields: Fields,
  full: readonly Batch[],
  inputs: number,
): Batch {
  const rows = full.reduce((sum, batch) => sum + batch.rows, 0);
  const columns = fields.map((field, index) =>
    full.map((batch) => {
      const column = batch.columns[index];
      assert(
        column !== undefined && column.type === field.type,
        `column "${field.name}" is ${column?.type}, not ${field.type}`,
      );
      return column;
    }),
  );
  const draft = allocBatch(arena, owner, fields, rows, {
    variableBytes: columns.map((parts, index) =>
      parseType(fields[index]?.type ?? '').physical === 'variable' ? bytesOfValues(arena, parts) : 0,
    ),
    validity: columns.map((parts) => parts.some((part) => part.nullCount > 0)),
  });
  const made: Made = [];
  try {
    draft.columns.forEach((target, index) => mergeColumn(arena, owner, columns[index] ?? [], target, made));
    return draft.finish(rows, inputs);
  } catch (error) {
    draft.discard();
    throw error;
  } finally {
    for (const slab of made) arena.release(slab);
  }
}
