/**
 * One aggregation over windows in the final half. Groups come in the order of their rows; each goes into the states of every window that
 * holds it. Windows over time are opened by their first row and closed by the first row behind them; bins that follow from the rows of a key
 * are closed by that key's next row, or by time. What is closed waits in the lists of the outputs, as slots of one table of states.
 *
 * Positions are twice a value of the ordered column, and one more for what still belongs to its left: so a bin closed on the right ends
 * behind the rows at its end, and a snapshot before or behind those at its point. A snapshot is taken before a bin that ends with it.
 */
import type { Kernels } from '../../kernels/vector-contract.ts';
import type { Ptr } from '../../memory/contract.ts';
import type { AggregateColumn, RowBins } from '../../plan/logical.ts';
import type { GrowingBuffer, Workspace } from '../aggregate/arena-views.ts';
import type { GroupSource } from '../aggregate/level.ts';
import type { NeedArea } from '../aggregate/packet.ts';
import type { ResultColumn } from '../aggregate/row-bytes.ts';
import type { StateTable } from '../aggregate/state-table.ts';
import type { SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import type { Span } from './grid.ts';
import { GroupsAtWork } from './groups-at-work.ts';
import { KnownKeys } from './known-keys.ts';
import type { OpenSpan, SavedSpan, SavedWindows } from './open-span.ts';
import { RowRuns } from './row-runs.ts';
import { NONE, SlotList, SlotMap } from './slot-map.ts';
import { SnapshotPoints } from './snapshot-points.ts';
import type { WindowLevelPlan } from './window-plan.ts';
import { type SlotExtras, WindowTable } from './window-table.ts';

/** So many slots of no use are worth moving the others. */
const LEAST_GARBAGE = 1024;

export class WindowLevel {
  readonly plan: WindowLevelPlan;
  /** Closed rows of the bins' output, in order. */
  readonly closed: SlotList;
  readonly snapshots: SlotList;
  readonly #workspace: Workspace;
  readonly #isKeyed: boolean;
  readonly #extras: SlotExtras | undefined;
  readonly #freeMaps: SlotMap[] = [];
  readonly #table: WindowTable;
  readonly #known: KnownKeys;
  readonly #groups: GroupsAtWork;
  readonly #runs: RowRuns;
  readonly #points: SnapshotPoints;
  #open: OpenSpan[] = [];
  #newest: bigint | undefined;
  #clock: bigint | undefined;

  constructor(
    plan: WindowLevelPlan,
    isKeyed: boolean,
    kernels: Kernels,
    workspace: Workspace,
    scratch: GrowingBuffer,
    extras: SlotExtras | undefined,
  ) {
    this.plan = plan;
    this.#workspace = workspace;
    this.#isKeyed = isKeyed;
    this.#extras = extras;
    this.#table = new WindowTable(plan.needs, isKeyed, kernels, workspace, scratch, extras);
    this.closed = new SlotList(workspace);
    this.snapshots = new SlotList(workspace);
    this.#known = new KnownKeys(workspace, this.#table, isKeyed, plan.showsEmpty);
    this.#groups = new GroupsAtWork(workspace, this.#table);
    this.#runs = new RowRuns(workspace, this.#table, this.closed, plan.gap);
    this.#points = new SnapshotPoints(plan);
  }

  get table(): StateTable {
    return this.#table.states;
  }

  get results(): ReadonlyMap<AggregateColumn, ResultColumn> {
    return this.#extras?.results ?? NO_RESULTS;
  }

  /** What holds states beside those of the kernels. */
  held(): ReturnType<SlotExtras['held']> {
    return this.#table.held();
  }

  /** Merges the groups of one batch. */
  take(source: GroupSource): void {
    this.#groups.begin(source);
    if (this.plan.grid === undefined) this.#takeRuns(source);
    else this.#takeSpans(source);
    this.#groups.end();
    this.#table.grow();
  }

  /** No row before this value of the ordered column will come. */
  advance(value: bigint): void {
    this.#clock = value;
    // Snapshots follow the rows that the aggregation sees.
    if (this.plan.grid !== undefined && this.plan.points === undefined) this.#advanceTo(2n * value, 0);
    this.#table.grow();
  }

  /** Lets go of closed bins that wait for others to close. */
  settle(): void {
    if (this.plan.grid === undefined && this.#clock !== undefined) this.#runs.settle(this.#clock);
  }

  /** No row will come at all. */
  finish(): void {
    if (this.plan.grid === undefined) this.#finishRuns();
    else this.#finishSpans();
    this.#table.grow();
  }

  /** Forgets the closed rows of an output, which were emitted. */
  release(list: SlotList): void {
    const count = list.count;
    const { isPrefix } = list;
    list.clear();
    if (isPrefix) {
      this.#table.dropFirst(count);
      this.#moveHolders((slot) => slot - count);
    } else if (this.#garbage() > Math.max(LEAST_GARBAGE, this.#table.slots / 2)) this.#compact();
  }

  get canSave(): boolean {
    return this.#table.canSave;
  }

  /** Between two batches. */
  async save(writer: SnapshotWriter): Promise<SavedWindows> {
    const held: SavedWindows['held'] = [];
    for (const part of this.#held) held.push(await part.save(writer));
    const open: SavedSpan[] = [];
    for (const { slots, ...span } of this.#open) open.push({ ...span, slots: await slots.save(writer) });
    const [newest, clock] = [this.#newest, this.#clock];
    const { next: point, hasBegun } = this.#points;
    return {
      table: await this.#table.save(writer),
      held,
      open: await writer.list(open),
      newest,
      point,
      clock,
      hasBegun,
    };
  }

  restore(saved: SavedWindows, reader: SnapshotReader): void {
    this.#table.restore(saved.table, reader);
    for (const [index, part] of this.#held.entries()) part.restore(saved.held[index] as never, reader);
    this.#open = reader.list<SavedSpan>(saved.open).map(({ slots, ...span }) => {
      const map = new SlotMap(this.#workspace);
      map.restore(slots, reader);
      return { ...span, slots: map };
    });
    this.#newest = saved.newest;
    this.#clock = saved.clock;
    this.#points.restore(saved.point, saved.hasBegun);
  }

  /** Always in the same order. */
  get #held(): (SlotList | SlotMap)[] {
    const { waiting, open } = this.#runs;
    return [this.closed, this.snapshots, waiting, this.#known.list, this.#known.map, open];
  }

  #takeSpans(source: GroupSource): void {
    const { i32, i64 } = this.#workspace.views;
    const low = source.bins >>> 2;
    for (let from = 0; from < source.count; ) {
      let to = from + 1;
      while (
        to < source.count &&
        i32[low + 2 * to] === i32[low + 2 * from] &&
        i32[low + 2 * to + 1] === i32[low + 2 * from + 1]
      )
        to++;
      const value = i64[source.bins / 8 + from] as bigint;
      this.#beginPoints(value);
      this.#advanceTo(2n * value, from);
      this.#openSpans(value - this.plan.shift);
      this.#groups.setWidth(this.#open.length, from);
      for (const [j, span] of this.#open.entries()) this.#place(source, span, j, from, to);
      this.#points.startAt(value);
      from = to;
    }
  }

  #place({ keys }: GroupSource, span: OpenSpan, j: number, from: number, to: number): void {
    const { u32 } = this.#workspace.views;
    const targets = this.#groups.targetsOf(j) >>> 2;
    const label = this.plan.isLabelledRight ? span.end : span.start;
    this.#table.reserve(to - from);
    for (let group = from; group < to; group++) {
      const key = this.#isKeyed ? (u32[(keys >>> 2) + group] as number) : 0;
      let slot = span.slots.get(key);
      if (slot === NONE) {
        span.slots.set(key, (slot = this.#table.newSlot(key, label)));
        this.#known.see(key);
      }
      u32[targets + group] = slot;
    }
  }

  /** Opens the windows that hold a value and are not open yet, and closes those that it passes over. */
  #openSpans(value: bigint): void {
    const { grid } = this.plan;
    const found: Span[] = [];
    for (let index = grid?.lastAt(value) ?? -1n; ; index--) {
      const span = grid?.at(index);
      if (span === undefined || span.end <= value) break;
      if (this.#newest !== undefined && index <= this.#newest) break;
      found.push(span);
    }
    for (const span of found.reverse()) {
      if (this.plan.showsEmpty && this.#newest !== undefined)
        for (let index = this.#newest + 1n; index < span.index; index++)
          this.#close(this.#spanOf(grid?.at(index) as Span));
      this.#newest = span.index;
      this.#open.push(this.#spanOf(span));
    }
  }

  #spanOf(span: Span): OpenSpan {
    const slots = this.#freeMaps.pop() ?? new SlotMap(this.#workspace);
    return { ...span, position: 2n * span.end + this.plan.shift, slots };
  }

  /** Takes what is due up to a position: snapshots, and windows that end. Groups before `from` are those before it. */
  #advanceTo(position: bigint, from: number): void {
    for (;;) {
      const span = this.#open[0];
      const isOver = span !== undefined && span.position <= position;
      this.#takeSnapshots(isOver ? span.position : position, from);
      if (!isOver) return;
      this.#open.shift();
      this.#close(span);
    }
  }

  #close(span: OpenSpan): void {
    if (this.plan.showsEmpty) this.#known.fill(span.slots, this.plan.isLabelledRight ? span.end : span.start);
    const from = this.closed.count;
    span.slots.forEach((_, slot) => this.closed.push(slot));
    this.closed.sortFrom(from);
    span.slots.clear();
    this.#freeMaps.push(span.slots);
  }

  #takeRuns(source: GroupSource): void {
    const { u32, i64 } = this.#workspace.views;
    const order = source.needs[this.plan.orderNeed] as NeedArea;
    this.#groups.setWidth(1, 0);
    const targets = this.#groups.targetsOf(0) >>> 2;
    this.#table.reserve(source.count);
    for (let group = 0; group < source.count; group++) {
      const key = this.#isKeyed ? (u32[(source.keys >>> 2) + group] as number) : 0;
      const [first, last] = [i64[order.states.min / 8 + group], i64[order.states.max / 8 + group]] as [bigint, bigint];
      this.#beginPoints(first);
      this.#takeSnapshots(2n * first, group);
      // Snapshots have taken room.
      this.#table.reserve(1);
      const slot = this.#runOf(key, i64[source.bins / 8 + group] as bigint, first);
      this.#table.setLast(slot, last);
      if (this.plan.isLabelledRight) this.#table.setLabel(slot, last);
      u32[targets + group] = slot;
      this.#points.startAt(first);
    }
  }

  #runOf(key: number, number: bigint, first: bigint): number {
    const slot = this.#runs.slotOf(key, number, first);
    if (slot !== NONE) return slot;
    this.#known.see(key);
    return this.#runs.begin(key, number, first);
  }

  #beginPoints(value: bigint): void {
    if (this.#points.begin()) this.#takeSnapshots(2n * value, 0);
  }

  #takeSnapshots(until: bigint, from: number): void {
    while (this.#points.isDue(until)) this.#snapshot(from);
  }

  /** Copies the current states into slots of their own. Groups before `from` are in them. */
  #snapshot(from: number): void {
    const { points, aggregation, grid } = this.plan;
    const point = this.#points.next as bigint;
    const label = aggregation.snapshots?.label === 'left' ? point - (points?.every ?? 0n) : point;
    this.#groups.merge(from);
    this.#table.grow();
    const copies = this.#freeMaps.pop() ?? new SlotMap(this.#workspace);
    const wanted: [key: number, slot: number][] = [];
    const { position } = this.#points;
    const current = grid === undefined ? this.#runs.open : this.#open[0]?.slots;
    current?.forEach((key, slot) => {
      if (grid !== undefined || this.#isCurrent(slot, position)) wanted.push([key, slot]);
    });
    for (const [index, slot] of this.#table.copy(wanted, label).entries())
      copies.set((wanted[index] as [number, number])[0], slot);
    if (this.plan.showsEmpty) this.#known.fill(copies, label);
    const start = this.snapshots.count;
    copies.forEach((_, slot) => this.snapshots.push(slot));
    this.snapshots.sortFrom(start);
    copies.clear();
    this.#freeMaps.push(copies);
    this.#table.grow();
    this.#points.pass();
  }

  /** Whether an open bin of rows is still the current one: closed on the right, a full one is over with its last row. */
  #isCurrent(slot: number, position: bigint): boolean {
    const { shift, aggregation } = this.plan;
    if (shift === 0n) return true;
    const { u32 } = this.#workspace.views;
    const counts = this.table.needs[this.plan.orderNeed]?.area(0).states.count as Ptr;
    const isFull = (u32[(counts >>> 2) + 2 * slot] as number) >= (aggregation.bins as RowBins).rows;
    return !isFull || position <= 2n * this.#table.lastOf(slot) + 1n;
  }

  #finishSpans(): void {
    while (this.#open[0] !== undefined) {
      const span = this.#open[0];
      if (this.#points.isPending && this.#points.position <= span.position) this.#finalSnapshot();
      this.#open.shift();
      this.#close(span);
    }
    if (this.#points.isPending) this.#finalSnapshot();
  }

  #finishRuns(): void {
    if (this.#points.isPending) this.#finalSnapshot();
    this.#runs.finish();
  }

  /** Snapshots go on to the first point behind the last row. */
  #finalSnapshot(): void {
    this.#snapshot(0);
    this.#points.end();
  }

  #garbage(): number {
    let live = this.closed.count + this.snapshots.count + this.#runs.waiting.count;
    for (const { slots } of this.#open) live += slots.size;
    this.#runs.open.forEach(() => void live++);
    return this.#table.slots - live;
  }

  #moveHolders(move: (slot: number) => number): void {
    for (const { slots } of this.#open) slots.forEach((_, slot) => move(slot));
    this.#runs.open.forEach((_, slot) => move(slot));
    for (const list of [this.closed, this.snapshots, this.#runs.waiting]) list.map(move);
  }

  #compact(): void {
    const held = new Set<number>();
    this.#moveHolders((slot) => {
      held.add(slot);
      return slot;
    });
    const map = this.#table.compact((slot) => held.has(slot));
    this.#moveHolders((slot) => map[slot] as number);
  }
}

const NO_RESULTS: ReadonlyMap<AggregateColumn, ResultColumn> = new Map();
