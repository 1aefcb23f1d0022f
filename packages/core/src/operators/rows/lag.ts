import type { Batch } from '../../batch/contract.ts';
import { TAKE_NOTHING } from '../../kernels/vector-contract.ts';
import type { ShiftSpec } from '../../plan/steps/specs.ts';
import { Workspace } from '../aggregate/arena-views.ts';
import type { HeldState, MaybePromise, Operator, OperatorContext, Output } from '../contract.ts';
import type { SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import { KeptRows, type SavedKept } from './kept-rows.ts';
import { KeyRings, type SavedRings } from './key-rings.ts';
import { ShiftedColumns } from './shifted-columns.ts';

interface SavedLag {
  rings: SavedRings;
  kept: SavedKept;
}

/** `lag` and `diff`: columns with the values of rows before, of each key as many as are looked back. */
export class Lag implements Operator {
  readonly #output: Output;
  readonly #shifted: ShiftedColumns;
  readonly #workspace: Workspace;
  readonly #rings: KeyRings;
  readonly #kept: KeptRows;

  constructor(spec: ShiftSpec, context: OperatorContext) {
    this.#output = context.outputs['out'] as Output;
    this.#shifted = new ShiftedColumns(spec, context);
    this.#workspace = new Workspace(context.arena, context.owner);
    this.#rings = new KeyRings(spec.by, spec.rows, context, this.#workspace);
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
    const placeOf = this.#kept.settle(() => this.#rings.numbers());
    if (placeOf !== undefined) this.#rings.renumber(placeOf);
    return this.#output.push(result);
  }

  /** For each row the number of the one before it. The batch stays the caller's, and is kept as well. */
  #look(batch: Batch): Uint32Array {
    const before = new Uint32Array(batch.rows).fill(TAKE_NOTHING);
    this.#rings.add(batch, this.#kept.add(batch.retain()), (row, number) => {
      before[row] = number;
    });
    return before;
  }

  flush(): void {}

  end(): void {}

  held(): HeldState {
    return { inputs: 0, rows: 0, bytes: this.#kept.bytes };
  }

  async snapshot(writer: SnapshotWriter): Promise<SavedLag> {
    return { rings: await this.#rings.save(writer), kept: await this.#kept.save(writer) };
  }

  restore({ rings, kept }: SavedLag, reader: SnapshotReader): void {
    this.#rings.restore(rings, reader);
    this.#kept.restore(kept, reader);
  }

  close(): void {
    this.#kept.close();
    this.#workspace.close();
  }
}
