/** Sorted runs, in memory or on disk, and reading one from its first row to its last. */
import type { Batch, Column } from '../../batch/contract.ts';
import type { Arena } from '../../memory/contract.ts';
import { PAGE_BYTES } from '../../memory/layout.ts';
import type { Fields } from '../../schema/types.ts';
import type { SpilledFile, SpillFile, SpillPosition } from '../../spill/contract.ts';
import type { SavedBatch, SavedList, SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import { BatchKeys, type KeyPlan, type KeyRow } from './key-words.ts';

/** About what a batch takes beside its columns. */
const DESCRIPTOR_BYTES = 512;

/** Batches that follow each other in order. The run owns them, or the file they are in. */
export interface SortedRun {
  /** Bytes of memory that reading it needs: all of it, or its largest batch. */
  bytes: number;
  /** Bytes on disk; 0 for a run in memory. */
  fileBytes: number;
  rows: number;
  /** The next batch, owned by the caller; undefined behind the last. */
  next(): Batch | undefined;
  /** Gives back what was not read. */
  close(): void;
}

/** A run in memory, saved. */
export interface SavedMemoryRun {
  batches: SavedBatch[];
  bytes: number;
}

/** A run on disk, which stays where it is. */
export interface SavedRun {
  file: SpilledFile;
  /** Where its batches are: many, where batches are small. */
  positions: SavedList;
  bytes: number;
  rows: number;
}

export class MemoryRun implements SortedRun {
  bytes = 0;
  readonly fileBytes = 0;
  rows = 0;
  readonly #batches: Batch[] = [];
  #read = 0;

  /** Takes over a batch whose rows come behind all others. */
  add(batch: Batch, bytes: number): void {
    this.#batches.push(batch);
    this.bytes += bytes;
    this.rows += batch.rows;
  }

  get last(): Batch {
    return this.#batches.at(-1) as Batch;
  }

  /** Before anything is read. */
  async save(writer: SnapshotWriter): Promise<SavedMemoryRun> {
    const batches: SavedBatch[] = [];
    for (const batch of this.#batches) batches.push(await writer.batch(batch));
    return { batches, bytes: this.bytes };
  }

  static restore(saved: SavedMemoryRun, fields: Fields, owner: number, reader: SnapshotReader): MemoryRun {
    const run = new MemoryRun();
    for (const batch of saved.batches) run.add(reader.batch(batch, fields, owner), saved.bytes / saved.batches.length);
    return run;
  }

  next(): Batch | undefined {
    return this.#batches[this.#read++];
  }

  close(): void {
    for (const batch of this.#batches.slice(this.#read)) batch.release();
    this.#read = this.#batches.length;
  }
}

export class SpilledRun implements SortedRun {
  bytes = 0;
  rows = 0;
  readonly #file: SpillFile;
  readonly #positions: SpillPosition[] = [];
  readonly #arena: Arena;
  readonly #owner: number;
  #read = 0;

  constructor(file: SpillFile, arena: Arena, owner: number) {
    this.#file = file;
    this.#arena = arena;
    this.#owner = owner;
  }

  get fileBytes(): number {
    return this.#file.bytes;
  }

  /** Before anything is read: the file is kept, no row is copied. */
  async save(writer: SnapshotWriter): Promise<SavedRun> {
    const positions = await writer.list(this.#positions);
    return { file: writer.file(this.#file), positions, bytes: this.bytes, rows: this.rows };
  }

  static restore(
    saved: SavedRun,
    { file, arena, owner, reader }: { file: SpillFile; arena: Arena; owner: number; reader: SnapshotReader },
  ): SpilledRun {
    const run = new SpilledRun(file, arena, owner);
    run.bytes = saved.bytes;
    run.rows = saved.rows;
    let layout = '';
    for (const position of reader.list<SpillPosition>(saved.positions)) {
      // One text for all that lie alike, as when they were written.
      if (position.layout !== layout) layout = position.layout;
      run.#positions.push({ ...position, layout });
    }
    return run;
  }

  async add(batch: Batch): Promise<void> {
    const position = await this.#file.append(batch);
    this.#positions.push(position);
    this.bytes = Math.max(this.bytes, slabBytes(position.bytes));
    this.rows += batch.rows;
  }

  next(): Batch | undefined {
    const position = this.#positions[this.#read++];
    if (position === undefined) return undefined;
    const batch = this.#file.read(position, this.#arena, this.#owner);
    // The disk is wanted by others: a file goes when its last batch has been read.
    if (this.#read === this.#positions.length) this.#file.delete();
    return batch;
  }

  close(): void {
    this.#file.delete();
  }
}

/** In every word, this is behind all keys: flags are smaller. */
export const BEHIND_ALL = 0xffff_ffff;

/** Where the merge is in a run. */
export class RunCursor implements KeyRow {
  /** Undefined behind the last row. */
  batch: Batch | undefined;
  row = 0;
  /** Number of its batch among those that the merge reads from at the moment. */
  slot = 0;
  /** Where its key is: those of all cursors lie in one array. */
  readonly words: Uint32Array;
  readonly at: number;
  readonly run: SortedRun;
  readonly #arena: Arena;
  readonly #plan: KeyPlan;
  #keys: BatchKeys | undefined;

  constructor(run: SortedRun, arena: Arena, plan: KeyPlan, words: Uint32Array, at: number) {
    this.run = run;
    this.#arena = arena;
    this.#plan = plan;
    this.words = words;
    this.at = at;
  }

  get keys(): BatchKeys {
    return this.#keys as BatchKeys;
  }

  /** Goes to the first row of the next batch; the one before is the caller's. Returns whether there is one. */
  open(): boolean {
    // Before anything can fail: the batch is the caller's now.
    this.batch = undefined;
    this.batch = this.run.next();
    this.row = 0;
    this.#keys = this.batch === undefined ? undefined : new BatchKeys(this.#arena, this.#plan, this.batch);
    if (this.batch === undefined) this.words.fill(BEHIND_ALL, this.at, this.at + this.#plan.width);
    else this.loadKey();
    return this.batch !== undefined;
  }

  loadKey(): void {
    this.keys.load(this.row, 1, this.words, this.at);
  }

  /** The key of another row of the same batch, in the given words. */
  keyAt(row: number, words: Uint32Array): KeyRow {
    this.keys.load(row, 1, words, 0);
    return { words, at: 0, keys: this.keys, row };
  }

  close(): void {
    this.batch?.release();
    this.batch = undefined;
    this.run.close();
  }
}

/** Bytes that the buffers of a batch take, its dictionaries left out when they are also those of `before`. */
export function bytesOf(batch: Batch, before?: Batch): number {
  return slabBytes(
    batch.columns.reduce((sum, column, index) => sum + columnBytes(column, before?.columns[index]), DESCRIPTOR_BYTES),
  );
}

/** In whole pages, of which slabs are made; small ones share some. */
function slabBytes(bytes: number): number {
  return bytes < PAGE_BYTES ? bytes : Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;
}

function columnBytes(column: Column, before: Column | undefined): number {
  const isShared = column.child !== undefined && column.child.values === before?.child?.values;
  const child = column.child === undefined || isShared ? 0 : columnBytes(column.child, undefined);
  const validity = column.validity === 0 ? 0 : column.length / 8;
  const offsets = column.offsets === 0 ? 0 : column.length * 4;
  return Math.ceil(validity + offsets + column.valueBytes + child);
}
