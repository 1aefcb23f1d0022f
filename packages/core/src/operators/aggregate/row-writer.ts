/**
 * Rows as they are, in packets of the partial half: where nearly every row of a batch is a group of its own, its state would take four times its
 * bytes, and as long to make as to merge. So rows are sent until a look at some of them, now and then, shows groups again.
 */
import type { Batch, Column } from '../../batch/contract.ts';
import type { Ptr } from '../../memory/contract.ts';
import type { OperatorContext } from '../contract.ts';
import type { Workspace } from './arena-views.ts';
import { AS_ROWS, type KeyColumnArea, layOutPacket } from './packet.ts';
import type { PacketDrafts } from './packet-draft.ts';
import { type GroupedRows, RowGroups } from './row-groups.ts';
import {
  asStates,
  canTravelAsRows,
  layOutRows,
  type RowColumn,
  type RowLayout,
  type RowRoot,
  type RowSizes,
  writeRowSizes,
} from './row-packet.ts';
import type { KeyPlan, Need, StatePlan } from './state-plan.ts';

/** So many packets of rows are sent before one of states tells how many groups there are. */
const UNSEEN_PACKETS = 63;
/** It begins with so many packets, most of whose keys were new, and so many keys: among fewer, rows of longer batches share groups. */
const FRESH_PACKETS = 2;
const FEWEST_KEYS = 1024;

export class RowWriter {
  readonly #plan: StatePlan;
  readonly #context: OperatorContext;
  readonly #workspace: Workspace;
  readonly #drafts: PacketDrafts;
  readonly #groups: readonly RowGroups[];
  #isScattered = false;
  /** Packets in a row most of whose keys were new. */
  #fresh = 0;
  /** Packets to come before groups are looked at again. */
  #left = 0;

  constructor(
    plan: StatePlan,
    groups: readonly RowGroups[],
    context: OperatorContext,
    workspace: Workspace,
    drafts: PacketDrafts,
  ) {
    this.#plan = plan;
    this.#groups = groups;
    this.#context = context;
    this.#workspace = workspace;
    this.#drafts = drafts;
  }

  /** Undefined where rows have to become states. */
  static of(
    plan: StatePlan,
    groups: readonly GroupedRows[],
    context: OperatorContext,
    workspace: Workspace,
    drafts: PacketDrafts,
  ): RowWriter | undefined {
    const ofRows = groups.filter((own) => own instanceof RowGroups);
    if (!canTravelAsRows(plan) || ofRows.length < groups.length) return undefined;
    return new RowWriter(plan, ofRows, context, workspace, drafts);
  }

  /** So many rows became states. `newKeys`: their keys that no packet had named; `keys`: all that are numbered now. */
  learn(rows: number, newKeys: number, keys: number): void {
    const groups = this.#groups.reduce((most, own) => Math.max(most, own.groups), 0);
    this.#fresh = 2 * newKeys > rows ? this.#fresh + 1 : 0;
    const begins = this.#fresh >= FRESH_PACKETS && keys > FEWEST_KEYS;
    this.#isScattered = 2 * groups > rows && (begins || this.#isScattered);
    if (this.#isScattered) this.#left = UNSEEN_PACKETS;
  }

  /** Whether this batch goes as rows. */
  takes(batch: Batch): boolean {
    if (this.#left === 0) return false;
    // A text behind a code is hashed once a batch among states, and would be once a row.
    return this.#plan.keys.every(({ input }) => batch.columns[input]?.child === undefined);
  }

  /** What these rows may take as states, which is what who merges them needs room for. */
  bytesAsStates(batch: Batch): number {
    return layOutPacket(this.#plan, asStates(this.#sizes(batch, 0)), 0).bytes;
  }

  /** Rows with these int64 values of the ordered column as a batch of `PARTIAL_FIELDS`. The batch stays the caller's. */
  pack(batch: Batch, values: Ptr, inputs: number, ends: Uint8Array | undefined): Batch {
    this.#left -= 1;
    for (const groups of this.#groups) groups.cut(values, batch.rows);
    const place = this.#context.position();
    const fileName = this.#drafts.fileName(place);
    const sizes = this.#sizes(batch, fileName?.length ?? 0);
    const draft = this.#drafts.allocate(layOutRows(this.#plan, sizes, 0).bytes);
    const layout = layOutRows(this.#plan, sizes, draft.base);
    this.#drafts.writeHeader(draft, { ends, row: place.row, flags: AS_ROWS });
    const { u8, u32 } = this.#workspace.views;
    if (fileName !== undefined) u8.set(fileName, layout.fileName);
    this.#write(batch, layout);
    writeRowSizes(u32, draft.base, sizes);
    return draft.batch.finish(draft.bytes / 8, inputs);
  }

  #sizes(batch: Batch, fileNameBytes: number): RowSizes {
    const { i32 } = this.#workspace.views;
    const columnOf = (input: number): Column => batch.columns[input] as Column;
    const nullsOf = (input: number): number => (input >= 0 && columnOf(input).nullCount > 0 ? 1 : 0);
    return {
      rows: batch.rows,
      fileNameBytes,
      keyColumns: this.#plan.keys.map(({ input, value }) => {
        const { offsets } = columnOf(input);
        const textBytes =
          value.class === 'text' ? (i32[(offsets >>> 2) + batch.rows] as number) - (i32[offsets >>> 2] as number) : 0;
        return { textBytes, nulls: nullsOf(input) };
      }),
      roots: this.#plan.roots.map(({ needs }, root) => ({
        bins: (this.#groups[root] as RowGroups).bins,
        nulls: needs.map(({ input }) => nullsOf(input)),
      })),
    };
  }

  #write(batch: Batch, layout: RowLayout): void {
    for (const [position, key] of this.#plan.keys.entries())
      this.#writeKeys(batch.columns[key.input] as Column, key, layout.keyColumns[position] as KeyColumnArea);
    for (const [root, { needs }] of this.#plan.roots.entries()) {
      const area = layout.roots[root] as RowRoot;
      (this.#groups[root] as RowGroups).describeBins(area.numbers, area.ends);
      for (const [index, need] of needs.entries())
        if (need.input >= 0)
          this.#writeValues(batch.columns[need.input] as Column, need, area.needs[index] as RowColumn);
    }
  }

  #writeKeys(column: Column, { value }: KeyPlan, area: KeyColumnArea): void {
    const { kernels } = this.#context;
    const rows = column.length;
    if (area.validity !== 0) this.#copy(column.validity, (rows + 7) >>> 3, area.validity);
    if (value.class === 'text') this.#copyTexts(column, area);
    else if (value.byteWidth === 8) this.#copy(column.values, 8 * rows, area.values);
    else if (value.type === 'bool') kernels.castBits(column.values, 'i64', rows, area.values);
    else kernels.cast(value.kernel, 'i64', column.values, 0, rows, area.values);
  }

  #copyTexts({ offsets, values, length }: Column, area: KeyColumnArea): void {
    const { i32, u32 } = this.#workspace.views;
    const from = offsets >>> 2;
    const to = area.values >>> 2;
    const first = i32[from] as number;
    for (let row = 0; row <= length; row++) u32[to + row] = (i32[from + row] as number) - first;
    this.#copy(values + first, (i32[from + length] as number) - first, area.bytes);
  }

  #writeValues(column: Column, need: Need, area: RowColumn): void {
    const rows = column.length;
    if (area.validity !== 0) this.#copy(column.validity, (rows + 7) >>> 3, area.validity);
    if (area.values === 0) return;
    if (need.value.type === 'bool') this.#context.kernels.castBits(column.values, 'u8', rows, area.values);
    else this.#copy(column.values, need.value.byteWidth * rows, area.values);
  }

  #copy(from: Ptr, bytes: number, to: Ptr): void {
    this.#workspace.views.u8.copyWithin(to, from, from + bytes);
  }
}
