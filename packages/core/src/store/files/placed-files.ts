import { randomBytes } from 'node:crypto';
import { constants, copyFile, link, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { makeFolder, syncFolder } from '../../formats/durable-file.ts';
import { fileError } from '../../formats/file-error.ts';
import type { StagedFile } from './dataset-file.ts';

interface PlacedFilesOptions {
  table: string;
  /** As they were staged. */
  files: readonly StagedFile[];
  keepsStaged?: boolean;
}

/** Files of one attempt on their way into the table's folder. Until the log names them, no reader sees them. */
export class PlacedFiles {
  readonly #table: string;
  readonly #batch: string = randomBytes(8).toString('hex');
  /** Names in the table's folder by the path that a file was staged under. */
  readonly #names = new Map<string, string>();

  /** Files that get a second name instead of a new one. */
  readonly #kept: ReadonlySet<string>;

  /** @param keepsStaged `files` stay where they are staged too */
  constructor({ table, files, keepsStaged = false }: PlacedFilesOptions) {
    this.#table = table;
    this.#kept = new Set(keepsStaged ? files.map(({ path }) => path) : []);
  }

  /** Gives files their names, which survive a power cut once `sync` has resolved. @throws ERR_IO */
  async place(files: readonly StagedFile[]): Promise<void> {
    try {
      await makeFolder(this.#table);
      for (const { path } of files) {
        if (this.#names.has(path)) continue;
        const name = `part-${String(this.#names.size).padStart(5, '0')}-${this.#batch}.parquet`;
        this.#names.set(path, name);
        await move(path, join(this.#table, name), this.#kept.has(path));
      }
    } catch (error) {
      throw await fileError(this.#table, error);
    }
  }

  /** @throws ERR_IO */
  async sync(): Promise<void> {
    try {
      await syncFolder(this.#table);
    } catch (error) {
      throw await fileError(this.#table, error);
    }
  }

  nameOf(file: StagedFile): string {
    return this.#names.get(file.path) ?? '';
  }

  /** Where a staged file lies now. */
  current(file: StagedFile): StagedFile {
    const name = this.#names.get(file.path);
    return name === undefined ? file : { ...file, path: join(this.#table, name) };
  }

  /** Removes what was placed, but for `kept`. */
  async discard(kept: readonly StagedFile[] = []): Promise<void> {
    const names = new Set(kept.map((file) => this.nameOf(file)));
    for (const name of this.#names.values()) if (!names.has(name)) await rm(join(this.#table, name), { force: true });
  }
}

/** Files of partitions may lie on another file system, or belong to another user. */
const CANNOT_MOVE: ReadonlySet<unknown> = new Set(['EXDEV', 'EPERM', 'EACCES', 'ENOTSUP']);

async function move(from: string, to: string, keeps: boolean): Promise<void> {
  try {
    await (keeps ? link : rename)(from, to);
  } catch (error) {
    if (!CANNOT_MOVE.has((error as NodeJS.ErrnoException).code)) throw error;
    await copyFile(from, to, constants.COPYFILE_EXCL);
    const file = await open(to, 'r+');
    await file.sync().finally(() => file.close());
  }
}
