/**
 * Right rows that a left row may still be matched with, named by *places*: numbers in the order in which they came. They lie
 * in the batches they came in, until `keep` copies those that still matter into one and lets go of the rest.
 */

import { concatBatches } from '../../batch/concat-batches.ts';
import type { Batch, Column } from '../../batch/contract.ts';
import { gatherColumns } from '../../kernels/gather.ts';
import { TAKE_NOTHING } from '../../kernels/vector-contract.ts';
import type { Ptr } from '../../memory/contract.ts';
import type { Fields } from '../../schema/types.ts';
import type { GrowingBuffer, Workspace } from '../aggregate/arena-views.ts';
import type { OperatorContext } from '../contract.ts';

interface Segment {
  batch: Batch;
  columns: readonly Column[];
  /** Place of its first row. */
  first: number;
}

export class RightRows {
  readonly #context: OperatorContext;
  readonly #workspace: Workspace;
  readonly #fields: Fields;
  readonly #inputs: readonly number[];
  readonly #chosen: GrowingBuffer;
  readonly #order: GrowingBuffer;
  #segments: Segment[] = [];
  #next = 0;
  #bytes = 0;
  #rows = 0;

  /** `inputs`: positions, in the right side's batches, of the columns that are wanted; `fields`: what they are called. */
  constructor(inputs: readonly number[], fields: Fields, context: OperatorContext, workspace: Workspace) {
    this.#inputs = inputs;
    this.#fields = fields;
    this.#context = context;
    this.#workspace = workspace;
    this.#chosen = workspace.buffer();
    this.#order = workspace.buffer();
  }

  get rows(): number {
    return this.#rows;
  }

  /** Logical Arrow bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  get batches(): number {
    return this.#segments.length;
  }

  /** The first place whose row is held. */
  get start(): number {
    return this.#segments[0]?.first ?? this.#next;
  }

  /** Takes over a batch; gives the place of its first row. */
  add(batch: Batch): number {
    const columns = this.#inputs.map((input) => batch.columns[input] as Column);
    return this.#append(batch, columns);
  }

  #append(batch: Batch, columns: readonly Column[]): number {
    const first = this.#next;
    this.#segments.push({ batch, columns, first });
    this.#next += batch.rows;
    this.#rows += batch.rows;
    this.#bytes += batch.logicalBytes;
    return first;
  }

  /** Lets go of batches that lie before a place as a whole. */
  dropBefore(place: number): void {
    for (let [segment] = this.#segments; segment !== undefined; [segment] = this.#segments) {
      if (segment.first + segment.batch.rows > place) return;
      this.#segments.shift();
      this.#rows -= segment.batch.rows;
      this.#bytes -= segment.batch.logicalBytes;
      segment.batch.release();
    }
  }

  /** Keeps the rows at these places (ascending, each once) and nothing else: their places are now 0, 1, 2 … */
  keep(places: Uint32Array): void {
    const { u32 } = this.#workspace.views;
    const list = this.#workspace.scratch(4 * places.length);
    u32.set(places, list >>> 2);
    const kept = places.length === 0 ? undefined : this.gather(list, places.length);
    this.close();
    this.#next = 0;
    if (kept !== undefined) this.#append(kept, kept.columns);
  }

  /**
   * The wanted columns of the rows at `count` places (u32), in their order; nulls for `TAKE_NOTHING`.
   * @throws ERR_MEMORY_EXHAUSTED
   */
  gather(places: Ptr, count: number): Batch {
    const parts = this.#divide(places, count);
    const only = parts.length === 1 ? parts[0] : undefined;
    if (only !== undefined) return this.#take(only.segment.columns, this.#order.ptr, count, true);
    const { arena, owner } = this.#context;
    const made: Batch[] = [];
    try {
      for (const { segment, from, rows } of parts)
        made.push(this.#take(segment.columns, this.#chosen.ptr + 4 * from, rows, false));
      const whole = concatBatches(arena, owner, this.#fields, made, 0);
      made.push(whole);
      return this.#take(whole.columns, this.#order.ptr, count, true);
    } finally {
      for (const batch of made) batch.release();
    }
  }

  #take(columns: readonly Column[], indices: Ptr, count: number, hasNothing: boolean): Batch {
    return gatherColumns(this.#context, columns, this.#fields, { indices, count, hasNothing }, 0);
  }

  /**
   * Which segments have rows at these places. Writes their row numbers, segment by segment, to `chosen`, and where each place's row
   * is among them to `order`.
   */
  #divide(places: Ptr, count: number): { segment: Segment; from: number; rows: number }[] {
    const { u32 } = this.#workspace.views;
    const segments = this.#segments;
    const chosen = this.#chosen.reserve(4 * count) >>> 2;
    const order = this.#order.reserve(4 * count) >>> 2;
    const bounds = Uint32Array.from([...segments.map(({ first }) => first), this.#next]);
    const counts = countBySegment(u32, places >>> 2, count, bounds);
    const starts = new Uint32Array(segments.length);
    let from = 0;
    const parts = segments.flatMap((segment, index) => {
      const rows = counts[index] as number;
      starts[index] = from;
      from += rows;
      return rows === 0 ? [] : [{ segment, from: from - rows, rows }];
    });
    deal(u32, { places: places >>> 2, count, chosen, order }, bounds, starts, parts.length <= 1);
    return parts;
  }

  close(): void {
    for (const { batch } of this.#segments.splice(0)) batch.release();
    this.#rows = 0;
    this.#bytes = 0;
  }
}

/** The segment of a place: `bounds` are the first places of all segments, and the one behind the last. */
function segmentOf(bounds: Uint32Array, place: number): number {
  let low = 0;
  let high = bounds.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((bounds[middle] as number) <= place) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** How many of the places lie in each segment. Neighbours in a list mostly lie in the same one. */
function countBySegment(u32: Uint32Array, places: number, count: number, bounds: Uint32Array): Uint32Array {
  const counts = new Uint32Array(bounds.length - 1);
  let current = 0;
  let first = 0;
  let end = 0;
  let run = 0;
  for (let at = places; at < places + count; at++) {
    const place = u32[at] as number;
    if (place === TAKE_NOTHING) continue;
    if (place < first || place >= end) {
      counts[current] = (counts[current] as number) + run;
      run = 0;
      current = segmentOf(bounds, place);
      first = bounds[current] as number;
      end = bounds[current + 1] as number;
    }
    run += 1;
  }
  counts[current] = (counts[current] as number) + run;
  return counts;
}

interface Dealt {
  /** Indices of words. */
  places: number;
  count: number;
  chosen: number;
  order: number;
}

/** Deals row numbers out to their segments, whose parts of `chosen` begin at `starts`; of one segment they are the order themselves. */
function deal(
  u32: Uint32Array,
  { places, count, chosen, order }: Dealt,
  bounds: Uint32Array,
  starts: Uint32Array,
  isOne: boolean,
): void {
  let current = 0;
  let first = 0;
  let end = 0;
  for (let row = 0; row < count; row++) {
    const place = u32[places + row] as number;
    if (place === TAKE_NOTHING) {
      u32[order + row] = TAKE_NOTHING;
      continue;
    }
    if (place < first || place >= end) {
      current = segmentOf(bounds, place);
      first = bounds[current] as number;
      end = bounds[current + 1] as number;
    }
    if (isOne) {
      u32[order + row] = place - first;
      continue;
    }
    const to = starts[current] as number;
    starts[current] = to + 1;
    u32[chosen + to] = place - first;
    u32[order + row] = to;
  }
}
