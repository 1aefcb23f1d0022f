/** Sinks that deliver to user code on the main thread: a function, or a `for await` loop. */

import { batchToRows, concatBatches } from '@spillway/core/data';
import type { Arena, Batch, CallbackSink, MaybePromise } from '@spillway/core/internal';
import type { BatchTaker } from './drain-edge.ts';

/**
 * Delivers logical batches: pieces that end no logical input wait for the piece that does, so that physical cuts cannot
 * be seen. Logical batches without rows are not delivered.
 */
export interface CallbackTakerParts {
  arena: Arena;
  owner: number;
  sink: CallbackSink;
  /** What is delivered outlives its batch. */
  keeps: boolean;
  /** Room on this thread for so many bytes, before they are made. */
  room(bytes: number): MaybePromise;
}

/** A row as an object, and each of its values. */
const OBJECT_BYTES = 16;
const VALUE_BYTES = 24;

export class CallbackTaker implements BatchTaker {
  readonly #parts: CallbackTakerParts;
  #pieces: Batch[] = [];
  /** Made here, and still with the user. */
  #whole: Batch | undefined;
  /** After an abort a batch that waits for room is no longer this sink's. */
  #isClosed = false;

  constructor(parts: CallbackTakerParts) {
    this.#parts = parts;
  }

  take(batch: Batch): void | Promise<void> {
    if (batch.inputs === 0) {
      this.#pieces.push(batch.retain());
      return undefined;
    }
    return this.#pieces.length === 0 ? this.#deliver(batch) : this.#deliverPieces(batch.retain());
  }

  async end(): Promise<void> {
    const last = this.#pieces.pop();
    if (last !== undefined) await this.#deliverPieces(last);
  }

  close(): void {
    this.#isClosed = true;
    for (const piece of this.#pieces.splice(0)) piece.release();
    this.#releaseWhole();
  }

  /** Once: after an abort the function may answer when this memory is somebody else's. */
  #releaseWhole(): void {
    this.#whole?.release();
    this.#whole = undefined;
  }

  /** Takes over the last piece. */
  async #deliverPieces(last: Batch): Promise<void> {
    const pieces = [...this.#pieces.splice(0), last];
    const { arena, owner } = this.#parts;
    let whole: Batch;
    try {
      this.#whole = whole = concatBatches(arena, owner, last.fields, pieces);
    } finally {
      for (const piece of pieces) piece.release();
    }
    try {
      await this.#deliver(whole);
    } finally {
      this.#releaseWhole();
    }
  }

  #deliver(batch: Batch): void | Promise<void> {
    if (batch.rows === 0) return undefined;
    const room = this.#parts.room(this.#bytesMade(batch));
    return room === undefined ? this.#call(batch) : room.then(() => (this.#isClosed ? undefined : this.#call(batch)));
  }

  #bytesMade({ rows, columns, logicalBytes }: Batch): number {
    const { sink, keeps } = this.#parts;
    if (sink.takes === 'rows') return rows * (OBJECT_BYTES + VALUE_BYTES * columns.length);
    return keeps ? logicalBytes : 0;
  }

  #call(batch: Batch): void | Promise<void> {
    const { sink } = this.#parts;
    return sink.takes === 'rows' ? sink.call(batchToRows(batch)) : this.#deliverArrow(batch);
  }

  async #deliverArrow(batch: Batch): Promise<void> {
    const { batchToArrow, batchToArrowCopy, loadArrow } = await import('@spillway/core/arrow');
    const arrow = await loadArrow();
    await this.#parts.sink.call(this.#parts.keeps ? batchToArrowCopy(arrow, batch) : batchToArrow(arrow, batch));
  }
}
