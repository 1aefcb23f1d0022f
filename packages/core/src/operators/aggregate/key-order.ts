/**
 * The order of keys by value: texts by their UTF-8 bytes, integers by number, null last, tuples column by column. Sorted
 * lists are kept, so that new keys cost a search each and not a sort of all.
 */
import type { Kernels } from '../../kernels/vector-contract.ts';
import type { Ptr } from '../../memory/contract.ts';
import type { GrowingBuffer, Workspace } from './arena-views.ts';
import type { KeyIndex } from './key-index.ts';
import { orderOfTable, RankedList } from './ranked-list.ts';
import type { StateTable } from './state-table.ts';

/** More slots in one bin than this are not told apart by a double that also holds the rank. */
const LARGEST_SORTED_BIN = 2 ** 21;

export class KeyOrder {
  readonly #index: KeyIndex;
  readonly #kernels: Kernels;
  readonly #workspace: Workspace;
  readonly #columns: RankedList[];
  readonly #tuples: RankedList | undefined;
  readonly #order: GrowingBuffer;
  readonly #byRank: GrowingBuffer;
  readonly #counts: GrowingBuffer;

  constructor(index: KeyIndex, kernels: Kernels, workspace: Workspace) {
    this.#index = index;
    this.#kernels = kernels;
    this.#workspace = workspace;
    this.#columns = index.columns.map(
      ({ table, plan }) => new RankedList(orderOfTable(table, plan.value, workspace.views), workspace),
    );
    this.#tuples =
      index.pairs.length === 0
        ? undefined
        : new RankedList({ compare: (a, b) => this.#compareTuples(a, b) }, workspace);
    this.#order = workspace.buffer();
    this.#byRank = workspace.buffer();
    this.#counts = workspace.buffer();
  }

  /** Slots [0, count) of a table, whose bins ascend, in order of bin and key: u32 each. */
  sort(table: StateTable, count: number): Ptr {
    for (const [position, list] of this.#columns.entries()) list.update(this.#index.columns[position]?.table.size ?? 0);
    this.#tuples?.update(this.#index.size);
    const order = this.#order.reserve(4 * count);
    const { u32, i32 } = this.#workspace.views;
    this.#kernels.iota(0, count, order);
    const bins = table.bins >>> 2;
    const isSparse = this.#index.size > 4 * count && count < LARGEST_SORTED_BIN;
    if (!isSparse) this.#sortByRank(table, count);
    for (let from = 0; from < count; ) {
      let to = from + 1;
      while (
        to < count &&
        i32[bins + 2 * to] === i32[bins + 2 * from] &&
        i32[bins + 2 * to + 1] === i32[bins + 2 * from + 1]
      )
        to++;
      if (isSparse) this.#sortBin(table, from, to);
      else u32.fill(from, (this.#counts.ptr >>> 2) + from, (this.#counts.ptr >>> 2) + to);
      from = to;
    }
    if (!isSparse) this.#spreadOverBins(count);
    return order;
  }

  #rankOf(key: number): number {
    return (this.#tuples ?? (this.#columns[0] as RankedList)).rank(key);
  }

  #compareTuples(a: number, b: number): number {
    for (const [position, list] of this.#columns.entries()) {
      const difference = list.rank(this.#index.codeOf(a, position)) - list.rank(this.#index.codeOf(b, position));
      if (difference !== 0) return difference;
    }
    return 0;
  }

  /** Counting sort of all slots by rank; leaves room for one count a slot. */
  #sortByRank(table: StateTable, count: number): void {
    const { u32 } = this.#workspace.views;
    const keys = table.keys >>> 2;
    const ranks = this.#index.size;
    const counts = this.#counts.reserve(4 * Math.max(ranks + 1, count)) >>> 2;
    const sorted = this.#byRank.reserve(4 * count) >>> 2;
    u32.fill(0, counts, counts + ranks + 1);
    for (let slot = 0; slot < count; slot++) {
      const at = counts + this.#rankOf(u32[keys + slot] as number) + 1;
      u32[at] = (u32[at] as number) + 1;
    }
    for (let rank = 1; rank <= ranks; rank++)
      u32[counts + rank] = (u32[counts + rank] as number) + (u32[counts + rank - 1] as number);
    for (let slot = 0; slot < count; slot++) {
      const at = counts + this.#rankOf(u32[keys + slot] as number);
      u32[sorted + (u32[at] as number)] = slot;
      u32[at] = (u32[at] as number) + 1;
    }
  }

  /** Deals the slots, which are in order of rank, out to their bins; a bin's slots lie together, and `counts` has its first. */
  #spreadOverBins(count: number): void {
    const { u32 } = this.#workspace.views;
    const first = this.#counts.ptr >>> 2;
    const sorted = this.#byRank.ptr >>> 2;
    const order = this.#order.ptr >>> 2;
    const received = new Uint32Array(count);
    for (let index = 0; index < count; index++) {
      const slot = u32[sorted + index] as number;
      const bin = u32[first + slot] as number;
      u32[order + bin + (received[bin] as number)] = slot;
      received[bin] = (received[bin] as number) + 1;
    }
  }

  #sortBin(table: StateTable, from: number, to: number): void {
    if (to - from < 2) return;
    const { u32 } = this.#workspace.views;
    const keys = table.keys >>> 2;
    const marks = new Float64Array(to - from);
    for (let index = 0; index < marks.length; index++) {
      marks[index] = this.#rankOf(u32[keys + from + index] as number) * LARGEST_SORTED_BIN + index;
    }
    marks.sort();
    const order = (this.#order.ptr >>> 2) + from;
    for (const [index, mark] of marks.entries()) u32[order + index] = from + (mark % LARGEST_SORTED_BIN);
  }
}
