/**
 * Drops rows that a later one replaces: of rows that are equal in the ordered column and in further ones, the last stays
 * where it is. Rows come in order, so such rows lie together; only the last run of equal values has to wait for what
 * follows, and of it only what is not replaced yet.
 */
import { concatBatches } from '../../batch/concat-batches.ts';
import type { Batch, Column } from '../../batch/contract.ts';
import { sliceBatch } from '../../batch/slice-batch.ts';
import { compareOrdered, orderedValue, rowComparer } from '../../formats/ordered-value.ts';
import { gatherBatch } from '../../kernels/gather.ts';
import type { VectorKernels } from '../../kernels/vector-contract.ts';
import type { Arena } from '../../memory/contract.ts';
import { fieldIndex } from '../../schema/fields.ts';
import type { Fields } from '../../schema/types.ts';
import { rowIds } from './row-ids.ts';

export interface KeepLastOptions {
  arena: Arena;
  kernels: VectorKernels;
  owner: number;
  fields: Fields;
  orderedOn: string;
  /** What tells rows of one ordered value apart. Empty: the value alone. */
  duplicatesOn: readonly string[];
  /** Takes over what stays, in order. */
  emit(batch: Batch): Promise<void>;
}

/** Memory: the rows of one ordered value, and a copy of a batch. Exactly one of `end` and `abort` is called. */
export class KeepLast {
  /** Rows that were dropped so far. */
  dropped = 0;
  readonly #options: KeepLastOptions;
  readonly #ordered: number;
  readonly #others: readonly number[];
  /** The rows of the last value seen, none of them replaced yet. */
  #held: Batch | undefined;

  constructor(options: KeepLastOptions) {
    this.#options = options;
    this.#ordered = fieldIndex(options.fields, options.orderedOn);
    const names = options.duplicatesOn.filter((name) => name !== options.orderedOn);
    this.#others = names.map((name) => fieldIndex(options.fields, name));
  }

  /** Takes over a batch with rows. @throws ERR_MEMORY_EXHAUSTED, and what `emit` throws */
  async push(batch: Batch): Promise<void> {
    const rows = await this.#withHeld(batch);
    const kept = this.#dropReplaced(rows);
    const lastRun = this.#lastRun(kept);
    try {
      const { arena, owner } = this.#options;
      this.#held = sliceBatch(arena, owner, kept, lastRun, kept.rows - lastRun);
      if (lastRun > 0) await this.#options.emit(sliceBatch(arena, owner, kept, 0, lastRun));
    } finally {
      kept.release();
    }
  }

  /** What waits, which stays this one's. */
  get held(): Batch | undefined {
    return this.#held;
  }

  /** Emits what waits. */
  async end(): Promise<void> {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) await this.#options.emit(held);
  }

  /** Gives back what waits. */
  abort(): void {
    this.#held?.release();
    this.#held = undefined;
  }

  /** The batch, behind the rows that waited if it goes on with their value. Takes it over. */
  async #withHeld(batch: Batch): Promise<Batch> {
    const held = this.#held;
    this.#held = undefined;
    if (held === undefined) return batch;
    const { arena, owner, fields, emit } = this.#options;
    const before = orderedValue(arena, this.#orderedOf(held), 0);
    try {
      if (compareOrdered(before, orderedValue(arena, this.#orderedOf(batch), 0)) !== 0) {
        await emit(held.retain());
        return batch;
      }
      const both = concatBatches(arena, owner, fields, [held, batch]);
      batch.release();
      return both;
    } catch (error) {
      batch.release();
      throw error;
    } finally {
      held.release();
    }
  }

  #orderedOf(batch: Batch): Column {
    return batch.columns[this.#ordered] as Column;
  }

  /** First row of the last value. */
  #lastRun(batch: Batch): number {
    const compare = rowComparer(this.#options.arena, this.#orderedOf(batch));
    let first = batch.rows - 1;
    while (first > 0 && compare(first - 1, first) === 0) first -= 1;
    return first;
  }

  /** Takes over a batch; gives the rows of it that no later row replaces. */
  #dropReplaced(batch: Batch): Batch {
    const { arena, kernels, owner, fields } = this.#options;
    try {
      const kept = this.#keptRows(batch);
      if (kept === undefined) return batch.retain();
      this.dropped += batch.rows - kept.length;
      const indices = arena.alloc(4 * kept.length, owner);
      try {
        new Uint32Array(arena.buffer, indices, kept.length).set(kept);
        return gatherBatch({ arena, kernels, owner }, batch, fields, indices, kept.length);
      } finally {
        arena.release(indices);
      }
    } finally {
      batch.release();
    }
  }

  /** Rows that stay, or undefined when all do. */
  #keptRows(batch: Batch): Uint32Array | undefined {
    const compare = rowComparer(this.#options.arena, this.#orderedOf(batch));
    const { rows } = batch;
    let row = 1;
    while (row < rows && compare(row - 1, row) !== 0) row += 1;
    if (row >= rows) return undefined;
    const kept = this.#others.length === 0 ? lastOfRuns(rows, compare) : this.#lastOfIds(batch, compare);
    return kept.length === rows ? undefined : kept;
  }

  #lastOfIds(batch: Batch, compare: (a: number, b: number) => number): Uint32Array {
    const { arena, kernels, owner } = this.#options;
    const columns = this.#others.map((index) => batch.columns[index] as Column);
    const { ids, count } = rowIds({ arena, kernels, owner }, columns, batch.rows);
    try {
      return lastOfEach(batch.rows, compare, new Uint32Array(arena.buffer, ids, batch.rows), count);
    } finally {
      arena.release(ids);
    }
  }
}

function lastOfRuns(rows: number, compare: (a: number, b: number) => number): Uint32Array {
  const kept = new Uint32Array(rows);
  let count = 0;
  for (let row = 0; row < rows; row += 1) if (row === rows - 1 || compare(row, row + 1) !== 0) kept[count++] = row;
  return kept.subarray(0, count);
}

/** From the last row on, the first of each id in each run. */
function lastOfEach(
  rows: number,
  compare: (a: number, b: number) => number,
  ids: Uint32Array,
  idCount: number,
): Uint32Array {
  const seenIn = new Int32Array(idCount).fill(-1);
  const kept = new Uint32Array(rows);
  let at = rows;
  let run = 0;
  for (let row = rows - 1; row >= 0; row -= 1) {
    if (row < rows - 1 && compare(row, row + 1) !== 0) run += 1;
    const id = ids[row] as number;
    if (seenIn[id] === run) continue;
    seenIn[id] = run;
    kept[--at] = row;
  }
  return kept.subarray(at);
}
