/**
 * States on their way to disk: slots of a level, in order of bin and key value, as a block laid out like a packet. Each group
 * carries its own key values, so that a block means the same whatever numbers keys have when it is read.
 */
import { allocBatch, type DraftColumn } from '../../../batch/alloc-batch.ts';
import type { Batch } from '../../../batch/contract.ts';
import { OVERFLOW_RECORD_BYTES } from '../../../kernels/aggregate-contract.ts';
import { OVERFLOW_OF_SQUARES, OVERFLOW_OF_SUM, splitSum, writeOverflowRecord } from '../../../kernels/sum-state.ts';
import type { Kernels } from '../../../kernels/vector-contract.ts';
import type { Ptr } from '../../../memory/contract.ts';
import type { GrowingBuffer, Workspace } from '../arena-views.ts';
import type { KeyIndex } from '../key-index.ts';
import type { Level } from '../level.ts';
import { PARTIAL_FIELDS } from '../output-fields.ts';
import {
  type KeyColumnArea,
  layOutPacket,
  type NeedArea,
  type PacketSizes,
  type RootArea,
  writeSizes,
} from '../packet.ts';
import type { LevelPlan, StatePlan } from '../state-plan.ts';
import { setBits } from '../write-bits.ts';

/** The plan of a packet that has the states of one level. */
export function planOfLevel(plan: StatePlan, level: LevelPlan): StatePlan {
  return { ...plan, levels: [level], roots: [level] };
}

export class BlockWriter {
  readonly #plan: StatePlan;
  readonly #level: Level;
  readonly #index: KeyIndex | undefined;
  readonly #kernels: Kernels;
  readonly #workspace: Workspace;
  readonly #codes: GrowingBuffer[];

  constructor(plan: StatePlan, level: Level, index: KeyIndex | undefined, kernels: Kernels, workspace: Workspace) {
    this.#plan = planOfLevel(plan, level.plan);
    this.#level = level;
    this.#index = index;
    this.#kernels = kernels;
    this.#workspace = workspace;
    this.#codes = plan.keys.map(() => workspace.buffer());
  }

  /** The states of `count` slots (u32) as a batch of `PARTIAL_FIELDS`. */
  write(slots: Ptr, count: number): Batch {
    this.#lookUpCodes(slots, count);
    const { table } = this.#level;
    const wide = this.#wideRecords(slots, count);
    const sizes: PacketSizes = {
      fileNameBytes: 0,
      keyColumns: this.#codes.map((codes, column) => this.#keySizes(column, codes.ptr, count)),
      pairs: this.#plan.keys.slice(1).map(() => 0),
      roots: [
        {
          groups: count,
          overflows: wide.length,
          textBytes: this.#level.plan.texts.map(
            ({ need, state }) => table.needs[need]?.texts[state]?.bytesOf(slots, count) ?? 0,
          ),
        },
      ],
    };
    const { arena, owner, views } = this.#workspace;
    const { bytes } = layOutPacket(this.#plan, sizes, 0);
    const draft = allocBatch(arena, owner, PARTIAL_FIELDS, bytes / 8, { validity: 'none' });
    const base = (draft.columns[0] as DraftColumn).values;
    const layout = layOutPacket(this.#plan, sizes, base);
    views.u8.fill(0, base, base + 64);
    writeSizes(views.u32, base, sizes);
    for (const [column, area] of layout.keyColumns.entries()) this.#writeKeys(column, area, count);
    const root = layout.roots[0] as RootArea;
    this.#kernels.take(8, table.bins, slots, count, root.bins);
    if (root.keys !== 0) this.#kernels.iota(0, count, root.keys);
    for (const [need, states] of table.needs.entries()) states.store(slots, count, root.needs[need] as NeedArea);
    for (const [at, record] of wide.entries()) {
      writeOverflowRecord(views.data, root.overflow, at, record);
      views.u32[(root.overflow + at * OVERFLOW_RECORD_BYTES + 4) >>> 2] = 2 * record.need + record.which;
    }
    return draft.finish(bytes / 8, 0);
  }

  #lookUpCodes(slots: Ptr, count: number): void {
    const index = this.#index as KeyIndex;
    const { u32 } = this.#workspace.views;
    const keys = this.#level.table.keys >>> 2;
    for (const [column, buffer] of this.#codes.entries()) {
      const codes = buffer.reserve(4 * count) >>> 2;
      for (let i = 0; i < count; i++)
        u32[codes + i] = index.codeOf(u32[keys + (u32[(slots >>> 2) + i] as number)] as number, column);
    }
  }

  #keySizes(column: number, codes: Ptr, count: number): PacketSizes['keyColumns'][number] {
    const { table } = (this.#index as KeyIndex).columns[column] as KeyIndex['columns'][number];
    const { u32 } = this.#workspace.views;
    const { nullId } = table;
    let nulls = 0;
    if (nullId !== undefined)
      for (let i = 0; i < count && nulls === 0; i++) if (u32[(codes >>> 2) + i] === nullId) nulls = 1;
    return {
      codes: count,
      textBytes: table.isText ? this.#kernels.takeVariableBytes(table.keys, codes, count) : 0,
      nulls,
    };
  }

  #writeKeys(column: number, { values, bytes, validity }: KeyColumnArea, count: number): void {
    const { table } = (this.#index as KeyIndex).columns[column] as KeyIndex['columns'][number];
    const codes = (this.#codes[column] as GrowingBuffer).ptr;
    const { u8, u32 } = this.#workspace.views;
    if (table.isText) this.#kernels.takeVariable(table.keys, table.bytes, codes, count, values, bytes);
    else this.#kernels.take(8, table.keys, codes, count, values);
    if (validity !== 0) setBits(u8, validity, count, (row) => u32[(codes >>> 2) + row] !== table.nullId);
  }

  /** Parts of sums that outgrew their states. */
  #wideRecords(slots: Ptr, count: number) {
    const { needs } = this.#level.table;
    if (needs.every(({ wideSums, wideSquares }) => wideSums.size === 0 && wideSquares.size === 0)) return [];
    const { u32 } = this.#workspace.views;
    const groups = Array.from({ length: count }, (_, group) => ({ group, slot: u32[(slots >>> 2) + group] as number }));
    return needs.flatMap(({ wideSums, wideSquares }, need) =>
      ([OVERFLOW_OF_SUM, OVERFLOW_OF_SQUARES] as const).flatMap((which) => {
        const sums = which === OVERFLOW_OF_SUM ? wideSums : wideSquares;
        return groups.flatMap(({ group, slot }) => {
          const sum = sums.get(slot);
          return sum === undefined ? [] : splitSum(sum).map((part) => ({ group, need, which, part }));
        });
      }),
    );
  }
}
