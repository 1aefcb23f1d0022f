/** What the code of an op keeps with `batch.retain()`: copies in shared memory, counted before they are made. */
import { batchToArrow } from '../batch/batch-to-arrow.ts';
import { copyBatches } from '../batch/concat-batches.ts';
import type { Batch } from '../batch/contract.ts';
import type { BatchKeeper, KeptBatch } from '../batch/lent-batch.ts';
import type { ArrowModule } from '../schema/load-arrow.ts';
import type { OperatorContext } from './contract.ts';

/** A copy of a page and more has a slab of its own; smaller ones are packed, each of their columns where a cache line begins. */
const PAGE_BYTES = 64 * 1024;
const COLUMN_BYTES = 128;

function bytesOf({ logicalBytes, columns }: Batch): number {
  if (logicalBytes >= PAGE_BYTES) return Math.ceil(logicalBytes / PAGE_BYTES) * PAGE_BYTES;
  return logicalBytes + COLUMN_BYTES * columns.length;
}

export class KeptBatches implements BatchKeeper {
  readonly name: string;
  readonly #arrow: ArrowModule;
  readonly #context: OperatorContext;
  /** Copies, with what each counts. */
  readonly #kept: Map<Batch, number> = new Map();

  constructor(arrow: ArrowModule, context: OperatorContext) {
    this.#arrow = arrow;
    this.#context = context;
    this.name = context.name;
  }

  keep(batch: Batch): KeptBatch {
    const { arena, owner, keptAccount } = this.#context;
    const bytes = bytesOf(batch);
    keptAccount?.grow(bytes);
    let copy: Batch;
    try {
      copy = copyBatches(arena, owner, batch.fields, [batch], 0);
    } catch (error) {
      keptAccount?.shrink(bytes);
      throw error;
    }
    this.#kept.set(copy, bytes);
    return { batch: batchToArrow(this.#arrow, copy), bytes, release: () => this.#release(copy) };
  }

  /** Takes back what the code has not released, and says so unless the run was stopped. */
  close(): void {
    const { size: batches } = this.#kept;
    if (batches === 0) return;
    const bytes = [...this.#kept.values()].reduce((sum, each) => sum + each, 0);
    for (const copy of [...this.#kept.keys()]) this.#release(copy);
    if (!this.#context.signal.aborted) this.#context.onKeptLeft?.(batches, bytes);
  }

  #release(copy: Batch): void {
    const bytes = this.#kept.get(copy);
    if (bytes === undefined) return;
    this.#kept.delete(copy);
    copy.release();
    this.#context.keptAccount?.shrink(bytes);
  }
}
