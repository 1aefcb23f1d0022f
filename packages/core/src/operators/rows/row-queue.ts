/**
 * The latest rows of a stream, by their number: put in at the end, read any number of times, let go of from the start. For
 * operators that look back further than a batch. What does not fit into a limit lies on disk, batch by batch, and is read
 * from there each time that it is asked for.
 */
import type { Batch } from '../../batch/contract.ts';
import { sliceBatch } from '../../batch/slice-batch.ts';
import type { Fields } from '../../schema/types.ts';
import { BatchFiles, type BatchPlace, type SavedPlaces } from '../batch-files.ts';
import type { MaybePromise, OperatorContext } from '../contract.ts';
import type { SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';

export interface SavedQueue {
  end: number;
  held: SavedPlaces;
}

type Entry = BatchPlace & { first: number; rows: number };

export class RowQueue {
  readonly #context: OperatorContext;
  readonly #limitBytes: number;
  readonly #files: BatchFiles;
  #entries: Entry[] = [];
  #end = 0;
  #memoryBytes = 0;

  /** `limitBytes`: logical bytes in memory beyond which rows go to disk, where there is one. */
  constructor(context: OperatorContext, fields: Fields, limitBytes: number) {
    const { arena, owner, spill, name } = context;
    this.#context = context;
    this.#limitBytes = limitBytes;
    this.#files = new BatchFiles({ arena, owner, fields, spill, name });
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
    const { rows, logicalBytes } = batch;
    const first = this.#end;
    this.#end += rows;
    const stays = !this.#files.canWrite || this.#memoryBytes + logicalBytes <= this.#limitBytes;
    if (!stays) return this.#write(batch).then((place) => void this.#entries.push({ first, rows, ...place }));
    this.#memoryBytes += logicalBytes;
    this.#entries.push({ first, rows, batch });
  }

  /** Puts on disk what lies in memory. Does nothing where nothing can be spilled. */
  async spill(): Promise<void> {
    if (!this.#files.canWrite) return;
    for (const [index, entry] of this.#entries.entries()) {
      if (!('batch' in entry)) continue;
      const { batch, first, rows } = entry;
      const { logicalBytes } = batch;
      this.#entries[index] = { first, rows, ...(await this.#write(batch.retain())) };
      this.#memoryBytes -= logicalBytes;
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
      const batch = 'batch' in entry ? entry.batch.retain() : this.#files.read(entry);
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
    return { end: this.#end, held: await this.#files.save(this.#entries, writer) };
  }

  restore({ end, held }: SavedQueue, reader: SnapshotReader): void {
    const places = this.#files.restore(held, reader);
    const counts = places.map((place) => ('batch' in place ? place.batch.rows : place.position.rows));
    let first = end - counts.reduce((sum, rows) => sum + rows, 0);
    for (const [index, place] of places.entries()) {
      const rows = counts[index] as number;
      this.#entries.push({ first, rows, ...place });
      first += rows;
      if ('batch' in place) this.#memoryBytes += place.batch.logicalBytes;
    }
    this.#end = end;
  }

  /** Gives up memory and disk. */
  close(): void {
    for (const entry of this.#entries.splice(0)) if ('batch' in entry) entry.batch.release();
    this.#files.close();
    this.#memoryBytes = 0;
  }

  #drop(entry: Entry): void {
    if (!('batch' in entry)) return this.#files.drop(entry);
    this.#memoryBytes -= entry.batch.logicalBytes;
    entry.batch.release();
  }

  /** Takes over a batch. */
  async #write(batch: Batch): Promise<BatchPlace> {
    try {
      return await this.#files.write(batch);
    } finally {
      batch.release();
    }
  }
}
