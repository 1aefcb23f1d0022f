/** Files that are there whole or not at all. */
import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { PipelineError } from '../errors.ts';
import { fileError } from './file-error.ts';
import { makeFolders } from './make-folders.ts';

/** Marks files that a crash may leave behind; readers never look at them. */
export const TEMPORARY_SUFFIX = '.tmp';

/** Buffers that one call to the system takes. */
const MOST_VIEWS = 1024;

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
  for (const made of makeFolders(folder).reverse()) await syncFolder(dirname(made));
}

/** A file under a temporary name in its own folder, until `commit` gives it its name. */
export class DurableFile {
  bytes = 0;
  readonly path: string;
  readonly temporaryPath: string;
  readonly #handle: FileHandle;
  /** Whoever gives it its last name sees to it that this one survives a power cut. */
  readonly #isPassing: boolean;
  #isOpen = true;

  private constructor(path: string, temporaryPath: string, handle: FileHandle, bytes = 0, isPassing = false) {
    this.#isPassing = isPassing;
    this.path = path;
    this.temporaryPath = temporaryPath;
    this.#handle = handle;
    this.bytes = bytes;
  }

  /**
   * Creates the folder where it is missing.
   * @param isPassing its name need not survive a power cut, nor the folder: the file gets another name later
   * @throws ERR_IO, ERR_FILE_NOT_FOUND
   */
  static async create(path: string, isPassing = false): Promise<DurableFile> {
    const folder = dirname(path);
    const temporaryPath = join(folder, `.${basename(path)}.${randomBytes(6).toString('hex')}${TEMPORARY_SUFFIX}`);
    try {
      if (isPassing) makeFolders(folder);
      else await makeFolder(folder);
      return new DurableFile(path, temporaryPath, await open(temporaryPath, 'wx'), 0, isPassing);
    } catch (error) {
      throw await fileError(path, error);
    }
  }

  /**
   * Takes up a file under its own name, which is a temporary one to whoever looks for it: cut to its first bytes, to be written on from there.
   * `commit` and `discard` are not for it. @throws ERR_IO
   */
  static async takeUp(path: string, bytes: number): Promise<DurableFile> {
    try {
      await makeFolder(dirname(path));
      const handle = await open(path, bytes === 0 ? 'w+' : 'r+');
      const { size } = await handle.stat();
      if (size < bytes) {
        await handle.close();
        throw new PipelineError('ERR_IO', `${path} has ${size} bytes, and ${bytes} were written`, {
          file: path,
          hint: 'somebody changed a file of a run that goes on; run it anew',
        });
      }
      await handle.truncate(bytes);
      return new DurableFile(path, path, handle, bytes);
    } catch (error) {
      throw error instanceof PipelineError ? error : await fileError(path, error);
    }
  }

  /** Appends. @throws ERR_IO */
  async write(bytes: Uint8Array): Promise<void> {
    try {
      let done = 0;
      while (done < bytes.length) {
        const at = this.bytes + done;
        done += (await this.#handle.write(bytes, done, bytes.length - done, at)).bytesWritten;
      }
      this.bytes += bytes.length;
    } catch (error) {
      throw await fileError(this.path, error);
    }
  }

  /** Appends all of them, in few calls. @throws ERR_IO */
  async writeAll(views: readonly Uint8Array[]): Promise<void> {
    for (let from = 0; from < views.length; from += MOST_VIEWS)
      await this.#writeSome(views.slice(from, from + MOST_VIEWS));
  }

  async #writeSome(views: readonly Uint8Array[]): Promise<void> {
    const bytes = views.reduce((sum, view) => sum + view.length, 0);
    try {
      const { bytesWritten } = await this.#handle.writev(views, this.bytes);
      this.bytes += bytesWritten;
      if (bytesWritten === bytes) return;
      // Short, as when a signal came or the disk is nearly full: the rest one by one.
      let skip = bytesWritten;
      for (const view of views) {
        if (skip < view.length) await this.write(view.subarray(skip));
        skip = Math.max(0, skip - view.length);
      }
    } catch (error) {
      throw await fileError(this.path, error);
    }
  }

  /** Puts the bytes on the disk; more may follow. @throws ERR_IO */
  async sync(): Promise<void> {
    try {
      await this.#handle.sync();
    } catch (error) {
      throw await fileError(this.path, error);
    }
  }

  /** Bytes that were written before. @throws ERR_IO */
  async read(at: number, bytes: number): Promise<Uint8Array> {
    const view = new Uint8Array(bytes);
    try {
      let done = 0;
      while (done < bytes) {
        const { bytesRead } = await this.#handle.read(view, done, bytes - done, at + done);
        if (bytesRead === 0) throw new Error('the file shrank while it was being written');
        done += bytesRead;
      }
      return view;
    } catch (error) {
      throw await fileError(this.path, error);
    }
  }

  /** Lets go of it; what was written stays. */
  async close(): Promise<void> {
    await this.#close();
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
      if (!this.#isPassing) await syncFolder(dirname(this.path));
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
