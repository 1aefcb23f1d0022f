/** Files that are there whole or not at all. */
import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { fileError } from './file-error.ts';

/** Marks files that a crash may leave behind; readers never look at them. */
export const TEMPORARY_SUFFIX = '.tmp';

/** Makes a rename, link or new file in a folder survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes a folder and those above it, so that they survive a power cut. */
export async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

/** A file under a temporary name in its own folder, until `commit` gives it its name. */
export class DurableFile {
  bytes = 0;
  readonly path: string;
  readonly temporaryPath: string;
  readonly #handle: FileHandle;
  #isOpen = true;

  private constructor(path: string, temporaryPath: string, handle: FileHandle) {
    this.path = path;
    this.temporaryPath = temporaryPath;
    this.#handle = handle;
  }

  /** Creates the folder where it is missing. @throws ERR_IO, ERR_FILE_NOT_FOUND */
  static async create(path: string): Promise<DurableFile> {
    const folder = dirname(path);
    const temporaryPath = join(folder, `.${basename(path)}.${randomBytes(6).toString('hex')}${TEMPORARY_SUFFIX}`);
    try {
      await makeFolder(folder);
      return new DurableFile(path, temporaryPath, await open(temporaryPath, 'wx'));
    } catch (error) {
      throw await fileError(path, error);
    }
  }

  /** Appends. @throws ERR_IO */
  async write(bytes: Uint8Array): Promise<void> {
    try {
      let done = 0;
      while (done < bytes.length) done += (await this.#handle.write(bytes, done, bytes.length - done)).bytesWritten;
      this.bytes += bytes.length;
    } catch (error) {
      throw await fileError(this.path, error);
    }
  }

  /** Puts the bytes on the disk; the name is still temporary. @throws ERR_IO */
  async seal(): Promise<void> {
    try {
      await this.#handle.sync();
      await this.#close();
    } catch (error) {
      throw await fileError(this.path, error);
    }
  }

  /** After `seal`: gives the file its name, replacing an older one. @throws ERR_IO */
  async commit(): Promise<void> {
    try {
      await rename(this.temporaryPath, this.path);
      await syncFolder(dirname(this.path));
    } catch (error) {
      throw await fileError(this.path, error);
    }
  }

  /** Removes the temporary. Does nothing after `commit`. */
  async discard(): Promise<void> {
    await this.#close();
    await rm(this.temporaryPath, { force: true });
  }

  async #close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#handle.close();
  }
}
