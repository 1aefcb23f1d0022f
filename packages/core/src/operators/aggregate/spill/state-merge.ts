/**
 * Merges runs of states. Round by round: of the smallest bin that any run is at, the groups up to the smallest last key of the blocks at
 * work are absorbed, run by run in the order in which the runs were made, so that first and last values follow the order of the rows. What
 * a round absorbs no later round can touch; when enough has gathered it is sorted and handed on.
 *
 * Memory: one block of each run, and the states of what has gathered.
 */
import { OVERFLOW_RECORD_BYTES } from '../../../kernels/aggregate-contract.ts';
import { readOverflowRecord } from '../../../kernels/sum-state.ts';
import type { Kernels } from '../../../kernels/vector-contract.ts';
import type { Ptr } from '../../../memory/contract.ts';
import { type GrowingBuffer, Workspace } from '../arena-views.ts';
import { KeyIndex } from '../key-index.ts';
import { KeyOrder } from '../key-order.ts';
import { Level } from '../level.ts';
import { type NeedArea, skipGroups } from '../packet.ts';
import type { LevelPlan, StatePlan } from '../state-plan.ts';
import { compareGroups, type GroupPlace } from './key-compare.ts';
import type { StateRun } from './state-run.ts';

/** Slots (u32) of merged states, in order of bin and key. Valid until the next are asked for. */
export interface MergedSlots {
  slots: Ptr;
  count: number;
}

export interface MergeParts {
  plan: StatePlan;
  level: LevelPlan;
  kernels: Kernels;
  /** Whom memory is charged to. */
  workspace: Pick<Workspace, 'arena' | 'owner'>;
}

export class StateMerge {
  readonly level: Level;
  readonly index: KeyIndex | undefined;
  readonly workspace: Workspace;
  readonly #plan: StatePlan;
  readonly #kernels: Kernels;
  readonly #order: KeyOrder | undefined;
  readonly #ids: GrowingBuffer;

  constructor({ plan, level, kernels, workspace: { arena, owner } }: MergeParts) {
    const workspace = new Workspace(arena, owner);
    this.workspace = workspace;
    this.#plan = plan;
    this.#kernels = kernels;
    this.index = plan.keys.length === 0 ? undefined : new KeyIndex(plan.keys, kernels, workspace);
    this.#order = this.index === undefined ? undefined : new KeyOrder(this.index, workspace);
    this.#ids = workspace.buffer();
    const alone = { ...level, children: [] };
    this.level = new Level(alone, this.index !== undefined, kernels, workspace, workspace.buffer());
  }

  /** Merges the groups whose bins are before `limit` (all, where it is undefined), `atOnce` or more at a time. */
  *merge(runs: readonly StateRun[], limit: bigint | undefined, atOnce: number): Generator<MergedSlots, void> {
    const { level } = this;
    for (;;) {
      const bin = leastBin(runs);
      const isOver = bin === undefined || (limit !== undefined && bin >= limit);
      if (!isOver) this.#round(runs, bin);
      if (level.table.size === 0 || (!isOver && level.table.size < atOnce)) {
        if (isOver) return;
        continue;
      }
      level.finish();
      const count = level.closed;
      yield { slots: this.#sorted(count), count };
      level.dropClosed();
      // Keys that were handed on do not come again in this bin.
      this.index?.clear();
      this.#order?.clear();
    }
  }

  close(): void {
    this.workspace.close();
  }

  #sorted(count: number): Ptr {
    if (this.#order !== undefined) return this.#order.sort(this.level.table, count);
    const slots = this.workspace.scratch(4 * count);
    this.#kernels.iota(0, count, slots);
    return slots;
  }

  #round(runs: readonly StateRun[], bin: bigint): void {
    let last: GroupPlace | undefined;
    const parts: { run: StateRun; end: number }[] = [];
    for (const run of runs) {
      if (run.bin !== bin) continue;
      const { end, goesOn } = run.binEnd();
      parts.push({ run, end });
      const place = { layout: run.layout, group: end - 1 };
      if (goesOn && (last === undefined || this.#compare(place, last) < 0)) last = place;
    }
    const ends = parts.map(({ run, end }) => (last === undefined ? end : this.#endAt(run, end, last)));
    for (const [index, { run }] of parts.entries()) {
      this.#absorb(run, ends[index] as number);
      run.takenTo(ends[index] as number);
    }
  }

  #compare(a: GroupPlace, b: GroupPlace): number {
    return compareGroups(this.#plan.keys, this.workspace.views, a, b);
  }

  /** End of the groups of a part that are not behind `last`. */
  #endAt(run: StateRun, end: number, last: GroupPlace): number {
    let low = run.group;
    let high = end;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare({ layout: run.layout, group: middle }, last) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #absorb(run: StateRun, end: number): void {
    const { group: from, layout, root } = run;
    const count = end - from;
    if (count === 0) return;
    let keys: Ptr = 0;
    if (this.index !== undefined) {
      keys = this.#ids.reserve(4 * count);
      this.index.encodeTuples(layout.keyColumns, from, count, keys);
    }
    const { needs } = this.level.plan;
    const targets = this.level.absorb(
      {
        count,
        bins: root.bins + 8 * from,
        keys,
        needs: needs.map((need, index) => skipGroups(need, root.needs[index] as NeedArea, from)),
      },
      this.index?.size ?? 0,
    );
    const { data, u32 } = this.workspace.views;
    for (let at = 0; at < root.overflows; at++) {
      const { group, part } = readOverflowRecord(data, root.overflow, at);
      if (group < from || group >= end) continue;
      const which = u32[(root.overflow + OVERFLOW_RECORD_BYTES * at + 4) >>> 2] as number;
      this.level.table.needs[which >>> 1]?.addWide(u32[(targets >>> 2) + group - from] as number, which & 1, part);
    }
  }
}

function leastBin(runs: readonly StateRun[]): bigint | undefined {
  let least: bigint | undefined;
  for (const { bin } of runs) if (bin !== undefined && (least === undefined || bin < least)) least = bin;
  return least;
}
