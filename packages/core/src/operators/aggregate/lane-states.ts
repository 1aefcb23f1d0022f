/**
 * The work of the partial half: turns a batch of rows into packets of states, each in a slab: one, or several where there would be as many
 * groups as rows. Scratch lives as long as the lane; so do numbers of keys while they are few, else each packet has its own.
 */
import type { Batch, Column } from '../../batch/contract.ts';
import { sliceBatch } from '../../batch/slice-batch.ts';
import { OVERFLOW_RECORD_BYTES } from '../../kernels/aggregate-contract.ts';
import type { Ptr } from '../../memory/contract.ts';
import type { AggregateSpec } from '../../plan/logical.ts';
import type { OperatorContext } from '../contract.ts';
import type { SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import { type GrowingBuffer, Workspace } from './arena-views.ts';
import { GroupKernels } from './group-kernels.ts';
import { KeyDelta } from './key-delta.ts';
import { KeyIndex } from './key-index.ts';
import { OrderedColumn } from './ordered-column.ts';
import {
  ENDS_KEYS,
  layOutPacket,
  mostPacketBytes,
  type NeedArea,
  newKeys,
  type PacketSizes,
  type RootArea,
  STARTS_KEYS,
  valueBytes,
  writeSizes,
} from './packet.ts';
import { type PacketDraft, PacketDrafts, writeWords } from './packet-draft.ts';
import { packetBytes } from './piece-rows.ts';
import { type GroupedRows, RowGroups } from './row-groups.ts';
import { RowWriter } from './row-writer.ts';
import { restoreKeys, type SavedKeys, saveKeys } from './saved-keys.ts';
import type { Need, StatePlan } from './state-plan.ts';
import { TextRows } from './text-rows.ts';

/** Fewer rows are never cut. */
const LEAST_SLICE_ROWS = 512;
/** Until it is known how many groups rows have. */
const FIRST_SLICE_ROWS = 8192;
/** Keys whose numbers are kept from packet to packet take so much at most, or are so few. */
const KEY_BYTES = 2 ** 19;
const FEWEST_MANY_KEYS = 1024;

interface Root {
  needs: Need[];
  groups: GroupedRows;
  kernels: GroupKernels;
  texts: TextRows[];
}

/** Overflow records of one column, put aside until all are known. */
interface OverflowCopy {
  root: number;
  need: number;
  records: Uint8Array;
}

/** So many rows make a packet that is not too large if each is a group of its own. */
function rowsOfFullPacket(plan: StatePlan, bytes: number): number {
  let rows = LEAST_SLICE_ROWS;
  while (mostPacketBytes(plan, 2 * rows) <= bytes) rows *= 2;
  return rows;
}

/** Counts of rows, by the lane's numbers of keys; they are sent again. */
export interface SavedCounts {
  keys: SavedKeys | undefined;
  counts: unknown[];
}

export class LaneStates {
  readonly #plan: StatePlan;
  readonly #context: OperatorContext;
  readonly #workspace: Workspace;
  readonly #ordered: OrderedColumn;
  readonly #index: KeyIndex | undefined;
  readonly #delta: KeyDelta | undefined;
  readonly #roots: Root[];
  readonly #rows: RowWriter | undefined;
  readonly #keyIds: GrowingBuffer;
  readonly #bits: GrowingBuffer;
  readonly #firstRows: GrowingBuffer;
  readonly #lastRows: GrowingBuffer;
  readonly #drafts: PacketDrafts;
  readonly #packetBytes: number;
  readonly #namesKeys: boolean;
  #overflows: OverflowCopy[] = [];
  /** Rows that become one packet. */
  #sliceRows: number;
  /** First row of the slice at work. */
  #sliceFrom = 0;
  #startsKeys = false;
  #values: Ptr = 0;
  #lastSlice = { from: 0, rows: 0 };

  /**
   * `namesKeys`: every packet has the keys that it names, so that it can be read alone. `asRows`: who merges them takes rows as they are, and nobody
   * asks how they were grouped.
   */
  constructor(spec: AggregateSpec, plan: StatePlan, laneContext: OperatorContext, namesKeys = false, asRows = false) {
    const context: OperatorContext = { ...laneContext, position: () => this.#placeOf(laneContext.position()) };
    const workspace = new Workspace(context.arena, context.owner);
    this.#plan = plan;
    this.#namesKeys = namesKeys;
    this.#startsKeys = namesKeys;
    this.#context = context;
    this.#workspace = workspace;
    this.#packetBytes = packetBytes(spec);
    this.#sliceRows = plan.keepsCount === true ? rowsOfFullPacket(plan, this.#packetBytes) : FIRST_SLICE_ROWS;
    this.#ordered = new OrderedColumn(plan, spec.orderTrusted === true, context, workspace);
    this.#index = plan.keys.length > 0 ? new KeyIndex(plan.keys, context.kernels, workspace) : undefined;
    this.#delta = this.#index === undefined ? undefined : new KeyDelta(this.#index, workspace);
    this.#keyIds = workspace.buffer();
    this.#bits = workspace.buffer();
    this.#firstRows = workspace.buffer();
    this.#lastRows = workspace.buffer();
    const scratch = workspace.buffer();
    this.#roots = plan.roots.map((level): Root => {
      const groups = level.groupRows?.(context.kernels, workspace) ?? new RowGroups(level, context.kernels, workspace);
      return {
        needs: level.needs,
        groups,
        kernels: new GroupKernels(groups, this.#index !== undefined, context.kernels, workspace, scratch),
        texts: level.needs.filter((need) => need.value.class === 'text').map((need) => new TextRows(need, workspace)),
      };
    });
    const groups = this.#roots.map((root) => root.groups);
    this.#drafts = new PacketDrafts(context, workspace, namesKeys);
    this.#rows = asRows ? RowWriter.of(plan, groups, context, workspace, this.#drafts) : undefined;
  }

  /** The rows that became the last packet. */
  get lastSlice(): { from: number; rows: number } {
    return this.#lastSlice;
  }

  /** How these rows were grouped for a root. */
  groupsOf(root: number): GroupedRows {
    return (this.#roots[root] as Root).groups;
  }

  /**
   * The states of one batch, as batches of `PARTIAL_FIELDS`, the last of which ends its logical inputs. Where rows have many groups, which take
   * more than the rows do, the batch is cut so that none is large. The batch stays the caller's. `whole`: the batch of which these are the rows
   * that passed a filter; it is the one whose order is checked, and that moves the watermark, with the last packet.
   */
  *pack(batch: Batch, inputs: number, whole: Batch = batch): Generator<Batch, void> {
    const ends = whole === batch ? undefined : this.#endsOf(whole);
    let from = 0;
    do {
      const rows = Math.min(this.#sliceRows, batch.rows - from);
      const isLast = from + rows === batch.rows;
      const own = whole === batch ? undefined : { ends: isLast ? ends : undefined };
      const packet = this.#packSlice(batch, from, rows, isLast ? inputs : 0, own);
      // Else it goes on with fewer rows at once.
      if (packet === undefined) continue;
      from += rows;
      yield packet;
    } while (from < batch.rows);
  }

  #packSlice(
    batch: Batch,
    from: number,
    rows: number,
    inputs: number,
    own: { ends: Uint8Array | undefined } | undefined,
  ): Batch | undefined {
    const { arena, owner } = this.#context;
    const slice = rows === batch.rows ? batch : sliceBatch(arena, owner, batch, from, rows);
    this.#sliceFrom = from;
    this.#lastSlice = { from, rows };
    try {
      return this.#packRows(slice, inputs, own);
    } finally {
      if (slice !== batch) slice.release();
      this.#sliceFrom = 0;
    }
  }

  /** First and last value of the ordered column, as compared. */
  #endsOf(batch: Batch): Uint8Array | undefined {
    this.#values = this.#ordered.prepare(batch);
    if (batch.rows === 0) return undefined;
    const { exact } = this.#ordered;
    const { u8 } = this.#workspace.views;
    const last = exact + 8 * (batch.rows - 1);
    return Uint8Array.from([...u8.subarray(exact, exact + 8), ...u8.subarray(last, last + 8)]);
  }

  #packRows(batch: Batch, inputs: number, own: { ends: Uint8Array | undefined } | undefined): Batch | undefined {
    const rowEnds = this.#endsOf(batch);
    const ends = own === undefined ? rowEnds : own.ends;
    if (this.#rows?.takes(batch) === true) {
      const isLarge = this.#rows.bytesAsStates(batch) > this.#packetBytes && batch.rows > LEAST_SLICE_ROWS;
      return isLarge ? this.#cutFiner(batch.rows) : this.#rows.pack(batch, this.#values, inputs, ends);
    }
    this.#group(batch);
    const place = this.#context.position();
    const fileName = this.#drafts.fileName(place);
    const sizes: PacketSizes = {
      ...(this.#delta?.sizes() ?? { keyColumns: [], pairs: [] }),
      roots: this.#roots.map((root) => ({
        groups: root.groups.groups,
        overflows: 0,
        textBytes: root.texts.flatMap((texts) => texts.locate(batch, root.kernels)),
      })),
      fileNameBytes: fileName?.length ?? 0,
    };
    const { bytes } = layOutPacket(this.#plan, sizes, 0);
    // Rows that are counted cannot be looked at twice.
    if (this.#plan.keepsCount !== true) {
      if (bytes > this.#packetBytes && batch.rows > LEAST_SLICE_ROWS) return this.#cutFiner(batch.rows);
      if (bytes < this.#packetBytes / 4 && batch.rows === this.#sliceRows) this.#sliceRows *= 2;
    }
    this.#rows?.learn(batch.rows, newKeys(sizes), this.#index?.size ?? 0);
    let draft = this.#drafts.allocate(bytes);
    try {
      const layout = layOutPacket(this.#plan, sizes, draft.base);
      this.#drafts.writeHeader(draft, { ends, row: place.row, flags: this.#keyFlags });
      if (fileName !== undefined) this.#workspace.views.u8.set(fileName, layout.fileName);
      this.#delta?.write(layout);
      this.#overflows = [];
      for (const [position, root] of this.#roots.entries()) {
        this.#writeRoot(batch, root, position, layout.roots[position] as RootArea);
      }
      if (this.#overflows.length > 0) draft = this.#extend(draft, sizes);
      writeSizes(this.#workspace.views.u32, draft.base, sizes);
    } catch (error) {
      draft.batch.discard();
      throw error;
    }
    this.#startsKeys = false;
    if (this.#hasManyKeys) this.#forgetKeys();
    return draft.batch.finish(draft.bytes / 8, inputs);
  }

  /** So many that numbers for all of them would cost more than sending the keys again. */
  get #hasManyKeys(): boolean {
    if (this.#plan.keepsCount === true) return false;
    return this.#namesKeys || this.#hasMany;
  }

  get #hasMany(): boolean {
    return this.#index !== undefined && this.#index.heldBytes > KEY_BYTES && this.#index.size > FEWEST_MANY_KEYS;
  }

  #forgetKeys(): void {
    this.#index?.clear();
    this.#delta?.restart();
    this.#startsKeys = true;
  }

  #cutFiner(rows: number): undefined {
    this.#sliceRows = Math.max(LEAST_SLICE_ROWS, Math.floor(rows / 4 / 64) * 64);
    // None of these rows' keys were sent.
    this.#forgetKeys();
  }

  /** Of bins of so many rows, how many each has: undefined where nothing is kept from one batch to the next. */
  async save(writer: SnapshotWriter): Promise<SavedCounts | undefined> {
    if (this.#plan.keepsCount !== true) return undefined;
    const counts: unknown[] = [];
    for (const { groups } of this.#roots) counts.push(await groups.counted?.save(writer));
    return { keys: this.#index && (await saveKeys(this.#index, this.#workspace, writer)), counts };
  }

  restore(saved: SavedCounts | undefined, reader: SnapshotReader): void {
    if (saved === undefined) return;
    const { keys, counts } = saved;
    if (this.#index !== undefined && keys !== undefined) restoreKeys(this.#index, keys, this.#workspace, reader);
    for (const [root, { groups }] of this.#roots.entries()) groups.counted?.restore(counts[root] as never, reader);
  }

  close(): void {
    this.#workspace.close();
  }

  /** Where the slice begins, when the batch begins at `place`. */
  #placeOf(place: ReturnType<OperatorContext['position']>): ReturnType<OperatorContext['position']> {
    return place.row === undefined || this.#sliceFrom === 0 ? place : { ...place, row: place.row + this.#sliceFrom };
  }

  #group(batch: Batch): void {
    const { rows } = batch;
    const values = this.#values;
    const keyIds = this.#keyIds.reserve(this.#index === undefined ? 0 : 4 * rows);
    this.#index?.encode(batch, keyIds);
    for (const { groups, kernels } of this.#roots) {
      groups.cut(values, rows);
      if (this.#index !== undefined) groups.split(keyIds, rows, this.#index.size);
      kernels.begin(rows);
    }
  }

  get #keyFlags(): number {
    return (this.#startsKeys ? STARTS_KEYS : 0) | (this.#hasManyKeys ? ENDS_KEYS : 0);
  }

  #writeRoot(batch: Batch, root: Root, position: number, area: RootArea): void {
    root.groups.describe(area.bins, area.keys);
    let text = 0;
    for (const [index, need] of root.needs.entries()) {
      const target = area.needs[index] as NeedArea;
      if (need.value.class === 'text')
        (root.texts[text++] as TextRows).store(area.groups, target.states.count, target.texts);
      else this.#writeNeed(batch, root.kernels, need, target);
      if (root.kernels.overflows > 0 && need.value.class === 'number')
        this.#keepOverflow(root.kernels, position, index);
    }
  }

  #writeNeed(batch: Batch, kernels: GroupKernels, need: Need, area: NeedArea): void {
    if (need.input < 0) {
      kernels.countRows(area.states.count);
      return;
    }
    const column = batch.columns[need.input] as Column;
    const validity = column.nullCount > 0 ? column.validity : 0;
    if (need.value.class === 'opaque') {
      // Counts read the validity only.
      kernels.run('i8', column.values, validity, area.states);
      return;
    }
    const { groups } = kernels;
    const values = this.#valuesOf(column, need, batch.rows);
    kernels.run(need.value.kernel, values, validity, {
      ...area.states,
      first: need.first ? this.#firstRows.reserve(4 * groups) : 0,
      last: need.last ? this.#lastRows.reserve(4 * groups) : 0,
    });
    const { kernels: all } = this.#context;
    if (need.first) all.take(valueBytes(need), values, this.#firstRows.ptr, groups, area.firstValue);
    if (need.last) all.take(valueBytes(need), values, this.#lastRows.ptr, groups, area.lastValue);
  }

  /** Where the kernels find the values; bools are spread to one byte each. */
  #valuesOf(column: Column, need: Need, rows: number): Ptr {
    if (need.value.type !== 'bool') return column.values;
    const bytes = this.#bits.reserve(rows);
    this.#context.kernels.castBits(column.values, 'u8', rows, bytes);
    return bytes;
  }

  #keepOverflow(kernels: GroupKernels, root: number, need: number): void {
    const start = kernels.overflow;
    const records = this.#workspace.views.u8.slice(start, start + kernels.overflows * OVERFLOW_RECORD_BYTES);
    this.#overflows.push({ root, need, records });
  }

  /** Sums wider than their states: a larger packet with their records at the end. */
  #extend(draft: PacketDraft, sizes: PacketSizes): PacketDraft {
    const { u8, u32 } = this.#workspace.views;
    for (const { root, records } of this.#overflows) {
      (sizes.roots[root] as PacketSizes['roots'][number]).overflows += records.length / OVERFLOW_RECORD_BYTES;
    }
    const larger = this.#drafts.allocate(layOutPacket(this.#plan, sizes, 0).bytes);
    u8.copyWithin(larger.base, draft.base, draft.base + draft.bytes);
    writeWords(u32, larger);
    draft.batch.discard();
    const ends = layOutPacket(this.#plan, sizes, larger.base).roots.map((root) => root.overflow);
    for (const { root, need, records } of this.#overflows) {
      const at = ends[root] as Ptr;
      u8.set(records, at);
      for (let record = at; record < at + records.length; record += OVERFLOW_RECORD_BYTES) {
        u32[(record + 4) >>> 2] = 2 * need + (u32[(record + 4) >>> 2] as number);
      }
      ends[root] = at + records.length;
    }
    this.#overflows = [];
    return larger;
  }
}
