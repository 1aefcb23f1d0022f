/**
 * Rows out of several batches as one new batch. Values of fixed width are taken by the kernels with addresses as indices
 * (all batches lie in one arena, so there is one array of all values of a width); neighbouring rows are copied together.
 */
import { allocBatch, allocColumn, type DraftColumn, finishColumn } from '../../batch/alloc-batch.ts';
import { isBitSet } from '../../batch/bitmap.ts';
import type { Batch, Column } from '../../batch/contract.ts';
import type { VectorKernels } from '../../kernels/vector-contract.ts';
import type { Arena, Ptr } from '../../memory/contract.ts';
import { parseType } from '../../schema/parse-type.ts';
import type { Fields } from '../../schema/types.ts';
import { gatherDictionary } from './gather-dictionary.ts';
import { Selection } from './selection.ts';

export interface GatherTarget {
  arena: Arena;
  kernels: VectorKernels;
  owner: number;
}

/** Up to so many bytes a loop beats a call. */
const SHORT_TEXT = 24;

/** Bytes of text that selected rows of a variable column have. */
function variableBytes(arena: Arena, columns: readonly Column[], selection: Selection): number {
  const { i32 } = arena;
  const { slots, rows } = selection;
  let bytes = 0;
  selection.eachSegment((from, to) => {
    const { offsets } = columns[slots[from] as number] as Column;
    const at = (offsets >>> 2) + (rows[from] as number);
    bytes += (i32[at + to - from] as number) - (i32[at] as number);
  });
  return bytes;
}

/** Bytes of texts in a selection, by column; 0 for other columns. */
export function textBytes(arena: Arena, fields: Fields, batches: readonly Batch[], selection: Selection): number[] {
  return fields.map(({ type }, index) =>
    parseType(type).physical === 'variable' ? variableBytes(arena, columnsAt(batches, index), selection) : 0,
  );
}

function columnsAt(batches: readonly Batch[], index: number): Column[] {
  return batches.map((batch) => batch.columns[index] as Column);
}

/**
 * Selected rows as one batch that ends no logical input. The batches stay the caller's.
 * @throws ERR_MEMORY_EXHAUSTED
 */
export function gatherRows(
  target: GatherTarget,
  fields: Fields,
  batches: readonly Batch[],
  selection: Selection,
  texts: readonly number[],
): Batch {
  const { arena, owner } = target;
  const columns = fields.map((_, index) => columnsAt(batches, index));
  const draft = allocBatch(arena, owner, fields, selection.count, {
    variableBytes: texts,
    validity: columns.map((parts) => parts.some((part) => part.nullCount > 0)),
  });
  const made: Ptr[] = [];
  try {
    draft.columns.forEach((out, index) => gatherColumn(target, columns[index] as Column[], selection, out, made));
    return draft.finish(selection.count, 0);
  } catch (error) {
    draft.discard();
    throw error;
  } finally {
    for (const slab of made) arena.release(slab);
  }
}

function gatherColumn(
  target: GatherTarget,
  columns: readonly Column[],
  selection: Selection,
  out: DraftColumn,
  made: Ptr[],
): void {
  const { arena } = target;
  const { physical, byteWidth } = parseType(out.type);
  if (out.validity !== 0) out.nullCount = selection.count - gatherBits(arena, columns, selection, out.validity, true);
  switch (physical) {
    case 'bits':
      gatherBits(arena, columns, selection, out.values, false);
      return;
    case 'variable':
      return gatherTexts(arena, columns, selection, out);
    case 'list':
      return gatherLists(target, columns, selection, out, made);
    case 'dictionary':
      return gatherDictionary(target, columns, selection, out, made, () =>
        gatherFixed(target, columns, selection, 4, out.values),
      );
    default:
      return gatherFixed(target, columns, selection, byteWidth, out.values);
  }
}

/** Returns how many of the bits written are set. */
function gatherBits(
  { u8 }: Arena,
  columns: readonly Column[],
  { slots, rows, count }: Selection,
  out: Ptr,
  isValidity: boolean,
): number {
  u8.fill(0, out, out + Math.ceil(count / 8));
  let set = 0;
  for (let i = 0; i < count; i++) {
    const column = columns[slots[i] as number] as Column;
    const row = rows[i] as number;
    const bits = isValidity ? column.validity : column.values;
    const isOn = (isValidity && column.nullCount === 0) || isBitSet(u8, bits * 8 + row);
    if (!isOn) continue;
    u8[out + (i >>> 3)] = (u8[out + (i >>> 3)] as number) | (1 << (i & 7));
    set++;
  }
  return set;
}

function gatherFixed(
  { arena, kernels, owner }: GatherTarget,
  columns: readonly Column[],
  selection: Selection,
  width: number,
  out: Ptr,
): void {
  const { slots, rows, count } = selection;
  const bases = Float64Array.from(columns, ({ values }) => values / width);
  if (selection.isLong || !bases.every(Number.isInteger)) {
    selection.eachSegment((from, to) => {
      const source = (columns[slots[from] as number] as Column).values + (rows[from] as number) * width;
      arena.u8.copyWithin(out + from * width, source, source + (to - from) * width);
    });
    return;
  }
  const indices = arena.alloc(count * 4, owner);
  const u32 = arena.uint32At(indices, count);
  for (let i = 0; i < count; i++) u32[i] = (bases[slots[i] as number] as number) + (rows[i] as number);
  kernels.take(width, 0, indices, count, out);
  arena.release(indices);
}

function gatherTexts(arena: Arena, columns: readonly Column[], selection: Selection, out: DraftColumn): void {
  const { i32, u8 } = arena;
  const { slots, rows } = selection;
  const offsets = out.offsets >>> 2;
  let bytes = 0;
  i32[offsets] = 0;
  selection.eachSegment((from, to) => {
    const column = columns[slots[from] as number] as Column;
    const at = (column.offsets >>> 2) + (rows[from] as number);
    const first = i32[at] as number;
    const length = (i32[at + to - from] as number) - first;
    for (let i = from; i < to; i++) i32[offsets + i + 1] = (i32[at + i - from + 1] as number) - first + bytes;
    copyText(u8, column.values + first, length, out.values + bytes);
    bytes += length;
  });
}

function copyText(u8: Uint8Array, source: Ptr, length: number, target: Ptr): void {
  if (length > SHORT_TEXT) u8.copyWithin(target, source, source + length);
  else for (let i = 0; i < length; i++) u8[target + i] = u8[source + i] as number;
}

/** The elements of the selected lists are a selection of the lists' children. */
function gatherLists(
  target: GatherTarget,
  columns: readonly Column[],
  { slots, rows, count }: Selection,
  out: DraftColumn,
  made: Ptr[],
): void {
  const { arena, owner } = target;
  const { i32 } = arena;
  const offsets = out.offsets >>> 2;
  i32[offsets] = 0;
  for (let i = 0; i < count; i++) {
    const at = ((columns[slots[i] as number] as Column).offsets >>> 2) + (rows[i] as number);
    i32[offsets + i + 1] = (i32[offsets + i] as number) + (i32[at + 1] as number) - (i32[at] as number);
  }
  const elements = i32[offsets + count] as number;
  const refs = { slots: new Uint32Array(elements), rows: new Uint32Array(elements) };
  for (let i = 0, to = 0; i < count; i++) {
    const slot = slots[i] as number;
    const at = ((columns[slot] as Column).offsets >>> 2) + (rows[i] as number);
    for (let element = i32[at] as number; element < (i32[at + 1] as number); element++) {
      refs.slots[to] = slot;
      refs.rows[to++] = element;
    }
  }
  const children = columns.map((column) => column.child as Column);
  const chosen = new Selection(refs, 0, elements, new Uint32Array(elements + 1));
  const { type } = children[0] as Column;
  const { column, slab } = allocColumn(arena, owner, type, elements, {
    variableBytes: parseType(type).physical === 'variable' ? variableBytes(arena, children, chosen) : 0,
    validity: children.some((child) => child.nullCount > 0),
  });
  made.push(slab);
  gatherColumn(target, children, chosen, column, made);
  out.child = finishColumn(arena, column, elements, slab);
}
