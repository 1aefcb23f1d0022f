import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Arena } from '../memory/contract.ts';
import type { Fields } from '../schema/types.ts';
import type { Spill, SpillAccount, SpillAlert, SpillDisk, SpilledFile, SpillFile } from './contract.ts';
import { localAccount, nodeDisk } from './disk.ts';
import { ArrowSpillFile, type SpillFileParts } from './spill-file.ts';

export interface LaneSpillOptions {
  /** The run's own folder. Made when the first file is. */
  folder: string;
  /** Tells the files of this lane from those of others. */
  lane: string;
  /** Bytes on disk that all lanes of the run may have together. Default: no limit. */
  limitBytes?: number;
  /** Counts for all of them. Default: for this lane alone. */
  account?: SpillAccount;
  signal?: AbortSignal;
  onAlert?: (alert: SpillAlert) => void;
  /** Told of bytes as they are written, and of the name given with the file, for statistics. */
  onWritten?: (bytes: number, name: string) => void;
  disk?: SpillDisk;
  sleep?: (ms: number) => Promise<void>;
}

/** The spill files of one lane. The run removes the folder when everything has ended. */
export class LaneSpill implements Spill {
  spilledBytes = 0;
  readonly #options: LaneSpillOptions;
  readonly #disk: SpillDisk;
  readonly #account: SpillAccount;
  readonly #files: Set<SpillFile> = new Set();
  #made = 0;

  constructor(options: LaneSpillOptions) {
    this.#options = options;
    this.#account = options.account ?? localAccount();
    const { disk = nodeDisk } = options;
    let hasFolder = false;
    this.#disk = {
      ...disk,
      open: (path) => {
        if (!hasFolder) disk.makeFolder(options.folder);
        hasFolder = true;
        return disk.open(path);
      },
    };
  }

  createFile(arena: Arena, fields: Fields, name: string): SpillFile {
    const { folder, lane } = this.#options;
    const path = join(folder, `${lane}-${this.#made++}.arrows`);
    return this.#added(new ArrowSpillFile(path, arena, fields, this.#partsOf(name)));
  }

  reopen(arena: Arena, kept: SpilledFile, fields: Fields, name: string): SpillFile {
    return this.#added(ArrowSpillFile.reopen(kept, arena, fields, this.#partsOf(name)));
  }

  #added(file: SpillFile): SpillFile {
    this.#files.add(file);
    return file;
  }

  #partsOf(name: string): SpillFileParts {
    const { limitBytes = Infinity, signal, onAlert, onWritten } = this.#options;
    return {
      disk: this.#disk,
      account: this.#account,
      limitBytes,
      stage: name,
      signal: signal ?? new AbortController().signal,
      onAlert: (alert) => onAlert?.(alert),
      onWritten: (bytes) => {
        this.spilledBytes += bytes;
        onWritten?.(bytes, name);
      },
      onDeleted: (deleted) => void this.#files.delete(deleted),
      sleep: this.#options.sleep ?? ((ms) => sleep(ms, undefined)),
    };
  }

  close(): void {
    const errors: unknown[] = [];
    for (const file of this.#files) {
      try {
        file.delete();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
