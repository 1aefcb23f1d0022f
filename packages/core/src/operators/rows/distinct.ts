import type { Batch } from '../../batch/contract.ts';
import { encodeStrings } from '../../batch/utf8.ts';
import { PipelineError } from '../../errors.ts';
import { KeyTable } from '../../kernels/key-table.ts';
import type { DistinctSpec } from '../../plan/steps/specs.ts';
import { formatBytes } from '../../schema/sizes.ts';
import type { HeldState, MaybePromise, Operator, OperatorContext, Output } from '../contract.ts';
import { pickRows } from './pick-rows.ts';
import { keyReader, positionsOf } from './row-keys.ts';

/** Which rows of a batch have keys that were not there before. */
interface SeenKeys {
  readonly size: number;
  readonly bytes: number;
  newRows(batch: Batch, positions: readonly number[]): number[];
  close(): void;
}

/** Remembers every key, in shared memory. */
class AllKeys implements SeenKeys {
  readonly #context: OperatorContext;
  readonly #table: KeyTable;
  readonly #limitBytes: number;

  constructor(context: OperatorContext, limitBytes: number) {
    this.#context = context;
    this.#table = new KeyTable(context.arena, context.kernels, context.owner, true);
    this.#limitBytes = limitBytes;
  }

  get size(): number {
    return this.#table.size;
  }

  get bytes(): number {
    return this.#table.heldBytes;
  }

  newRows(batch: Batch, positions: readonly number[]): number[] {
    const { arena, owner, name } = this.#context;
    const keyOf = keyReader(arena, batch, positions);
    const { bytes, offsets } = encodeStrings(Array.from({ length: batch.rows }, (_, row) => keyOf(row)));
    const textAt = 4 * (offsets.length + batch.rows);
    const slab = arena.alloc(textAt + bytes.length + 16, owner);
    try {
      arena.int32At(slab, offsets.length).set(offsets);
      arena.bytesAt(slab + textAt, bytes.length).set(bytes);
      let seen = this.#table.size;
      const ids = slab + 4 * offsets.length;
      this.#table.encodeText(slab, slab + textAt, 0, batch.rows, ids);
      if (this.bytes > this.#limitBytes)
        throw new PipelineError(
          'ERR_MEMORY_EXHAUSTED',
          `${name} remembers ${this.size} keys in ${formatBytes(this.bytes)}, its limit is ${formatBytes(this.#limitBytes)}`,
          { stage: name, hint: 'raise its memoryLimit, name fewer columns in by, or give max: the keys to remember' },
        );
      // Numbers are given out in the order of first appearance.
      const rows: number[] = [];
      const idOf = arena.uint32At(ids, batch.rows);
      for (let row = 0; row < batch.rows; row++) {
        if (idOf[row] !== seen) continue;
        rows.push(row);
        seen += 1;
      }
      return rows;
    } finally {
      arena.release(slab);
    }
  }

  close(): void {
    this.#table.release();
  }
}

/** Remembers the keys used last, so many. */
class LatestKeys implements SeenKeys {
  readonly #context: OperatorContext;
  readonly #most: number;
  /** In the order of their last use. */
  readonly #keys = new Set<string>();

  constructor(context: OperatorContext, most: number) {
    this.#context = context;
    this.#most = most;
  }

  get size(): number {
    return this.#keys.size;
  }

  get bytes(): number {
    return 0;
  }

  newRows(batch: Batch, positions: readonly number[]): number[] {
    const keyOf = keyReader(this.#context.arena, batch, positions);
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

  close(): void {
    this.#keys.clear();
  }
}

/** Passes on the first row of each key, as part of the logical input that it came in. */
export class Distinct implements Operator {
  readonly #context: OperatorContext;
  readonly #output: Output;
  readonly #positions: readonly number[];
  readonly #seen: SeenKeys;

  constructor({ by, max, memoryLimitBytes = Infinity }: DistinctSpec, context: OperatorContext) {
    this.#context = context;
    this.#output = context.outputs['out'] as Output;
    this.#positions = positionsOf(context.inputFields, by);
    this.#seen = max === undefined ? new AllKeys(context, memoryLimitBytes) : new LatestKeys(context, max);
  }

  push(batch: Batch): MaybePromise {
    let first: Batch;
    try {
      first = pickRows(this.#context, batch, this.#seen.newRows(batch, this.#positions), batch.inputs);
    } finally {
      batch.release();
    }
    if (first.rows > 0 || first.inputs > 0) return this.#output.push(first);
    first.release();
  }

  flush(): void {}

  end(): void {}

  held(): HeldState {
    return { inputs: 0, rows: this.#seen.size, bytes: this.#seen.bytes };
  }

  close(): void {
    this.#seen.close();
  }
}
