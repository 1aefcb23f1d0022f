/**
 * The memory of one evaluation. Every column that a step makes or passes on holds one reference on each of its slabs and
 * belongs to the frame until it is dropped or taken, so that an error in the middle leaves nothing behind.
 */
import type { Batch, Column } from '../batch/contract.ts';
import { PipelineError, type PipelineErrorCode } from '../errors.ts';
import type { VectorKernels } from '../kernels/vector-contract.ts';
import type { Arena, Ptr } from '../memory/contract.ts';
import type { TypeText } from '../schema/types.ts';
import { bitAt, bitmapBytes } from './bitmap.ts';
import { type MorselPosition, placeOfRow } from './row-place.ts';

/** Where and for whom an expression is evaluated. */
export interface EvaluationContext {
  arena: Arena;
  kernels: VectorKernels;
  /** Whom result slabs are charged to. */
  owner: number;
  /** Name of the operator, for errors. */
  name: string;
  position(): MorselPosition;
}

/** A column whose parts can still be filled in. */
export type ColumnDraft = { -readonly [K in keyof Column]: Column[K] };

/** Buffers of one slab are this far apart: Arrow's alignment. */
function padded(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}

function retainColumn(arena: Arena, column: Column): void {
  for (const slab of column.slabs) arena.retain(slab);
  if (column.child !== undefined) retainColumn(arena, column.child);
}

/** Gives back a column that `take` handed over: one reference on each slab of it and of its child. */
export function releaseColumn(arena: Arena, column: Column): void {
  for (const slab of column.slabs) arena.release(slab);
  if (column.child !== undefined) releaseColumn(arena, column.child);
}

const byteViews = new WeakMap<Arena, Buffer>();

/**
 * The arena as a Buffer, for writing text. (Reading with it fails behind 2 GiB, where Node's `toString` makes positions negative:
 * `decodeBytes` is for that.)
 */
export function bytesOfArena(arena: Arena): Buffer {
  let view = byteViews.get(arena);
  if (view === undefined) {
    view = Buffer.from(arena.buffer);
    byteViews.set(arena, view);
  }
  return view;
}

export class Frame {
  readonly arena: Arena;
  readonly kernels: VectorKernels;
  readonly batch: Batch;
  readonly rows: number;
  /** Whom slabs are charged to. */
  readonly owner: number;
  readonly #context: EvaluationContext;
  readonly #label: string;
  readonly #live = new Set<Column>();
  /** Rows whose errors count; 0: all. The steps that skip rows (`when`, `and` …) narrow it while an argument is evaluated. */
  #active: Ptr = 0;

  /** `label` is the column that errors name: the one being computed. */
  constructor(context: EvaluationContext, batch: Batch, label: string) {
    this.arena = context.arena;
    this.kernels = context.kernels;
    this.batch = batch;
    this.rows = batch.rows;
    this.owner = context.owner;
    this.#context = context;
    this.#label = label;
  }

  /** One more reference on a column of the batch. */
  borrow(column: Column): Column {
    retainColumn(this.arena, column);
    return this.#keep({ ...column });
  }

  /** A column of one slab: values, then offsets, then a bitmap, each only if it has bytes. Contents are arbitrary. */
  allocate(type: TypeText, rows: number, valueBytes: number, hasValidity: boolean, hasOffsets = false): ColumnDraft {
    const offsetBytes = hasOffsets ? padded((rows + 1) * 4) : 0;
    const validityBytes = hasValidity ? padded(bitmapBytes(rows)) : 0;
    const slab = this.arena.alloc(Math.max(64, padded(valueBytes) + offsetBytes + validityBytes), this.owner);
    return this.#keep({
      type,
      length: rows,
      nullCount: 0,
      validity: hasValidity ? slab + padded(valueBytes) + offsetBytes : 0,
      values: slab,
      valueBytes,
      offsets: hasOffsets ? slab + padded(valueBytes) : 0,
      child: undefined,
      slabs: [slab],
    });
  }

  /** A column of bits over the rows of the batch. */
  allocateBits(hasValidity = false): ColumnDraft {
    return this.allocate('bool', this.rows, bitmapBytes(this.rows), hasValidity);
  }

  #keep<T extends Column>(column: T): T {
    this.#live.add(column);
    return column;
  }

  /** The column is not needed any more. */
  drop(...columns: Column[]): void {
    for (const column of columns) {
      if (this.#live.delete(column)) releaseColumn(this.arena, column);
    }
  }

  /** Puts another description in the place of a column; it uses the same slabs and takes over their references. */
  replace<T extends Column>(from: Column, to: T): T {
    this.#live.delete(from);
    return this.#keep(to);
  }

  /** Makes `child` the dictionary of `out`, with the references on its slabs. */
  adopt(out: ColumnDraft, child: Column): void {
    this.#live.delete(child);
    out.child = child;
  }

  /** The column and its references now belong to the caller. */
  take(column: Column): Column {
    this.#live.delete(column);
    return column;
  }

  /** Drops everything that is left. */
  close(): void {
    this.drop(...this.#live);
  }

  /** Gives `out` the rows that are there in both; no bitmap when there are no nulls. `out` must have room for one. */
  intersectValidity(out: ColumnDraft, left: Ptr, right: Ptr): void {
    if (left === 0 && right === 0) {
      out.validity = 0;
      return;
    }
    this.kernels.bitmap('and', left, right, out.length, out.validity);
    this.countNulls(out);
  }

  /** Takes over the validity of a column of the same length; `out` must have room for it when there is one. */
  copyValidity(out: ColumnDraft, from: Column): void {
    if (from.validity === 0) {
      out.validity = 0;
      return;
    }
    this.kernels.copyBits(from.validity, 0, out.length, out.validity, 0);
    out.nullCount = from.nullCount;
  }

  /** Sets the null count from the bitmap, which goes when no row is null. */
  countNulls(out: ColumnDraft): void {
    out.nullCount = out.length - this.kernels.popcount(out.validity, 0, out.length);
    if (out.nullCount === 0) out.validity = 0;
  }

  /** Whether an error in this row counts: the row is there and its value is wanted. */
  matters(row: number, validity: Ptr): boolean {
    return bitAt(this.arena, validity, row) && bitAt(this.arena, this.#active, row);
  }

  /** Calls `use` with the bitmap of the rows whose errors count, for kernels that skip nulls. */
  withRelevant<T>(validity: Ptr, use: (relevant: Ptr) => T): T {
    if (this.#active === 0) return use(validity);
    if (validity === 0) return use(this.#active);
    const both = this.allocateBits();
    this.kernels.bitmap('and', validity, this.#active, this.rows, both.values);
    const result = use(both.values);
    this.drop(both);
    return result;
  }

  /**
   * Runs `evaluate` with errors confined to the rows where `bits` (and, if `validity` is a bitmap, `validity`) is set, or
   * with `negate` to the other rows.
   */
  within<T>(bits: Ptr, validity: Ptr, negate: boolean, evaluate: () => T): T {
    const before = this.#active;
    const mask = this.allocateBits();
    this.kernels.bitmap('and', bits, validity, this.rows, mask.values);
    if (negate) this.kernels.bitmap('andNot', before, mask.values, this.rows, mask.values);
    else this.kernels.bitmap('and', before, mask.values, this.rows, mask.values);
    this.#active = mask.values;
    try {
      return evaluate();
    } finally {
      this.#active = before;
      this.drop(mask);
    }
  }

  /** A refusal that names stage, column, row and value. */
  refuse(
    code: PipelineErrorCode,
    row: number,
    what: string,
    detail: { value?: string; expected?: string; hint: string },
  ): PipelineError {
    const position = this.#context.position();
    const place = placeOfRow(position, row, this.rows);
    return new PipelineError(code, `${this.#context.name}: ${what} in column "${this.#label}", ${place.text}`, {
      stage: this.#context.name,
      column: this.#label,
      row: place.row,
      ...(position.file !== undefined && { file: position.file }),
      ...detail,
    });
  }
}
