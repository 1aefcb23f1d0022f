import type { Batch } from '../../batch/contract.ts';
import { emptyBatch, withInputs } from '../../batch/make-batch.ts';
import type { FlushReason } from '../../plan/logical.ts';
import type { DelaySpec } from '../../plan/steps/specs.ts';
import type { HeldState, MaybePromise, Operator, OperatorContext, Output } from '../contract.ts';
import { andThen, pushAll } from '../outputs.ts';
import type { SavedList, SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import { pauseUntil } from './pause.ts';
import { RowQueue, type SavedQueue } from './row-queue.ts';

const DEFAULT_SHARE_BYTES = 64 * 2 ** 20;

/** A batch that waits: where its rows end, and when they go on. */
interface Due {
  to: number;
  inputs: number;
  atMs: number;
}

interface SavedDelay {
  rows: SavedQueue;
  due: SavedList;
  from: number;
}

/** Gives every batch an interval later than it came; the end of input waits for them. Memory: what waits, beyond the share on disk. */
export class Delay implements Operator {
  readonly #intervalMs: number;
  readonly #context: OperatorContext;
  readonly #output: Output;
  readonly #rows: RowQueue;
  readonly #due: Due[] = [];
  #from = 0;

  constructor({ intervalMs }: DelaySpec, context: OperatorContext) {
    this.#intervalMs = intervalMs;
    this.#context = context;
    this.#output = context.outputs['out'] as Output;
    this.#rows = new RowQueue(context, context.inputFields, context.shareBytes ?? DEFAULT_SHARE_BYTES);
  }

  push(batch: Batch): MaybePromise {
    const { inputs } = batch;
    const atMs = this.#context.now() + this.#intervalMs;
    return andThen(this.#rows.append(batch), () => void this.#due.push({ to: this.#rows.end, inputs, atMs }));
  }

  dueAt(): number | undefined {
    return this.#due[0]?.atMs;
  }

  flush(reason: FlushReason): MaybePromise {
    if (reason === 'pressure') return this.#rows.spill();
    return reason === 'interval' ? pushAll(this.#output, this.#ready()) : undefined;
  }

  async end(): Promise<void> {
    for (let [first] = this.#due; first !== undefined; [first] = this.#due) {
      await pauseUntil(this.#context, first.atMs);
      await pushAll(this.#output, this.#ready());
    }
  }

  held(): HeldState {
    return { inputs: this.#due.length, rows: this.#rows.end - this.#rows.start, bytes: this.#rows.bytes };
  }

  async snapshot(writer: SnapshotWriter): Promise<SavedDelay> {
    return { rows: await this.#rows.save(writer), due: await writer.list(this.#due), from: this.#from };
  }

  restore({ rows, due, from }: SavedDelay, reader: SnapshotReader): void {
    this.#rows.restore(rows, reader);
    this.#due.push(...reader.list<Due>(due));
    this.#from = from;
  }

  close(): void {
    this.#rows.close();
  }

  *#ready(): Generator<Batch, void> {
    const { arena, owner, inputFields, now } = this.#context;
    for (let [first] = this.#due; first !== undefined && first.atMs <= now(); [first] = this.#due) {
      const { to, inputs } = first;
      this.#due.shift();
      if (this.#from === to && inputs > 0) yield emptyBatch(arena, owner, inputFields, inputs);
      for (const slice of this.#rows.slices(this.#from, to)) {
        this.#from += slice.rows;
        yield withInputs(arena, owner, slice, this.#from === to ? inputs : 0);
      }
      this.#from = to;
      this.#rows.dropBefore(to);
    }
  }
}
