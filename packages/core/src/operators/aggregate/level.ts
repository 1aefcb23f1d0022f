/**
 * One aggregation in the final half: merges groups that come in order of their bins, knows which bins are closed, and
 * hands closed bins on to the coarser levels that are made of them.
 *
 * The watermark of a level is the highest bin seen: later groups cannot touch the bins before it.
 */
import assert from 'node:assert';
import type { ExactSum } from '../../kernels/exact-sum.ts';
import type { Kernels } from '../../kernels/vector-contract.ts';
import type { Ptr } from '../../memory/contract.ts';
import type { GrowingBuffer, Workspace } from './arena-views.ts';
import { endOfBin } from './bin-starts.ts';
import type { NeedArea } from './packet.ts';
import type { RowRoot } from './row-packet.ts';
import type { LevelPlan } from './state-plan.ts';
import { StateTable } from './state-table.ts';

/** Groups to merge, ascending by bin; keys are ids of the final half, 0 without keys. */
export interface GroupSource {
  count: number;
  bins: Ptr;
  keys: Ptr;
  needs: readonly NeedArea[];
  /** Parts of sums that do not fit their states. */
  wide?: readonly { group: number; need: number; which: number; part: ExactSum }[];
}

/** Rows to merge, in their order; keys (u32 a row) as in a `GroupSource`. */
export interface RowSource extends RowRoot {
  rows: number;
  keys: Ptr;
}

/** How bins of a finer grid lie in those of a coarser one, as `placeBins` takes it. */
interface BinScale {
  ratio: bigint;
  whole: bigint;
  rest: bigint;
}

const OWN_BINS: BinScale = { ratio: 1n, whole: 0n, rest: 0n };

/** The coarser grid's bins begin where some of the finer one's do (`state-plan.ts` nests no others). */
function coarserBins(finer: LevelPlan, coarser: LevelPlan): BinScale {
  const ratio = coarser.every / finer.every;
  const ahead = (finer.origin - coarser.origin) / finer.every;
  const whole = floorDivide(ahead, ratio);
  return { ratio, whole, rest: ahead - whole * ratio };
}

function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b < 0n ? quotient - 1n : quotient;
}

export class Level {
  readonly plan: LevelPlan;
  readonly table: StateTable;
  readonly children: Level[];
  /** Slots before this one belong to closed bins. */
  closed = 0;
  readonly #kernels: Kernels;
  readonly #workspace: Workspace;
  readonly #isKeyed: boolean;
  readonly #targets: GrowingBuffer;
  /** Last slot of each key; only meaningful where that slot is open and has the key. */
  readonly #slotOf: GrowingBuffer;
  #openBin: bigint | undefined;
  /** Closed slots before this one are merged into the children. */
  #rolled = 0;

  constructor(plan: LevelPlan, isKeyed: boolean, kernels: Kernels, workspace: Workspace, scratch: GrowingBuffer) {
    this.plan = plan;
    this.#kernels = kernels;
    this.#workspace = workspace;
    this.#isKeyed = isKeyed;
    this.table = new StateTable(plan.needs, isKeyed, kernels, workspace, scratch);
    this.children = plan.children.map((child) => new Level(child, isKeyed, kernels, workspace, scratch));
    this.#targets = workspace.buffer();
    this.#slotOf = workspace.buffer();
  }

  /** This level and all that are merged from it, each before its children. */
  family(): Level[] {
    return [this, ...this.children.flatMap((child) => child.family())];
  }

  take(source: GroupSource, keys: number): void {
    const targets = this.absorb(source, keys) >>> 2;
    const { u32 } = this.#workspace.views;
    for (const { group, need, which, part } of source.wide ?? [])
      this.table.needs[need]?.addWide(u32[targets + group] as number, which, part);
  }

  /** Merges rows of the bins of this level. */
  takeRows({ rows, keys: keyIds, bins, numbers, ends, needs }: RowSource, keys: number): void {
    if (rows === 0) return;
    const { i64, u32 } = this.#workspace.views;
    this.#targets.reserve(4 * rows);
    this.table.reserve(this.table.size + rows);
    this.#slotOf.reserve(4 * keys, this.#slotOf.bytes);
    let slots = this.table.size;
    for (let bin = 0, from = 0; bin < bins; bin++) {
      const to = u32[(ends >>> 2) + bin] as number;
      slots = this.#placeRun(i64[numbers / 8 + bin] as bigint, keyIds, from, to, slots);
      from = to;
    }
    this.table.grow(slots);
    this.table.mergeRows(needs, this.#targets.ptr, rows);
  }

  /** Merges groups; bins are numbers of this level, or of `parent`. Returns where the target slot (u32) of each group lies. */
  absorb(source: GroupSource, keys: number, parent?: LevelPlan): Ptr {
    const targets = this.#targets.reserve(4 * source.count);
    this.table.reserve(this.table.size + source.count);
    if (this.#isKeyed) this.#slotOf.reserve(4 * keys, this.#slotOf.bytes);
    const slots = this.#isKeyed ? this.#placeKeys(source, parent) : this.#placeBins(source, parent);
    this.table.grow(slots);
    this.table.merge(source.needs, targets, source.count);
    return targets;
  }

  /** No group before `bin` (a number of this level, or of `parent`) will come. */
  advance(bin: bigint, parent?: LevelPlan): void {
    this.#openTo(this.#binOf(bin, parent), this.table.size);
  }

  /** No group will come at all. */
  finish(): void {
    this.closed = this.table.size;
  }

  /** Merges the closed bins into the children, and theirs into their own. */
  roll(keys: number): void {
    for (const child of this.children) {
      if (this.closed > this.#rolled) this.#rollInto(child, keys);
      if (this.#openBin !== undefined) child.advance(this.#openBin, this.plan);
      child.roll(keys);
    }
    this.#rolled = this.closed;
  }

  /** Merges everything into the children and closes all of them: the end of the input. */
  finishFamily(keys: number): void {
    this.finish();
    for (const child of this.children) {
      if (this.closed > this.#rolled) this.#rollInto(child, keys);
      child.finishFamily(keys);
    }
    this.#rolled = this.closed;
  }

  /**
   * Merges everything into the children, open bins too, and closes all of it, so that it can be put aside: what comes for these bins later
   * is merged behind it. The watermark stays where it is.
   */
  seal(keys: number): void {
    this.finish();
    for (const child of this.children) {
      if (this.closed > this.#rolled) this.#rollInto(child, keys);
      if (this.#openBin !== undefined) child.advance(this.#openBin, this.plan);
      child.seal(keys);
    }
    this.#rolled = this.closed;
  }

  /** So many slots at most come of rolling up the slots of `finer`, which this level is made of; there are so many keys. */
  slotsFrom(finer: Level, keys: number): number {
    const { size, bins } = finer.table;
    if (size === 0 || finer.openBin === undefined) return 0;
    const first = this.#binOf(this.#workspace.views.i64[bins / 8] as bigint, finer.plan);
    const count = Number(this.#binOf(finer.openBin, finer.plan) - first) + 1;
    const open = first === this.#openBin ? this.table.size - this.closed : 0;
    return Math.min(size, count * keys - open);
  }

  /** Bins before this one are closed; undefined before the first group. */
  get openBin(): bigint | undefined {
    return this.#openBin;
  }

  /** A level without slots goes on where another one was. */
  restore(openBin: bigint | undefined): void {
    this.#openBin = openBin;
  }

  /** Forgets the closed bins, which were emitted. */
  dropClosed(): void {
    assert(
      this.children.length === 0 || this.#rolled === this.closed,
      'closed bins are rolled up before they are dropped',
    );
    this.table.drop(this.closed);
    if (this.#isKeyed) {
      const { u32 } = this.#workspace.views;
      const keys = this.table.keys >>> 2;
      for (let slot = 0; slot < this.table.size; slot++) {
        u32[(this.#slotOf.ptr >>> 2) + (u32[keys + slot] as number)] = slot;
      }
    }
    this.closed = 0;
    this.#rolled = 0;
  }

  /** Gives back the memory of a level without slots. */
  shrink(): void {
    this.table.shrink();
    this.#targets.close();
    this.#slotOf.close();
  }

  #binOf(bin: bigint, parent: LevelPlan | undefined): bigint {
    if (parent === undefined) return bin;
    return floorDivide(bin * parent.every + parent.origin - this.plan.origin, this.plan.every);
  }

  /** Closes the bins before `bin`; `slots` are in use. */
  #openTo(bin: bigint, slots: number): void {
    if (this.#openBin !== undefined && bin <= this.#openBin) {
      assert(bin === this.#openBin, `bin ${bin} comes after bin ${this.#openBin}`);
      return;
    }
    this.#openBin = bin;
    this.closed = slots;
  }

  /** Without keys a bin is a slot. Returns the slots in use. */
  #placeBins({ bins, count }: GroupSource, parent: LevelPlan | undefined): number {
    const { table, closed } = this;
    if (count === 0) return table.size;
    const targets = this.#targets.ptr;
    const { ratio, whole, rest } = parent === undefined ? OWN_BINS : coarserBins(parent, this.plan);
    const slots = this.#kernels.placeBins(bins, count, ratio, whole, rest, table.bins, closed, table.size, targets);
    const { i64, u32 } = this.#workspace.views;
    const first = i64[table.bins / 8 + (u32[targets >>> 2] as number)] as bigint;
    assert(slots >= 0 && (this.#openBin === undefined || first >= this.#openBin), 'bins are merged in their order');
    this.#openBin = i64[table.bins / 8 + slots - 1] as bigint;
    this.closed = slots - 1;
    return slots;
  }

  #placeKeys({ bins, keys, count }: GroupSource, parent: LevelPlan | undefined): number {
    const { views } = this.#workspace;
    const { i64 } = views;
    let slots = this.table.size;
    let from = 0;
    while (from < count) {
      const to = endOfBin(from, count, (group) => (bins >>> 2) + 2 * group, views);
      slots = this.#placeRun(this.#binOf(i64[bins / 8 + from] as bigint, parent), keys, from, to, slots);
      from = to;
    }
    return slots;
  }

  /** Finds the slots of keys [from, to), all of this bin; `slots` are in use. Returns the slots in use then. */
  #placeRun(bin: bigint, keys: Ptr, from: number, to: number, slots: number): number {
    this.#openTo(bin, slots);
    const { keys: slotKeys, bins } = this.table;
    const { ptr } = this.#slotOf;
    const targets = this.#targets.ptr + 4 * from;
    const after = this.#kernels.placeKeys(keys + 4 * from, to - from, ptr, slotKeys, this.closed, slots, targets);
    if (after > slots) this.#workspace.views.i64.fill(this.#openBin as bigint, bins / 8 + slots, bins / 8 + after);
    return after;
  }

  #rollInto(child: Level, keys: number): void {
    const from = this.#rolled;
    const areas = this.table.needs.map((states) => states.area(from));
    const targets = child.absorb(
      {
        count: this.closed - from,
        bins: this.table.bins + 8 * from,
        keys: this.#isKeyed ? this.table.keys + 4 * from : 0,
        needs: child.plan.needs.map((need) => areas[need.parentNeed] as NeedArea),
      },
      keys,
      this.plan,
    );
    this.#rollWide(child, targets, from);
  }

  /** Parts of sums that do not fit a state go along by slot. */
  #rollWide(child: Level, targets: Ptr, from: number): void {
    const { u32 } = this.#workspace.views;
    for (const states of child.table.needs) {
      const own = this.table.needs[states.need.parentNeed];
      for (const [which, sums] of [own?.wideSums, own?.wideSquares].entries()) {
        for (const [slot, sum] of sums ?? []) {
          if (slot >= from && slot < this.closed)
            states.addWide(u32[(targets >>> 2) + slot - from] as number, which, sum);
        }
      }
    }
  }
}
