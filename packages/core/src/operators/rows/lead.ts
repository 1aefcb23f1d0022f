import { concatBatches } from '../../batch/concat-batches.ts';
import type { Batch, Column } from '../../batch/contract.ts';
import { withInputs } from '../../batch/make-batch.ts';
import { sliceBatch } from '../../batch/slice-batch.ts';
import { gatherColumns } from '../../kernels/gather.ts';
import { TAKE_NOTHING } from '../../kernels/vector-contract.ts';
import type { ShiftSpec } from '../../plan/steps/specs.ts';
import type { HeldState, MaybePromise, Operator, OperatorContext, Output } from '../contract.ts';
import type { SavedBatch, SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import { ShiftedColumns } from './shifted-columns.ts';

/** `lead`: rows wait until those after them have come, the last ones until the end of input. */
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
