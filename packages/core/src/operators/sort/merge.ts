/**
 * Merges sorted runs into one stream of batches: a tree of losers over the runs' next rows (Knuth, The Art of Computer
 * Programming 3, 5.4.1), and, while one run keeps winning, whole stretches of it found by doubling steps (as in Timsort).
 * Rows with equal keys come in the order of their runs.
 */
import type { Batch } from '../../batch/contract.ts';
import type { Fields } from '../../schema/types.ts';
import { type GatherTarget, gatherRows, textBytes } from './gather-rows.ts';
import { compareKeys, type KeyPlan } from './key-words.ts';
import { BEHIND_ALL, bytesOf, RunCursor, type SortedRun } from './runs.ts';
import { Selection } from './selection.ts';

/** How the output is cut. */
export interface PieceSize {
  /** Pieces end at multiples of this, counted from the first row, and maybe before. */
  rows: number;
  /** A piece of more bytes is halved until it fits, or is one row. */
  bytes: number;
}

export interface MergeParts {
  target: GatherTarget;
  fields: Fields;
  plan: KeyPlan;
  size: PieceSize;
}

/**
 * The rows of all runs in order. Takes over the runs: reads each to its end, and closes all on every path.
 *
 * Memory: of each run the batch it is at, the batches that the piece under way has used up (no more than a piece may have
 * bytes, and one), and that piece. Pieces are the caller's.
 */
export function* mergeRuns(runs: readonly SortedRun[], parts: MergeParts): Generator<Batch, void> {
  const { plan, target } = parts;
  const heads = new Uint32Array(runs.length * plan.width);
  const cursors = runs.map((run, index) => new RunCursor(run, target.arena, plan, heads, index * plan.width));
  const merge = new Merge(cursors, heads, parts);
  try {
    for (const cursor of cursors) cursor.open();
    yield* merge.pieces();
  } finally {
    merge.releaseSpent();
    for (const cursor of cursors) cursor.close();
  }
}

class Merge {
  readonly #cursors: readonly RunCursor[];
  readonly #parts: MergeParts;
  /** The cursors' keys. */
  readonly #heads: Uint32Array;
  /** Losers by node; the winner at 0. Leaves are not stored. */
  readonly #tree: Int32Array;
  readonly #slots: Uint32Array;
  readonly #rows: Uint32Array;
  readonly #starts: Uint32Array;
  readonly #trial: Uint32Array;
  /** Rows of the piece under way. */
  #count = 0;
  #produced = 0;
  /** Batches that the piece under way takes rows from, by slot. */
  #batches: Batch[] = [];
  /** Those of them that no cursor is at any more. */
  #spent: Batch[] = [];
  #spentBytes = 0;

  constructor(cursors: readonly RunCursor[], heads: Uint32Array, parts: MergeParts) {
    this.#heads = heads;
    this.#cursors = cursors;
    this.#parts = parts;
    this.#tree = new Int32Array(Math.max(1, cursors.length));
    this.#slots = new Uint32Array(parts.size.rows);
    this.#rows = new Uint32Array(parts.size.rows);
    this.#starts = new Uint32Array(parts.size.rows + 1);
    this.#trial = new Uint32Array(parts.plan.width);
  }

  *pieces(): Generator<Batch, void> {
    this.#plantTree();
    this.#nameSlots();
    let previous = -1;
    for (;;) {
      const winner = this.#tree[0] as number;
      const cursor = this.#cursors[winner];
      if (cursor?.batch === undefined) break;
      const room = this.#roomInPiece();
      // A run that wins twice is likely to go on winning; a whole batch need not be copied.
      const isLikely = winner === previous || (this.#count === 0 && cursor.row === 0);
      const rows = isLikely ? this.#stretch(winner, cursor, cursor.batch) : 1;
      previous = winner;
      if (this.#isWhole(cursor, rows, room)) {
        yield this.#passOn(cursor);
      } else {
        this.#take(cursor, Math.min(rows, room));
        if (this.#roomInPiece() === 0 || this.#spentBytes >= this.#parts.size.bytes) yield* this.#cut();
      }
      this.#replay(winner);
    }
    yield* this.#cut();
  }

  releaseSpent(): void {
    for (const batch of this.#spent.splice(0)) batch.release();
    this.#spentBytes = 0;
  }

  #roomInPiece(): number {
    const { rows } = this.#parts.size;
    return rows - (this.#produced % rows) - this.#count;
  }

  /** A batch of which all rows come next, and before any other, goes on as it is. */
  #isWhole(cursor: RunCursor, rows: number, room: number): boolean {
    const batch = cursor.batch as Batch;
    const isAll = this.#count === 0 && cursor.row === 0 && rows === batch.rows;
    return isAll && rows <= room && (rows === 1 || bytesOf(batch) <= this.#parts.size.bytes);
  }

  #passOn(cursor: RunCursor): Batch {
    const batch = cursor.batch as Batch;
    this.#produced += batch.rows;
    this.#spent.push(batch);
    cursor.open();
    this.#spent.pop();
    this.#nameSlots();
    return batch;
  }

  #take(cursor: RunCursor, rows: number): void {
    for (let index = 0; index < rows; index++) {
      this.#slots[this.#count + index] = cursor.slot;
      this.#rows[this.#count + index] = cursor.row + index;
    }
    this.#count += rows;
    cursor.row += rows;
    const batch = cursor.batch as Batch;
    if (cursor.row < batch.rows) {
      cursor.loadKey();
      return;
    }
    this.#spent.push(batch);
    this.#spentBytes += bytesOf(batch);
    if (cursor.open()) {
      cursor.slot = this.#batches.length;
      this.#batches.push(cursor.batch as Batch);
    }
  }

  /** Slots of the cursors' batches, when no piece is under way. */
  #nameSlots(): void {
    const open = this.#cursors.filter((cursor) => cursor.batch !== undefined);
    this.#batches = open.map((cursor) => cursor.batch as Batch);
    open.forEach((cursor, slot) => {
      cursor.slot = slot;
    });
  }

  *#cut(): Generator<Batch, void> {
    const count = this.#count;
    if (count === 0) return;
    const refs = { slots: this.#slots, rows: this.#rows };
    yield* this.#gather(refs, 0, count);
    this.#produced += count;
    this.#count = 0;
    this.releaseSpent();
    this.#nameSlots();
  }

  *#gather(refs: { slots: Uint32Array; rows: Uint32Array }, from: number, count: number): Generator<Batch, void> {
    const { target, fields, size } = this.#parts;
    const selection = new Selection(refs, from, count, this.#starts);
    const texts = textBytes(target.arena, fields, this.#batches, selection);
    const bytes = texts.reduce((sum, more) => sum + more, count * fixedBytes(this.#batches));
    if (bytes <= size.bytes || count === 1) {
      yield gatherRows(target, fields, this.#batches, selection, texts);
      return;
    }
    const half = Math.ceil(count / 2);
    yield* this.#gather(refs, from, half);
    yield* this.#gather(refs, from + half, count - half);
  }

  /** How many rows of the winner, from where it is, come before every other run's next row. At least one. */
  #stretch(winner: number, cursor: RunCursor, batch: Batch): number {
    const left = batch.rows - cursor.row;
    const second = this.#second(winner);
    if (second < 0 || this.#isBefore(cursor, batch.rows - 1, winner, second)) return left;
    let [sure, step] = [1, 1];
    while (sure + step < left && this.#isBefore(cursor, cursor.row + sure + step - 1, winner, second)) {
      sure += step;
      step *= 2;
    }
    let end = Math.min(left, sure + step);
    while (sure < end - 1) {
      const middle = (sure + end) >>> 1;
      if (this.#isBefore(cursor, cursor.row + middle - 1, winner, second)) sure = middle;
      else end = middle;
    }
    return sure;
  }

  #isBefore(cursor: RunCursor, row: number, winner: number, second: number): boolean {
    const difference = compareKeys(cursor.keyAt(row, this.#trial), this.#cursors[second] as RunCursor);
    return difference < 0 || (difference === 0 && winner < second);
  }

  /** The run that would win without the winner: it lost to it on the way up. -1 when all others have ended. */
  #second(winner: number): number {
    const leaves = this.#cursors.length;
    let best = -1;
    for (let node = (winner + leaves) >>> 1; node >= 1; node >>>= 1) {
      const loser = this.#tree[node] as number;
      if (this.#cursors[loser]?.batch === undefined) continue;
      if (best < 0 || this.#wins(loser, best)) best = loser;
    }
    return best;
  }

  #wins(a: number, b: number): boolean {
    const { width, hasLong } = this.#parts.plan;
    const heads = this.#heads;
    let [left, right] = [a * width, b * width];
    if (!hasLong || heads[left] === BEHIND_ALL || heads[right] === BEHIND_ALL) {
      for (const end = left + width; left < end; left++, right++) {
        const difference = (heads[left] as number) - (heads[right] as number);
        if (difference !== 0) return difference < 0;
      }
      return a < b;
    }
    const difference = compareKeys(this.#cursors[a] as RunCursor, this.#cursors[b] as RunCursor);
    return difference < 0 || (difference === 0 && a < b);
  }

  #plantTree(): void {
    const leaves = this.#cursors.length;
    const winners = new Int32Array(2 * leaves);
    for (let leaf = 0; leaf < leaves; leaf++) winners[leaves + leaf] = leaf;
    for (let node = leaves - 1; node >= 1; node--) {
      const [left, right] = [winners[2 * node] as number, winners[2 * node + 1] as number];
      const isLeft = this.#wins(left, right);
      winners[node] = isLeft ? left : right;
      this.#tree[node] = isLeft ? right : left;
    }
    this.#tree[0] = leaves === 1 ? 0 : (winners[1] as number);
  }

  /** The winner has another row, or none: it plays against the losers on its way up. */
  #replay(leaf: number): void {
    const leaves = this.#cursors.length;
    let winner = leaf;
    for (let node = (leaf + leaves) >>> 1; node >= 1; node >>>= 1) {
      const loser = this.#tree[node] as number;
      if (!this.#wins(loser, winner)) continue;
      this.#tree[node] = winner;
      winner = loser;
    }
    this.#tree[0] = winner;
  }
}

/** Bytes of a row's values of fixed width, about: bits and dictionaries left out. */
function fixedBytes(batches: readonly Batch[]): number {
  let bytes = 0;
  for (const { offsets, valueBytes, length } of batches[0]?.columns ?? [])
    bytes += offsets === 0 && length > 0 ? valueBytes / length : 4;
  return bytes;
}
