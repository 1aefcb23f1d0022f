/**
 * `lag`, `lead` and `diff`: columns with the values of rows so many before or after. Rows before are kept, of each key as many as are looked
 * back; for rows after, rows wait until those have come.
 */
import { concatBatches } from '../../batch/concat-batches.ts';
import type { Batch, Column } from '../../batch/contract.ts';
import { makeBatch, withInputs } from '../../batch/make-batch.ts';
import { sliceBatch } from '../../batch/slice-batch.ts';
import { type CompiledExpression, compileExpression } from '../../expressions/compile.ts';
import { releaseColumn } from '../../expressions/frame.ts';
import { gatherColumns } from '../../kernels/gather.ts';
import { TAKE_NOTHING } from '../../kernels/vector-contract.ts';
import type { ShiftSpec } from '../../plan/steps/specs.ts';
import type { FieldSpec, Fields } from '../../schema/types.ts';
import { Workspace } from '../aggregate/arena-views.ts';
import { KeyIndex } from '../aggregate/key-index.ts';
import { restoreKeys, type SavedKeys, saveKeys } from '../aggregate/saved-keys.ts';
import { valueTypeOf } from '../aggregate/value-type.ts';
import type { HeldState, MaybePromise, Operator, OperatorContext, Output } from '../contract.ts';
import type { SavedBatch, SavedBytes, SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import { KeptRows, type SavedKept } from './kept-rows.ts';

/** Puts shifted values, or differences to them, beside the columns of a batch. */
class ShiftedColumns {
  readonly positions: readonly number[];
  /** The shifted columns, with the types of those that they are of. */
  readonly fields: Fields;
  readonly #context: OperatorContext;
  readonly #wide: Fields;
  readonly #differences: readonly CompiledExpression[];

  constructor({ columns, isDifference }: ShiftSpec, context: OperatorContext) {
    const { inputFields } = context;
    this.#context = context;
    this.positions = columns.map(({ column }) => inputFields.findIndex((field) => field.name === column));
    this.fields = columns.map(({ as }, index) => {
      const { type } = inputFields[this.positions[index] as number] as FieldSpec;
      return { name: as, type, nullable: true };
    });
    this.#wide = [...inputFields, ...this.fields];
    this.#differences = !isDifference
      ? []
      : columns.map(({ column, as }) =>
          compileExpression(
            { kind: 'binary', fn: 'sub', left: { kind: 'col', name: column }, right: { kind: 'col', name: as } },
            this.#wide,
          ),
        );
  }

  /** Takes over both. */
  beside(batch: Batch, shifted: Batch, inputs: number): Batch {
    const { arena, owner } = this.#context;
    const output = this.#context.outputFields['out'] as Fields;
    const made: Column[] = [];
    let wide: Batch | undefined;
    try {
      wide = makeBatch(arena, owner, this.#wide, [...batch.columns, ...shifted.columns], batch.rows, inputs);
      if (this.#differences.length === 0) return makeBatch(arena, owner, output, wide.columns, batch.rows, inputs);
      for (const [index, expression] of this.#differences.entries())
        made.push(expression.evaluate(wide, this.#context, this.fields[index]?.name ?? ''));
      return makeBatch(arena, owner, output, [...batch.columns, ...made], batch.rows, inputs);
    } finally {
      for (const column of made) releaseColumn(arena, column);
      wide?.release();
      shifted.release();
      batch.release();
    }
  }
}

interface SavedLag {
  keys: SavedKeys | undefined;
  kept: SavedKept;
  ring: SavedBytes;
  seen: SavedBytes;
}

/** Rows before, by key. */
export class Lag implements Operator {
  readonly #rows: number;
  readonly #context: OperatorContext;
  readonly #output: Output;
  readonly #shifted: ShiftedColumns;
  readonly #workspace: Workspace;
  readonly #index: KeyIndex | undefined;
  readonly #kept: KeptRows;
  /** By key: numbers of its last rows, as a ring of `rows`, and how many it has had. */
  #ring = new Uint32Array(0);
  #seen = new Float64Array(0);
  #keys = 0;

  constructor(spec: ShiftSpec, context: OperatorContext) {
    this.#rows = spec.rows;
    this.#context = context;
    this.#output = context.outputs['out'] as Output;
    this.#shifted = new ShiftedColumns(spec, context);
    this.#workspace = new Workspace(context.arena, context.owner);
    const plans = spec.by.map((name) => {
      const input = context.inputFields.findIndex((field) => field.name === name);
      return { input, name, value: valueTypeOf((context.inputFields[input] as FieldSpec).type) };
    });
    this.#index = plans.length === 0 ? undefined : new KeyIndex(plans, context.kernels, this.#workspace);
    this.#kept = new KeptRows(context, this.#shifted.positions, this.#shifted.fields);
  }

  push(batch: Batch): MaybePromise {
    if (batch.rows === 0 && batch.inputs === 0) return batch.release();
    const { inputs } = batch;
    let before: Batch;
    try {
      before = this.#kept.take(this.#look(batch), 0);
    } catch (error) {
      batch.release();
      throw error;
    }
    const result = this.#shifted.beside(batch, before, inputs);
    this.#settle();
    return this.#output.push(result);
  }

  /** For each row the number of the one before it. The batch stays the caller's, and is kept as well. */
  #look(batch: Batch): Uint32Array {
    const rows = this.#rows;
    const ids = this.#idsOf(batch);
    const first = this.#kept.add(batch.retain());
    const before = new Uint32Array(batch.rows).fill(TAKE_NOTHING);
    for (let row = 0; row < batch.rows; row++) {
      const id = ids?.[row] ?? 0;
      const seen = this.#seen[id] as number;
      const at = id * rows + (seen % rows);
      if (seen >= rows) before[row] = this.#ring[at] as number;
      this.#ring[at] = first + row;
      this.#seen[id] = seen + 1;
    }
    return before;
  }

  #idsOf(batch: Batch): Uint32Array | undefined {
    const ids = this.#index === undefined ? 0 : this.#workspace.scratch(4 * Math.max(1, batch.rows));
    this.#index?.encode(batch, ids);
    this.#grow(this.#index?.size ?? 1);
    return this.#index === undefined ? undefined : new Uint32Array(this.#context.arena.buffer, ids, batch.rows);
  }

  #grow(keys: number): void {
    this.#keys = keys;
    if (keys <= this.#seen.length) return;
    const room = Math.max(keys, 2 * this.#seen.length);
    const [ring, seen] = [new Uint32Array(room * this.#rows), new Float64Array(room)];
    ring.set(this.#ring);
    seen.set(this.#seen);
    this.#ring = ring;
    this.#seen = seen;
  }

  /** Places of the ring that hold something, key by key. */
  *#held(): Generator<number> {
    for (let id = 0; id < this.#keys; id++) {
      const count = Math.min(this.#rows, this.#seen[id] as number);
      for (let at = 0; at < count; at++) yield id * this.#rows + at;
    }
  }

  #settle(): void {
    const placeOf = this.#kept.settle(() => Uint32Array.from(this.#held(), (at) => this.#ring[at] as number));
    if (placeOf === undefined) return;
    for (const at of this.#held()) this.#ring[at] = placeOf(this.#ring[at] as number);
  }

  flush(): void {}

  end(): void {}

  held(): HeldState {
    return { inputs: 0, rows: 0, bytes: this.#kept.bytes };
  }

  async snapshot(writer: SnapshotWriter): Promise<SavedLag> {
    const { buffer } = this.#ring;
    return {
      keys: this.#index && (await saveKeys(this.#index, this.#workspace, writer)),
      kept: await this.#kept.save(writer),
      ring: await writer.bytes(new Uint8Array(buffer, 0, 4 * this.#keys * this.#rows)),
      seen: await writer.bytes(new Uint8Array(this.#seen.buffer, 0, 8 * this.#keys)),
    };
  }

  restore({ keys, kept, ring, seen }: SavedLag, reader: SnapshotReader): void {
    if (this.#index !== undefined && keys !== undefined) restoreKeys(this.#index, keys, this.#workspace, reader);
    this.#kept.restore(kept, reader);
    this.#ring = new Uint32Array(ring.bytes / 4);
    this.#seen = new Float64Array(seen.bytes / 8);
    reader.bytes(ring, new Uint8Array(this.#ring.buffer));
    reader.bytes(seen, new Uint8Array(this.#seen.buffer));
    this.#keys = this.#seen.length;
  }

  close(): void {
    this.#kept.close();
    this.#workspace.close();
  }
}

/** Rows after. The last ones wait until the end of input. */
export class Lead implements Operator {
  readonly #rows: number;
  readonly #context: OperatorContext;
  readonly #output: Output;
  readonly #shifted: ShiftedColumns;
  /** At most `rows` rows, which wait. */
  #waiting: Batch | undefined;

  constructor(spec: ShiftSpec, context: OperatorContext) {
    this.#rows = -spec.rows;
    this.#context = context;
    this.#output = context.outputs['out'] as Output;
    this.#shifted = new ShiftedColumns(spec, context);
  }

  push(batch: Batch): MaybePromise {
    const { arena, owner, inputFields } = this.#context;
    const { inputs } = batch;
    const parts = this.#waiting === undefined ? [batch] : [this.#waiting, batch];
    this.#waiting = undefined;
    let all: Batch;
    try {
      all = concatBatches(arena, owner, inputFields, parts, inputs);
    } finally {
      for (const part of parts) part.release();
    }
    const ready = Math.max(0, all.rows - this.#rows);
    let result: Batch;
    try {
      if (ready < all.rows) this.#waiting = sliceBatch(arena, owner, all, ready, all.rows - ready, 0);
      result = this.#leading(all, ready, inputs);
    } finally {
      all.release();
    }
    if (result.rows > 0 || result.inputs > 0) return this.#output.push(result);
    result.release();
  }

  /** The first rows with what comes after them. */
  #leading(all: Batch, rows: number, inputs: number): Batch {
    const { arena, owner } = this.#context;
    const indices = arena.alloc(Math.max(4, 4 * rows), owner);
    try {
      const places = arena.uint32At(indices, rows);
      for (let row = 0; row < rows; row++) places[row] = row + this.#rows < all.rows ? row + this.#rows : TAKE_NOTHING;
      const columns = this.#shifted.positions.map((position) => all.columns[position] as Column);
      const selection = { indices, count: rows, hasNothing: true };
      const after = gatherColumns(this.#context, columns, this.#shifted.fields, selection, 0);
      const own =
        rows === all.rows ? withInputs(arena, owner, all.retain(), 0) : sliceBatch(arena, owner, all, 0, rows, 0);
      return this.#shifted.beside(own, after, inputs);
    } finally {
      arena.release(indices);
    }
  }

  flush(): void {}

  end(): MaybePromise {
    const rest = this.#waiting;
    this.#waiting = undefined;
    if (rest === undefined) return;
    let result: Batch;
    try {
      result = this.#leading(rest, rest.rows, 1);
    } finally {
      rest.release();
    }
    return this.#output.push(result);
  }

  held(): HeldState {
    return { inputs: 0, rows: this.#waiting?.rows ?? 0, bytes: this.#waiting?.logicalBytes ?? 0 };
  }

  async snapshot(writer: SnapshotWriter): Promise<SavedBatch | null> {
    return this.#waiting === undefined ? null : writer.batch(this.#waiting);
  }

  restore(saved: SavedBatch | null, reader: SnapshotReader): void {
    const { inputFields, owner } = this.#context;
    if (saved !== null) this.#waiting = reader.batch(saved, inputFields, owner);
  }

  close(): void {
    this.#waiting?.release();
    this.#waiting = undefined;
  }
}
