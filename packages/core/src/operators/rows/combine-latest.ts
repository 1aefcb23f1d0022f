import { compactBatch } from '../../batch/compact-batch.ts';
import type { Batch, Column } from '../../batch/contract.ts';
import { makeBatch } from '../../batch/make-batch.ts';
import { sliceBatch } from '../../batch/slice-batch.ts';
import { gatherColumns } from '../../kernels/gather.ts';
import type { FlushReason } from '../../plan/logical.ts';
import type { CombineLatestSpec } from '../../plan/steps/specs.ts';
import type { Fields } from '../../schema/types.ts';
import type { SavedPlaces } from '../batch-files.ts';
import type { HeldState, MaybePromise, Operator, OperatorContext, Output } from '../contract.ts';
import { HeldRows } from '../join/held-rows.ts';
import { andThen, pushAll } from '../outputs.ts';
import type { SavedBatch, SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import { OpenInputs } from './open-inputs.ts';

const DEFAULT_SHARE_BYTES = 64 * 2 ** 20;

interface SavedLatest {
  /** By input. */
  latest: (SavedBatch | undefined)[];
  waiting: SavedPlaces;
}

/**
 * Each row beside the latest rows of the other inputs, from when each of those has had one. Lossless: only rows of the first input make one,
 * and those that come before the others have had any wait.
 *
 * Memory: one row of each input; lossless rows that wait, beyond the share on disk.
 */
export class CombineLatest implements Operator {
  readonly #context: OperatorContext;
  readonly #output: Output;
  readonly #isLossless: boolean;
  readonly #inputs: readonly Fields[];
  readonly #open: OpenInputs;
  readonly #latest: (Batch | undefined)[];
  readonly #waiting: HeldRows;

  constructor(spec: CombineLatestSpec, inputs: readonly Fields[], context: OperatorContext) {
    const { arena, owner, spill, name } = context;
    const limitBytes = Math.min(spec.memoryLimitBytes ?? Infinity, context.shareBytes ?? DEFAULT_SHARE_BYTES) / 2;
    this.#context = context;
    this.#output = context.outputs['out'] as Output;
    this.#isLossless = spec.isLossless;
    this.#inputs = inputs;
    this.#open = new OpenInputs(inputs.length);
    this.#latest = inputs.map(() => undefined);
    this.#waiting = new HeldRows({ arena, owner, fields: inputs[0] as Fields, limitBytes, spill, name });
  }

  push(batch: Batch, input = 0): MaybePromise {
    if (input === 0 && this.#isLossless) {
      return andThen(this.#waiting.append(batch), () => pushAll(this.#output, this.#released()));
    }
    let combined: Batch | undefined;
    try {
      this.#remember(batch, input);
      if (!this.#isLossless && this.#hasAll(input)) combined = this.#beside(batch, input);
    } finally {
      batch.release();
    }
    if (this.#isLossless) return pushAll(this.#output, this.#released());
    return combined === undefined ? undefined : this.#output.push(combined);
  }

  endInput(input: number): void {
    this.#open.end(input);
  }

  wants(): number {
    return this.#open.next();
  }

  flush(reason: FlushReason): MaybePromise {
    return reason === 'pressure' ? this.#waiting.spill() : undefined;
  }

  end(): void {}

  held(): HeldState {
    return { inputs: 0, rows: this.#waiting.rows, bytes: this.#waiting.bytes };
  }

  async snapshot(writer: SnapshotWriter): Promise<SavedLatest> {
    const latest: (SavedBatch | undefined)[] = [];
    for (const row of this.#latest) latest.push(row && (await writer.batch(row)));
    return { latest, waiting: await this.#waiting.save(writer) };
  }

  restore({ latest, waiting }: SavedLatest, reader: SnapshotReader): void {
    for (const [index, row] of latest.entries())
      this.#latest[index] = row && reader.batch(row, this.#inputs[index] as Fields, this.#context.owner);
    this.#waiting.restore(waiting, reader);
  }

  close(): void {
    for (const row of this.#latest.splice(0)) row?.release();
    this.#waiting.close();
  }

  #remember(batch: Batch, input: number): void {
    if (batch.rows === 0) return;
    const { arena, owner } = this.#context;
    const last = sliceBatch(arena, owner, batch, batch.rows - 1, 1, 0);
    this.#latest[input]?.release();
    this.#latest[input] = compactBatch(last, owner);
  }

  /** Whether every other input has had a row. */
  #hasAll(input: number): boolean {
    return this.#latest.every((row, index) => index === input || row !== undefined);
  }

  /** Lossless rows, when the others are there. */
  *#released(): Generator<Batch, void> {
    if (!this.#hasAll(0)) return;
    for (let batch = this.#waiting.take(); batch !== undefined; batch = this.#waiting.take()) {
      let combined: Batch;
      try {
        combined = this.#beside(batch, 0);
      } finally {
        batch.release();
      }
      yield combined;
    }
  }

  #beside(batch: Batch, input: number): Batch {
    const { arena, owner, outputFields } = this.#context;
    const indices = arena.alloc(Math.max(4, 4 * batch.rows), owner);
    const made: Batch[] = [];
    try {
      arena.uint32At(indices, batch.rows).fill(0);
      const columns = this.#inputs.flatMap((fields, index): readonly Column[] => {
        if (index === input) return batch.columns;
        const { columns: latest } = this.#latest[index] as Batch;
        const repeated = gatherColumns(this.#context, latest, fields, { indices, count: batch.rows }, 0);
        made.push(repeated);
        return repeated.columns;
      });
      return makeBatch(arena, owner, outputFields['out'] as Fields, columns, batch.rows, batch.inputs);
    } finally {
      for (const part of made) part.release();
      arena.release(indices);
    }
  }
}
