/**
 * What a program has fed and cannot be asked for again: the pieces since the last barrier, in order. Some lie in shared memory, the rest on
 * disk, small ones together; all can be given once more when the run starts again. Where nothing is kept, a piece is gone once it is out.
 */
import type { Fields } from '@spillway/core';
import { handOn, openBatch, releaseDescriptor, retainDescriptor } from '@spillway/core/base';
import { concatBatches, sliceBatch } from '@spillway/core/data';
import type { Arena, Batch, MaybePromise, Ptr, Spill, SpillFile, SpillPosition } from '@spillway/core/internal';

interface Entry {
  rows: number;
  inputs: number;
  /** About what it takes in shared memory. */
  bytes: number;
  /** In memory: its descriptor, for handles of very many small pieces would be all that the collector has to do. 0 when it is not there. */
  descriptor: Ptr;
  /** On disk: rows of a batch that may hold those of several pieces. */
  saved: { file: SpillFile; position: SpillPosition; from: number } | undefined;
}

export interface FeedLogParts {
  arena: Arena;
  /** Called when the first piece goes to disk. */
  openSpill(): Promise<Spill>;
  /** Of the source. */
  name: string;
  /** Bytes that may stay in shared memory. */
  memoryBytes: number;
  /** The disk took no more: nothing can be kept from here on. */
  onLost(error: unknown): void;
}

/** Slabs of a piece beyond its rows: descriptor, alignment. */
const PIECE_BYTES = 64;
const COLUMN_BYTES = 192;
/** Parts of what may stay in memory: more than the first begins to go to disk, until the second is left. */
const SAVE_AT = 3 / 4;
const LEAVE = 1 / 2;
/** Pieces that go to disk as one batch, at most. */
const GROUP_BYTES = 256 * 1024;
const GROUP_ROWS = 65_536;

export class FeedLog {
  readonly #parts: FeedLogParts;
  readonly #entries: Entry[] = [];
  /** Sequence of the first entry. */
  #first = 0;
  /** Pieces before this one are not in memory any more. */
  #savedTo = 0;
  #fields: Fields = [];
  #saving: Promise<void> | undefined;
  #rowsBefore = 0;
  #heldBytes = 0;
  #bytes = 0;
  #keeps = false;
  #owner = 0;
  #spill: Spill | undefined;
  #file: SpillFile | undefined;
  /** The batch that was read last. */
  #read: { position: SpillPosition; batch: Batch } | undefined;

  constructor(parts: FeedLogParts) {
    this.#parts = parts;
  }

  /** Number of the next piece. */
  get next(): number {
    return this.#first + this.#entries.length;
  }

  /** Number of the first piece that is kept. */
  get first(): number {
    return this.#first;
  }

  /** Rows of the pieces before the first that is kept. */
  get rowsBefore(): number {
    return this.#rowsBefore;
  }

  /** About what all that is kept takes, in memory and on disk. */
  get bytes(): number {
    return this.#bytes;
  }

  get keeps(): boolean {
    return this.#keeps;
  }

  /** From now on pieces stay until a barrier is behind them, or go once they are out. */
  setKeeps(keeps: boolean): void {
    this.#keeps = keeps;
  }

  /** Whom pieces are charged to that come back from disk. */
  setOwner(owner: number): void {
    this.#owner = owner;
  }

  /** Takes a piece over. */
  add(batch: Batch): void {
    const { rows, inputs, logicalBytes, fields } = batch;
    const bytes = logicalBytes + PIECE_BYTES + fields.length * COLUMN_BYTES;
    this.#fields = fields;
    this.#entries.push({ rows, inputs, bytes, descriptor: handOn(batch), saved: undefined });
    this.#heldBytes += bytes;
    this.#bytes += bytes;
  }

  /** A handle of the caller's own. */
  take(sequence: number): Batch {
    const entry = this.#entries[sequence - this.#first] as Entry;
    const { saved, rows, inputs } = entry;
    if (saved === undefined) return this.#open(entry);
    const { file, position, from } = saved;
    const { arena } = this.#parts;
    if (this.#read?.position !== position) {
      this.#closeRead();
      this.#read = { position, batch: file.read(position, arena, this.#owner) };
    }
    return sliceBatch(arena, this.#owner, (this.#read as { batch: Batch }).batch, from, rows, inputs);
  }

  /** Whether more is in memory than may stay there. */
  get isFull(): boolean {
    return this.#keeps && this.#heldBytes > this.#parts.memoryBytes;
  }

  /** A piece is out. It is kept in memory, on disk, or not at all. */
  settle(sequence: number): MaybePromise {
    if (!this.#keeps) return this.dropBelow(sequence + 1);
    const { memoryBytes } = this.#parts;
    if (this.#heldBytes > memoryBytes * SAVE_AT) this.#saving ??= this.#saveSome(sequence + 1);
    return this.isFull ? this.#saving : undefined;
  }

  /** Resolves when nothing is on its way to disk. */
  untilSaved(): MaybePromise {
    return this.#saving;
  }

  /** Behind the back of whoever feeds: he waits for the disk only when there is no more room. */
  async #saveSome(sequence: number): Promise<void> {
    try {
      await this.#saveUpTo(sequence, this.#parts.memoryBytes * LEAVE);
    } finally {
      this.#saving = undefined;
    }
  }

  /** Brings everything to disk: shared memory is about to be laid out anew. */
  async saveAll(): Promise<void> {
    await this.#saving;
    await this.#saveUpTo(this.next, 0);
    this.#closeRead();
  }

  /** Pieces before this one are needed no more. */
  dropBelow(sequence: number): void {
    for (const entry of this.#entries.splice(0, Math.max(0, sequence - this.#first))) {
      this.#first += 1;
      this.#rowsBefore += entry.rows;
      this.#bytes -= entry.bytes;
      this.#forget(entry);
    }
    // What is on its way to it belongs there.
    if (this.#saving !== undefined) return;
    if (this.#file === undefined || this.#entries.some(({ saved }) => saved?.file === this.#file)) return;
    this.#closeRead();
    this.#file.delete();
    this.#file = undefined;
  }

  close(): void {
    this.dropBelow(this.next);
    this.#spill?.close();
  }

  /** The oldest pieces in memory, until so many bytes are left there. */
  async #saveUpTo(sequence: number, leaveBytes: number): Promise<void> {
    while (this.#keeps && this.#heldBytes > leaveBytes) {
      this.#savedTo = Math.max(this.#savedTo, this.#first);
      if (this.#savedTo >= sequence) return;
      const group = this.#groupAt(this.#savedTo - this.#first, sequence - this.#first);
      await this.#save(group);
      this.#savedTo += group.length;
    }
  }

  #groupAt(at: number, end: number): Entry[] {
    const group: Entry[] = [];
    let bytes = 0;
    let rows = 0;
    for (const entry of this.#entries.slice(at, Math.min(end, at + GROUP_ROWS))) {
      bytes += entry.bytes;
      rows += entry.rows;
      if (group.length > 0 && (bytes > GROUP_BYTES || rows > GROUP_ROWS)) break;
      group.push(entry);
    }
    return group;
  }

  async #save(group: readonly Entry[]): Promise<void> {
    const { arena, name, onLost } = this.#parts;
    let whole: Batch | undefined;
    try {
      whole = this.#whole(group);
      this.#spill ??= await this.#parts.openSpill();
      this.#file ??= this.#spill.createFile(arena, whole.fields, name);
      const position = await this.#file.append(whole);
      let from = 0;
      for (const entry of group) {
        entry.saved = { file: this.#file, position, from };
        from += entry.rows;
        this.#forget(entry);
      }
    } catch (error) {
      this.#keeps = false;
      onLost(error);
    } finally {
      whole?.release();
    }
  }

  #whole(group: readonly Entry[]): Batch {
    const batches = group.map((entry) => this.#open(entry));
    const [first] = batches as [Batch];
    if (batches.length === 1) return first;
    try {
      return concatBatches(this.#parts.arena, this.#owner, this.#fields, batches);
    } finally {
      for (const batch of batches) batch.release();
    }
  }

  /** A handle of its own of what is in memory. */
  #open({ descriptor }: Entry): Batch {
    const { arena } = this.#parts;
    return openBatch(arena, retainDescriptor(arena, descriptor), this.#fields);
  }

  #forget(entry: Entry): void {
    if (entry.descriptor === 0) return;
    this.#heldBytes -= entry.bytes;
    releaseDescriptor(this.#parts.arena, entry.descriptor);
    entry.descriptor = 0;
  }

  #closeRead(): void {
    this.#read?.batch.release();
    this.#read = undefined;
  }
}
