/** What the function of a `forEach` keeps with `batch.retain()`: copies in ordinary memory, which outlive attempts of the run, counted while they are kept. */
import type { KeptBatch } from '@spillway/core';
import { copyOut } from '@spillway/core/data';
import type { Batch, BatchKeeper, PlainBatch } from '@spillway/core/internal';
import type { RecordBatch } from 'apache-arrow';

/** What an array buffer takes beside its bytes. */
const COPY_BYTES = 512;

export class DeliveredKept implements BatchKeeper {
  readonly name: string;
  readonly #keep: (bytes: number) => void;
  readonly #kept: Set<KeptBatch> = new Set();
  #toArrow: ((plain: PlainBatch) => RecordBatch) | undefined;

  /** @param keep counts bytes before a copy is made (less than none when copies go); throws when there is no room for them */
  constructor(name: string, keep: (bytes: number) => void) {
    this.name = name;
    this.#keep = keep;
  }

  /** Before the first batch is lent. */
  use(toArrow: (plain: PlainBatch) => RecordBatch): void {
    this.#toArrow = toArrow;
  }

  keep(batch: Batch): KeptBatch {
    const bytes = batch.logicalBytes + COPY_BYTES * batch.columns.length;
    this.#keep(bytes);
    const kept: KeptBatch = {
      batch: (this.#toArrow as (plain: PlainBatch) => RecordBatch)(copyOut(batch)),
      bytes,
      release: () => {
        if (this.#kept.delete(kept)) this.#keep(-bytes);
      },
    };
    this.#kept.add(kept);
    return kept;
  }

  /** How many are kept, and what they count. */
  left(): { batches: number; bytes: number } {
    return { batches: this.#kept.size, bytes: this.#bytes };
  }

  /** Every attempt has counters of its own. */
  leaveAttempt(): void {
    this.#keep(-this.#bytes);
  }

  enterAttempt(): void {
    this.#keep(this.#bytes);
  }

  get #bytes(): number {
    let sum = 0;
    for (const { bytes } of this.#kept) sum += bytes;
    return sum;
  }
}
