import type { Batch } from '../../batch/contract.ts';
import type { Arena } from '../../memory/contract.ts';
import type { Fields } from '../../schema/types.ts';
import type { Spill, SpillFile, SpillPosition } from '../../spill/contract.ts';
import type { MaybePromise } from '../contract.ts';

/** A file is given up for a new one at this size, so that what was read leaves the disk. */
const FILE_BYTES = 64 * 2 ** 20;

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

/** A file and how many of its batches are still to be read. */
interface HeldFile {
  file: SpillFile;
  unread: number;
}

type Entry = { batch: Batch } | { on: HeldFile; position: SpillPosition };

/**
 * Rows of one input that its operator cannot use yet: put in at the end, taken out from the start, each once, and counted. What
 * lies here is not looked at in between, so beyond a limit it lies on disk.
 */
export class HeldRows {
  readonly #options: HeldRowsOptions;
  #entries: Entry[] = [];
  #open: HeldFile | undefined;
  readonly #files = new Set<HeldFile>();
  #rows = 0;
  #bytes = 0;

  constructor(options: HeldRowsOptions) {
    this.#options = options;
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
    const { limitBytes, spill } = this.#options;
    this.#rows += batch.rows;
    // The first one is used at once in most cases.
    const stays = spill === undefined || this.#entries.length === 0 || this.#bytes + batch.logicalBytes <= limitBytes;
    if (!stays) return this.#write(batch, spill).then((entry) => void this.#entries.push(entry));
    this.#bytes += batch.logicalBytes;
    this.#entries.push({ batch });
  }

  /** Puts on disk what lies in memory. Does nothing where nothing can be spilled. */
  async spill(): Promise<void> {
    const { spill } = this.#options;
    if (spill === undefined) return;
    for (const [index, entry] of this.#entries.entries()) {
      if (!('batch' in entry)) continue;
      const { logicalBytes } = entry.batch;
      this.#entries[index] = await this.#write(entry.batch.retain(), spill);
      entry.batch.release();
      this.#bytes -= logicalBytes;
    }
  }

  /** The first batch, now the caller's. @throws ERR_SPILL_CORRUPT, ERR_SPILL_DISK, ERR_MEMORY_EXHAUSTED */
  take(): Batch | undefined {
    const entry = this.#entries.shift();
    if (entry === undefined) return undefined;
    const batch = 'batch' in entry ? entry.batch : this.#read(entry);
    this.#rows -= batch.rows;
    if ('batch' in entry) this.#bytes -= batch.logicalBytes;
    return batch;
  }

  /** Gives up memory and disk. */
  close(): void {
    for (const entry of this.#entries.splice(0)) if ('batch' in entry) entry.batch.release();
    for (const { file } of this.#files) file.delete();
    this.#files.clear();
    this.#open = undefined;
    this.#rows = 0;
    this.#bytes = 0;
  }

  async #write(batch: Batch, spill: Spill): Promise<Entry> {
    const { arena, fields, name } = this.#options;
    if (this.#open === undefined) {
      this.#open = { file: spill.createFile(arena, fields, name), unread: 0 };
      this.#files.add(this.#open);
    }
    const on = this.#open;
    try {
      const position = await on.file.append(batch);
      on.unread += 1;
      if (on.file.bytes >= FILE_BYTES) this.#open = undefined;
      return { on, position };
    } finally {
      batch.release();
    }
  }

  #read({ on, position }: Extract<Entry, { on: HeldFile }>): Batch {
    const { arena, owner } = this.#options;
    const batch = on.file.read(position, arena, owner);
    on.unread -= 1;
    if (on.unread > 0) return batch;
    on.file.delete();
    this.#files.delete(on);
    if (this.#open === on) this.#open = undefined;
    return batch;
  }
}
