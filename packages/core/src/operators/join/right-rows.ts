/**
 * Right rows that a left row may still be matched with, named by *places*: numbers in the order in which they came. They lie
 * in the batches they came in, until `keep` copies those that still matter and lets go of the rest. What the operator has no room for lies
 * on disk, and is read again whenever some of its rows are wanted.
 */

import assert from 'node:assert';
import { concatBatches } from '../../batch/concat-batches.ts';
import type { Batch, Column } from '../../batch/contract.ts';
import { makeBatch } from '../../batch/make-batch.ts';
import { gatherColumns } from '../../kernels/gather.ts';
import { TAKE_NOTHING } from '../../kernels/vector-contract.ts';
import type { Ptr } from '../../memory/contract.ts';
import type { FieldSpec, Fields } from '../../schema/types.ts';
import type { GrowingBuffer, Workspace } from '../aggregate/arena-views.ts';
import { BatchFiles, type BatchOnDisk, type BatchPlace, type SavedPlaces } from '../batch-files.ts';
import type { OperatorContext } from '../contract.ts';
import { PIECE_ROWS } from '../held-batches.ts';
import type { SavedBatch, SavedList, SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import { latestRuns, takePlaces } from './take-places.ts';

interface Segment {
  /** Place of its first row. */
  first: number;
  rows: number;
  /** Logical Arrow bytes. */
  bytes: number;
  /** In memory: the batch, and of its columns those that are wanted. */
  held: { batch: Batch; columns: readonly Column[] } | undefined;
  /** On disk: the wanted columns; not even there when there are none. */
  on?: BatchOnDisk;
}

/** Rows of a segment that are wanted: `from` counts those of the segments before. */
interface Part {
  segment: Segment;
  from: number;
  rows: number;
}

/** A segment as plain data. `isThere`: it has wanted columns, which are the next of the saved batches. */
interface SavedSegment {
  first: number;
  rows: number;
  bytes: number;
  isThere: boolean;
}

export interface SavedRightRows {
  end: number;
  segments: SavedList;
  places: SavedPlaces;
  /** The batch at work, with all its columns. */
  atWork: SavedBatch | undefined;
}

export class RightRows {
  readonly #context: OperatorContext;
  readonly #workspace: Workspace;
  readonly #fields: Fields;
  /** Positions of all of them. */
  readonly #all: readonly number[];
  readonly #inputs: readonly number[];
  readonly #limitBytes: number;
  readonly #chosen: GrowingBuffer;
  readonly #order: GrowingBuffer;
  readonly #counts: GrowingBuffer;
  #segments: Segment[] = [];
  readonly #files: BatchFiles;
  #next = 0;
  #bytes = 0;
  #heldBytes = 0;
  #rows = 0;

  /**
   * `inputs`: positions, in the right side's batches, of the columns that are wanted; `fields`: what they are called. `limitBytes`: how much
   * may lie in memory.
   */
  constructor(
    inputs: readonly number[],
    fields: Fields,
    context: OperatorContext,
    workspace: Workspace,
    limitBytes: number = Infinity,
  ) {
    this.#inputs = inputs;
    this.#fields = fields;
    this.#all = [...fields.keys()];
    this.#context = context;
    this.#workspace = workspace;
    this.#limitBytes = limitBytes;
    this.#chosen = workspace.buffer();
    this.#order = workspace.buffer();
    this.#counts = workspace.buffer();
    const { arena, owner, spill, name } = context;
    this.#files = new BatchFiles({ arena, owner, fields, spill, name });
  }

  get rows(): number {
    return this.#rows;
  }

  /** Logical Arrow bytes, those on disk too. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Of these in memory. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  get batches(): number {
    return this.#segments.length;
  }

  /** The first place whose row is held. */
  get start(): number {
    return this.#segments[0]?.first ?? this.#next;
  }

  /** The place that the next row gets. */
  get end(): number {
    return this.#next;
  }

  /** The first place of the batch that a place lies in; `end` behind all. */
  batchAt(place: number): number {
    return this.#segments.findLast(({ first, rows }) => first <= place && place < first + rows)?.first ?? this.#next;
  }

  /** Takes over a batch; gives the place of its first row. */
  add(batch: Batch): number {
    const columns = this.#inputs.map((input) => batch.columns[input] as Column);
    return this.#append(batch, columns);
  }

  #append(batch: Batch, columns: readonly Column[]): number {
    const first = this.#next;
    const bytes = batch.logicalBytes;
    this.#segments.push({ first, rows: batch.rows, bytes, held: { batch, columns } });
    this.#next += batch.rows;
    this.#rows += batch.rows;
    this.#bytes += bytes;
    this.#heldBytes += bytes;
    return first;
  }

  /** There is more in memory than may be, and somewhere to put it. */
  get hasToSpill(): boolean {
    if (this.#heldBytes <= this.#limitBytes || this.#context.spill === undefined) return false;
    return this.#segments.some(({ held }, index) => held !== undefined && index < this.#segments.length - 1);
  }

  /** Writes batches, the oldest first, until the rest may stay. The last one is at work and stays. */
  async spill(limitBytes: number = this.#limitBytes): Promise<void> {
    for (const segment of this.#segments.slice(0, -1)) {
      if (this.#heldBytes <= limitBytes) return;
      if (segment.held !== undefined) await this.#write(segment, segment.held);
    }
  }

  async #write(segment: Segment, { batch, columns }: NonNullable<Segment['held']>): Promise<void> {
    if (!this.#files.canWrite) return;
    if (this.#fields.length > 0) {
      const wanted = this.#wanted(columns, segment.rows);
      try {
        segment.on = await this.#files.write(wanted);
      } finally {
        wanted.release();
      }
    }
    segment.held = undefined;
    this.#heldBytes -= segment.bytes;
    batch.release();
  }

  #wanted(columns: readonly Column[], rows: number): Batch {
    return makeBatch(this.#context.arena, this.#context.owner, this.#fields, columns, rows, 0);
  }

  /** `hasBatchAtWork`: the last segment is a batch that the caller still needs all columns of. */
  async save(writer: SnapshotWriter, hasBatchAtWork = false): Promise<SavedRightRows> {
    const segments = this.#segments;
    const last = hasBatchAtWork ? segments.at(-1)?.held?.batch : undefined;
    const made: Batch[] = [];
    try {
      const places: BatchPlace[] = [];
      const saved = segments.map(({ first, rows, bytes, held, on }, index): SavedSegment => {
        const isThere = this.#fields.length > 0 && !(last !== undefined && index === segments.length - 1);
        if (isThere && on !== undefined) places.push(on);
        else if (isThere && held !== undefined) {
          const batch = this.#wanted(held.columns, rows);
          made.push(batch);
          places.push({ batch });
        }
        return { first, rows, bytes, isThere };
      });
      return {
        end: this.#next,
        segments: await writer.list(saved),
        places: await this.#files.save(places, writer),
        atWork: last === undefined ? undefined : await writer.batch(last),
      };
    } finally {
      for (const batch of made) batch.release();
    }
  }

  /** Gives the batch at work, where there was one, which stays with these rows. `fields`: all of its columns. */
  restore(saved: SavedRightRows, fields: Fields, reader: SnapshotReader): Batch | undefined {
    const places = this.#files.restore(saved.places, reader);
    const atWork = saved.atWork && reader.batch(saved.atWork, fields, this.#context.owner);
    const segments = reader.list<SavedSegment>(saved.segments);
    let next = 0;
    for (const [index, { isThere, ...segment }] of segments.entries()) {
      const isAtWork = atWork !== undefined && index === segments.length - 1;
      const place = isThere ? places[next++] : undefined;
      const held = isAtWork
        ? { batch: atWork, columns: this.#inputs.map((input) => atWork.columns[input] as Column) }
        : place !== undefined && 'batch' in place
          ? { batch: place.batch, columns: place.batch.columns }
          : undefined;
      this.#segments.push({ ...segment, held, ...(place !== undefined && 'on' in place && { on: place }) });
      this.#rows += segment.rows;
      this.#bytes += segment.bytes;
      if (held !== undefined) this.#heldBytes += segment.bytes;
    }
    this.#next = saved.end;
    return atWork;
  }

  /** Lets go of batches that lie before a place as a whole. */
  dropBefore(place: number): void {
    for (let [segment] = this.#segments; segment !== undefined; [segment] = this.#segments) {
      if (segment.first + segment.rows > place) return;
      this.#segments.shift();
      this.#drop(segment);
    }
  }

  #drop({ rows, bytes, held, on }: Segment): void {
    this.#rows -= rows;
    this.#bytes -= bytes;
    if (held !== undefined) {
      this.#heldBytes -= bytes;
      held.batch.release();
    }
    if (on !== undefined) this.#files.drop(on);
  }

  /** All places count from the first one that is held: it becomes 0. Returns what it was. */
  rebase(): number {
    const { start } = this;
    for (const segment of this.#segments) segment.first -= start;
    this.#next -= start;
    return start;
  }

  /**
   * Of the rows before `place`, where a batch begins, keeps those at these places (ascending, each once) and nothing else: they get the places
   * right before it, in their order. What is to be awaited is yielded.
   */
  *keep(places: Uint32Array, place: number): Generator<Promise<void>, void> {
    const before = this.#segments.filter(({ first }) => first < place);
    const after = this.#segments.slice(before.length);
    let kept: Segment[] = [];
    try {
      for (let from = 0; from < places.length; from += PIECE_ROWS) {
        const segment = this.#copy(places.subarray(from, from + PIECE_ROWS), place - places.length + from);
        kept.push(segment);
        const { held } = segment;
        const hasToGo = this.#heldBytes > this.#limitBytes && this.#context.spill !== undefined;
        if (hasToGo && held !== undefined) yield this.#write(segment, held);
      }
      this.#segments = [...kept, ...after];
      kept = before;
    } finally {
      for (const segment of kept) this.#drop(segment);
    }
  }

  /** Where all rows are in memory and may stay: keeps those at these places and nothing else. Their places are now 0, 1, 2 … */
  keepOnly(places: Uint32Array): void {
    for (const pending of this.keep(places, this.end)) assert(pending === undefined, 'there is nothing to wait for');
    this.rebase();
  }

  /** A segment of its own for these rows. */
  #copy(places: Uint32Array, first: number): Segment {
    const list = this.#workspace.scratch(4 * places.length);
    this.#workspace.views.u32.set(places, list >>> 2);
    const batch = this.gather(list, places.length);
    const rows = places.length;
    const bytes = batch.logicalBytes;
    this.#rows += rows;
    this.#bytes += bytes;
    this.#heldBytes += bytes;
    return { first, rows, bytes, held: { batch, columns: batch.columns } };
  }

  /**
   * The wanted columns of the rows at `count` places (u32), in their order; nulls for `TAKE_NOTHING`. `positions`: of these columns some only.
   * @throws ERR_MEMORY_EXHAUSTED
   */
  gather(places: Ptr, count: number, positions: readonly number[] = this.#all): Batch {
    const fields = positions.map((position) => this.#fields[position] as FieldSpec);
    const pick = (columns: readonly Column[]): Column[] => positions.map((position) => columns[position] as Column);
    const runs = latestRuns(this.#segments, positions, this.#workspace.views.u32, places, count);
    const taken = runs && takePlaces(this.#context, runs, fields, places, count);
    if (taken !== undefined) return taken;
    const parts = this.#divide(places, count);
    const hasNothing = parts.reduce((sum, { rows }) => sum + rows, 0) < count;
    const only = parts.length === 1 ? parts[0] : undefined;
    if (only !== undefined)
      return this.#withColumns(only.segment, (columns) =>
        this.#take(pick(columns), fields, { indices: this.#order.ptr, count, hasNothing }),
      );
    const { arena, owner } = this.#context;
    const made: Batch[] = [];
    try {
      for (const { segment, from, rows } of parts)
        made.push(
          this.#withColumns(segment, (columns) =>
            this.#take(pick(columns), fields, { indices: this.#chosen.ptr + 4 * from, count: rows, hasNothing: false }),
          ),
        );
      const whole = concatBatches(arena, owner, fields, made, 0);
      made.push(whole);
      return this.#take(whole.columns, fields, { indices: this.#order.ptr, count, hasNothing });
    } finally {
      for (const batch of made) batch.release();
    }
  }

  /** Reads the segment where it lies on disk, for as long as the call takes. */
  #withColumns({ held, on }: Segment, use: (columns: readonly Column[]) => Batch): Batch {
    if (held !== undefined) return use(held.columns);
    if (on === undefined) return use([]);
    const batch = this.#files.read(on);
    try {
      return use(batch.columns);
    } finally {
      batch.release();
    }
  }

  #take(columns: readonly Column[], fields: Fields, selection: Parameters<typeof gatherColumns>[3]): Batch {
    return gatherColumns(this.#context, columns, fields, selection, 0);
  }

  /**
   * Which segments have rows at these places. Writes their row numbers, segment by segment, to `chosen`, and where each place's row
   * is among them to `order`.
   */
  #divide(places: Ptr, count: number): Part[] {
    const { u32 } = this.#workspace.views;
    const segments = this.#segments;
    const only = this.#onlySegment(places, count);
    if (only !== undefined) return [only];
    const chosen = this.#chosen.reserve(4 * count);
    const order = this.#order.reserve(4 * count);
    const { length } = segments;
    const counts = this.#counts.reserve(4 * (3 * length + 1));
    const bounds = counts + 8 * length;
    u32.set([...segments.map(({ first }) => first), this.#next], bounds >>> 2);
    this.#context.kernels.dealRows(places, count, bounds, length, counts, chosen, order);
    let from = 0;
    const parts = segments.flatMap((segment, index) => {
      const rows = u32[(counts >>> 2) + index] as number;
      from += rows;
      return rows === 0 ? [] : [{ segment, from: from - rows, rows }];
    });
    const [whole] = parts;
    if (whole !== undefined && parts.length === 1) this.#rowsOf(whole.segment, places, count, order);
    return parts;
  }

  /** Where all places lie in the segment of the last of them, as they mostly do: what of it is wanted; `order` then has its rows. */
  #onlySegment(places: Ptr, count: number): Part | undefined {
    const { u32 } = this.#workspace.views;
    const words = u32.subarray(places >>> 2, (places >>> 2) + count);
    const last = words.findLast((place) => place !== TAKE_NOTHING);
    const segment = this.#segments.findLast(({ first }) => last !== undefined && first <= last);
    if (segment === undefined) return undefined;
    const nothing = this.#rowsOf(segment, places, count, this.#order.reserve(4 * count));
    return nothing < 0 ? undefined : { segment, from: 0, rows: count - nothing };
  }

  #rowsOf({ first, rows }: Segment, places: Ptr, count: number, order: Ptr): number {
    return this.#context.kernels.rowsOfSegment(places, count, first, first + rows, order);
  }

  close(): void {
    for (const segment of this.#segments.splice(0)) this.#drop(segment);
    this.#files.close();
  }
}
