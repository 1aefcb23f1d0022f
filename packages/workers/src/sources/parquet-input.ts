/**
 * Row groups of Parquet files that lanes read themselves: each claims the next task (a row group, or several small ones) and hands out its packets one
 * by one, decoded when they are asked for. So rows are worked on by the thread that has them in its cache, and no other one is woken for them.
 * Packets have the numbers that they have where codec threads read: positions, barriers and restarts know no difference.
 */
import type { Fields } from '@spillway/core';
import { Handoff, parseChecksums, readParquetRows, type ValueRange } from '@spillway/core/files';
import type { Arena, Batch, OrderedValue } from '@spillway/core/internal';
import type { SourceGate } from '../channels/source-gate.ts';
import type { LaneInput } from '../lanes/lane-loop.ts';
import type { Morsel } from '../lanes/morsel.ts';
import type { SplitBounds, SplitSource } from '../lanes/protocol.ts';
import { PacketPieces } from './packet-pieces.ts';
import type { RowGroupTask } from './row-groups.ts';

export interface ParquetInputParts {
  arena: Arena;
  source: Extract<SplitSource, { type: 'parquet' }>;
  /** In order; their packets are numbered without gaps. */
  rowGroups: readonly RowGroupTask[];
  fields: Fields;
  owner: number;
  /** By which they are claimed. */
  gate: SourceGate;
  /** Told of what has been read when the source is ordered. */
  onSplit(bounds: SplitBounds): void;
}

interface Packet {
  batches: Batch[];
  /** Of the task up to here; undefined where the source is not ordered. */
  ordered: ValueRange | undefined;
}

export class ParquetInput implements LaneInput {
  readonly edge = -1;
  readonly #parts: ParquetInputParts;
  readonly #packets: number;
  #task: ClaimedTask | undefined;

  constructor(parts: ParquetInputParts) {
    this.#parts = parts;
    const last = parts.rowGroups.at(-1);
    this.#packets = last === undefined ? 0 : last.firstSequence + last.packets;
    parts.gate.setTotal(this.#packets);
  }

  async next(): Promise<Morsel | undefined> {
    const { gate } = this.#parts;
    this.#task ??= this.#claim();
    if (this.#task === undefined) {
      await gate.end();
      return undefined;
    }
    const morsel = await this.#task.next();
    if (this.#task.isThrough) this.#task = undefined;
    return morsel;
  }

  done(): void {
    this.#parts.gate.countDone();
  }

  total(): number {
    return this.#packets;
  }

  async close(): Promise<void> {
    await this.#task?.close();
    this.#task = undefined;
  }

  /** All packets of the next task that nobody has. */
  #claim(): ClaimedTask | undefined {
    const { gate, rowGroups } = this.#parts;
    const taskOf = (sequence: number): RowGroupTask | undefined =>
      rowGroups.find(({ firstSequence, packets }) => sequence < firstSequence + packets);
    const endOf = (sequence: number): number => {
      const task = taskOf(sequence);
      return task === undefined ? sequence + 1 : task.firstSequence + task.packets;
    };
    const first = gate.claimTo(endOf);
    const task = taskOf(first);
    return task && new ClaimedTask(this.#parts, task, first);
  }
}

/** The packets of a task that this lane hands out. */
class ClaimedTask {
  readonly #parts: ParquetInputParts;
  readonly #task: RowGroupTask;
  readonly #end: number;
  readonly #first: number;
  #next: number;
  #reading: Reading | undefined;
  /** Up to where it was told what was read, and the last value there. */
  #toldTo: number;
  #toldLast: OrderedValue | undefined;

  constructor(parts: ParquetInputParts, task: RowGroupTask, first: number) {
    this.#parts = parts;
    this.#task = task;
    this.#first = first;
    this.#next = first;
    this.#toldTo = first;
    this.#end = task.firstSequence + task.packets;
  }

  get isThrough(): boolean {
    return this.#next === this.#end;
  }

  async next(): Promise<Morsel> {
    const { gate } = this.#parts;
    const passed = gate.pass(this.#next);
    if (passed !== undefined) await passed;
    if (!gate.isEnough()) this.#reading ??= new Reading(this.#parts, this.#task, this.#first);
    const packet = await this.#reading?.take();
    const sequence = this.#next++;
    if (this.isThrough) await this.#finish(packet);
    if (this.isThrough || !gate.isOpen) this.#tell(packet?.ordered);
    const { bytes, packets } = this.#task;
    return { sequence, batches: packet?.batches ?? [], bytes: Math.round(bytes / packets) };
  }

  async close(): Promise<void> {
    await this.#reading?.stop();
  }

  /** Behind the last packet checksums are compared. */
  async #finish(packet: Packet | undefined): Promise<void> {
    try {
      await this.#reading?.take();
    } catch (error) {
      for (const batch of packet?.batches ?? []) batch.release();
      throw error;
    }
  }

  /** Once a task, unless a barrier may wait for less: then packet by packet. */
  #tell(ordered: ValueRange | undefined): void {
    if (this.#parts.source.orderedOn === undefined) return;
    const { path, firstRow } = this.#task;
    const count = this.#next - this.#toldTo;
    const first = this.#toldLast ?? this.#reading?.lastSkipped ?? ordered?.first;
    this.#parts.onSplit({ split: this.#toldTo, count, first, last: ordered?.last, at: { file: path, row: firstRow } });
    this.#toldTo = this.#next;
    this.#toldLast = ordered?.last;
  }
}

/** Decodes a task as far as it is asked to. */
class Reading {
  /** The last value before the first packet, where that is not the first of the task. */
  lastSkipped: OrderedValue | undefined;
  readonly #handoff = new Handoff<Packet>();
  readonly #stop = new AbortController();
  readonly #pieces: PacketPieces;
  readonly #ended: Promise<void>;
  readonly #from: number;
  #sequence: number;

  /** @param from packets before it are read and dropped: an earlier attempt or run has published them */
  constructor(parts: ParquetInputParts, task: RowGroupTask, from: number) {
    const { arena, owner, fields, source } = parts;
    const checksums = source.stored?.checksums[task.path];
    this.#pieces = new PacketPieces(task);
    this.#from = from;
    this.#sequence = task.firstSequence;
    this.#ended = readParquetRows({
      arena,
      owner,
      path: task.path,
      rowGroups: task.rowGroups.map(({ index }) => index),
      columns: fields.map(({ name }) => name),
      types: fields,
      batchRows: source.batchRows,
      pieceRows: task.packetRows,
      firstRow: task.sourceRow,
      isLast: task.isLast,
      signal: this.#stop.signal,
      ...(source.orderedOn !== undefined && { orderedOn: source.orderedOn }),
      ...(checksums !== undefined && { checksums: parseChecksums(checksums), pagesInArena: true }),
      publish: (piece, ordered) => this.#publish(piece, ordered),
    }).then(
      () => this.#handoff.end(),
      (error: unknown) => this.#handoff.end({ error }),
    );
  }

  /** The next packet; undefined behind the last. @throws what reading throws */
  async take(): Promise<Packet | undefined> {
    return (await this.#handoff.take())?.value;
  }

  /** Gives back what is not taken. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#handoff.leave();
    await this.#ended;
    this.#pieces.close();
  }

  #publish(piece: Batch, ordered: ValueRange | undefined): void | Promise<void> {
    if (this.#stop.signal.aborted) return piece.release();
    const batches = this.#pieces.add(piece);
    if (batches === undefined) return undefined;
    const range = ordered && { first: ordered.first, last: ordered.last };
    if (this.#sequence++ >= this.#from) return this.#handoff.put({ batches, ordered: range });
    this.lastSkipped = range?.last;
    for (const batch of batches) batch.release();
  }
}
