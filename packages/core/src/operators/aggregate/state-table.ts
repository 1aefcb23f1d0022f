/**
 * The states of one level: arrays with one element a slot, a slot being a (bin, key). Slots of closed bins come first,
 * those of the open bin follow, in the order of first sight.
 */
import assert from 'node:assert';
import { type AggregateKernels, OVERFLOW_RECORD_BYTES, type StateArrays } from '../../kernels/aggregate-contract.ts';
import { addSum, type ExactSum, emptySum } from '../../kernels/exact-sum.ts';
import { OVERFLOW_OF_SUM, readOverflowRecord } from '../../kernels/sum-state.ts';
import type { Kernels } from '../../kernels/vector-contract.ts';
import type { Ptr } from '../../memory/contract.ts';
import type { SavedBytes, SavedList, SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import type { GrowingBuffer, Workspace } from './arena-views.ts';
import { type NeedArea, skipGroups, squaresBytes, sumBytes, valueBytes } from './packet.ts';
import type { RowColumn } from './row-packet.ts';
import { type Need, TEXT_STATES, type TextStateName } from './state-plan.ts';
import { type SavedTexts, TextSlots } from './text-slots.ts';

const FIRST_SLOTS = 256;
const DOUBLED_SLOTS = 2 ** 15;
/** Rows merged in one call, each of which may leave a record; they begin at a byte of a bitmap. */
const ROWS_AT_ONCE = 4096;
/** Elements merged in one call, each of which may leave two records. */
const MERGED_AT_ONCE = 512;

/** Slots that a table for `have` gets to have room for `want`. */
export function grownSlots(want: number, have: number): number {
  return Math.max(FIRST_SLOTS, want, have < DOUBLED_SLOTS ? 2 * have : Math.ceil(1.5 * have));
}

/** One array of a column's states. */
interface StateColumn {
  name: Exclude<keyof StateArrays, 'first' | 'last'> | 'firstValue' | 'lastValue';
  bytes: number;
  buffer: GrowingBuffer;
}

function stateColumns(need: Need, workspace: Workspace): StateColumn[] {
  const columns: StateColumn[] = [{ name: 'count', bytes: 8, buffer: workspace.buffer() }];
  const add = (name: StateColumn['name'], bytes: number): unknown =>
    columns.push({ name, bytes, buffer: workspace.buffer() });
  if (need.sum) add('sum', sumBytes(need));
  if (need.sumSquares) add('sumSquares', squaresBytes(need));
  if (need.value.class !== 'number') return columns;
  if (need.min) add('min', 8);
  if (need.max) add('max', 8);
  if (need.first) add('firstValue', valueBytes(need));
  if (need.last) add('lastValue', valueBytes(need));
  return columns;
}

/** States of one input column. */
export class NeedStates {
  readonly need: Need;
  /** Parts of sums that outgrew their states, by slot. */
  readonly wideSums: Map<number, ExactSum> = new Map();
  readonly wideSquares: Map<number, ExactSum> = new Map();
  readonly texts: Partial<Record<TextStateName, TextSlots>> = {};
  readonly #workspace: Workspace;
  readonly #columns: StateColumn[];

  readonly #kernels: Kernels;

  constructor(need: Need, kernels: Kernels, workspace: Workspace) {
    this.need = need;
    this.#kernels = kernels;
    this.#workspace = workspace;
    this.#columns = stateColumns(need, workspace);
    if (need.value.class !== 'text') return;
    for (const state of TEXT_STATES) if (need[state]) this.texts[state] = new TextSlots(state, workspace);
  }

  /** Addresses from slot `from` on. */
  area(from: number): NeedArea {
    const area: NeedArea = {
      states: { count: 0, sum: 0, sumSquares: 0, min: 0, max: 0, first: 0, last: 0 },
      firstValue: 0,
      lastValue: 0,
      texts: {},
    };
    for (const { name, bytes, buffer } of this.#columns) {
      const at = buffer.ptr + bytes * from;
      if (name === 'firstValue' || name === 'lastValue') area[name] = at;
      else area.states[name] = at;
    }
    for (const state of TEXT_STATES) {
      const slots = this.texts[state];
      if (slots !== undefined) area.texts[state] = slots.area(from);
    }
    return area;
  }

  grow(from: number, to: number, capacity: number, kernels: AggregateKernels): void {
    for (const { bytes, buffer } of this.#columns) buffer.reserve(bytes * capacity, bytes * from);
    kernels.initStates(this.need.value.kernel, this.area(0).states, from, to);
    for (const state of TEXT_STATES) this.texts[state]?.grow(to);
  }

  drop(slots: number, size: number): void {
    const { u8 } = this.#workspace.views;
    for (const { bytes, buffer } of this.#columns)
      u8.copyWithin(buffer.ptr, buffer.ptr + bytes * slots, buffer.ptr + bytes * size);
    for (const state of TEXT_STATES) this.texts[state]?.drop(slots);
    shift(this.wideSums, slots);
    shift(this.wideSquares, slots);
  }

  /** Gives back the memory of a table without slots. */
  close(): void {
    for (const { buffer } of this.#columns) buffer.close();
    for (const state of TEXT_STATES) this.texts[state]?.close();
  }

  /** Bytes of a slot, texts aside. */
  get slotBytes(): number {
    const texts = TEXT_STATES.filter((state) => this.texts[state] !== undefined).length;
    return this.#columns.reduce((sum, { bytes }) => sum + bytes, 8 * texts);
  }

  /** Copies the states of `count` slots (u32) to an area that has room for them. */
  store(slots: Ptr, count: number, area: NeedArea): void {
    for (const { name, bytes, buffer } of this.#columns) {
      const target = name === 'firstValue' || name === 'lastValue' ? area[name] : area.states[name];
      this.#kernels.take(bytes, buffer.ptr, slots, count, target);
    }
    for (const state of TEXT_STATES) {
      const target = area.texts[state];
      if (target !== undefined) this.texts[state]?.store(slots, count, target);
    }
  }

  async save(size: number, writer: SnapshotWriter): Promise<SavedNeed> {
    const columns: SavedBytes[] = [];
    for (const { bytes, buffer } of this.#columns) columns.push(await buffer.save(bytes * size, writer));
    const texts: SavedNeed['texts'] = {};
    for (const state of TEXT_STATES) {
      const slots = this.texts[state];
      if (slots !== undefined) texts[state] = await slots.save(writer);
    }
    return { columns, texts, wide: [await writer.list(this.wideSums), await writer.list(this.wideSquares)] };
  }

  restore({ columns, texts, wide: [sums, squares] }: SavedNeed, reader: SnapshotReader): void {
    for (const [index, { buffer }] of this.#columns.entries()) buffer.restore(columns[index] as SavedBytes, reader);
    for (const state of TEXT_STATES) {
      const saved = texts[state];
      if (saved !== undefined) this.texts[state]?.restore(saved, reader);
    }
    for (const [slot, sum] of reader.list<[number, ExactSum]>(sums)) this.wideSums.set(slot, sum);
    for (const [slot, sum] of reader.list<[number, ExactSum]>(squares)) this.wideSquares.set(slot, sum);
  }

  /** Adds a part of a sum (`which` 0) or of a sum of squares to a slot. */
  addWide(slot: number, which: number, part: ExactSum): void {
    const sums = which === OVERFLOW_OF_SUM ? this.wideSums : this.wideSquares;
    let held = sums.get(slot);
    if (held === undefined) sums.set(slot, (held = emptySum()));
    addSum(held, part);
  }

  /** Adds the parts of a slot's sums to another's. */
  copyWide(from: number, to: number): void {
    for (const [which, sums] of [this.wideSums, this.wideSquares].entries()) {
      const part = sums.get(from);
      if (part !== undefined) this.addWide(to, which, part);
    }
  }

  /** First and last values: the first element of a slot wins, or the last one. Runs before the counts are merged. */
  mergeValues(source: NeedArea, targets: Ptr, count: number): void {
    const own = this.area(0);
    const width = valueBytes(this.need);
    const counts = source.states.count;
    if (own.firstValue !== 0)
      this.#kernels.mergeFirst(width, counts, source.firstValue, targets, count, own.states.count, own.firstValue);
    if (own.lastValue !== 0) this.#kernels.mergeLast(width, counts, source.lastValue, targets, count, own.lastValue);
  }
}

/** States of one input column as plain data. */
export interface SavedNeed {
  columns: SavedBytes[];
  texts: Partial<Record<TextStateName, SavedTexts>>;
  /** Sums, and sums of squares, by slot. */
  wide: [SavedList, SavedList];
}

export interface SavedTable {
  size: number;
  bins: SavedBytes;
  keys: SavedBytes;
  needs: SavedNeed[];
}

function shift(sums: Map<number, ExactSum>, slots: number): void {
  if (sums.size === 0) return;
  const kept = [...sums].filter(([slot]) => slot >= slots);
  sums.clear();
  for (const [slot, sum] of kept) sums.set(slot - slots, sum);
}

export class StateTable {
  size = 0;
  readonly needs: NeedStates[];
  readonly #kernels: Kernels;
  readonly #workspace: Workspace;
  readonly #isKeyed: boolean;
  readonly #bins: GrowingBuffer;
  readonly #keys: GrowingBuffer;
  readonly #records: GrowingBuffer;
  readonly #scratch: GrowingBuffer;
  #capacity = 0;

  constructor(
    needs: readonly Need[],
    isKeyed: boolean,
    kernels: Kernels,
    workspace: Workspace,
    scratch: GrowingBuffer,
  ) {
    this.needs = needs.map((need) => new NeedStates(need, kernels, workspace));
    this.#kernels = kernels;
    this.#workspace = workspace;
    this.#isKeyed = isKeyed;
    this.#bins = workspace.buffer();
    this.#keys = workspace.buffer();
    this.#records = workspace.buffer();
    this.#scratch = scratch;
  }

  /** i64 a slot. */
  get bins(): Ptr {
    return this.#bins.ptr;
  }

  /** u32 a slot. */
  get keys(): Ptr {
    return this.#keys.ptr;
  }

  /** Room for bins and keys of `slots`, which are written before `grow` makes them real. */
  reserve(slots: number): void {
    this.#bins.reserve(8 * slots, 8 * this.size);
    if (this.#isKeyed) this.#keys.reserve(4 * slots, 4 * this.size);
  }

  /** Gives slots [size, to) neutral states. */
  grow(to: number): void {
    if (to === this.size) return;
    if (to > this.#capacity) this.#capacity = grownSlots(to, this.#capacity);
    for (const states of this.needs) states.grow(this.size, to, this.#capacity, this.#kernels);
    this.size = to;
  }

  /** Slots that there is room for. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Bytes of a slot, texts aside. */
  get slotBytes(): number {
    const own = this.#isKeyed ? 12 : 8;
    return this.needs.reduce((sum, states) => sum + states.slotBytes, own);
  }

  /** Gives back the memory of a table without slots. */
  shrink(): void {
    assert(this.size === 0, 'a table with slots keeps its memory');
    for (const states of this.needs) states.close();
    for (const buffer of [this.#bins, this.#keys]) buffer.close();
    this.#capacity = 0;
  }

  /** Merges element i of each area into slot targets[i] (u32). `sources[n]` belongs to need n. */
  merge(sources: readonly NeedArea[], targets: Ptr, count: number): void {
    for (const [index, states] of this.needs.entries()) {
      const source = sources[index] as NeedArea;
      states.mergeValues(source, targets, count);
      for (const state of TEXT_STATES) {
        const area = source.texts[state];
        if (area !== undefined) states.texts[state]?.merge(area, source.states.count, targets, count);
      }
      this.#mergeStates(states, source, targets, count);
    }
  }

  /** Merges row i of each column into slot targets[i] (u32). `columns[n]` belongs to need n. */
  mergeRows(columns: readonly RowColumn[], targets: Ptr, rows: number): void {
    const scratch = this.#scratch.reserve(this.#kernels.scratchBytes);
    for (const [index, states] of this.needs.entries()) {
      const { values, validity } = columns[index] as RowColumn;
      const own = states.area(0);
      const target = { ...own.states, first: own.firstValue, last: own.lastValue };
      const { kernel } = states.need.value;
      const width = valueBytes(states.need);
      for (let from = 0; from < rows; from += ROWS_AT_ONCE) {
        const count = Math.min(rows - from, ROWS_AT_ONCE);
        const area = { records: this.#records.reserve(count * OVERFLOW_RECORD_BYTES), capacity: count };
        const at = values + width * from;
        const there = validity === 0 ? 0 : validity + from / 8;
        const found = this.#kernels.mergeRows(kernel, at, there, targets + 4 * from, count, target, area, scratch);
        this.#addRecords(states, area.records, found);
      }
    }
  }

  /**
   * Merges the states of slots [from, from + count) into slots targets[i] (u32), which lie behind all of them; the texts and wide
   * sums only of those that are wanted: the others' target is a slot that nobody reads.
   */
  copy(from: number, targets: Ptr, count: number, isWanted: (index: number) => boolean): void {
    const { u32 } = this.#workspace.views;
    const target = (index: number): number => u32[(targets >>> 2) + index] as number;
    for (const states of this.needs) {
      const source = states.area(from);
      states.mergeValues(source, targets, count);
      this.#mergeStates(states, source, targets, count);
      for (let index = 0; index < count; index++) if (isWanted(index)) states.copyWide(from + index, target(index));
      for (const state of TEXT_STATES)
        for (let index = 0; index < count; index++)
          if (isWanted(index)) states.texts[state]?.copy(from + index, target(index));
    }
  }

  async save(writer: SnapshotWriter): Promise<SavedTable> {
    const { size } = this;
    const needs: SavedNeed[] = [];
    for (const states of this.needs) needs.push(await states.save(size, writer));
    const keys = await this.#keys.save(this.#isKeyed ? 4 * size : 0, writer);
    return { size, bins: await this.#bins.save(8 * size, writer), keys, needs };
  }

  /** Into a table without slots. */
  restore({ size, bins, keys, needs }: SavedTable, reader: SnapshotReader): void {
    this.#bins.restore(bins, reader);
    this.#keys.restore(keys, reader);
    for (const [index, states] of this.needs.entries()) states.restore(needs[index] as SavedNeed, reader);
    this.size = size;
    this.#capacity = size;
  }

  /** Forgets the slots before `slots`; the others move to the front. */
  drop(slots: number): void {
    const { u8 } = this.#workspace.views;
    const { ptr: bins } = this.#bins;
    u8.copyWithin(bins, bins + 8 * slots, bins + 8 * this.size);
    if (this.#isKeyed) u8.copyWithin(this.keys, this.keys + 4 * slots, this.keys + 4 * this.size);
    for (const states of this.needs) states.drop(slots, this.size);
    this.size -= slots;
  }

  #mergeStates(states: NeedStates, source: NeedArea, targets: Ptr, count: number): void {
    const target = states.area(0).states;
    const scratch = this.#scratch.reserve(this.#kernels.scratchBytes);
    const { need } = states;
    for (let from = 0; from < count; from += MERGED_AT_ONCE) {
      const rows = Math.min(count - from, MERGED_AT_ONCE);
      const area = { records: this.#records.reserve(2 * rows * OVERFLOW_RECORD_BYTES), capacity: 2 * rows };
      const { states: part } = from === 0 ? source : skipGroups(need, source, from);
      const found = this.#kernels.mergeStates(need.value.kernel, part, targets + 4 * from, rows, target, area, scratch);
      this.#addRecords(states, area.records, found);
    }
  }

  #addRecords(states: NeedStates, records: Ptr, count: number): void {
    for (let index = 0; index < count; index++) {
      const { group, which, part } = readOverflowRecord(this.#workspace.views.data, records, index);
      states.addWide(group, which, part);
    }
  }
}
