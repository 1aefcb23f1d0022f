/**
 * Rows that wait for their turn, by time: those in memory with an order of their own, and runs of them on disk beyond a limit. What
 * `reorder` holds.
 */
import { concatBatches } from '../../batch/concat-batches.ts';
import type { Batch } from '../../batch/contract.ts';
import { gatherBatch } from '../../kernels/gather.ts';
import type { Fields } from '../../schema/types.ts';
import type { Spill } from '../../spill/contract.ts';
import { Workspace } from '../aggregate/arena-views.ts';
import type { OperatorContext } from '../contract.ts';
import type { SavedBytes, SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import { KeptRows, type SavedKept } from './kept-rows.ts';
import {
  OrderedRun,
  type OrderedSource,
  orderOfParts,
  partsInOrder,
  placeOf,
  type RunParts,
  type SavedRun,
  type TimedRows,
} from './ordered-runs.ts';
import { positionsOf } from './row-keys.ts';

/** Rows of what goes on, or to disk, at once. */
const MOST_ROWS = 16_384;
/** Runs that are read from at once; more are merged. */
const MOST_RUNS = 8;
/** Part of the limit that the blocks of all runs take, with what comes of them. */
const BLOCKS_PART = 1 / 2;
const LEAST_BLOCK_BYTES = 16_384;
/** Time and number of a row, twice while others come between them. */
const ORDER_BYTES = 24;

/** Rows in memory, in order: their times and numbers. */
interface Waiting {
  times: BigInt64Array;
  rows: Uint32Array;
}

const NONE: Waiting = { times: new BigInt64Array(0), rows: new Uint32Array(0) };

export interface SavedWaiting {
  times: SavedBytes;
  /** Of the rows, among those that are kept. */
  numbers: SavedBytes;
  kept: SavedKept;
  runs: SavedRun[];
  runRows: number;
}

export class WaitingRows {
  readonly #context: OperatorContext;
  readonly #fields: Fields;
  readonly #limitBytes: number;
  readonly #parts: RunParts;
  readonly #workspace: Workspace;
  readonly #kept: KeptRows;
  #waiting: Waiting = NONE;
  #runs: OrderedRun[] = [];
  #runRows = 0;

  /** `limitBytes`: beyond it rows go to disk, where there is one. `timesOf`: see `RunParts`. */
  constructor(context: OperatorContext, limitBytes: number, timesOf: RunParts['timesOf']) {
    this.#context = context;
    this.#fields = context.inputFields;
    this.#limitBytes = limitBytes;
    this.#parts = { context, fields: this.#fields, timesOf };
    this.#workspace = new Workspace(context.arena, context.owner);
    this.#kept = new KeptRows(context, positionsOf(this.#fields, []), this.#fields);
  }

  get rows(): number {
    return this.#waiting.rows.length + this.#runRows;
  }

  /** In memory. */
  get bytes(): number {
    return this.#kept.bytes + ORDER_BYTES * this.#waiting.rows.length;
  }

  /** Takes over a batch, of which these rows wait, in this order. */
  add(batch: Batch, times: BigInt64Array, order: readonly number[]): void {
    const first = this.#kept.add(batch);
    this.#waiting = merged(this.#waiting, times, order, first);
  }

  get hasToSpill(): boolean {
    return this.#context.spill !== undefined && this.bytes > this.#limitBytes * (1 - BLOCKS_PART);
  }

  /** Puts all rows in memory on disk, as a run. Does nothing where nothing can be spilled. */
  async spill(): Promise<void> {
    const { spill } = this.#context;
    if (spill === undefined || this.#waiting.rows.length === 0) return;
    const run = OrderedRun.create(this.#parts, spill);
    this.#runs.push(run);
    const { times, rows } = this.#waiting;
    for (let from = 0; from < rows.length; from += this.#blockRows) {
      const block = rows.subarray(from, from + this.#blockRows);
      await this.#append(run, this.#kept.take(block, 0), times.subarray(from, from + block.length));
    }
    this.#runRows += rows.length;
    this.#waiting = NONE;
    this.#kept.clear();
    while (this.#runs.length > MOST_RUNS) await this.#mergeRuns(spill);
  }

  /** Rows up to `bound` (all, where it is undefined), which are then the caller's; none ends a logical input. */
  *take(bound: bigint | undefined): Generator<Batch, void> {
    const { next } = this;
    if (next === undefined || (bound !== undefined && next > bound)) return;
    const memory = new RowsInMemory(this.#waiting, this.#kept);
    try {
      for (const parts of partsInOrder([...this.#runs, memory], bound)) {
        for (const { times } of parts) this.#runRows -= times.length;
        yield this.#joined(parts).batch;
      }
    } finally {
      // Those in memory were counted as if they had come from runs.
      this.#runRows += memory.taken;
      for (const run of this.#runs) run.rest();
      this.#runs = this.#runs.filter((run) => run.next !== undefined);
      this.#forget(memory.taken);
    }
  }

  /** Of the row that is to go first. */
  get next(): bigint | undefined {
    let least = this.#waiting.times[0];
    for (const { next } of this.#runs) if (next !== undefined && (least === undefined || next < least)) least = next;
    return least;
  }

  async save(writer: SnapshotWriter): Promise<SavedWaiting> {
    const runs: SavedRun[] = [];
    for (const run of this.#runs) runs.push(await run.save(writer));
    return {
      times: await writer.bytes(bytesOf(this.#waiting.times)),
      numbers: await writer.bytes(bytesOf(this.#waiting.rows)),
      kept: await this.#kept.save(writer),
      runs,
      runRows: this.#runRows,
    };
  }

  restore({ times, numbers, kept, runs, runRows }: SavedWaiting, reader: SnapshotReader): void {
    this.#kept.restore(kept, reader);
    this.#waiting = { times: new BigInt64Array(times.bytes / 8), rows: new Uint32Array(numbers.bytes / 4) };
    reader.bytes(times, bytesOf(this.#waiting.times));
    reader.bytes(numbers, bytesOf(this.#waiting.rows));
    this.#runs = runs.map((run) => OrderedRun.restore(this.#parts, run, reader));
    this.#runRows = runRows;
  }

  close(): void {
    for (const run of this.#runs.splice(0)) run.close();
    this.#kept.close();
    this.#workspace.close();
  }

  get #blockRows(): number {
    const bytes = Math.max(LEAST_BLOCK_BYTES, (this.#limitBytes * BLOCKS_PART) / (3 * (MOST_RUNS + 1)));
    const rowBytes = this.#kept.bytes / Math.max(1, this.#waiting.rows.length);
    return Math.max(1, Math.min(MOST_ROWS, Math.floor(bytes / Math.max(1, rowBytes))));
  }

  /** Takes over the batch. */
  async #append(run: OrderedRun, batch: Batch, times: BigInt64Array): Promise<void> {
    try {
      await run.append({ batch, times });
    } finally {
      batch.release();
    }
  }

  /** Half of the runs, neighbours that are smallest together, become one. */
  async #mergeRuns(spill: Spill): Promise<void> {
    const count = MOST_RUNS / 2;
    const bytesFrom = (from: number): number =>
      this.#runs.slice(from, from + count).reduce((sum, { bytes }) => sum + bytes, 0);
    let best = 0;
    for (let from = 1; from + count <= this.#runs.length; from++) if (bytesFrom(from) < bytesFrom(best)) best = from;
    const merged = this.#runs.slice(best, best + count);
    const run = OrderedRun.create(this.#parts, spill);
    try {
      for (const parts of partsInOrder(merged, undefined)) {
        const { batch, times } = this.#joined(parts);
        await this.#append(run, batch, times);
      }
    } catch (error) {
      run.close();
      throw error;
    }
    for (const old of this.#runs.splice(best, count, run)) old.close();
  }

  /** Takes over the parts, and brings their rows into order. */
  #joined(parts: readonly TimedRows[]): TimedRows {
    const [only] = parts;
    if (only !== undefined && parts.length === 1) return only;
    const { arena, owner } = this.#context;
    let whole: Batch | undefined;
    try {
      const batches = parts.map(({ batch }) => batch);
      whole = concatBatches(arena, owner, this.#fields, batches, 0);
      for (const batch of batches) batch.release();
    } catch (error) {
      for (const { batch } of parts) batch.release();
      throw error;
    }
    try {
      const order = orderOfParts(parts);
      const list = this.#workspace.scratch(4 * order.length);
      arena.uint32At(list, order.length).set(order);
      const times = timesIn(order, parts);
      return { batch: gatherBatch(this.#context, whole, this.#fields, list, order.length), times };
    } finally {
      whole.release();
    }
  }

  /** The first `count` rows in memory have gone on. */
  #forget(count: number): void {
    const { times, rows } = this.#waiting;
    if (count === 0) return;
    this.#waiting = { times: times.slice(count), rows: rows.slice(count) };
    if (count === times.length) this.#kept.clear();
    const placeOfRow = this.#kept.settle(() => this.#waiting.rows.slice());
    if (placeOfRow !== undefined) this.#waiting.rows = this.#waiting.rows.map(placeOfRow);
  }
}

/** The rows in memory, some thousand at a time. */
class RowsInMemory implements OrderedSource {
  readonly #waiting: Waiting;
  readonly #kept: KeptRows;
  taken = 0;

  constructor(waiting: Waiting, kept: KeptRows) {
    this.#waiting = waiting;
    this.#kept = kept;
  }

  get next(): bigint | undefined {
    return this.#waiting.times[this.taken];
  }

  get reachable(): bigint | undefined {
    const end = this.taken + MOST_ROWS;
    return end < this.#waiting.times.length ? this.#waiting.times[end - 1] : undefined;
  }

  take(end: bigint | undefined, isClosed: boolean): TimedRows | undefined {
    const { times, rows } = this.#waiting;
    const from = this.taken;
    const last = end === undefined ? times.length : placeOf(times, from, end, isClosed);
    const to = Math.min(from + MOST_ROWS, last);
    if (to <= from) return undefined;
    const batch = this.#kept.take(rows.subarray(from, to), 0);
    this.taken = to;
    return { batch, times: times.subarray(from, to) };
  }
}

function timesIn(order: Uint32Array, parts: readonly TimedRows[]): BigInt64Array {
  const all = new BigInt64Array(order.length);
  let at = 0;
  for (const { times } of parts) {
    all.set(times, at);
    at += times.length;
  }
  return BigInt64Array.from(order, (row) => all[row] as bigint);
}

/** Two ordered lists as one; of equal times those that waited before come first. */
function merged(waiting: Waiting, times: BigInt64Array, order: readonly number[], first: number): Waiting {
  const size = waiting.rows.length + order.length;
  const result: Waiting = { times: new BigInt64Array(size), rows: new Uint32Array(size) };
  // What comes before all that is new stays in its place.
  const least = times[order[0] as number] as bigint;
  let old = waiting.rows.length;
  while (old > 0 && (waiting.times[old - 1] as bigint) > least) old--;
  result.times.set(waiting.times.subarray(0, old));
  result.rows.set(waiting.rows.subarray(0, old));
  let next = 0;
  for (let to = old; to < size; to++) {
    const own = next < order.length ? (times[order[next] as number] as bigint) : undefined;
    const isOld = old < waiting.rows.length && (own === undefined || (waiting.times[old] as bigint) <= own);
    result.times[to] = isOld ? (waiting.times[old] as bigint) : (own as bigint);
    result.rows[to] = isOld ? (waiting.rows[old++] as number) : first + (order[next++] as number);
  }
  return result;
}

function bytesOf({ buffer, byteOffset, byteLength }: BigInt64Array | Uint32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
