/** Sinks that deliver to user code on the main thread: a function, or a `for await` loop. */

import { batchToRows, concatBatches } from '@spillway/core/data';
import type { Arena, Batch, CallbackSink } from '@spillway/core/internal';
import type { BatchTaker } from './drain-edge.ts';

/**
 * Delivers logical batches: pieces that end no logical input wait for the piece that does, so that physical cuts cannot
 * be seen. Logical batches without rows are not delivered.
 */
export class CallbackTaker implements BatchTaker {
  readonly #arena: Arena;
  readonly #owner: number;
  readonly #sink: CallbackSink;
  /** What is delivered outlives its batch. */
  readonly #keeps: boolean;
  #pieces: Batch[] = [];
  /** Made here, and still with the user. */
  #whole: Batch | undefined;

  constructor(arena: Arena, owner: number, sink: CallbackSink, keeps: boolean) {
    this.#arena = arena;
    this.#owner = owner;
    this.#sink = sink;
    this.#keeps = keeps;
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
    let whole: Batch;
    try {
      this.#whole = whole = concatBatches(this.#arena, this.#owner, last.fields, pieces);
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
    return this.#sink.takes === 'rows' ? this.#sink.call(batchToRows(batch)) : this.#deliverArrow(batch);
  }

  async #deliverArrow(batch: Batch): Promise<void> {
    const { batchToArrow, batchToArrowCopy, loadArrow } = await import('@spillway/core/arrow');
    const arrow = await loadArrow();
    await this.#sink.call(this.#keeps ? batchToArrowCopy(arrow, batch) : batchToArrow(arrow, batch));
  }
}
