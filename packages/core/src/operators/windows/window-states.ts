/** The work of the final half for the aggregations of one filter: merges packets in order and makes output of what is closed. */
import type { Batch } from '../../batch/contract.ts';
import { asOneInput } from '../../batch/make-batch.ts';
import { PipelineError } from '../../errors.ts';
import type { Ptr } from '../../memory/contract.ts';
import { formatBytes } from '../../schema/sizes.ts';
import type { Fields } from '../../schema/types.ts';
import { Workspace } from '../aggregate/arena-views.ts';
import { KeyIndex } from '../aggregate/key-index.ts';
import { KeyOrder } from '../aggregate/key-order.ts';
import { OutputWriter } from '../aggregate/output-batch.ts';
import { PacketReader } from '../aggregate/packet-reader.ts';
import { PIECE_ROWS } from '../aggregate/piece-rows.ts';
import { RowBytes } from '../aggregate/row-bytes.ts';
import { restoreKeys, type SavedKeys, saveKeys } from '../aggregate/saved-keys.ts';
import { ClosedRows, type SavedClosedRows } from '../aggregate/spill/closed-rows.ts';
import type { MaybePromise, OperatorContext, Output } from '../contract.ts';
import type { SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import type { SavedWindows } from './open-span.ts';
import { MEMORY_HINT } from './row-extras.ts';
import type { SlotList } from './slot-map.ts';
import { WindowLevel } from './window-level.ts';
import type { WindowLevelPlan, WindowPlan } from './window-plan.ts';
import type { SlotExtras } from './window-table.ts';

/** What a final half does with the packets of its partial halves, for some of its aggregations. */
export interface FinalPart {
  /** Merges one batch of states, which is taken over. */
  merge(states: Batch): MaybePromise;
  /** Closes what the rows so far have closed. */
  roll(): void;
  /** No packet follows: everything is closed. */
  finish(): void;
  /** Closed rows of the output that has most. */
  mostClosedRows(): number;
  /** To be awaited before `countClosed`; `roll` comes before. */
  settle(): MaybePromise;
  /** To be awaited before `emit`. */
  prepare(least: number): MaybePromise;
  /** Rows and logical bytes closed since the last call; what is emitted does not count as taken back. */
  countClosed(): { rows: number; bytes: number };
  heldRows(): number;
  heldBytes(): number;
  /** There is not much room left: what is closed should go as soon as it may. */
  readonly isShort: boolean;
  /** Output batches of closed rows, in order, of the outputs that have at least `least`; each output's rows are one logical batch. */
  emit(least: number): Generator<{ output: Output; batch: Batch }, void>;
  /** Whether its state can be saved. */
  readonly canSave: boolean;
  /** Between two logical inputs or pieces of one. */
  save(writer: SnapshotWriter): Promise<unknown>;
  restore(saved: never, reader: SnapshotReader): void;
  close(): void;
}

interface SavedWindowStates {
  last: bigint | number | undefined;
  keys: SavedKeys | undefined;
  levels: SavedWindows[];
  ports: SavedPort[];
}

interface SavedPort {
  counted: number;
  uncounted: Port['uncounted'];
  onDisk: SavedClosedRows | undefined;
}

/** An output, and how much of what is closed has been counted. */
interface Port {
  level: WindowLevel;
  list: SlotList;
  writer: OutputWriter;
  bytes: RowBytes;
  output: Output;
  /** Rows of the list that have been counted. */
  counted: number;
  /** Rows, and their bytes, that went to disk and were not counted yet. */
  uncounted: { rows: number; bytes: number };
  /** Closed rows before those of the list, where there is a disk. */
  onDisk: ClosedRows | undefined;
}

function closedIn({ list, onDisk }: Port): number {
  return list.count + (onDisk?.rows ?? 0);
}

/** Makes the states of an aggregation that kernels do not keep. */
export type MakeExtras = (root: number, plan: WindowLevelPlan, workspace: Workspace) => SlotExtras | undefined;

export class WindowStates implements FinalPart {
  readonly #workspace: Workspace;
  readonly #kernels: OperatorContext['kernels'];
  readonly #index: KeyIndex | undefined;
  readonly #order: KeyOrder | undefined;
  readonly #reader: PacketReader;
  readonly #levels: WindowLevel[];
  readonly #ports: Port[];
  readonly #shareBytes: number;
  readonly #stage: string;
  /** What is closed may leave at any time. */
  readonly #isFree: boolean;

  constructor(plan: WindowPlan, fields: Fields, context: OperatorContext, makeExtras: MakeExtras) {
    const { kernels } = context;
    const workspace = new Workspace(context.arena, context.owner);
    const index = plan.keys.length > 0 ? new KeyIndex(plan.keys, kernels, workspace) : undefined;
    const scratch = workspace.buffer();
    this.#workspace = workspace;
    this.#index = index;
    this.#kernels = kernels;
    this.#shareBytes = context.shareBytes ?? Infinity;
    this.#stage = context.name;
    this.#isFree = !context.emissionsVisible;
    this.#order = index === undefined ? undefined : new KeyOrder(index, workspace);
    this.#reader = new PacketReader(plan, context.name, index, kernels, workspace, false);
    this.#levels = plan.roots.map((root, position) => {
      const extras = makeExtras(position, root, workspace);
      return new WindowLevel(root, index !== undefined, kernels, workspace, scratch, extras);
    });
    this.#ports = this.#levels.flatMap((level): Port[] => {
      const { name, snapshots } = level.plan.aggregation;
      const own = context.outputFields[name] as Fields;
      const writer = new OutputWriter(plan, level, own, fields, index, kernels, workspace);
      const bytes = new RowBytes(level, own, fields, index, workspace.views);
      const port = (list: SlotList, to: string): Port => ({
        level,
        list,
        writer,
        bytes,
        output: context.outputs[to] as Output,
        counted: 0,
        uncounted: { rows: 0, bytes: 0 },
        onDisk: context.spill && new ClosedRows(context, context.outputFields[to] as Fields, context.spill),
      });
      const bins = port(level.closed, name);
      return snapshots === undefined ? [bins] : [bins, port(level.snapshots, snapshots.port)];
    });
  }

  merge(states: Batch): void {
    try {
      this.#merge(states);
    } catch (error) {
      throw this.#explained(error);
    }
  }

  /** Says so where memory ran out not for open bins, but for what a gap in the rows has closed or shown at once. */
  #explained(error: unknown): unknown {
    if (!(error instanceof PipelineError) || error.code !== 'ERR_MEMORY_EXHAUSTED') return error;
    const made = this.#levels.reduce((sum, { closed, snapshots }) => sum + closed.count + snapshots.count, 0);
    if (made <= this.heldRows() / 2) return error;
    return new PipelineError(
      error.code,
      `${made} rows of closed bins and snapshots of ${this.#names()} came of one batch, and leave only behind it: ${error.message}`,
      {
        stage: this.#stage,
        cause: error,
        hint: "raise memoryLimit; or, where many keys have long gaps, take fewer snapshots, or leave bins without rows out (empty: 'skip')",
      },
    );
  }

  #names(): string {
    return this.#levels.map(({ plan }) => `"${plan.aggregation.name}"`).join(', ');
  }

  #merge(states: Batch): void {
    const base = states.columns[0]?.values as Ptr;
    try {
      this.#reader.read(base, this.#reader.sizes(base), this.#levels);
    } finally {
      states.release();
    }
    const { last } = this.#reader;
    if (last === undefined) return;
    for (const level of this.#levels) level.advance(typeof last === 'bigint' ? last : BigInt(Math.floor(last)));
    this.#checkShare();
  }

  roll(): void {
    for (const level of this.#levels) level.settle();
  }

  finish(): void {
    for (const level of this.#levels) level.finish();
  }

  mostClosedRows(): number {
    return this.#ports.reduce((most, port) => Math.max(most, closedIn(port)), 0);
  }

  /** Puts what is closed, and may not leave yet, on disk while there is room for it to be written. */
  settle(): MaybePromise {
    return this.#isFree || !this.isShort ? undefined : this.#writeClosed();
  }

  prepare(): void {}

  async #writeClosed(): Promise<void> {
    for (const port of this.#ports) {
      const { list, onDisk, uncounted } = port;
      if (onDisk === undefined || list.count === 0) continue;
      uncounted.rows += list.count - port.counted;
      uncounted.bytes += port.bytes.of(port.counted, list.count, list.ptr);
      for (const batch of this.#rowsInMemory(port)) await onDisk.append(batch);
    }
  }

  countClosed(): { rows: number; bytes: number } {
    let rows = 0;
    let bytes = 0;
    for (const port of this.#ports) {
      const { list, uncounted } = port;
      rows += uncounted.rows + list.count - port.counted;
      bytes += uncounted.bytes + port.bytes.of(port.counted, list.count, list.ptr);
      port.counted = list.count;
      port.uncounted = { rows: 0, bytes: 0 };
    }
    return { rows, bytes };
  }

  heldRows(): number {
    return this.#levels.reduce((sum, { table }) => sum + table.size, 0);
  }

  heldBytes(): number {
    const onHeap = this.#levels.flatMap((level) => level.held()).reduce((sum, { heap }) => sum + heap, 0);
    return this.#workspace.bytes() + onHeap;
  }

  get isShort(): boolean {
    return this.heldBytes() > this.#shareBytes / 2;
  }

  /** Without the slots that are free, or free as soon as what is closed has gone on: tables stay as large as they once were. */
  #boundBytes(): number {
    let bytes = this.heldBytes();
    for (const { table, closed, snapshots } of this.#levels) {
      const leaving = this.#canLeave ? closed.count + snapshots.count : 0;
      bytes -= (table.capacity - table.size + leaving) * table.slotBytes;
    }
    return bytes;
  }

  /** What is closed goes on, or to disk. */
  get #canLeave(): boolean {
    return this.#isFree || this.#ports.every(({ onDisk }) => onDisk !== undefined);
  }

  /** Open bins cannot be spilled: what is beyond the share ends the run, before others have nothing left. */
  #checkShare(): void {
    if (this.heldBytes() <= this.#shareBytes) return;
    const held = this.#boundBytes();
    if (held <= this.#shareBytes) return;
    const holders = this.#levels
      .flatMap((level) => level.held())
      .sort((left, right) => right.bytes - left.bytes)
      .slice(0, 3)
      .map(({ what, bytes }) => `${what} ${formatBytes(bytes)}`);
    throw new PipelineError(
      'ERR_MEMORY_EXHAUSTED',
      `the open bins of ${this.#names()} hold ${formatBytes(held)}${holders.length === 0 ? '' : ` (${holders.join(', ')})`}, their share is ${formatBytes(this.#shareBytes)}`,
      { stage: this.#stage, value: String(held), expected: `at most ${this.#shareBytes}`, hint: MEMORY_HINT },
    );
  }

  *emit(least: number): Generator<{ output: Output; batch: Batch }, void> {
    const { arena, owner } = this.#workspace;
    for (const port of this.#ports) {
      const rows = closedIn(port);
      if (rows === 0 || rows < least) continue;
      for (const batch of asOneInput(arena, owner, this.#rowsOf(port))) yield { output: port.output, batch };
    }
  }

  *#rowsOf(port: Port): Generator<Batch, void> {
    port.uncounted = { rows: 0, bytes: 0 };
    if (port.onDisk !== undefined) yield* port.onDisk.take();
    if (port.list.count > 0) yield* this.#rowsInMemory(port);
  }

  /** The rows of the list, which are forgotten behind the last. */
  *#rowsInMemory(port: Port): Generator<Batch, void> {
    const { level, list, writer } = port;
    const rows = list.count;
    const slots = this.#sorted(level, list);
    writer.begin(level.table.size);
    for (let from = 0; from < rows; from += PIECE_ROWS)
      yield writer.write(slots + 4 * from, Math.min(PIECE_ROWS, rows - from), 0);
    level.release(list);
    port.counted = 0;
  }

  get canSave(): boolean {
    return this.#levels.every((level) => level.canSave);
  }

  async save(writer: SnapshotWriter): Promise<SavedWindowStates> {
    const levels: SavedWindows[] = [];
    for (const level of this.#levels) levels.push(await level.save(writer));
    const ports: SavedPort[] = [];
    for (const { counted, uncounted, onDisk } of this.#ports)
      ports.push({ counted, uncounted: { ...uncounted }, onDisk: await onDisk?.save(writer) });
    return {
      last: this.#reader.last,
      keys: this.#index && (await saveKeys(this.#index, this.#workspace, writer)),
      levels,
      ports,
    };
  }

  /** Lanes number their keys anew. */
  restore({ last, keys, levels, ports }: SavedWindowStates, reader: SnapshotReader): void {
    this.#reader.restore(last);
    if (this.#index !== undefined && keys !== undefined) restoreKeys(this.#index, keys, this.#workspace, reader);
    for (const [index, level] of this.#levels.entries()) level.restore(levels[index] as SavedWindows, reader);
    for (const [index, port] of this.#ports.entries()) {
      const { counted, uncounted, onDisk } = ports[index] as SavedPort;
      port.counted = counted;
      port.uncounted = { ...uncounted };
      if (onDisk !== undefined) port.onDisk?.restore(onDisk, reader);
    }
  }

  close(): void {
    for (const { onDisk } of this.#ports) onDisk?.close();
    this.#workspace.close();
  }

  /** The slots of a list in order of label and key: where they lie. */
  #sorted({ table }: WindowLevel, list: SlotList): Ptr {
    if (this.#order === undefined) return list.ptr;
    const { count } = list;
    const gathered = this.#workspace.scratch(16 * count);
    const keys = gathered + 8 * count;
    const slots = keys + 4 * count;
    this.#kernels.take(8, table.bins, list.ptr, count, gathered);
    this.#kernels.take(4, table.keys, list.ptr, count, keys);
    const order = this.#order.sort({ bins: gathered, keys }, count);
    this.#kernels.take(4, list.ptr, order, count, slots);
    return slots;
  }
}
