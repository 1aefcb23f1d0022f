/**
 * What one level of an aggregate has on disk: runs of states, of bins that are open or were when they were written, in the order
 * in which they were made; and rows of closed bins that wait for a flush.
 *
 * States of a (bin, key) may lie in several runs. They come together when the bin has closed and its rows are wanted; first and last
 * values come out right because runs are merged in their order, all else because states merge exactly.
 */
import type { Batch } from '../../../batch/contract.ts';
import type { Ptr } from '../../../memory/contract.ts';
import type { Fields } from '../../../schema/types.ts';
import type { Spill } from '../../../spill/contract.ts';
import type { OperatorContext } from '../../contract.ts';
import type { SnapshotReader, SnapshotWriter } from '../../snapshot-contract.ts';
import type { Workspace } from '../arena-views.ts';
import type { KeyIndex } from '../key-index.ts';
import type { Level } from '../level.ts';
import { OutputWriter } from '../output-batch.ts';
import { PARTIAL_FIELDS } from '../output-fields.ts';
import { TEXT_BYTES } from '../packet.ts';
import { PIECE_ROWS } from '../piece-rows.ts';
import type { StatePlan } from '../state-plan.ts';
import { ClosedRows, type SavedClosedRows } from './closed-rows.ts';
import { BlockWriter, planOfLevel } from './state-block.ts';
import { type MergedSlots, StateMerge } from './state-merge.ts';
import { type SavedStateRun, StateRun } from './state-run.ts';

/** Runs of a level that a merge reads from; when there are more, neighbours are merged. */
const MOST_RUNS = 16;
/** What the blocks of all of them take of the share. */
const BLOCKS_PART = 1 / 4;
const LEAST_BLOCK_BYTES = 16_384;
const LARGEST_BLOCK_BYTES = 2 ** 20;
const LEAST_BLOCK_GROUPS = 16;

export interface LevelSpillParts {
  plan: StatePlan;
  level: Level;
  index: KeyIndex | undefined;
  context: OperatorContext;
  workspace: Workspace;
  spill: Spill;
  /** Of the level's rows. */
  fields: Fields;
  inputFields: Fields;
  /** Of the operator, divided by its levels. */
  shareBytes: number;
}

export interface SavedLevel {
  runs: SavedStateRun[];
  closedRows: SavedClosedRows;
}

export class LevelSpill {
  readonly closedRows: ClosedRows;
  readonly #parts: LevelSpillParts;
  readonly #blockGroups: number;
  readonly #writer: BlockWriter;
  #runs: StateRun[] = [];

  constructor(parts: LevelSpillParts) {
    this.#parts = parts;
    this.closedRows = new ClosedRows(parts.context, parts.fields, parts.spill);
    this.#writer = new BlockWriter(parts.plan, parts.level, parts.index, parts.context.kernels, parts.workspace);
    const texts = parts.plan.keys.length + parts.level.plan.texts.length;
    const groupBytes = parts.level.table.slotBytes + texts * TEXT_BYTES;
    const bytes = Math.min(
      Math.max((parts.shareBytes * BLOCKS_PART) / MOST_RUNS, LEAST_BLOCK_BYTES),
      LARGEST_BLOCK_BYTES,
    );
    this.#blockGroups = Math.min(Math.max(Math.floor(bytes / groupBytes), LEAST_BLOCK_GROUPS), PIECE_ROWS);
  }

  /** Whether states lie on disk. */
  get hasRuns(): boolean {
    return this.#runs.length > 0;
  }

  /** Whether states of bins before `limit` do (any, where it is undefined). */
  hasClosed(limit: bigint | undefined): boolean {
    return this.#runs.some(({ bin }) => bin !== undefined && (limit === undefined || bin < limit));
  }

  /** Writes slots of the level (u32), in order of bin and key, as a run. They stay where they are. */
  async write(slots: Ptr, count: number): Promise<void> {
    if (count === 0) return;
    const run = this.#createRun();
    this.#runs.push(run);
    await this.#append(run, this.#writer, { slots, count });
    while (this.#runs.length > MOST_RUNS) await this.#mergeSome();
  }

  /**
   * The rows of bins before `limit` (all, where it is undefined): their states are merged, and forgotten. Nothing of these bins may
   * be left in memory.
   */
  *rows(limit: bigint | undefined): Generator<Batch, void> {
    const { plan, fields, inputFields, context } = this.#parts;
    const merge = this.#createMerge();
    try {
      const { level, index, workspace } = merge;
      const writer = new OutputWriter(plan, level, fields, inputFields, index, context.kernels, workspace);
      for (const { slots, count } of merge.merge(this.#runs, limit, PIECE_ROWS)) {
        writer.begin(count);
        for (let from = 0; from < count; from += PIECE_ROWS)
          yield writer.write(slots + 4 * from, Math.min(PIECE_ROWS, count - from), 0);
      }
    } finally {
      merge.close();
      for (const run of this.#runs) run.rest();
    }
    this.#runs = this.#runs.filter(({ bin }) => bin !== undefined);
  }

  /** What lies on disk. Nothing of the level may be left in memory. */
  async save(writer: SnapshotWriter): Promise<SavedLevel> {
    const runs: SavedStateRun[] = [];
    for (const run of this.#runs) runs.push(await run.save(writer));
    return { runs, closedRows: await this.closedRows.save(writer) };
  }

  restore(saved: SavedLevel, reader: SnapshotReader): void {
    const { plan, level, context, workspace } = this.#parts;
    this.#runs = saved.runs.map((run) => {
      const file = reader.file(run.file, PARTIAL_FIELDS, context.name);
      return StateRun.restore(run, new StateRun(file, planOfLevel(plan, level.plan), workspace), reader);
    });
    this.closedRows.restore(saved.closedRows, reader);
  }

  close(): void {
    for (const run of this.#runs) run.close();
    this.#runs = [];
    this.closedRows.close();
  }

  #createRun(): StateRun {
    const { plan, level, context, workspace, spill } = this.#parts;
    const file = spill.createFile(context.arena, PARTIAL_FIELDS, context.name);
    return new StateRun(file, planOfLevel(plan, level.plan), workspace);
  }

  #createMerge(): StateMerge {
    const { plan, level, context, workspace } = this.#parts;
    return new StateMerge({ plan, level: level.plan, kernels: context.kernels, workspace });
  }

  async #append(run: StateRun, writer: BlockWriter, { slots, count }: MergedSlots): Promise<void> {
    for (let from = 0; from < count; from += this.#blockGroups) {
      const block = writer.write(slots + 4 * from, Math.min(this.#blockGroups, count - from));
      try {
        await run.append(block);
      } finally {
        block.release();
      }
    }
  }

  /** Makes one run of half as many neighbours as there may be: of those that are smallest together. */
  async #mergeSome(): Promise<void> {
    const { plan, context } = this.#parts;
    const count = MOST_RUNS / 2;
    let best = 0;
    let bestBytes = Infinity;
    for (let from = 0; from + count <= this.#runs.length; from++) {
      const bytes = this.#runs.slice(from, from + count).reduce((sum, run) => sum + run.fileBytes, 0);
      if (bytes < bestBytes) [best, bestBytes] = [from, bytes];
    }
    const merged = this.#runs.slice(best, best + count);
    const merge = this.#createMerge();
    const run = this.#createRun();
    try {
      const { level, index } = merge;
      const writer = new BlockWriter(plan, level, index, context.kernels, merge.workspace);
      for (const slots of merge.merge(merged, undefined, this.#blockGroups)) await this.#append(run, writer, slots);
    } catch (error) {
      run.close();
      throw error;
    } finally {
      merge.close();
    }
    for (const old of this.#runs.splice(best, count, run)) old.close();
  }
}
