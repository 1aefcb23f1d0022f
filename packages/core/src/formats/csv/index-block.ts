/** The block of memory in which the kernel of a syntax is told where to look for rows, and tells what it has found; behind it the bad rows, and the places. */
import { BAD_WORDS, INDEX_FLAG } from '../../kernels/csv-layout.ts';
import type { Arena, Ptr } from '../../memory/contract.ts';
import { BAD_CAPACITY } from './chunk-sizes.ts';
import type { RowProblem } from './csv-error.ts';
import type { FaultyRow, FoundRows, RowRange } from './text-indexer.ts';

/** What the blocks of all syntaxes have, as offsets in bytes. */
interface BlockLayout {
  from: number;
  end: number;
  limit: number;
  isEof: number;
  isCounting: number;
  bad: number;
  badCapacity: number;
  next: number;
  rows: number;
  goodRows: number;
  badRows: number;
  flags: number;
  bytes: number;
}

export class IndexBlock {
  /** Where places of rows are written. */
  readonly entries: Ptr;
  readonly #arena: Arena;
  readonly #block: Ptr;
  readonly #layout: BlockLayout;
  readonly #view: DataView;
  readonly #bad: Ptr;

  /** @param bad where bad rows are listed; behind them the places */
  constructor(arena: Arena, block: Ptr, layout: BlockLayout, bad: Ptr) {
    this.#arena = arena;
    this.#block = block;
    this.#layout = layout;
    this.#view = new DataView(arena.buffer, block, layout.bytes);
    this.#bad = bad;
    this.entries = bad + BAD_CAPACITY * BAD_WORDS * 4;
  }

  set(offset: number, value: number): void {
    this.#view.setUint32(offset, value, true);
  }

  get(offset: number): number {
    return this.#view.getUint32(offset, true);
  }

  /** Tells the kernel where to list bad rows. */
  setBad(): void {
    this.set(this.#layout.bad, this.#bad);
    this.set(this.#layout.badCapacity, BAD_CAPACITY);
  }

  /** Has the kernel look for rows. */
  run(kernel: (block: Ptr) => void, { from, end, limit, isEof }: RowRange, isCounting: boolean): void {
    const layout = this.#layout;
    this.set(layout.from, from);
    this.set(layout.end, end);
    this.set(layout.limit, limit);
    this.set(layout.isEof, isEof ? 1 : 0);
    this.set(layout.isCounting, isCounting ? 1 : 0);
    kernel(this.#block);
  }

  /** What the kernel has just counted. */
  counted(): FoundRows {
    const layout = this.#layout;
    const flags = this.get(layout.flags);
    return {
      next: this.get(layout.next),
      rows: this.get(layout.rows),
      goodRows: this.get(layout.goodRows),
      bad: [],
      isAscii: (flags & INDEX_FLAG.notAscii) === 0,
      needsMore: (flags & INDEX_FLAG.needsMore) !== 0,
      isStopped: (flags & INDEX_FLAG.stopped) !== 0,
    };
  }

  /** What it has just found. @param problemOf what a kind of fault, and the number that goes with it, means */
  found(problemOf: (kind: number, detail: number) => RowProblem): FoundRows {
    const words = this.#arena.uint32At(this.#bad, this.get(this.#layout.badRows) * BAD_WORDS);
    const bad: FaultyRow[] = [];
    for (let at = 0; at < words.length; at += BAD_WORDS) {
      const [ordinal = 0, start = 0, detail = 0, kind = 0] = words.subarray(at, at + BAD_WORDS);
      bad.push({ ordinal, start, problem: problemOf(kind, detail) });
    }
    return { ...this.counted(), bad };
  }

  /** Closes up the places of good rows that are left out, and counts these among the bad ones. @param places of a row */
  withoutRows(found: FoundRows, rows: readonly FaultyRow[], places: number): FoundRows {
    const { u8 } = this.#arena;
    const stride = 4 * places;
    const left = new Set(rows.map(({ ordinal }) => ordinal));
    let good = 0;
    for (let row = 0; row < found.goodRows; row++) {
      if (left.has(row)) continue;
      const from = this.entries + row * stride;
      if (good !== row) u8.copyWithin(this.entries + good * stride, from, from + stride);
      good += 1;
    }
    const bad = [...found.bad];
    for (const row of rows) {
      let { ordinal } = row;
      for (const known of found.bad) if (known.ordinal <= ordinal) ordinal += 1;
      bad.push({ ...row, ordinal });
    }
    bad.sort((a, b) => a.ordinal - b.ordinal);
    return { ...found, goodRows: good, bad };
  }
}
