/**
 * Batches that user code is lent: views that are valid until its promise settles, with `retain()` for what it wants to keep beyond that.
 */
import type { Data, RecordBatch, Schema, Struct } from 'apache-arrow';
import { PipelineError } from '../errors.ts';
import type { ArrowModule } from '../schema/load-arrow.ts';
import { viewOf } from './batch-to-arrow.ts';
import type { Batch } from './contract.ts';

/** A batch that user code keeps: a copy, which counts in `memoryLimit` until it is released. */
export interface KeptBatch<B = RecordBatch> {
  readonly batch: B;
  /** What it counts. */
  readonly bytes: number;
  /** Gives the memory back; `batch` must not be read any more. Releasing again does nothing. */
  release(): void;
}

/** A batch that is borrowed until the promise of whoever got it settles. */
export type LentBatch<B = RecordBatch> = B & {
  /**
   * Keeps the batch beyond the call, as a copy, until it is released or the run ends.
   * @throws ERR_MEMORY_EXHAUSTED naming the step, what it keeps and what everybody holds, when there is no room
   * @throws ERR_OP_FAILED when the batch has been given back already
   */
  retain(): KeptBatch<B>;
};

/** Makes what is kept, and counts it. */
export interface BatchKeeper {
  readonly name: string;
  keep(batch: Batch): KeptBatch;
}

/** A view that is lent. */
export interface Loan {
  readonly view: LentBatch;
  /** The view is valid no more. */
  end(): void;
}

interface Lendable extends LentBatch {
  lend(batch: Batch, keeper: BatchKeeper): Loan;
}

type LendableClass = new (schema: Schema, data: Data<Struct>) => Lendable;

const classes = new WeakMap<ArrowModule, LendableClass>();

/**
 * A `RecordBatch` with `retain`. Its constructor sets what apache-arrow's sets, without the checks and copies that take longer than all of a small batch:
 * the columns of a batch are as many and as long as they should be.
 */
function lendableOf(arrow: ArrowModule): LendableClass {
  const known = classes.get(arrow);
  if (known !== undefined) return known;
  class LentRecordBatch implements Loan {
    readonly schema: Schema;
    readonly data: Data<Struct>;
    readonly _metadata: Map<string, string> = new Map();
    #batch: Batch | undefined;
    #keeper: BatchKeeper | undefined;

    constructor(schema: Schema, data: Data<Struct>) {
      this.schema = schema;
      this.data = data;
    }

    get view(): LentBatch {
      return this as unknown as LentBatch;
    }

    lend(batch: Batch, keeper: BatchKeeper): Loan {
      this.#batch = batch;
      this.#keeper = keeper;
      return this;
    }

    end(): void {
      this.#batch = undefined;
    }

    retain(): KeptBatch {
      if (this.#batch === undefined) throw retainedLate(this.#keeper?.name ?? '');
      return (this.#keeper as BatchKeeper).keep(this.#batch);
    }
  }
  Object.setPrototypeOf(LentRecordBatch.prototype, arrow.RecordBatch.prototype);
  const made = LentRecordBatch as unknown as LendableClass;
  classes.set(arrow, made);
  return made;
}

function retainedLate(name: string): PipelineError {
  return new PipelineError('ERR_OP_FAILED', `"${name}" retains a batch that it has given back`, {
    stage: name,
    hint: 'call retain() before the promise of the call that was given the batch settles',
  });
}

/** A view of a batch, until the loan ends. The batch has to be held as long. */
export function lendBatch(arrow: ArrowModule, batch: Batch, keeper: BatchKeeper): Loan {
  const view = viewOf(arrow, batch, lendableOf(arrow)) as Lendable;
  return view.lend(batch, keeper);
}
