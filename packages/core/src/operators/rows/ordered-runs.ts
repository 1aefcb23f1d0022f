/**
 * Rows on disk that ascend by an int64, in runs, each in the order in which its rows go on. They are read from their starts, as far as is
 * wanted, and merged with rows that lie in memory; of equal ones those of an earlier run come first, those in memory last.
 *
 * Memory: one block of each run while rows are read, and twice what comes of them at once.
 */
import type { Batch } from '../../batch/contract.ts';
import { sliceBatch } from '../../batch/slice-batch.ts';
import type { Fields } from '../../schema/types.ts';
import type { Spill, SpilledFile, SpillFile, SpillPosition } from '../../spill/contract.ts';
import type { OperatorContext } from '../contract.ts';
import type { SavedList, SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';

/** Rows in order, some of which can be had at once. */
export interface OrderedSource {
  /** The next row's time; undefined behind the last. */
  readonly next: bigint | undefined;
  /** The last time of the rows that can be had at once, where there are more behind them. */
  readonly reachable: bigint | undefined;
  /** Takes rows before `end`, or up to it, as far as they can be had at once; undefined when there are none. */
  take(end: bigint | undefined, isClosed: boolean): TimedRows | undefined;
}

export interface TimedRows {
  batch: Batch;
  times: BigInt64Array;
}

interface Block {
  position: SpillPosition;
  rows: number;
  first: bigint;
  last: bigint;
}

export interface SavedRun {
  file: SpilledFile;
  blocks: SavedList;
  block: number;
  row: number;
  next: bigint | undefined;
}

/** How rows are read back. */
export interface RunParts {
  context: OperatorContext;
  fields: Fields;
  /** As int64; a view that is valid as long as the batch is, or a copy. */
  timesOf(batch: Batch): BigInt64Array;
}

/** One run on disk. */
export class OrderedRun implements OrderedSource {
  readonly #parts: RunParts;
  readonly #file: SpillFile;
  readonly #blocks: Block[] = [];
  #block = 0;
  /** First row of the block that was not taken. */
  #row = 0;
  #next: bigint | undefined;
  #open: TimedRows | undefined;

  constructor(parts: RunParts, file: SpillFile) {
    this.#parts = parts;
    this.#file = file;
  }

  static create(parts: RunParts, spill: Spill): OrderedRun {
    const { arena, name } = parts.context;
    return new OrderedRun(parts, spill.createFile(arena, parts.fields, name));
  }

  static restore(parts: RunParts, saved: SavedRun, reader: SnapshotReader): OrderedRun {
    const run = new OrderedRun(parts, reader.file(saved.file, parts.fields, parts.context.name));
    run.#blocks.push(...reader.list<Block>(saved.blocks));
    run.#block = saved.block;
    run.#row = saved.row;
    run.#next = saved.next;
    return run;
  }

  /** What is open is read again later. */
  async save(writer: SnapshotWriter): Promise<SavedRun> {
    const blocks = await writer.list(this.#blocks);
    return { file: writer.file(this.#file), blocks, block: this.#block, row: this.#row, next: this.next };
  }

  get bytes(): number {
    return this.#file.bytes;
  }

  get next(): bigint | undefined {
    return this.#row === 0 ? this.#blocks[this.#block]?.first : this.#next;
  }

  get reachable(): bigint | undefined {
    return this.#block + 1 < this.#blocks.length ? this.#blocks[this.#block]?.last : undefined;
  }

  /** Writes rows behind all others; the batch stays the caller's. */
  async append({ batch, times }: TimedRows): Promise<void> {
    const ends = { first: times[0] as bigint, last: times[batch.rows - 1] as bigint };
    this.#blocks.push({ position: await this.#file.append(batch), rows: batch.rows, ...ends });
  }

  take(end: bigint | undefined, isClosed: boolean): TimedRows | undefined {
    const { next } = this;
    if (next === undefined || (end !== undefined && (isClosed ? next > end : next >= end))) return undefined;
    const { arena, owner } = this.#parts.context;
    const { batch, times } = this.#opened();
    const to = end === undefined ? batch.rows : placeOf(times, this.#row, end, isClosed);
    const taken = {
      batch: sliceBatch(arena, owner, batch, this.#row, to - this.#row, 0),
      times: times.slice(this.#row, to),
    };
    this.#row = to;
    this.#next = to < batch.rows ? (times[to] as bigint) : undefined;
    if (to === batch.rows) this.#endBlock();
    return taken;
  }

  /** Lets go of the block at work until it is wanted again. */
  rest(): void {
    this.#open?.batch.release();
    this.#open = undefined;
  }

  close(): void {
    this.rest();
    this.#file.delete();
  }

  #opened(): TimedRows {
    if (this.#open !== undefined) return this.#open;
    const { context, timesOf } = this.#parts;
    const batch = this.#file.read((this.#blocks[this.#block] as Block).position, context.arena, context.owner);
    this.#open = { batch, times: timesOf(batch) };
    return this.#open;
  }

  #endBlock(): void {
    this.rest();
    this.#block += 1;
    this.#row = 0;
    if (this.#block === this.#blocks.length) this.#file.delete();
  }
}

/** The first place from `from` on whose time is behind `end` (at or behind it, where that is not wanted itself). */
export function placeOf(times: BigInt64Array, from: number, end: bigint, isClosed: boolean): number {
  let low = from;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const time = times[middle] as bigint;
    if (time < end || (isClosed && time === end)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Rows of all sources up to `bound` (all, where it is undefined), in parts that are in order one behind the other: those of a part still have to
 * be brought into the order of their times, equal ones as they stand.
 */
export function* partsInOrder(
  sources: readonly OrderedSource[],
  bound: bigint | undefined,
): Generator<TimedRows[], void> {
  for (;;) {
    const least = leastOf(sources.map(({ next }) => next));
    if (least === undefined || (bound !== undefined && least > bound)) return;
    const reach = leastOf(sources.map(({ reachable }) => reachable));
    const isCut = reach !== undefined && (bound === undefined || reach <= bound);
    if (isCut && reach === least) {
      // More rows of one time than can be had at once: source by source.
      for (const source of sources)
        for (let rows = source.take(least, true); rows !== undefined; rows = source.take(least, true)) yield [rows];
      continue;
    }
    const parts: TimedRows[] = [];
    try {
      for (const source of sources) {
        const rows = source.take(isCut ? reach : bound, !isCut);
        if (rows !== undefined) parts.push(rows);
      }
    } catch (error) {
      for (const { batch } of parts) batch.release();
      throw error;
    }
    yield parts;
  }
}

function leastOf(times: readonly (bigint | undefined)[]): bigint | undefined {
  let least: bigint | undefined;
  for (const time of times) if (time !== undefined && (least === undefined || time < least)) least = time;
  return least;
}

/** Indices into the parts, one behind the other, in the order of their times; of equal ones the earlier part first. */
export function orderOfParts(parts: readonly TimedRows[]): Uint32Array {
  const starts: number[] = [];
  let rows = 0;
  for (const { times } of parts) {
    starts.push(rows);
    rows += times.length;
  }
  const order = new Uint32Array(rows);
  const heads = parts.map(() => 0);
  for (let row = 0; row < rows; row++) {
    let best = -1;
    let bestTime = 0n;
    for (let part = 0; part < parts.length; part++) {
      const { times } = parts[part] as TimedRows;
      const head = heads[part] as number;
      if (head === times.length) continue;
      const time = times[head] as bigint;
      if (best >= 0 && time >= bestTime) continue;
      best = part;
      bestTime = time;
    }
    order[row] = (starts[best] as number) + (heads[best] as number);
    heads[best] = (heads[best] as number) + 1;
  }
  return order;
}
