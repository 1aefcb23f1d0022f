/**
 * The table of states behind the windows of one aggregation: one slot for each key in each window. Slots are given out as windows open, and become
 * free as their rows have been emitted; the first ones are dropped, others are left until they are worth moving.
 */
import assert from 'node:assert';
import type { ExactSum } from '../../kernels/exact-sum.ts';
import type { Kernels } from '../../kernels/vector-contract.ts';
import type { Ptr } from '../../memory/contract.ts';
import type { AggregateColumn } from '../../plan/logical.ts';
import type { GrowingBuffer, Workspace } from '../aggregate/arena-views.ts';
import type { GroupSource } from '../aggregate/level.ts';
import { type NeedArea, squaresBytes, sumBytes, valueBytes } from '../aggregate/packet.ts';
import type { ResultColumn } from '../aggregate/row-bytes.ts';
import type { Need } from '../aggregate/state-plan.ts';
import { type SavedTable, StateTable } from '../aggregate/state-table.ts';
import type { SavedBytes, SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';

/** States beside those of the kernels, by slot. */
export interface SlotExtras {
  readonly results: ReadonlyMap<AggregateColumn, ResultColumn>;
  /** There are slots below `slots`; new ones are empty. */
  grow(slots: number): void;
  /** Takes the rows of groups [from, to) of the batch at work into slots targets[j][group]. */
  take(from: number, to: number, targets: readonly Ptr[]): void;
  /** Puts what a slot holds into an empty one. */
  copy(from: number, to: number): void;
  /** Slots move to map[slot], down or to nowhere (-1); `slots` are left. */
  move(map: Int32Array, slots: number): void;
  /** Whether they can be saved. */
  readonly canSave: boolean;
  save(writer: SnapshotWriter): Promise<unknown>;
  restore(saved: never, reader: SnapshotReader): void;
  /** Who holds how much; `heap`: those of the bytes that do not lie in the arena. */
  held(): { what: string; bytes: number; heap: number }[];
}

const FIRST_SLOTS = 256;

export interface SavedWindowTable {
  table: SavedTable;
  last: SavedBytes;
  numbers: SavedBytes;
  extras: unknown;
}

export class WindowTable {
  slots = 0;
  readonly #workspace: Workspace;
  readonly #needs: readonly Need[];
  readonly #isKeyed: boolean;
  readonly #extras: SlotExtras | undefined;
  readonly #makeTable: () => StateTable;
  readonly #copies: GrowingBuffer;
  /** Of bins that follow from rows: their last values and their numbers (i64). */
  readonly #last: GrowingBuffer;
  readonly #numbers: GrowingBuffer;
  #table: StateTable;
  #spare: StateTable | undefined;
  #room = 0;

  constructor(
    needs: readonly Need[],
    isKeyed: boolean,
    kernels: Kernels,
    workspace: Workspace,
    scratch: GrowingBuffer,
    extras: SlotExtras | undefined,
  ) {
    this.#workspace = workspace;
    this.#needs = needs;
    this.#isKeyed = isKeyed;
    this.#extras = extras;
    this.#makeTable = () => new StateTable(needs, isKeyed, kernels, workspace, scratch);
    this.#table = this.#makeTable();
    this.#copies = workspace.buffer();
    this.#last = workspace.buffer();
    this.#numbers = workspace.buffer();
  }

  get states(): StateTable {
    return this.#table;
  }

  /** Makes room for so many more slots. */
  reserve(slots: number): void {
    if (this.slots + slots <= this.#room) return;
    this.grow();
    this.#room = Math.max(2 * (this.slots + slots), FIRST_SLOTS);
    this.#table.reserve(this.#room);
    this.#last.reserve(8 * this.#room, 8 * this.slots);
    this.#numbers.reserve(8 * this.#room, 8 * this.slots);
  }

  /** An empty slot. Room for it has been reserved; its states are there after `grow`. */
  newSlot(key: number, label: bigint): number {
    assert(this.slots < this.#room, 'room has been reserved');
    const slot = this.slots++;
    const { i64, u32 } = this.#workspace.views;
    i64[this.#table.bins / 8 + slot] = label;
    if (this.#isKeyed) u32[(this.#table.keys >>> 2) + slot] = key;
    return slot;
  }

  /** Gives all slots their states. */
  grow(): void {
    this.#table.grow(this.slots);
    this.#extras?.grow(this.slots);
  }

  /** What holds states beside those of the kernels. */
  held(): ReturnType<SlotExtras['held']> {
    return this.#extras?.held() ?? [];
  }

  get canSave(): boolean {
    return this.#extras?.canSave !== false;
  }

  async save(writer: SnapshotWriter): Promise<SavedWindowTable> {
    this.grow();
    return {
      table: await this.#table.save(writer),
      last: await this.#last.save(8 * this.slots, writer),
      numbers: await this.#numbers.save(8 * this.slots, writer),
      extras: await this.#extras?.save(writer),
    };
  }

  restore({ table, last, numbers, extras }: SavedWindowTable, reader: SnapshotReader): void {
    this.#table.restore(table, reader);
    this.#last.restore(last, reader);
    this.#numbers.restore(numbers, reader);
    this.slots = table.size;
    this.#room = table.size;
    this.#extras?.restore(extras as never, reader);
  }

  labelOf(slot: number): bigint {
    return this.#workspace.views.i64[this.#table.bins / 8 + slot] as bigint;
  }

  setLabel(slot: number, label: bigint): void {
    this.#workspace.views.i64[this.#table.bins / 8 + slot] = label;
  }

  lastOf(slot: number): bigint {
    return this.#workspace.views.i64[this.#last.ptr / 8 + slot] as bigint;
  }

  setLast(slot: number, value: bigint): void {
    this.#workspace.views.i64[this.#last.ptr / 8 + slot] = value;
  }

  numberOf(slot: number): bigint {
    return this.#workspace.views.i64[this.#numbers.ptr / 8 + slot] as bigint;
  }

  setNumber(slot: number, number: bigint): void {
    this.#workspace.views.i64[this.#numbers.ptr / 8 + slot] = number;
  }

  /** Merges groups [from, until) into the slots targets[j][group], one array after the other. */
  merge(source: GroupSource, from: number, until: number, targets: readonly Ptr[]): void {
    this.grow();
    const { u32 } = this.#workspace.views;
    const areas = source.needs.map((area, index) => offsetArea(area, this.#needs[index] as Need, from));
    for (const target of targets) this.#table.merge(areas, target + 4 * from, until - from);
    for (const { group, need, which, part } of source.wide ?? []) {
      if (group < from || group >= until) continue;
      for (const target of targets)
        this.#table.needs[need]?.addWide(u32[(target >>> 2) + group] as number, which, part);
    }
    this.#extras?.take(from, until, targets);
  }

  /** Copies slots (with their keys) into new ones; gives these, in the same order. */
  copy(wanted: readonly (readonly [key: number, slot: number])[], label: bigint): number[] {
    if (wanted.length === 0) return [];
    // One slot more takes what lies between those that are wanted.
    this.reserve(wanted.length + 1);
    const least = wanted.reduce((low, [, slot]) => Math.min(low, slot), this.slots);
    const count = wanted.reduce((high, [, slot]) => Math.max(high, slot), 0) + 1 - least;
    const isDense = count <= 2 * wanted.length;
    const rest = isDense && count > wanted.length ? this.newSlot(0, label) : 0;
    const moved = new Map(wanted.map(([key, slot]) => [slot, this.newSlot(key, label)]));
    this.grow();
    if (isDense) this.#copyRange(least, count, moved, rest);
    else for (const [from] of moved) this.#copyRange(from, 1, moved, rest);
    for (const [from, to] of moved) this.#extras?.copy(from, to);
    return [...moved.values()];
  }

  #copyRange(from: number, count: number, moved: ReadonlyMap<number, number>, rest: number): void {
    const { u32 } = this.#workspace.views;
    const targets = this.#copies.reserve(4 * count);
    for (let index = 0; index < count; index++) u32[(targets >>> 2) + index] = moved.get(from + index) ?? rest;
    this.#table.copy(from, targets, count, (index) => moved.has(from + index));
  }

  /** Forgets the first slots; the others move to the front. */
  dropFirst(count: number): void {
    const { u8 } = this.#workspace.views;
    this.#table.drop(count);
    for (const { ptr } of [this.#last, this.#numbers]) u8.copyWithin(ptr, ptr + 8 * count, ptr + 8 * this.slots);
    const before = this.slots;
    this.slots -= count;
    if (this.#extras === undefined) return;
    this.#extras.move(
      Int32Array.from({ length: before }, (_, slot) => (slot < count ? -1 : slot - count)),
      this.slots,
    );
  }

  /** Moves the slots that are still held, in order, to another table. Gives where each is now, -1 for those that are not. */
  compact(isHeld: (slot: number) => boolean): Int32Array {
    const { u32, i64 } = this.#workspace.views;
    const map = new Int32Array(this.slots).fill(-1);
    let live = 0;
    const targets = this.#copies.reserve(4 * this.slots) >>> 2;
    // Slot 0 of the other table takes what nobody holds.
    for (let slot = 0; slot < map.length; slot++) {
      if (isHeld(slot)) map[slot] = live++;
      u32[targets + slot] = (map[slot] as number) + 1;
    }
    const old = this.#table;
    const next = (this.#spare ??= this.#makeTable());
    next.reserve(live + 1);
    for (const [slot, to] of map.entries()) {
      if (to < 0) continue;
      i64[next.bins / 8 + to + 1] = i64[old.bins / 8 + slot] as bigint;
      if (this.#isKeyed) u32[(next.keys >>> 2) + to + 1] = u32[(old.keys >>> 2) + slot] as number;
      for (const { ptr } of [this.#last, this.#numbers]) i64[ptr / 8 + to] = i64[ptr / 8 + slot] as bigint;
    }
    next.grow(live + 1);
    next.merge(
      old.needs.map((states) => states.area(0)),
      this.#copies.ptr,
      this.slots,
    );
    for (const [index, states] of old.needs.entries()) {
      moveWide(states.wideSums, map, (slot, sum) => next.needs[index]?.addWide(slot + 1, 0, sum));
      moveWide(states.wideSquares, map, (slot, sum) => next.needs[index]?.addWide(slot + 1, 1, sum));
    }
    next.drop(1);
    old.drop(old.size);
    this.#table = next;
    this.#spare = old;
    this.slots = live;
    this.#room = live;
    this.#extras?.move(map, live);
    return map;
  }
}

function moveWide(
  sums: ReadonlyMap<number, ExactSum>,
  map: Int32Array,
  put: (slot: number, sum: ExactSum) => void,
): void {
  for (const [slot, sum] of sums) {
    const to = map[slot] as number;
    if (to >= 0) put(to, sum);
  }
}

/** The same states from group `from` on. */
function offsetArea(area: NeedArea, need: Need, from: number): NeedArea {
  const at = (ptr: Ptr, bytes: number): Ptr => (ptr === 0 ? 0 : ptr + bytes * from);
  const { states, texts } = area;
  return {
    states: {
      count: at(states.count, 8),
      sum: at(states.sum, sumBytes(need)),
      sumSquares: at(states.sumSquares, squaresBytes(need)),
      min: at(states.min, 8),
      max: at(states.max, 8),
      first: 0,
      last: 0,
    },
    firstValue: at(area.firstValue, valueBytes(need)),
    lastValue: at(area.lastValue, valueBytes(need)),
    texts: Object.fromEntries(
      Object.entries(texts).map(([state, text]) => [
        state,
        { starts: text.starts + 4 * from, lengths: text.lengths + 4 * from, bytes: text.bytes },
      ]),
    ),
  };
}
