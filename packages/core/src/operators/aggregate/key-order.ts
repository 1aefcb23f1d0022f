/**
 * The order of keys by value: texts by their UTF-8 bytes, integers by number, null last, tuples column by column.
 *
 * Where most keys are in use, sorted lists of all keys are kept and slots are sorted by rank. Where an emission touches few
 * of very many keys, bringing the lists up to date would cost more than the emission: then the keys it touches are sorted
 * among themselves, until that has cost as much as the lists would.
 */
import type { Ptr } from '../../memory/contract.ts';
import type { GrowingBuffer, Workspace } from './arena-views.ts';
import type { KeyIndex } from './key-index.ts';
import { type NumberOrder, orderOfTable, RankedList, sortNumbers } from './ranked-list.ts';

/** So many keys touched, of all keys, are few. */
const FEW = 1 / 4;
/** So many keys not in the lists, of those touched, are worth bringing the lists up to date. */
const NEARLY_ALL_LISTED = 1 / 16;
const NO_SLOT = 0xffff_ffff;
/** More keys than this are not told apart by a double that also holds the rank. */
const LARGEST_MARKED = 2 ** 21;

/** Bins (i64, ascending) and key ids (u32) of what is sorted. */
export interface Sortable {
  readonly bins: Ptr;
  readonly keys: Ptr;
}

export class KeyOrder {
  readonly #index: KeyIndex;
  readonly #workspace: Workspace;
  readonly #columnOrders: NumberOrder[];
  readonly #columns: RankedList[];
  readonly #tuples: RankedList | undefined;
  readonly #order: GrowingBuffer;
  readonly #slotRanks: GrowingBuffer;
  readonly #byRank: GrowingBuffer;
  readonly #counts: GrowingBuffer;
  /** By key, 1 + its rank among the keys touched; 0 between two sorts. */
  readonly #touched: GrowingBuffer;
  #touchable = 0;
  /** Keys sorted among themselves since the lists were brought up to date. */
  #debt = 0;

  constructor(index: KeyIndex, workspace: Workspace) {
    this.#index = index;
    this.#workspace = workspace;
    this.#columnOrders = index.columns.map(({ table, plan }) => orderOfTable(table, plan.value, workspace.views));
    this.#columns = this.#columnOrders.map((order) => new RankedList(order, workspace));
    const byRanks = { compare: (a: number, b: number) => this.#compareRanks(a, b) };
    this.#tuples = index.pairs.length === 0 ? undefined : new RankedList(byRanks, workspace);
    this.#order = workspace.buffer();
    this.#slotRanks = workspace.buffer();
    this.#byRank = workspace.buffer();
    this.#counts = workspace.buffer();
    this.#touched = workspace.buffer();
  }

  /** Slots [0, count) of a table, whose bins ascend, in order of bin and key: u32 each. */
  sort(table: Sortable, count: number): Ptr {
    const isFew = count < this.#index.size * FEW;
    const ranks = isFew ? this.#rankTouched(table, count) : this.#rankAll(table, count);
    const placed = this.#isOneBin(table, count) ? this.#placeByRank(count, ranks) : undefined;
    if (placed !== undefined) return placed;
    this.#sortByRank(count, ranks);
    return this.#spreadOverBins(table, count);
  }

  #isOneBin({ bins }: Sortable, count: number): boolean {
    const { i32 } = this.#workspace.views;
    const [first, last] = [bins >>> 2, (bins >>> 2) + 2 * (count - 1)];
    return count > 0 && i32[first] === i32[last] && i32[first + 1] === i32[last + 1];
  }

  /** Puts each slot where its rank is: in one bin no other slot has it. Undefined where one has. */
  #placeByRank(count: number, ranks: number): Ptr | undefined {
    const { u32 } = this.#workspace.views;
    const rankOf = this.#slotRanks.ptr >>> 2;
    const places = this.#counts.reserve(4 * ranks) >>> 2;
    u32.fill(NO_SLOT, places, places + ranks);
    for (let slot = 0; slot < count; slot++) u32[places + (u32[rankOf + slot] as number)] = slot;
    const sorted = this.#order.reserve(4 * count) >>> 2;
    let found = 0;
    for (let place = places; place < places + ranks; place++) {
      const slot = u32[place] as number;
      if (slot !== NO_SLOT) u32[sorted + found++] = slot;
    }
    return found === count ? this.#order.ptr : undefined;
  }

  /** The index has forgotten its keys. */
  clear(): void {
    for (const list of [...this.#columns, ...(this.#tuples === undefined ? [] : [this.#tuples])]) list.clear();
    for (const buffer of [this.#order, this.#slotRanks, this.#byRank, this.#counts, this.#touched]) buffer.close();
    this.#touchable = 0;
    this.#debt = 0;
  }

  get #list(): RankedList {
    return this.#tuples ?? (this.#columns[0] as RankedList);
  }

  /** Ranks of the slots among all keys. Returns how many ranks there are. */
  #rankAll(table: Sortable, count: number): number {
    this.#updateLists();
    const { u32 } = this.#workspace.views;
    const keys = table.keys >>> 2;
    const ranks = this.#slotRanks.reserve(4 * count) >>> 2;
    const list = this.#list;
    for (let slot = 0; slot < count; slot++) u32[ranks + slot] = list.rank(u32[keys + slot] as number);
    return this.#index.size;
  }

  /** Ranks of the slots among the keys that they have. Returns how many ranks there are. */
  #rankTouched(table: Sortable, count: number): number {
    const { u32 } = this.#workspace.views;
    const keys = table.keys >>> 2;
    const ranks = this.#slotRanks.reserve(4 * count) >>> 2;
    const touched = this.#reserveTouched() >>> 2;
    const found = new Uint32Array(count);
    let unique = 0;
    for (let slot = 0; slot < count; slot++) {
      const key = u32[keys + slot] as number;
      if (u32[touched + key] !== 0) continue;
      found[unique++] = key;
      u32[touched + key] = unique;
    }
    const sorted = found.subarray(0, unique);
    this.#sortKeys(sorted);
    for (let rank = 0; rank < unique; rank++) u32[touched + (sorted[rank] as number)] = rank + 1;
    for (let slot = 0; slot < count; slot++)
      u32[ranks + slot] = (u32[touched + (u32[keys + slot] as number)] as number) - 1;
    for (const key of sorted) u32[touched + key] = 0;
    return unique;
  }

  #reserveTouched(): Ptr {
    const { size } = this.#index;
    const touched = this.#touched.reserve(4 * size, 4 * this.#touchable);
    this.#workspace.views.u32.fill(0, (touched >>> 2) + this.#touchable, (touched >>> 2) + size);
    this.#touchable = size;
    return touched;
  }

  #sortKeys(keys: Uint32Array): void {
    this.#debt += keys.length;
    const unlisted = this.#index.size - this.#list.size;
    const isWorthwhile = unlisted <= keys.length * NEARLY_ALL_LISTED || this.#debt >= this.#index.size;
    if (!isWorthwhile || keys.length > LARGEST_MARKED) {
      sortNumbers(keys, this.#tuples === undefined ? (this.#columnOrders[0] as NumberOrder) : this.#valueOrder);
      return;
    }
    this.#updateLists();
    const list = this.#list;
    const marks = Float64Array.from(keys, (key, index) => list.rank(key) * LARGEST_MARKED + index).sort();
    keys.set(Uint32Array.from(marks, (mark) => keys[mark % LARGEST_MARKED] as number));
  }

  #updateLists(): void {
    for (const [position, list] of this.#columns.entries()) list.update(this.#index.columns[position]?.table.size ?? 0);
    this.#tuples?.update(this.#index.size);
    this.#debt = 0;
  }

  #compareRanks(a: number, b: number): number {
    for (const [position, list] of this.#columns.entries()) {
      const difference = list.rank(this.#index.codeOf(a, position)) - list.rank(this.#index.codeOf(b, position));
      if (difference !== 0) return difference;
    }
    return 0;
  }

  /** Tuples by their values, without lists. */
  readonly #valueOrder: NumberOrder = {
    compare: (a, b) => {
      for (const [position, order] of this.#columnOrders.entries()) {
        const difference = order.compare(this.#index.codeOf(a, position), this.#index.codeOf(b, position));
        if (difference !== 0) return difference;
      }
      return 0;
    },
  };

  /** Counting sort of the slots by rank. */
  #sortByRank(count: number, ranks: number): void {
    const { u32 } = this.#workspace.views;
    const rankOf = this.#slotRanks.ptr >>> 2;
    const counts = this.#counts.reserve(4 * (ranks + 1)) >>> 2;
    const sorted = this.#byRank.reserve(4 * count) >>> 2;
    u32.fill(0, counts, counts + ranks + 1);
    for (let slot = 0; slot < count; slot++) {
      const at = counts + (u32[rankOf + slot] as number) + 1;
      u32[at] = (u32[at] as number) + 1;
    }
    for (let rank = 1; rank <= ranks; rank++) {
      u32[counts + rank] = (u32[counts + rank] as number) + (u32[counts + rank - 1] as number);
    }
    for (let slot = 0; slot < count; slot++) {
      const at = counts + (u32[rankOf + slot] as number);
      u32[sorted + (u32[at] as number)] = slot;
      u32[at] = (u32[at] as number) + 1;
    }
  }

  /** Deals the slots, which are in order of rank, out to their bins. A bin's slots lie together: its first slot is its place. */
  #spreadOverBins(table: Sortable, count: number): Ptr {
    const { u32, i32 } = this.#workspace.views;
    const bins = table.bins >>> 2;
    const order = this.#order.reserve(4 * count) >>> 2;
    const sorted = this.#byRank.ptr >>> 2;
    const firsts = this.#slotRanks.ptr >>> 2;
    for (let slot = 0, first = 0; slot < count; slot++) {
      if (i32[bins + 2 * slot] !== i32[bins + 2 * first] || i32[bins + 2 * slot + 1] !== i32[bins + 2 * first + 1])
        first = slot;
      u32[firsts + slot] = first;
    }
    const received = this.#counts.reserve(4 * count) >>> 2;
    u32.fill(0, received, received + count);
    for (let index = 0; index < count; index++) {
      const slot = u32[sorted + index] as number;
      const first = u32[firsts + slot] as number;
      const place = received + first;
      u32[order + first + (u32[place] as number)] = slot;
      u32[place] = (u32[place] as number) + 1;
    }
    return this.#order.ptr;
  }
}
