import type { Batch } from '../../batch/contract.ts';
import { withInputs } from '../../batch/make-batch.ts';
import type { Fields } from '../../schema/types.ts';
import { Workspace } from '../aggregate/arena-views.ts';
import type { OperatorContext } from '../contract.ts';
import { RightRows, type SavedRightRows } from '../join/right-rows.ts';
import type { SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';

/** Rows as plain data: they have the same numbers again. */
export interface SavedKept {
  rows: SavedRightRows;
  keptBytes: number;
}

/** Batches that are kept for some of their rows, before those rows are copied together. */
const MOST_BATCHES = 64;
const LEAST_BYTES = 2 ** 20;

/**
 * Rows that are still wanted, by number in the order in which they came; what is not wanted any more is let go of now and then. Numbers change
 * when that happens, so whoever holds some gives them to `settle`.
 *
 * Memory: twice the wanted rows, or 1 MiB, and the batch that came last.
 */
export class KeptRows {
  readonly #context: OperatorContext;
  readonly #workspace: Workspace;
  readonly #rows: RightRows;
  #keptBytes = 0;

  /** `positions`: of the columns that are kept; `fields`: what they are called. */
  constructor(context: OperatorContext, positions: readonly number[], fields: Fields) {
    this.#context = context;
    this.#workspace = new Workspace(context.arena, context.owner);
    this.#rows = new RightRows(positions, fields, context, this.#workspace);
  }

  get bytes(): number {
    return this.#rows.bytes;
  }

  /** Takes over a batch; gives the number of its first row. */
  add(batch: Batch): number {
    return this.#rows.add(batch);
  }

  /** Rows by number, in this order, as one batch; nulls for `TAKE_NOTHING`. @throws ERR_MEMORY_EXHAUSTED */
  take(numbers: ArrayLike<number>, inputs: number): Batch {
    const { arena, owner } = this.#context;
    const list = this.#workspace.scratch(4 * Math.max(1, numbers.length));
    arena.uint32At(list, numbers.length).set(numbers);
    return withInputs(arena, owner, this.#rows.gather(list, numbers.length), inputs);
  }

  /**
   * Lets go of other rows than these, when there are enough of them that it pays. Gives the new number of each wanted row, or undefined when
   * nothing has changed. `wanted` is called then only.
   */
  settle(wanted: () => Uint32Array): ((row: number) => number) | undefined {
    const { bytes, batches } = this.#rows;
    if (batches <= MOST_BATCHES && bytes <= Math.max(LEAST_BYTES, 2 * this.#keptBytes)) return undefined;
    const rows = wanted().sort();
    this.#rows.keepOnly(rows);
    this.#keptBytes = this.#rows.bytes;
    const places = new Map<number, number>();
    rows.forEach((row, place) => places.set(row, place));
    return (row) => places.get(row) as number;
  }

  async save(writer: SnapshotWriter): Promise<SavedKept> {
    return { rows: await this.#rows.save(writer), keptBytes: this.#keptBytes };
  }

  restore({ rows, keptBytes }: SavedKept, reader: SnapshotReader): void {
    this.#rows.restore(rows, [], reader);
    this.#keptBytes = keptBytes;
  }

  /** Nothing is wanted any more. */
  clear(): void {
    this.#rows.keepOnly(new Uint32Array(0));
    this.#keptBytes = 0;
  }

  close(): void {
    this.#rows.close();
    this.#workspace.close();
  }
}
