/** What a `collect()` sink keeps: copies in ordinary memory, which outlive the job and its shared memory. */
import type { Fields } from '@spillway/core';
import { processArena } from '@spillway/core/base';
import { batchToRows, copyIn, copyOut } from '@spillway/core/data';
import type { Batch, PlainBatch } from '@spillway/core/internal';
import type { Table } from 'apache-arrow';
import type { BatchTaker } from './drain-edge.ts';

/** Slabs that no run holds: rows on their way to JavaScript objects. */
const NO_OWNER = 0;

export class CollectedRows implements BatchTaker {
  readonly #fields: Fields;
  readonly #batches: PlainBatch[] = [];

  constructor(fields: Fields) {
    this.#fields = fields;
  }

  take(batch: Batch): void {
    if (batch.rows > 0) this.#batches.push(copyOut(batch));
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
