/** What a `collect()` sink keeps: copies in ordinary memory, which outlive the job and its shared memory. */
import type { Fields } from '@spillway/core';
import { processArena } from '@spillway/core/base';
import { batchToRows, copyIn, copyOut } from '@spillway/core/data';
import type { Batch, PlainBatch } from '@spillway/core/internal';
import type { Table } from 'apache-arrow';
import type { BatchTaker } from './drain-edge.ts';

/** Slabs that no run holds: rows on their way to JavaScript objects. */
const NO_OWNER = 0;

/** What an array buffer takes beside its bytes. */
const COPY_BYTES = 512;

export class CollectedRows implements BatchTaker {
  readonly #fields: Fields;
  readonly #keep: (bytes: number) => void;
  readonly #batches: PlainBatch[] = [];
  #bytes = 0;
  #marked = { batches: 0, bytes: 0 };

  /** @param keep counts the bytes of a copy before it is made (less than none when copies go); throws when there is no room for it */
  constructor(fields: Fields, keep: (bytes: number) => void) {
    this.#fields = fields;
    this.#keep = keep;
  }

  take(batch: Batch): void {
    if (batch.rows === 0) return;
    const bytes = batch.logicalBytes + COPY_BYTES * batch.columns.length;
    this.#keep(bytes);
    this.#bytes += bytes;
    this.#batches.push(copyOut(batch));
  }

  mark(): void {
    this.#marked = { batches: this.#batches.length, bytes: this.#bytes };
  }

  cutBack(): void {
    this.#batches.length = this.#marked.batches;
    this.#keep(-this.#bytes);
    this.#bytes = 0;
  }

  /** What stays is counted anew: every attempt has counters of its own. */
  begin(): void {
    this.#keep(this.#marked.bytes);
    this.#bytes = this.#marked.bytes;
  }

  /** The run has failed: nobody will ask for the rows. */
  discard(): void {
    this.#batches.length = 0;
  }

  /** A table over the copies: no further copy is made. */
  async table(): Promise<Table> {
    const { fieldsToArrow, loadArrow, plainToArrow } = await import('@spillway/core/arrow');
    const arrow = await loadArrow();
    const batches = this.#batches.map((batch) => plainToArrow(arrow, batch));
    return batches.length === 0 ? new arrow.Table(fieldsToArrow(arrow, this.#fields)) : new arrow.Table(batches);
  }

  rows(): Record<string, unknown>[] {
    const arena = processArena();
    return this.#batches.flatMap((plain) => {
      const batch = copyIn(arena, NO_OWNER, plain);
      try {
        return batchToRows(batch);
      } finally {
        batch.release();
      }
    });
  }
}
