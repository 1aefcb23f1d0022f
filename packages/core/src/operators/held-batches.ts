/** Batches that wait for a flush, and how they leave: as the pieces of one logical input. */
import { concatBatches } from '../batch/concat-batches.ts';
import type { Batch } from '../batch/contract.ts';
import { emptyBatch, withInputs } from '../batch/make-batch.ts';
import { sliceBatch } from '../batch/slice-batch.ts';
import type { Arena } from '../memory/contract.ts';
import type { Fields } from '../schema/types.ts';
import type { SavedBatch, SnapshotReader, SnapshotWriter } from './snapshot-contract.ts';

/** Rows of a piece, at most. A multiple of 8, so that slices share their bitmaps. */
export const PIECE_ROWS = 65_536;

/** Batches held in order; each is owned until it leaves. */
export class HeldBatches {
  readonly #arena: Arena;
  readonly #owner: number;
  readonly #fields: Fields;
  #batches: Batch[] = [];
  #rows = 0;
  #bytes = 0;

  constructor(arena: Arena, owner: number, fields: Fields) {
    this.#arena = arena;
    this.#owner = owner;
    this.#fields = fields;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Logical Arrow bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes over a batch. One without rows is dropped: it ends a logical input, which is counted elsewhere. */
  add(batch: Batch): void {
    if (batch.rows === 0) {
      batch.release();
      return;
    }
    this.#batches.push(batch);
    this.#rows += batch.rows;
    this.#bytes += batch.logicalBytes;
  }

  /**
   * Gives out everything as pieces of at most `PIECE_ROWS`, small neighbours copied together, the last one ending `inputs`
   * logical inputs; when nothing is held and `inputs` is not 0, one empty batch. Nothing is held any more at the call.
   */
  takePieces(inputs: number): Generator<Batch, void> {
    return this.#pieces(this.#takeAll(), inputs);
  }

  /** As one batch of any size, which ends `inputs` logical inputs. */
  takeWhole(inputs: number): Batch {
    const batches = this.#takeAll();
    try {
      return concatBatches(this.#arena, this.#owner, this.#fields, batches, inputs);
    } finally {
      releaseAll(batches);
    }
  }

  /** Saves what is held, which stays held. */
  async save(writer: SnapshotWriter): Promise<SavedBatch[]> {
    const saved: SavedBatch[] = [];
    for (const batch of this.#batches) saved.push(await writer.batch(batch));
    return saved;
  }

  restore(saved: readonly SavedBatch[], reader: SnapshotReader): void {
    for (const batch of saved) this.add(reader.batch(batch, this.#fields, this.#owner));
  }

  releaseAll(): void {
    releaseAll(this.#takeAll());
  }

  #takeAll(): Batch[] {
    const batches = this.#batches;
    this.#batches = [];
    this.#rows = 0;
    this.#bytes = 0;
    return batches;
  }

  *#pieces(batches: Batch[], inputs: number): Generator<Batch, void> {
    try {
      if (batches.length === 0 && inputs > 0) yield emptyBatch(this.#arena, this.#owner, this.#fields, inputs);
      while (batches.length > 0) {
        const group = takeGroup(batches);
        const [first] = group;
        const last = batches.length === 0 ? inputs : 0;
        if (group.length === 1 && first !== undefined) yield* this.#cut(first, last);
        else yield this.#join(group, last);
      }
    } finally {
      releaseAll(batches);
    }
  }

  #join(group: Batch[], inputs: number): Batch {
    try {
      return concatBatches(this.#arena, this.#owner, this.#fields, group, inputs);
    } finally {
      releaseAll(group);
    }
  }

  *#cut(batch: Batch, inputs: number): Generator<Batch, void> {
    if (batch.rows <= PIECE_ROWS) {
      yield withInputs(this.#arena, this.#owner, batch, inputs);
      return;
    }
    try {
      for (let from = 0; from < batch.rows; from += PIECE_ROWS) {
        const rows = Math.min(PIECE_ROWS, batch.rows - from);
        yield sliceBatch(this.#arena, this.#owner, batch, from, rows, from + rows === batch.rows ? inputs : 0);
      }
    } finally {
      batch.release();
    }
  }
}

/** The next batches that together fit a piece, at least one; removed from the list. */
function takeGroup(batches: Batch[]): Batch[] {
  let count = 0;
  let rows = 0;
  for (const batch of batches) {
    if (count > 0 && rows + batch.rows > PIECE_ROWS) break;
    rows += batch.rows;
    count += 1;
  }
  return batches.splice(0, count);
}

function releaseAll(batches: Batch[]): void {
  for (const batch of batches.splice(0)) batch.release();
}
