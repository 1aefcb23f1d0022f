/** The work of the final half for the aggregations of one filter: merges packets in order and makes output of what is closed. */
import type { Batch } from '../../batch/contract.ts';
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
import type { MaybePromise, OperatorContext, Output } from '../contract.ts';
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
  /** Output batches of closed rows, in order, of the outputs that have at least `least`; each output's rows are one logical batch. */
  emit(least: number): Generator<{ output: Output; batch: Batch }, void>;
  close(): void;
}

/** An output, and how much of what is closed has been counted. */
interface Port {
  level: WindowLevel;
  list: SlotList;
  writer: OutputWriter;
  bytes: RowBytes;
  output: Output;
  counted: number;
}

/** Makes the states of an aggregation that kernels do not keep. */
export type MakeExtras = (root: number, plan: WindowLevelPlan, workspace: Workspace) => SlotExtras | undefined;

export class WindowStates implements FinalPart {
  readonly #workspace: Workspace;
  readonly #kernels: OperatorContext['kernels'];
  readonly #order: KeyOrder | undefined;
  readonly #reader: PacketReader;
  readonly #levels: WindowLevel[];
  readonly #ports: Port[];
  readonly #shareBytes: number;
  readonly #stage: string;

  constructor(plan: WindowPlan, fields: Fields, context: OperatorContext, makeExtras: MakeExtras) {
    const { kernels } = context;
    const workspace = new Workspace(context.arena, context.owner);
    const index = plan.keys.length > 0 ? new KeyIndex(plan.keys, kernels, workspace) : undefined;
    const scratch = workspace.buffer();
    this.#workspace = workspace;
    this.#kernels = kernels;
    this.#shareBytes = context.shareBytes ?? Infinity;
    this.#stage = context.name;
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
      });
      const bins = port(level.closed, name);
      return snapshots === undefined ? [bins] : [bins, port(level.snapshots, snapshots.port)];
    });
  }

  merge(states: Batch): void {
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
    return this.#ports.reduce((most, { list }) => Math.max(most, list.count), 0);
  }

  /** Nothing of it lies on disk. */
  settle(): void {}

  prepare(): void {}

  countClosed(): { rows: number; bytes: number } {
    let rows = 0;
    let bytes = 0;
    for (const port of this.#ports) {
      const { list } = port;
      rows += list.count - port.counted;
      bytes += port.bytes.of(port.counted, list.count, list.ptr);
      port.counted = list.count;
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

  /** Nothing of it can be spilled: what is beyond its share ends the run, before others have nothing left. */
  #checkShare(): void {
    const held = this.heldBytes();
    if (held <= this.#shareBytes) return;
    const holders = this.#levels
      .flatMap((level) => level.held())
      .sort((left, right) => right.bytes - left.bytes)
      .slice(0, 3)
      .map(({ what, bytes }) => `${what} ${formatBytes(bytes)}`);
    const names = this.#levels.map(({ plan }) => `"${plan.aggregation.name}"`).join(', ');
    throw new PipelineError(
      'ERR_MEMORY_EXHAUSTED',
      `the open bins of ${names} hold ${formatBytes(held)}${holders.length === 0 ? '' : ` (${holders.join(', ')})`}, their share is ${formatBytes(this.#shareBytes)}`,
      { stage: this.#stage, value: String(held), expected: `at most ${this.#shareBytes}`, hint: MEMORY_HINT },
    );
  }

  *emit(least: number): Generator<{ output: Output; batch: Batch }, void> {
    for (const port of this.#ports) {
      const { level, list, writer } = port;
      const rows = list.count;
      if (rows === 0 || rows < least) continue;
      const slots = this.#sorted(level, list);
      writer.begin(level.table.size);
      for (let from = 0; from < rows; from += PIECE_ROWS) {
        const count = Math.min(PIECE_ROWS, rows - from);
        yield { output: port.output, batch: writer.write(slots + 4 * from, count, from + count === rows ? 1 : 0) };
      }
      level.release(list);
      port.counted = 0;
    }
  }

  close(): void {
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
