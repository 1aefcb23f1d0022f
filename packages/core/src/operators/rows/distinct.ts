import type { Batch } from '../../batch/contract.ts';
import { emptyBatch } from '../../batch/make-batch.ts';
import { PipelineError } from '../../errors.ts';
import type { DistinctSpec } from '../../plan/steps/specs.ts';
import { formatBytes } from '../../schema/sizes.ts';
import type { Spill } from '../../spill/contract.ts';
import type { SavedTable } from '../aggregate/saved-keys.ts';
import type { HeldState, MaybePromise, Operator, OperatorContext, Output } from '../contract.ts';
import type { SavedList, SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import { DistinctOverflow, type SavedOverflow } from './distinct-overflow.ts';
import { KeySet } from './key-set.ts';
import { pickRows } from './pick-rows.ts';
import { keyReader, positionsOf } from './row-keys.ts';

interface SavedDistinct {
  keys: SavedTable;
  rows: number;
  overflow: SavedOverflow | undefined;
}

/**
 * Passes on the first row of each key, as part of the logical input that it came in. All keys are remembered, in shared memory. When they pass
 * the share, they and the rows that may still be new go to disk, and those rows come at the end of input; where cuts can be
 * seen that would change them, and the run fails instead.
 */
export class Distinct implements Operator {
  readonly #context: OperatorContext;
  readonly #output: Output;
  readonly #positions: readonly number[];
  readonly #keys: KeySet;
  readonly #limitBytes: number;
  /** Where keys may go that do not fit. */
  readonly #spill: Spill | undefined;
  #overflow: DistinctOverflow | undefined;
  #rows = 0;

  constructor({ by, memoryLimitBytes = Infinity }: DistinctSpec, context: OperatorContext) {
    this.#context = context;
    this.#output = context.outputs['out'] as Output;
    this.#positions = positionsOf(context.inputFields, by);
    this.#keys = new KeySet(context);
    this.#spill = context.emissionsVisible ? undefined : context.spill;
    this.#limitBytes =
      this.#spill === undefined ? memoryLimitBytes : Math.min(memoryLimitBytes, context.shareBytes ?? Infinity);
  }

  push(batch: Batch): MaybePromise {
    const first = this.#rows;
    this.#rows += batch.rows;
    if (this.#overflow !== undefined) return this.#toDisk(batch, this.#overflow, first);
    let fresh: Batch;
    try {
      fresh = pickRows(this.#context, batch, this.#keys.take(batch, this.#positions).rows, batch.inputs);
    } finally {
      batch.release();
    }
    const isFull = this.#keys.bytes > this.#limitBytes;
    const passed = fresh.rows > 0 || fresh.inputs > 0 ? this.#output.push(fresh) : fresh.release();
    if (!isFull) return passed;
    return passed instanceof Promise ? passed.then(() => this.#beginOverflow()) : this.#beginOverflow();
  }

  /** Rows that may be new go to disk: those whose keys have not come since the keys were last written down. */
  async #toDisk(batch: Batch, overflow: DistinctOverflow, first: number): Promise<void> {
    const { arena, owner } = this.#context;
    const { inputs, fields } = batch;
    try {
      if (batch.rows > 0) await overflow.addRows(batch, this.#keys.take(batch, this.#positions), first);
    } finally {
      batch.release();
    }
    if (this.#keys.bytes > this.#limitBytes) this.#keys.clear();
    if (inputs > 0) await this.#output.push(emptyBatch(arena, owner, fields, inputs));
  }

  async #beginOverflow(): Promise<void> {
    if (this.#spill === undefined) throw this.#tooMany();
    this.#overflow = new DistinctOverflow(this.#context, this.#spill, this.#positions);
    await this.#overflow.addKeys(this.#keys);
    this.#keys.clear();
  }

  #tooMany(): PipelineError {
    const { name } = this.#context;
    const held = `${this.#keys.size} keys in ${formatBytes(this.#keys.bytes)}`;
    return new PipelineError(
      'ERR_MEMORY_EXHAUSTED',
      `${name} remembers ${held}, its limit is ${formatBytes(this.#limitBytes)}`,
      {
        stage: name,
        hint: 'raise its memoryLimit, name fewer columns in by, give max: the keys to remember, or let nobody see batches behind it',
      },
    );
  }

  flush(): void {}

  async end(): Promise<void> {
    const overflow = this.#overflow;
    if (overflow === undefined) return;
    const { arena, owner, inputFields } = this.#context;
    for await (const piece of overflow.drain(this.#keys)) await this.#output.push(piece);
    await this.#output.push(emptyBatch(arena, owner, inputFields, 1));
  }

  held(): HeldState {
    return { inputs: 0, rows: this.#keys.size, bytes: this.#keys.bytes };
  }

  async snapshot(writer: SnapshotWriter): Promise<SavedDistinct> {
    const overflow = await this.#overflow?.save(writer);
    return { keys: await this.#keys.save(writer), rows: this.#rows, overflow };
  }

  restore({ keys, rows, overflow }: SavedDistinct, reader: SnapshotReader): void {
    this.#keys.restore(keys, reader);
    this.#rows = rows;
    if (overflow === undefined) return;
    this.#overflow = new DistinctOverflow(this.#context, this.#spill as Spill, this.#positions, {
      saved: overflow,
      reader,
    });
  }

  close(): void {
    this.#overflow?.close();
    this.#keys.close();
  }
}

/** Passes on rows whose keys are not among the last so many that came; keys are on the heap. */
export class DistinctLatest implements Operator {
  readonly #context: OperatorContext;
  readonly #output: Output;
  readonly #positions: readonly number[];
  readonly #most: number;
  /** In the order of their last use. */
  #keys: Set<string> = new Set();

  constructor({ by, max }: DistinctSpec & { max: number }, context: OperatorContext) {
    this.#context = context;
    this.#output = context.outputs['out'] as Output;
    this.#positions = positionsOf(context.inputFields, by);
    this.#most = max;
  }

  push(batch: Batch): MaybePromise {
    let fresh: Batch;
    try {
      fresh = pickRows(this.#context, batch, this.#newRows(batch), batch.inputs);
    } finally {
      batch.release();
    }
    if (fresh.rows > 0 || fresh.inputs > 0) return this.#output.push(fresh);
    fresh.release();
  }

  #newRows(batch: Batch): number[] {
    const keyOf = keyReader(this.#context.arena, batch, this.#positions);
    const rows: number[] = [];
    for (let row = 0; row < batch.rows; row++) {
      const key = keyOf(row);
      if (!this.#keys.delete(key)) rows.push(row);
      this.#keys.add(key);
      if (this.#keys.size <= this.#most) continue;
      for (const oldest of this.#keys) {
        this.#keys.delete(oldest);
        break;
      }
    }
    return rows;
  }

  flush(): void {}

  end(): void {}

  held(): HeldState {
    return { inputs: 0, rows: this.#keys.size, bytes: 0 };
  }

  snapshot(writer: SnapshotWriter): Promise<SavedList> {
    return writer.list(this.#keys);
  }

  restore(keys: SavedList, reader: SnapshotReader): void {
    this.#keys = new Set(reader.list<string>(keys));
  }

  close(): void {
    this.#keys.clear();
  }
}
