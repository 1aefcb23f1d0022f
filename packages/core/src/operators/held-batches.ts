/** Batches that wait for a flush, and how they leave: as the pieces of one logical input. */
import { compactBatch } from '../batch/compact-batch.ts';
import { concatBatches } from '../batch/concat-batches.ts';
import type { Batch } from '../batch/contract.ts';
import { cutBatch } from '../batch/cut-batch.ts';
import { floorBytes } from '../batch/largest-batch.ts';
import { emptyBatch, withInputs } from '../batch/make-batch.ts';
import { PipelineError } from '../errors.ts';
import type { Arena } from '../memory/contract.ts';
import type { Fields } from '../schema/types.ts';
import type { SavedBatch, SavedList, SnapshotReader, SnapshotWriter } from './snapshot-contract.ts';

/** Rows of a piece, at most. A multiple of 8, so that slices share their bitmaps. */
export const PIECE_ROWS = 65_536;
/** Batches of fewer rows are small: so many of them become one. */
const SMALL_ROWS = 4096;
const SMALL_BATCHES = 64;

/** Batches held in order; each is owned until it leaves. */
export class HeldBatches {
  readonly #arena: Arena;
  readonly #owner: number;
  readonly #fields: Fields;
  #batches: Batch[] = [];
  #rows = 0;
  #bytes = 0;
  /** Small batches at the end that have not been looked at together. */
  #small = 0;

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
    this.#rows += batch.rows;
    this.#bytes += batch.logicalBytes;
    this.#batches.push(compactBatch(batch, this.#owner));
    this.#small = batch.rows < SMALL_ROWS ? this.#small + 1 : 0;
    if (this.#small === SMALL_BATCHES) this.#mergeSmall();
  }

  /**
   * Many small batches as one: each may keep a slab alive that holds more than its own columns and rows. Where there is no room for the copy
   * they stay as they are.
   */
  #mergeSmall(): void {
    this.#small = 0;
    try {
      const merged = concatBatches(this.#arena, this.#owner, this.#fields, this.#batches.slice(-SMALL_BATCHES), 0);
      releaseAll(this.#batches.splice(-SMALL_BATCHES, SMALL_BATCHES, merged));
    } catch (error) {
      if (!(error instanceof PipelineError && error.code === 'ERR_MEMORY_EXHAUSTED')) throw error;
    }
  }

  /**
   * Gives out everything as pieces no larger than the largest batch, small neighbours copied together, the last one ending `inputs`
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
  async save(writer: SnapshotWriter): Promise<SavedList> {
    const saved: SavedBatch[] = [];
    for (const batch of this.#batches) saved.push(await writer.batch(batch));
    return writer.list(saved);
  }

  restore(saved: SavedList, reader: SnapshotReader): void {
    for (const batch of reader.list<SavedBatch>(saved)) this.add(reader.batch(batch, this.#fields, this.#owner));
  }

  releaseAll(): void {
    releaseAll(this.#takeAll());
  }

  #takeAll(): Batch[] {
    const batches = this.#batches;
    this.#batches = [];
    this.#rows = 0;
    this.#bytes = 0;
    this.#small = 0;
    return batches;
  }

  *#pieces(batches: Batch[], inputs: number): Generator<Batch, void> {
    const largestBytes = floorBytes(this.#fields, PIECE_ROWS);
    try {
      if (batches.length === 0 && inputs > 0) yield emptyBatch(this.#arena, this.#owner, this.#fields, inputs);
      while (batches.length > 0) {
        const group = takeGroup(batches, largestBytes);
        const [first] = group;
        const last = batches.length === 0 ? inputs : 0;
        if (group.length === 1 && first !== undefined) yield* this.#cut(first, last, largestBytes);
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

  *#cut(batch: Batch, inputs: number, largestBytes: number): Generator<Batch, void> {
    const ending = withInputs(this.#arena, this.#owner, batch, inputs);
    const pieces = cutBatch(this.#arena, this.#owner, ending, PIECE_ROWS, largestBytes);
    try {
      for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) yield piece;
    } finally {
      releaseAll(pieces);
    }
  }
}

/** The next batches that together fit a piece, at least one; removed from the list. */
function takeGroup(batches: Batch[], largestBytes: number): Batch[] {
  let count = 0;
  let rows = 0;
  let bytes = 0;
  for (const batch of batches) {
    const isFull = rows + batch.rows > PIECE_ROWS || bytes + batch.logicalBytes > largestBytes;
    if (count > 0 && isFull) break;
    rows += batch.rows;
    bytes += batch.logicalBytes;
    count += 1;
  }
  return batches.splice(0, count);
}

function releaseAll(batches: Batch[]): void {
  for (const batch of batches.splice(0)) batch.release();
}
