/**
 * Two ordered runs of batches as one: rows of the first before those of the second where their values are equal, each run's
 * rows in their own order.
 */
import { concatBatches } from '../../batch/concat-batches.ts';
import type { Batch, Column } from '../../batch/contract.ts';
import { sliceBatch } from '../../batch/slice-batch.ts';
import { compareOrdered, orderedValue, rowComparer } from '../../formats/ordered-value.ts';
import { gatherBatch } from '../../kernels/gather.ts';
import type { VectorKernels } from '../../kernels/vector-contract.ts';
import type { Arena } from '../../memory/contract.ts';
import { fieldIndex } from '../../schema/fields.ts';
import type { Fields } from '../../schema/types.ts';

/** Batches in the order of their rows. What it gives is the caller's. */
export type BatchRun = AsyncIterator<Batch, void, undefined>;

export interface MergeRowsOptions {
  arena: Arena;
  kernels: VectorKernels;
  owner: number;
  fields: Fields;
  orderedOn: string;
}

/** The batch at hand of one run, from a row on. */
class Cursor {
  batch: Batch | undefined;
  row = 0;
  readonly #run: BatchRun;
  readonly #ordered: number;

  constructor(run: BatchRun, ordered: number) {
    this.#run = run;
    this.#ordered = ordered;
  }

  get left(): number {
    return this.batch === undefined ? 0 : this.batch.rows - this.row;
  }

  get column(): Column {
    return this.batch?.columns[this.#ordered] as Column;
  }

  /** Makes sure that a row is at hand. @returns false at the end of the run */
  async fill(): Promise<boolean> {
    while (this.left === 0) {
      this.release();
      const next = await this.#run.next();
      if (next.done === true) return false;
      this.batch = next.value;
    }
    return true;
  }

  /** Rows up to `end`, the caller's; the cursor moves on. */
  take(arena: Arena, owner: number, end: number): Batch {
    const from = this.row;
    this.row = end;
    return sliceBatch(arena, owner, this.batch as Batch, from, end - from);
  }

  release(): void {
    this.batch?.release();
    this.batch = undefined;
    this.row = 0;
  }

  async close(): Promise<void> {
    this.release();
    await this.#run.return?.();
  }
}

/** First row at or behind `from` for which `isBehind`, in ascending rows. */
function firstRow(from: number, end: number, isBehind: (row: number) => boolean): number {
  let [low, high] = [from, end];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBehind(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * Merges two runs, batch by batch. The batches it gives are the caller's.
 *
 * Memory: a batch of each run, a copy of their rows, and the batch that is given.
 * @throws ERR_MEMORY_EXHAUSTED, and what the runs throw
 */
export async function* mergeRows(
  options: MergeRowsOptions,
  first: BatchRun,
  second: BatchRun,
): AsyncGenerator<Batch, void, undefined> {
  const { arena, owner, fields, orderedOn } = options;
  const ordered = fieldIndex(fields, orderedOn);
  const [a, b] = [new Cursor(first, ordered), new Cursor(second, ordered)];
  const valueOf = (cursor: Cursor, row: number) => orderedValue(arena, cursor.column, row);
  try {
    for (;;) {
      const [hasA, hasB] = [await a.fill(), await b.fill()];
      if (!hasA && !hasB) return;
      if (!hasA || !hasB) {
        const only = hasA ? a : b;
        yield only.take(arena, owner, only.row + only.left);
        continue;
      }
      const [lastA, lastB] = [valueOf(a, a.row + a.left - 1), valueOf(b, b.row + b.left - 1)];
      // A row may go when nothing that has not come yet belongs before it.
      const isAShorter = compareOrdered(lastA, lastB) <= 0;
      const endA = isAShorter
        ? a.row + a.left
        : firstRow(a.row, a.row + a.left, (row) => compareOrdered(valueOf(a, row), lastB) > 0);
      const endB = isAShorter
        ? firstRow(b.row, b.row + b.left, (row) => compareOrdered(valueOf(b, row), lastA) >= 0)
        : b.row + b.left;
      if (endB === b.row) yield a.take(arena, owner, endA);
      else if (endA === a.row) yield b.take(arena, owner, endB);
      else yield* interleave(options, a, endA, b, endB, ordered);
    }
  } finally {
    await a.close();
    await b.close();
  }
}

/** Rows up to the given ends, in order. What comes before the other's first row is not copied. */
function* interleave(
  options: MergeRowsOptions,
  a: Cursor,
  endA: number,
  b: Cursor,
  endB: number,
  ordered: number,
): Generator<Batch, void, undefined> {
  const { arena, owner } = options;
  const firstB = orderedValue(arena, b.column, b.row);
  const headA = firstRow(a.row, endA, (row) => compareOrdered(orderedValue(arena, a.column, row), firstB) > 0);
  if (headA > a.row) yield a.take(arena, owner, headA);
  if (headA === endA) {
    yield b.take(arena, owner, endB);
    return;
  }
  yield gatherMerged(options, a.take(arena, owner, endA), b.take(arena, owner, endB), ordered);
}

/** Takes over two batches; gives their rows merged. */
function gatherMerged(options: MergeRowsOptions, a: Batch, b: Batch, ordered: number): Batch {
  const { arena, kernels, owner, fields } = options;
  const rows = a.rows + b.rows;
  const rowsOfA = a.rows;
  let both: Batch;
  try {
    both = concatBatches(arena, owner, fields, [a, b]);
  } finally {
    a.release();
    b.release();
  }
  let indices = 0;
  try {
    indices = arena.alloc(4 * rows, owner);
    const compare = rowComparer(arena, both.columns[ordered] as Column);
    mergedOrder(new Uint32Array(arena.buffer, indices, rows), rowsOfA, rows, compare);
    return gatherBatch({ arena, kernels, owner }, both, fields, indices, rows);
  } finally {
    both.release();
    if (indices !== 0) arena.release(indices);
  }
}

function mergedOrder(
  order: Uint32Array,
  rowsOfA: number,
  rows: number,
  compare: (a: number, b: number) => number,
): void {
  let [a, b] = [0, rowsOfA];
  for (let at = 0; at < rows; at += 1) {
    if (b === rows || (a < rowsOfA && compare(a, b) <= 0)) order[at] = a++;
    else order[at] = b++;
  }
}
