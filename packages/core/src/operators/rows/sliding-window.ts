import { allocColumn, finishColumn } from '../../batch/alloc-batch.ts';
import { concatBatches } from '../../batch/concat-batches.ts';
import type { Batch } from '../../batch/contract.ts';
import { makeBatch, withInputs } from '../../batch/make-batch.ts';
import { gatherBatch } from '../../kernels/gather.ts';
import type { FlushReason } from '../../plan/logical.ts';
import type { SlidingWindowSpec } from '../../plan/steps/specs.ts';
import type { Fields } from '../../schema/types.ts';
import type { HeldState, MaybePromise, Operator, OperatorContext, Output } from '../contract.ts';
import { PIECE_ROWS } from '../held-batches.ts';
import { andThen, pushAll } from '../outputs.ts';
import type { SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import { RowQueue, type SavedQueue } from './row-queue.ts';

/** Windows of up to so many rows are copied together where nobody sees where each ends. */
const SMALL_WINDOW = 1024;
/** Share of a window that nobody gave one. */
const DEFAULT_SHARE_BYTES = 64 * 2 ** 20;

interface SavedWindow {
  nextEnd: number;
  window: number;
  queue: SavedQueue;
}

/**
 * Windows over the last `rows` rows, one every `every` rows. Each is one logical input downstream, in pieces where it spans
 * several batches; they share the memory of the rows, which is not copied. Small ones are copied into large batches where cuts cannot be seen.
 *
 * With `partial`, a window that would begin before the first row, or end behind the last, comes with the rows there are; the
 * end of input gives the last one only if it has rows that no window had.
 *
 * Memory: the rows of one window and the batch that came last, beyond the share on disk.
 */
export class SlidingWindow implements Operator {
  readonly #spec: SlidingWindowSpec;
  readonly #context: OperatorContext;
  readonly #output: Output;
  readonly #fields: Fields;
  readonly #queue: RowQueue;
  /** Row behind the last of the next window, from the stream's first. */
  #nextEnd: number;
  #window = 0;

  constructor(spec: SlidingWindowSpec, context: OperatorContext) {
    this.#spec = spec;
    this.#context = context;
    this.#output = context.outputs['out'] as Output;
    this.#fields = context.outputFields['out'] as Fields;
    const shareBytes = Math.min(spec.memoryLimitBytes ?? Infinity, context.shareBytes ?? DEFAULT_SHARE_BYTES);
    this.#queue = new RowQueue(context, context.inputFields, shareBytes);
    this.#nextEnd = spec.partial ? spec.every : spec.rows;
  }

  push(batch: Batch): MaybePromise {
    return andThen(this.#queue.append(batch), () => pushAll(this.#output, this.#windows()));
  }

  /** Only pressure asks for something: memory, which the disk gives. */
  flush(reason: FlushReason): MaybePromise {
    return reason === 'pressure' ? this.#queue.spill() : undefined;
  }

  end(): MaybePromise {
    const { every, partial } = this.#spec;
    const hasRowsLeft = this.#queue.end > this.#nextEnd - every;
    return partial && hasRowsLeft ? pushAll(this.#output, this.#windowTo(this.#nextEnd)) : undefined;
  }

  held(): HeldState {
    return { inputs: 0, rows: this.#queue.end - this.#queue.start, bytes: this.#queue.bytes };
  }

  async snapshot(writer: SnapshotWriter): Promise<SavedWindow> {
    return { nextEnd: this.#nextEnd, window: this.#window, queue: await this.#queue.save(writer) };
  }

  restore({ nextEnd, window, queue }: SavedWindow, reader: SnapshotReader): void {
    this.#nextEnd = nextEnd;
    this.#window = window;
    this.#queue.restore(queue, reader);
  }

  close(): void {
    this.#queue.close();
  }

  *#windows(): Generator<Batch, void> {
    const { rows, every } = this.#spec;
    const isPacked = !this.#context.emissionsVisible && rows <= SMALL_WINDOW;
    while (this.#nextEnd <= this.#queue.end) {
      const ready = Math.floor((this.#queue.end - this.#nextEnd) / every) + 1;
      const count = isPacked ? Math.min(ready, Math.floor(PIECE_ROWS / rows)) : 1;
      if (isPacked) yield this.#packed(count);
      else yield* this.#windowTo(this.#nextEnd);
      this.#nextEnd += every * count;
      this.#window += count;
      this.#queue.dropBefore(this.#nextEnd - rows);
    }
  }

  /** The window that ends before a row, in pieces. */
  *#windowTo(end: number): Generator<Batch, void> {
    const to = Math.min(end, this.#queue.end);
    let left = to - Math.max(0, end - this.#spec.rows);
    for (const slice of this.#queue.slices(to - left, to)) {
      left -= slice.rows;
      yield this.#numbered(slice, left === 0 ? 1 : 0, () => this.#window);
    }
  }

  /** Several windows as one batch. */
  #packed(count: number): Batch {
    const { rows, every } = this.#spec;
    const { arena, owner, inputFields } = this.#context;
    const first = Math.max(0, this.#nextEnd - rows);
    const lastEnd = this.#nextEnd + (count - 1) * every;
    const slices: Batch[] = [];
    let source: Batch | undefined;
    const indices = arena.alloc(4 * count * rows, owner);
    const windows: number[] = [];
    try {
      for (const slice of this.#queue.slices(first, lastEnd)) slices.push(slice);
      source = concatBatches(arena, owner, inputFields, slices, count);
      const places = new Uint32Array(arena.buffer, indices, count * rows);
      let taken = 0;
      for (let end = this.#nextEnd; end <= lastEnd; end += every) {
        for (let row = Math.max(0, end - rows); row < end; row++) places[taken++] = row - first;
        windows.push(taken);
      }
      const gathered = gatherBatch(this.#context, source, inputFields, indices, taken);
      let at = 0;
      return this.#numbered(gathered, count, (row) => {
        while (row >= (windows[at] as number)) at += 1;
        return this.#window + at;
      });
    } finally {
      arena.release(indices);
      for (const slice of slices) slice.release();
      source?.release();
    }
  }

  /** The batch, which it takes over, ending so many inputs, and with the column of numbers where there is one. */
  #numbered(batch: Batch, inputs: number, numberOf: (row: number) => number): Batch {
    const { arena, owner } = this.#context;
    if (this.#spec.number === undefined) return withInputs(arena, owner, batch, inputs);
    try {
      const { column, slab } = allocColumn(arena, owner, 'int64', batch.rows);
      const numbers = new BigInt64Array(arena.buffer, column.values, batch.rows);
      for (let row = 0; row < batch.rows; row++) numbers[row] = BigInt(numberOf(row));
      try {
        const columns = [...batch.columns, finishColumn(arena, column, batch.rows, slab)];
        return makeBatch(arena, owner, this.#fields, columns, batch.rows, inputs);
      } finally {
        arena.release(slab);
      }
    } finally {
      batch.release();
    }
  }
}
