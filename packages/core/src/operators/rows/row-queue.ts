/**
 * The latest rows of a stream, by their number: put in at the end, read any number of times, let go of from the start. For
 * operators that look back further than a batch. What does not fit into a limit lies on disk, batch by batch, and is read
 * from there each time that it is asked for.
 */
import type { Batch } from '../../batch/contract.ts';
import { sliceBatch } from '../../batch/slice-batch.ts';
import type { Fields } from '../../schema/types.ts';
import type { SpilledFile, SpillFile, SpillPosition } from '../../spill/contract.ts';
import type { MaybePromise, OperatorContext } from '../contract.ts';
import type { SavedBatch, SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';

/** A file is given up for a new one at this size, so that what was let go of leaves the disk. */
const FILE_BYTES = 64 * 2 ** 20;

/** A file and how many of its batches are still held. */
interface QueueFile {
  file: SpillFile;
  held: number;
}

/** As plain data. */
type SavedEntry = { first: number; rows: number; bytes: number } & (
  | { batch: SavedBatch }
  | { file: number; position: SpillPosition }
);

export interface SavedQueue {
  end: number;
  files: SpilledFile[];
  entries: SavedEntry[];
}

type Place = { batch: Batch } | { on: QueueFile; position: SpillPosition };
type Entry = Place & { first: number; rows: number; bytes: number };

export class RowQueue {
  readonly #context: OperatorContext;
  readonly #fields: Fields;
  readonly #limitBytes: number;
  #entries: Entry[] = [];
  #open: QueueFile | undefined;
  readonly #files = new Set<QueueFile>();
  #end = 0;
  #memoryBytes = 0;

  /** `limitBytes`: logical bytes in memory beyond which rows go to disk, where there is one. */
  constructor(context: OperatorContext, fields: Fields, limitBytes: number) {
    this.#context = context;
    this.#fields = fields;
    this.#limitBytes = limitBytes;
  }

  /** Number of the first row that is held. */
  get start(): number {
    return this.#entries[0]?.first ?? this.#end;
  }

  /** Number of the next row to come. */
  get end(): number {
    return this.#end;
  }

  /** Logical Arrow bytes in memory. */
  get bytes(): number {
    return this.#memoryBytes;
  }

  /**
   * Takes over a batch; one without rows is dropped.
   * @throws ERR_SPILL_LIMIT, ERR_SPILL_DISK, ERR_ABORTED
   */
  append(batch: Batch): MaybePromise {
    if (batch.rows === 0) return batch.release();
    const entry = { first: this.#end, rows: batch.rows, bytes: batch.logicalBytes };
    this.#end += batch.rows;
    const stays = this.#context.spill === undefined || this.#memoryBytes + entry.bytes <= this.#limitBytes;
    if (!stays) return this.#write(batch).then((place) => void this.#entries.push({ ...entry, ...place }));
    this.#memoryBytes += entry.bytes;
    this.#entries.push({ ...entry, batch });
  }

  /** Puts on disk what lies in memory. Does nothing where nothing can be spilled. */
  async spill(): Promise<void> {
    if (this.#context.spill === undefined) return;
    for (const [index, entry] of this.#entries.entries()) {
      if (!('batch' in entry)) continue;
      const { batch, first, rows, bytes } = entry;
      const place = await this.#write(batch.retain());
      this.#entries[index] = { first, rows, bytes, ...place };
      this.#memoryBytes -= bytes;
      batch.release();
    }
  }

  /**
   * Rows [from, to), all of them held, as slices in order, each the caller's; none ends a logical input.
   * @throws ERR_SPILL_CORRUPT, ERR_SPILL_DISK, ERR_MEMORY_EXHAUSTED
   */
  *slices(from: number, to: number): Generator<Batch, void> {
    const { arena, owner } = this.#context;
    for (const entry of this.#entries) {
      if (entry.first + entry.rows <= from) continue;
      if (entry.first >= to) return;
      const first = Math.max(from, entry.first);
      const rows = Math.min(to, entry.first + entry.rows) - first;
      const batch = this.#read(entry);
      try {
        yield sliceBatch(arena, owner, batch, first - entry.first, rows, 0);
      } finally {
        batch.release();
      }
    }
  }

  /** Lets go of batches that lie before a row as a whole. */
  dropBefore(row: number): void {
    for (let [entry] = this.#entries; entry !== undefined; [entry] = this.#entries) {
      if (entry.first + entry.rows > row) return;
      this.#entries.shift();
      this.#drop(entry);
    }
  }

  /** Saves what is held, which stays held; files are kept as they are. */
  async save(writer: SnapshotWriter): Promise<SavedQueue> {
    const files = [...this.#files].map((on) => ({ on, kept: writer.file(on.file) }));
    const entries: SavedEntry[] = [];
    for (const entry of this.#entries) {
      const { first, rows, bytes } = entry;
      const place =
        'batch' in entry
          ? { batch: await writer.batch(entry.batch) }
          : { file: files.findIndex(({ on }) => on === entry.on), position: entry.position };
      entries.push({ first, rows, bytes, ...place });
    }
    return { end: this.#end, files: files.map(({ kept }) => kept), entries };
  }

  restore({ end, files, entries }: SavedQueue, reader: SnapshotReader): void {
    const { name, owner } = this.#context;
    const opened = files.map((kept): QueueFile => this.#newFile(reader.file(kept, this.#fields, name)));
    for (const saved of entries) {
      const { first, rows, bytes } = saved;
      if ('batch' in saved) {
        this.#entries.push({ first, rows, bytes, batch: reader.batch(saved.batch, this.#fields, owner) });
        this.#memoryBytes += bytes;
        continue;
      }
      const on = opened[saved.file] as QueueFile;
      on.held += 1;
      this.#entries.push({ first, rows, bytes, on, position: saved.position });
    }
    for (const on of opened) if (on.held === 0) this.#giveUp(on);
    this.#end = end;
  }

  /** Gives up memory and disk. */
  close(): void {
    for (const entry of this.#entries.splice(0)) if ('batch' in entry) entry.batch.release();
    for (const { file } of this.#files) file.delete();
    this.#files.clear();
    this.#open = undefined;
    this.#memoryBytes = 0;
  }

  #read(entry: Entry): Batch {
    const { arena, owner } = this.#context;
    return 'batch' in entry ? entry.batch.retain() : entry.on.file.read(entry.position, arena, owner);
  }

  #drop(entry: Entry): void {
    if ('batch' in entry) {
      entry.batch.release();
      this.#memoryBytes -= entry.bytes;
      return;
    }
    const { on } = entry;
    on.held -= 1;
    if (on.held === 0 && on !== this.#open) this.#giveUp(on);
  }

  #giveUp(on: QueueFile): void {
    on.file.delete();
    this.#files.delete(on);
  }

  /** Takes over a batch. */
  async #write(batch: Batch): Promise<Place> {
    const { arena, name, spill } = this.#context;
    try {
      this.#open ??= this.#newFile(spill?.createFile(arena, this.#fields, name) as SpillFile);
      const on = this.#open;
      const position = await on.file.append(batch);
      on.held += 1;
      if (on.file.bytes >= FILE_BYTES) this.#open = undefined;
      return { on, position };
    } finally {
      batch.release();
    }
  }

  #newFile(file: SpillFile): QueueFile {
    const made = { file, held: 0 };
    this.#files.add(made);
    return made;
  }
}
