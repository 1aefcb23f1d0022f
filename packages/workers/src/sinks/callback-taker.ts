/** Sinks that deliver to user code on the main thread: a function, or a `for await` loop. */

import { batchToRows, concatBatches, copyIn, copyOut, sliceBatch } from '@spillway/core/data';
import type { Arena, ArrowModule, Batch, CallbackSink, MaybePromise, PlainBatch } from '@spillway/core/internal';
import type { DeliveredKept } from './delivered-kept.ts';
import type { BatchTaker } from './drain-edge.ts';

/**
 * How batches are given: `lent` until the function's promise settles; `copied`, for readers that keep them; or copied, and each row once, also when
 * the run begins again.
 */
export type Delivery = 'lent' | 'copied' | 'copied once';

export interface CallbackTakerParts {
  arena: Arena;
  owner: number;
  sink: CallbackSink;
  delivery: Delivery;
  /** Logical batches of more rows are delivered in parts of so many, the last with the rest. */
  mostRows?: number | undefined;
  /** Room on this thread for so many bytes, before they are made. */
  room(bytes: number): MaybePromise;
  /** What the function keeps of what it is lent. */
  kept: DeliveredKept;
}

/** A row as an object, and each of its values. */
const OBJECT_BYTES = 16;
const VALUE_BYTES = 24;

/**
 * Delivers logical batches: pieces that end no logical input wait for the piece that does, so that physical cuts cannot
 * be seen; no longer than there are `mostRows`. Logical batches without rows are not delivered.
 */
export class CallbackTaker implements BatchTaker {
  readonly #parts: CallbackTakerParts;
  #pieces: Batch[] = [];
  /** Made here, and still with the user. */
  #whole: Batch | undefined;
  /** After an abort a batch that waits for room is no longer this sink's. */
  #isClosed = false;
  #owner: number;
  /** Rows that have come, and how many were delivered before an attempt was abandoned. */
  #rows = 0;
  #skipRows = 0;
  #arrow: Lending | undefined;
  /** At the last barrier: pieces of a logical batch that was missing its rest. */
  #marked: { rows: number; pieces: PlainBatch[] } = { rows: 0, pieces: [] };

  constructor(parts: CallbackTakerParts) {
    this.#parts = parts;
    this.#owner = parts.owner;
  }

  begin(owner: number): void {
    this.#owner = owner;
    this.#isClosed = false;
    this.#parts.kept.enterAttempt();
    this.#pieces = this.#marked.pieces.map((piece) => copyIn(this.#parts.arena, owner, piece));
  }

  mark(): void {
    this.#marked = { rows: this.#rows, pieces: this.#pieces.map((piece) => copyOut(piece)) };
  }

  cutBack(): void {
    if (this.#parts.delivery === 'copied once') this.#skipRows = Math.max(this.#skipRows, this.#rows);
    this.#rows = this.#marked.rows;
    this.#parts.kept.leaveAttempt();
  }

  take(batch: Batch): void | Promise<void> {
    const held = this.#pieces.reduce((sum, { rows }) => sum + rows, 0);
    if (held + batch.rows > (this.#parts.mostRows ?? Infinity)) return this.#takeParts(batch, held);
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

  /** Delivers as many rows as there may be at once, as often as there are so many and more; `held` rows wait. */
  async #takeParts(batch: Batch, held: number): Promise<void> {
    const { arena, mostRows = Infinity } = this.#parts;
    let from = 0;
    for (let rows = mostRows - held; batch.rows - from > rows; rows = mostRows) {
      await this.#deliverPieces(sliceBatch(arena, this.#owner, batch, from, rows, 0));
      if (this.#isClosed) return;
      from += rows;
    }
    const rest = sliceBatch(arena, this.#owner, batch, from, batch.rows - from, batch.inputs);
    if (batch.inputs === 0) this.#pieces.push(rest);
    else await this.#deliverPieces(rest);
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
    const { arena } = this.#parts;
    let whole: Batch;
    if (pieces.length === 1) this.#whole = whole = last;
    else
      try {
        this.#whole = whole = concatBatches(arena, this.#owner, last.fields, pieces);
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
    const skip = Math.min(batch.rows, Math.max(0, this.#skipRows - this.#rows));
    this.#rows += batch.rows;
    if (skip === batch.rows) return undefined;
    return skip === 0 ? this.#give(batch) : this.#giveFrom(batch, skip);
  }

  /** Without the rows that the loop has had already. */
  async #giveFrom(batch: Batch, from: number): Promise<void> {
    const rest = sliceBatch(this.#parts.arena, this.#owner, batch, from, batch.rows - from, batch.inputs);
    try {
      await this.#give(rest);
    } finally {
      rest.release();
    }
  }

  #give(batch: Batch): void | Promise<void> {
    const room = this.#parts.room(this.#bytesMade(batch));
    return room === undefined ? this.#call(batch) : room.then(() => (this.#isClosed ? undefined : this.#call(batch)));
  }

  #bytesMade({ rows, columns, logicalBytes }: Batch): number {
    const { sink, delivery } = this.#parts;
    if (sink.takes === 'rows') return rows * (OBJECT_BYTES + VALUE_BYTES * columns.length);
    return delivery === 'lent' ? 0 : logicalBytes;
  }

  #call(batch: Batch): void | Promise<void> {
    const { sink } = this.#parts;
    return sink.takes === 'rows' ? sink.call(batchToRows(batch)) : this.#deliverArrow(batch);
  }

  #deliverArrow(batch: Batch): void | Promise<void> {
    if (this.#arrow !== undefined) return this.#lend(this.#arrow, batch);
    return loadLending().then((arrow) => {
      this.#arrow = arrow;
      this.#parts.kept.use((plain) => arrow.plainToArrow(arrow.module, plain));
      return this.#isClosed ? undefined : this.#lend(arrow, batch);
    });
  }

  #lend({ module, batchToArrowCopy, lendBatch }: Lending, batch: Batch): void | Promise<void> {
    const { sink, delivery, kept } = this.#parts;
    if (delivery !== 'lent') return sink.call(batchToArrowCopy(module, batch));
    const loan = lendBatch(module, batch, kept);
    let called: void | Promise<void>;
    try {
      called = sink.call(loan.view);
    } catch (error) {
      loan.end();
      throw error;
    }
    if (called !== undefined) return called.finally(() => loan.end());
    loan.end();
  }
}

/** What makes views of batches, and apache-arrow itself: loaded with the first batch. */
type Lending = typeof import('@spillway/core/arrow') & { module: ArrowModule };

async function loadLending(): Promise<Lending> {
  const arrow = await import('@spillway/core/arrow');
  return { ...arrow, module: await arrow.loadArrow() };
}
