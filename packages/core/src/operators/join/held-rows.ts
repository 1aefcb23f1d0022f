import type { Batch } from '../../batch/contract.ts';
import type { Arena } from '../../memory/contract.ts';
import type { Fields } from '../../schema/types.ts';
import type { Spill } from '../../spill/contract.ts';
import { BatchFiles, type BatchPlace, type SavedPlaces } from '../batch-files.ts';
import type { MaybePromise } from '../contract.ts';
import type { SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';

export interface HeldRowsOptions {
  arena: Arena;
  owner: number;
  fields: Fields;
  /** Logical bytes in memory beyond which rows go to disk. */
  limitBytes: number;
  /** Absent where nothing can be spilled: then everything stays in memory. */
  spill: Spill | undefined;
  /** Of the operator. */
  name: string;
}

/**
 * Rows of one input that its operator cannot use yet: put in at the end, taken out from the start, each once, and counted. What
 * lies here is not looked at in between, so beyond a limit it lies on disk.
 */
export class HeldRows {
  readonly #limitBytes: number;
  readonly #files: BatchFiles;
  #entries: BatchPlace[] = [];
  #rows = 0;
  #bytes = 0;

  constructor({ limitBytes, ...parts }: HeldRowsOptions) {
    this.#limitBytes = limitBytes;
    this.#files = new BatchFiles(parts);
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Logical Arrow bytes in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Takes over a batch. One that has no rows and ends no logical input is dropped.
   * @throws ERR_SPILL_LIMIT, ERR_SPILL_DISK, ERR_ABORTED
   */
  append(batch: Batch): MaybePromise {
    if (batch.rows === 0 && batch.inputs === 0) return batch.release();
    this.#rows += batch.rows;
    // The first one is used at once in most cases.
    const isFirst = this.#entries.length === 0;
    const stays = !this.#files.canWrite || isFirst || this.#bytes + batch.logicalBytes <= this.#limitBytes;
    if (!stays) return this.#write(batch).then((entry) => void this.#entries.push(entry));
    this.#bytes += batch.logicalBytes;
    this.#entries.push({ batch });
  }

  /** Puts on disk what lies in memory. Does nothing where nothing can be spilled. */
  async spill(): Promise<void> {
    if (!this.#files.canWrite) return;
    for (const [index, entry] of this.#entries.entries()) {
      if (!('batch' in entry)) continue;
      const { logicalBytes } = entry.batch;
      this.#entries[index] = await this.#write(entry.batch.retain());
      entry.batch.release();
      this.#bytes -= logicalBytes;
    }
  }

  /** The first batch, now the caller's. @throws ERR_SPILL_CORRUPT, ERR_SPILL_DISK, ERR_MEMORY_EXHAUSTED */
  take(): Batch | undefined {
    const entry = this.#entries.shift();
    if (entry === undefined) return undefined;
    if ('batch' in entry) {
      this.#rows -= entry.batch.rows;
      this.#bytes -= entry.batch.logicalBytes;
      return entry.batch;
    }
    const batch = this.#files.read(entry);
    this.#files.drop(entry);
    this.#rows -= batch.rows;
    return batch;
  }

  save(writer: SnapshotWriter): Promise<SavedPlaces> {
    return this.#files.save(this.#entries, writer);
  }

  restore(saved: SavedPlaces, reader: SnapshotReader): void {
    this.#entries = this.#files.restore(saved, reader);
    for (const entry of this.#entries) {
      this.#rows += 'batch' in entry ? entry.batch.rows : entry.position.rows;
      this.#bytes += 'batch' in entry ? entry.batch.logicalBytes : 0;
    }
  }

  /** Gives up memory and disk. */
  close(): void {
    for (const entry of this.#entries.splice(0)) if ('batch' in entry) entry.batch.release();
    this.#files.close();
    this.#rows = 0;
    this.#bytes = 0;
  }

  /** Takes over the batch. */
  async #write(batch: Batch): Promise<BatchPlace> {
    try {
      return await this.#files.write(batch);
    } finally {
      batch.release();
    }
  }
}
