/**
 * A merge join that also gives the right rows without a match: before the first left row that comes later, and behind the last left row as a
 * logical input of their own. Of the left columns they have those that are compared.
 *
 * Memory: as of a merge join, and of each right row that is held its time and a mark.
 */
import assert from 'node:assert';
import { allocBatch, type DraftColumn } from '../../batch/alloc-batch.ts';
import { concatBatches } from '../../batch/concat-batches.ts';
import type { Batch, Column } from '../../batch/contract.ts';
import { emptyBatch, makeBatch } from '../../batch/make-batch.ts';
import { gatherColumns } from '../../kernels/gather.ts';
import { TAKE_NOTHING } from '../../kernels/vector-contract.ts';
import type { JoinSide, JoinSpec } from '../../plan/logical.ts';
import type { Fields } from '../../schema/types.ts';
import type { GrowingBuffer } from '../aggregate/arena-views.ts';
import { valueTypeOf } from '../aggregate/value-type.ts';
import type { OperatorContext } from '../contract.ts';
import { PIECE_ROWS } from '../held-batches.ts';
import { MergeJoin, type SavedLinks } from './merge-join.ts';
import type { LeftBatch, RightBatch, Step, UsedBuffer } from './ordered-join.ts';

interface SavedFull extends SavedLinks {
  base: number;
  through: number;
  hasRest: boolean;
}

export class FullJoin extends MergeJoin {
  /** Positions among the left columns. */
  readonly #on: number;
  readonly #by: readonly number[];
  /** By place from `#base` on. */
  readonly #times: GrowingBuffer;
  readonly #marks: GrowingBuffer;
  #base = 0;
  /** Right rows before this place have left, or had a match. */
  #through = 0;
  /** The rows of the next batch: of each its left row, its place, and for those without a left row where they are among these. */
  readonly #lefts: GrowingBuffer;
  readonly #rights: GrowingBuffer;
  #count = 0;
  #hasRest = false;

  constructor(spec: JoinSpec, inputFields: readonly Fields[], context: OperatorContext) {
    super(spec, inputFields, context);
    const [{ on, by }] = spec.sides as [JoinSide, JoinSide];
    const positionOf = (column: string): number => this.leftFields.findIndex(({ name }) => name === column);
    this.#on = positionOf(on);
    this.#by = by.map(positionOf);
    this.#times = this.workspace.buffer();
    this.#marks = this.workspace.buffer();
    this.#lefts = this.workspace.buffer();
    this.#rights = this.workspace.buffer();
    this.#lefts.reserve(4 * PIECE_ROWS);
    this.#rights.reserve(4 * PIECE_ROWS);
  }

  protected override makeRoom(right: RightBatch): void {
    super.makeRoom(right);
    const { u8 } = this.workspace.views;
    const from = right.first - this.#base;
    const times = this.#times.reserve(8 * (from + right.rows), 8 * from) + 8 * from;
    u8.copyWithin(times, this.sides[1].times, this.sides[1].times + 8 * right.rows);
    const marks = this.#marks.reserve(from + right.rows, from) + from;
    u8.fill(0, marks, marks + right.rows);
  }

  /** Pairs, and between them the right rows that none of them has. */
  protected override *emit(left: Batch, inputs: number): Generator<Batch, void> {
    const { u8, u32, i64 } = this.workspace.views;
    const { count, lefts, rights } = this.takePairs();
    for (let pair = 0; pair < count; pair++) {
      const row = u32[(lefts >>> 2) + pair] as number;
      yield* this.#passUnmatched(i64[this.sides[0].times / 8 + row] as bigint, left);
      const place = u32[(rights >>> 2) + pair] as number;
      if (place !== TAKE_NOTHING) u8[this.#marks.ptr + place - this.#base] = 1;
      yield* this.#put(row, place, left);
    }
    yield this.#take(left, inputs);
  }

  protected override *beforeForgetting(left: LeftBatch): Generator<Step, void> {
    const now = this.workspace.views.i64[this.sides[0].times / 8 + left.matched] as bigint;
    yield* this.#passUnmatched(now, left.batch);
    if (this.#count > 0) yield this.#take(left.batch, 0);
  }

  protected override placesMoved(kept: number, gone: number): void {
    const { u8 } = this.workspace.views;
    const from = kept + gone - this.#base;
    const count = Math.max(0, this.rightRows.end - kept);
    u8.copyWithin(this.#times.ptr, this.#times.ptr + 8 * from, this.#times.ptr + 8 * (from + count));
    u8.copyWithin(this.#marks.ptr, this.#marks.ptr + from, this.#marks.ptr + from + count);
    this.#base = kept;
    this.#through = Math.max(kept, this.#through - gone);
  }

  protected override usedBuffers(left: LeftBatch | undefined): UsedBuffer[] {
    const held = Math.max(0, this.rightRows.end - this.#base);
    return [...super.usedBuffers(left), [this.#times, 8 * held], [this.#marks, held]];
  }

  protected override saveOwn(): SavedFull {
    assert(this.#count === 0, 'rows for the next batch wait only within a step');
    return { ...super.saveOwn(), base: this.#base, through: this.#through, hasRest: this.#hasRest };
  }

  protected override restoreOwn({ base, through, hasRest, ...links }: SavedFull): void {
    super.restoreOwn(links);
    this.#base = base;
    this.#through = through;
    this.#hasRest = hasRest;
  }

  protected override *rest(right: RightBatch): Generator<Batch, void> {
    if (right.applied === 0) this.makeRoom(right);
    yield* this.#passRest();
    this.rightRows.dropBefore(this.rightRows.end);
  }

  protected override *finishAll(): Generator<Batch, void> {
    yield* this.#passRest();
    const { arena, owner } = this.context;
    if (this.#hasRest) yield emptyBatch(arena, owner, this.fields, 1);
    this.#hasRest = false;
  }

  *#passRest(): Generator<Batch, void> {
    yield* this.#passUnmatched(undefined, undefined);
    if (this.#count > 0) yield this.#take(undefined, 0);
  }

  /** Right rows before a time (all that are known, where it is undefined) that have no match go out. */
  *#passUnmatched(time: bigint | undefined, left: Batch | undefined): Generator<Batch, void> {
    const { u8, i64 } = this.workspace.views;
    const { end } = this.rightRows;
    for (; this.#through < end; this.#through++) {
      const at = this.#through - this.#base;
      if (time !== undefined && (i64[this.#times.ptr / 8 + at] as bigint) >= time) return;
      if (u8[this.#marks.ptr + at] !== 0) continue;
      if (left === undefined) this.#hasRest = true;
      yield* this.#put(TAKE_NOTHING, this.#through, left);
    }
  }

  *#put(row: number, place: number, left: Batch | undefined): Generator<Batch, void> {
    if (this.#count === PIECE_ROWS) yield this.#take(left, 0);
    const { u32 } = this.workspace.views;
    u32[(this.#lefts.ptr >>> 2) + this.#count] = row;
    u32[(this.#rights.ptr >>> 2) + this.#count] = place;
    this.#count += 1;
  }

  /** The rows so far as a batch. `left`: where left rows are; undefined when there is none any more. */
  #take(left: Batch | undefined, inputs: number): Batch {
    const { arena, owner } = this.context;
    const count = this.#count;
    this.#count = 0;
    const made: Batch[] = [];
    try {
      const right = this.rightRows.gather(this.#rights.ptr, count);
      made.push(right);
      const lefts = this.#leftColumns(left, right, count, made);
      const added = right.columns.slice(0, this.fields.length - this.leftFields.length);
      return makeBatch(arena, owner, this.fields, [...lefts, ...added], count, inputs);
    } finally {
      for (const batch of made) batch.release();
    }
  }

  #leftColumns(left: Batch | undefined, right: Batch, count: number, made: Batch[]): Column[] {
    const { arena, owner } = this.context;
    const nullable = this.leftFields.map((field) => ({ ...field, nullable: true }));
    const none = left === undefined ? emptyBatch(arena, owner, nullable, 0) : undefined;
    if (none !== undefined) made.push(none);
    const source = (left ?? (none as Batch)).columns;
    const gathered = gatherColumns(
      this.context,
      source,
      nullable,
      { indices: this.#lefts.ptr, count, hasNothing: true },
      0,
    );
    made.push(gathered);
    const columns = [...gathered.columns];
    columns[this.#on] = this.#onColumn(gathered.columns[this.#on] as Column, count, made);
    const keys = right.columns.slice(this.fields.length - this.leftFields.length);
    for (const [index, position] of this.#by.entries())
      columns[position] = this.#keyColumn(position, columns[position] as Column, keys[index] as Column, count, made);
    return columns;
  }

  /** Times of left rows, and of right ones where there is no left row. */
  #onColumn(lefts: Column, count: number, made: Batch[]): Column {
    const { arena, owner, kernels } = this.context;
    const field = this.leftFields[this.#on] as Fields[number];
    const { kernel, byteWidth } = valueTypeOf(field.type);
    const { u32, i64 } = this.workspace.views;
    const draft = allocBatch(arena, owner, [field], count, { validity: 'none' });
    const { values } = draft.columns[0] as DraftColumn;
    const wide = byteWidth === 8 ? values : this.workspace.scratch(8 * count);
    if (byteWidth === 8) this.workspace.views.u8.copyWithin(values, lefts.values, lefts.values + 8 * count);
    else kernels.cast(kernel, 'i64', lefts.values, 0, count, wide);
    for (let row = 0; row < count; row++) {
      if (u32[(this.#lefts.ptr >>> 2) + row] !== TAKE_NOTHING) continue;
      const place = u32[(this.#rights.ptr >>> 2) + row] as number;
      i64[wide / 8 + row] = i64[this.#times.ptr / 8 + place - this.#base] as bigint;
    }
    if (byteWidth !== 8) kernels.cast('i64', kernel, wide, 0, count, values);
    const batch = draft.finish(count, 0);
    made.push(batch);
    return batch.columns[0] as Column;
  }

  /** Keys of left rows, and of right ones where there is no left row: both below each other, and then row by row from where it has to be. */
  #keyColumn(position: number, lefts: Column, rights: Column, count: number, made: Batch[]): Column {
    const { arena, owner } = this.context;
    const { u32 } = this.workspace.views;
    const fields: Fields = [{ ...(this.leftFields[position] as Fields[number]), nullable: true }];
    const halves = [lefts, rights].map((column) => makeBatch(arena, owner, fields, [column], count, 0));
    made.push(...halves);
    const both = concatBatches(arena, owner, fields, halves, 0);
    made.push(both);
    const indices = this.workspace.scratch(4 * count);
    for (let row = 0; row < count; row++)
      u32[(indices >>> 2) + row] = u32[(this.#lefts.ptr >>> 2) + row] === TAKE_NOTHING ? count + row : row;
    const merged = gatherColumns(this.context, both.columns, fields, { indices, count }, 0);
    made.push(merged);
    return merged.columns[0] as Column;
  }
}
