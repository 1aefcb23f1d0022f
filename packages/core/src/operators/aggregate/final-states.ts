/**
 * The work of the final half: merges packets in order, closes bins, rolls them up, and makes output of what is closed. States beyond the
 * share go to disk: before a packet for which there would be no room, everything in memory is written, open bins too, and all keys
 * are forgotten (`spill/level-spill.ts` says how it comes together again).
 */
import type { Batch } from '../../batch/contract.ts';
import { asOneInput } from '../../batch/make-batch.ts';
import type { Ptr } from '../../memory/contract.ts';
import type { Fields } from '../../schema/types.ts';
import type { Spill } from '../../spill/contract.ts';
import { LateSpill } from '../../spill/late-spill.ts';
import type { MaybePromise, OperatorContext, Output } from '../contract.ts';
import type { SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import { Workspace } from './arena-views.ts';
import { KeyIndex } from './key-index.ts';
import { KeyOrder } from './key-order.ts';
import { Level } from './level.ts';
import { OutputWriter } from './output-batch.ts';
import type { PacketSizes } from './packet.ts';
import { PacketReader } from './packet-reader.ts';
import { PIECE_ROWS } from './piece-rows.ts';
import { RowBytes } from './row-bytes.ts';
import { LevelSpill, type SavedLevel } from './spill/level-spill.ts';
import { roomFor } from './spill/room.ts';
import type { StatePlan } from './state-plan.ts';

/** A level, where its rows go, and how much of what is closed has been counted. */
interface Port {
  level: Level;
  writer: OutputWriter;
  bytes: RowBytes;
  output: Output;
  /** Closed slots in memory that have been counted. */
  counted: number;
  /** Rows, and their bytes, that went to disk closed and were not counted yet. */
  uncounted: { rows: number; bytes: number };
  spill: LevelSpill | undefined;
}

/** By port: where the watermark is, and what lies on disk. */
export interface SavedStates {
  last: bigint | number | undefined;
  ports: { openBin: bigint | undefined; uncounted: Port['uncounted']; onDisk: SavedLevel }[];
}

export class FinalStates {
  readonly #context: OperatorContext;
  readonly #workspace: Workspace;
  readonly #index: KeyIndex | undefined;
  readonly #order: KeyOrder | undefined;
  readonly #reader: PacketReader;
  readonly #roots: Level[];
  /** In the order of the specification. */
  readonly #ports: Port[];
  /** Closed rows are counted. */
  readonly #isCounting: boolean;
  /** Rows of a bin may come in any order. */
  readonly #tiesUnseen: boolean;
  readonly #shareBytes: number;
  /** Of an operator that never spills by itself: its states go to disk to be saved. */
  readonly #late: LateSpill = new LateSpill();
  readonly #spill: Spill;
  #isFinished = false;

  constructor(plan: StatePlan, inputFields: Fields, context: OperatorContext, isCounting: boolean) {
    const { kernels, spill, shareBytes } = context;
    const workspace = new Workspace(context.arena, context.owner);
    const index = plan.keys.length > 0 ? new KeyIndex(plan.keys, kernels, workspace) : undefined;
    const scratch = workspace.buffer();
    this.#context = context;
    this.#workspace = workspace;
    this.#index = index;
    this.#isCounting = isCounting;
    this.#tiesUnseen = context.tiesUnseen === true;
    this.#shareBytes = spill === undefined ? Infinity : (shareBytes ?? Infinity);
    this.#spill = spill ?? this.#late;
    this.#order = index === undefined ? undefined : new KeyOrder(index, workspace);
    this.#reader = new PacketReader(plan, context.name, index, kernels, workspace, this.#shareBytes < Infinity);
    this.#roots = plan.roots.map((root) => new Level(root, index !== undefined, kernels, workspace, scratch));
    const levels = this.#roots.flatMap((root) => root.family());
    this.#ports = plan.levels.map((own): Port => {
      const level = levels.find((candidate) => candidate.plan === own) as Level;
      const { name } = own.aggregation;
      const fields = context.outputFields[name] as Fields;
      return {
        level,
        writer: new OutputWriter(plan, level, fields, inputFields, index, kernels, workspace),
        bytes: new RowBytes(level, fields, inputFields, index, workspace.views),
        output: context.outputs[name] as Output,
        counted: 0,
        uncounted: { rows: 0, bytes: 0 },
        spill: this.#spillOf(plan, level, fields, inputFields, plan.levels.length),
      };
    });
  }

  #spillOf(plan: StatePlan, level: Level, fields: Fields, inputFields: Fields, levels: number): LevelSpill | undefined {
    if (!this.canSave) return undefined;
    return new LevelSpill({
      plan,
      level,
      index: this.#index,
      context: this.#context,
      workspace: this.#workspace,
      spill: this.#spill,
      fields,
      inputFields,
      shareBytes: this.#shareBytes / levels,
    });
  }

  /** Merges one batch of states, which is taken over. */
  merge(states: Batch): MaybePromise {
    const base = states.columns[0]?.values as Ptr;
    const sizes = this.#reader.sizes(base);
    let sealed: Promise<void> | undefined;
    try {
      if (this.#hasRoomFor(sizes)) this.#reader.read(base, sizes, this.#roots);
      else sealed = this.#seal().then(() => this.#reader.read(base, sizes, this.#roots));
    } finally {
      if (sealed === undefined) states.release();
    }
    return sealed?.finally(() => states.release());
  }

  /** Merges the closed bins of every level into the levels above. */
  roll(): void {
    for (const root of this.#roots) root.roll(this.#keys);
  }

  /** No packet follows: everything is closed. */
  finish(): void {
    this.#isFinished = true;
    for (const root of this.#roots) root.finishFamily(this.#keys);
  }

  /** Closed rows of the level that has most. */
  mostClosedRows(): number {
    let most = 0;
    for (const port of this.#ports) most = Math.max(most, this.#closedRows(port));
    return most;
  }

  /** Rows and logical bytes closed since the last call; what is emitted does not count as taken back. `settle` comes before. */
  countClosed(): { rows: number; bytes: number } {
    let rows = 0;
    let bytes = 0;
    for (const port of this.#ports) {
      const { level, uncounted } = port;
      rows += uncounted.rows + level.closed - port.counted;
      bytes += uncounted.bytes + port.bytes.of(port.counted, level.closed);
      port.counted = level.closed;
      port.uncounted = { rows: 0, bytes: 0 };
    }
    return { rows, bytes };
  }

  /** Rows of open bins and of closed ones that wait. */
  heldRows(): number {
    return this.#ports.reduce((sum, { level, spill }) => sum + level.table.size + (spill?.closedRows.rows ?? 0), 0);
  }

  /** Bytes of states, keys and scratch. */
  heldBytes(): number {
    return this.#workspace.bytes();
  }

  /** What is beyond the share goes to disk. */
  readonly isShort = false;

  /** Puts the closed states of levels that have others on disk there too, where their rows can then be counted. `roll` comes before. */
  settle(): MaybePromise {
    const ports = this.#ports.filter((port) => port.spill?.hasRuns === true && this.#closedRows(port) > 0);
    return ports.length === 0 ? undefined : this.#settle(ports);
  }

  /** To be awaited before `emit`. */
  prepare(least: number): MaybePromise {
    const ports = this.#ports.filter(
      (port) => port.spill?.hasRuns === true && port.level.closed > 0 && this.#closedRows(port) >= least,
    );
    return ports.length === 0 ? undefined : this.#writeClosed(ports);
  }

  /**
   * Output batches of closed bins, in order, of the levels that have at least `least` closed rows; each level's rows are one
   * logical batch. The rows are forgotten when the next batch is asked for after a level's last.
   */
  *emit(least: number): Generator<{ output: Output; batch: Batch }, void> {
    const { arena, owner } = this.#context;
    for (const port of this.#ports) {
      const rows = this.#closedRows(port);
      if (rows === 0 || rows < least) continue;
      for (const batch of asOneInput(arena, owner, this.#rowsOf(port))) yield { output: port.output, batch };
    }
  }

  /** Whether its state can be saved: where keys may be forgotten, or there are none. */
  get canSave(): boolean {
    return this.#shareBytes < Infinity || this.#index === undefined;
  }

  /** Everything goes to disk, and stays there. Between two logical inputs or pieces of one. */
  async save(writer: SnapshotWriter): Promise<SavedStates> {
    this.#late.set(writer.spill);
    await this.#seal();
    const ports: SavedStates['ports'] = [];
    for (const { level, uncounted, spill } of this.#ports) {
      const onDisk = await (spill as LevelSpill).save(writer);
      ports.push({ openBin: level.openBin, uncounted: { ...uncounted }, onDisk });
    }
    return { last: this.#reader.last, ports };
  }

  restore({ last, ports }: SavedStates, reader: SnapshotReader): void {
    this.#late.set(reader.spill);
    this.#reader.restore(last);
    for (const [index, { openBin, uncounted, onDisk }] of ports.entries()) {
      const port = this.#ports[index] as Port;
      port.level.restore(openBin);
      port.uncounted = { ...uncounted };
      port.spill?.restore(onDisk, reader);
    }
  }

  close(): void {
    for (const { spill } of this.#ports) spill?.close();
    this.#workspace.close();
  }

  get #keys(): number {
    return this.#index?.size ?? 0;
  }

  /** Closed rows; infinitely many where states of closed bins lie on disk, because nobody knows how many keys they have together. */
  #closedRows({ level, spill }: Port): number {
    if (spill === undefined) return level.closed;
    return spill.hasClosed(this.#limitOf(level)) ? Infinity : spill.closedRows.rows + level.closed;
  }

  /** Bins before this one are closed; undefined: all. */
  #limitOf(level: Level): bigint | undefined {
    return this.#isFinished ? undefined : level.openBin;
  }

  *#rowsOf(port: Port): Generator<Batch, void> {
    const { level, spill } = port;
    port.uncounted = { rows: 0, bytes: 0 };
    if (spill !== undefined) {
      yield* spill.closedRows.take();
      if (spill.hasRuns) yield* spill.rows(this.#limitOf(level));
    }
    if (level.closed > 0) yield* this.#rowsInMemory(port);
  }

  *#rowsInMemory(port: Port): Generator<Batch, void> {
    const { level, writer } = port;
    const rows = level.closed;
    const isInPlace = this.#tiesUnseen || this.#order === undefined;
    const slots = isInPlace ? this.#inPlace(rows) : this.#sorted(level);
    writer.begin(rows);
    for (let from = 0; from < rows; from += PIECE_ROWS)
      yield writer.write(slots + 4 * from, Math.min(PIECE_ROWS, rows - from), 0, isInPlace ? from : undefined);
    level.dropClosed();
    port.counted = 0;
  }

  #sorted(level: Level): Ptr {
    return this.#order?.sort(level.table, level.closed) ?? this.#inPlace(level.closed);
  }

  /** The first slots as they lie: in order of their bins. */
  #inPlace(count: number): Ptr {
    const slots = this.#workspace.scratch(4 * count);
    this.#context.kernels.iota(0, count, slots);
    return slots;
  }

  #hasRoomFor(sizes: PacketSizes): boolean {
    if (this.#shareBytes === Infinity || this.#ports.every(({ level }) => level.table.size === 0)) return true;
    return roomFor(sizes, this.#roots, this.#index, this.#workspace) <= this.#shareBytes;
  }

  /** Everything goes to disk, and all keys are forgotten. */
  async #seal(): Promise<void> {
    if (this.#isCounting) {
      this.roll();
      await this.#settle(this.#ports);
    }
    for (const root of this.#roots) root.seal(this.#keys);
    await this.#writeClosed(this.#ports);
    for (const { level } of this.#ports) level.shrink();
    this.#index?.shrink();
    this.#order?.clear();
    this.#reader.forgetKeys();
  }

  /** Writes the closed states of these levels as runs. They were rolled up. */
  async #writeClosed(ports: readonly Port[]): Promise<void> {
    for (const port of ports) {
      const { level, spill } = port;
      if (level.closed === 0) continue;
      await spill?.write(this.#sorted(level), level.closed);
      level.dropClosed();
      port.counted = 0;
    }
  }

  /** Writes the rows of closed bins, which are counted on the way. */
  async #settle(ports: readonly Port[]): Promise<void> {
    for (const port of ports) {
      const { level, spill, uncounted } = port;
      if (spill === undefined) continue;
      if (spill.hasRuns) await this.#writeClosed([port]);
      if (spill.hasRuns) {
        for (const batch of spill.rows(this.#limitOf(level))) {
          uncounted.rows += batch.rows;
          uncounted.bytes += batch.logicalBytes;
          await spill.closedRows.append(batch);
        }
      } else if (level.closed > 0) {
        uncounted.rows += level.closed - port.counted;
        uncounted.bytes += port.bytes.of(port.counted, level.closed);
        for (const batch of this.#rowsInMemory(port)) await spill.closedRows.append(batch);
      }
    }
  }
}
