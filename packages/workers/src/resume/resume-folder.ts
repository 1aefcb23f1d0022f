/**
 * The folder of one resume id: who holds it, the newest checkpoint, and what operators had on disk at it. A checkpoint decides the moment it has
 * its name: written under another, flushed, linked, folder flushed.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, link, open, readdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { PipelineError } from '@spillway/core/base';
import { linkIfAbsent, makeFolder, syncFolder } from '@spillway/core/files';
import type { SpilledFile } from '@spillway/core/internal';
import { isStale, runFolder } from '@spillway/core/spill';
import { type DurableCheckpoint, decodeCheckpoint, encodeCheckpoint, type StateFile } from './checkpoint-file.ts';

const HOLDER = /^holder-(\d{8})$/;
const CHECKPOINT = /^checkpoint-(\d{8})$/;
const STATES = /^states-(\d{8})$/;

function numbered(kind: string, number: number): string {
  return `${kind}-${String(number).padStart(8, '0')}`;
}

/** Exclusively this process's, until it is released. */
export class ResumeFolder {
  readonly path: string;
  readonly #holder: string;

  private constructor(path: string, holder: string) {
    this.path = path;
    this.#holder = holder;
  }

  /** @throws ERR_RESUME_BUSY when a live process holds it, ERR_IO, ERR_STORE_UNSUPPORTED (a file system without links) */
  static async hold(path: string, id: string): Promise<ResumeFolder> {
    await makeFolder(path);
    const holders = numbersOf(await readdir(path), HOLDER);
    const last = holders.at(-1) ?? 0;
    const before = last === 0 ? '' : await readFile(join(path, numbered('holder', last)), 'utf8').catch(() => '');
    if (before !== '' && !isStale(before)) throw busy(id, path, before);
    // Who comes second finds the name taken: the number tells whose turn it was.
    const holder = join(path, numbered('holder', last + 1));
    const isOurs = await createFile(path, holder, Buffer.from(basename(runFolder(''))));
    if (!isOurs) throw busy(id, path, 'another process');
    for (const old of holders) await rm(join(path, numbered('holder', old)), { force: true });
    return new ResumeFolder(path, holder);
  }

  async release(): Promise<void> {
    await rm(this.#holder, { force: true });
  }

  /** The newest one, if there is any. What older ones and undecided ones left is removed. @throws ERR_RESUME_CORRUPT, ERR_IO */
  async newest(): Promise<DurableCheckpoint | undefined> {
    const names = await readdir(this.path);
    const epoch = numbersOf(names, CHECKPOINT).at(-1);
    for (const name of names)
      if (name.endsWith(TEMPORARY) || (STATES.test(name) && name !== numbered('states', epoch ?? 0)))
        await rm(join(this.path, name), { recursive: true, force: true });
    if (epoch === undefined) return undefined;
    const path = join(this.path, numbered('checkpoint', epoch));
    return decodeCheckpoint(await readFile(path), path);
  }

  /** Keeps what lies on disk of the operators' states, before the checkpoint that names it. @throws ERR_IO */
  async keepStates(epoch: number, files: Iterable<SpilledFile>): Promise<StateFile[]> {
    const kept: StateFile[] = [];
    const folder = join(this.path, numbered('states', epoch));
    for (const { path, bytes } of files) {
      if (kept.length === 0) await makeFolder(folder);
      const name = String(kept.length).padStart(5, '0');
      await linkOrCopy(path, join(folder, name));
      await syncFile(join(folder, name));
      kept.push({ path, bytes, name });
    }
    if (kept.length > 0) await syncFolder(folder);
    return kept;
  }

  /** Brings the states of a checkpoint to where this run keeps such files. @returns their places there */
  async takeStates({ epoch, files }: DurableCheckpoint, folder: string): Promise<Map<string, string>> {
    const places = new Map<string, string>();
    if (files.length > 0) await makeFolder(folder);
    for (const { path, name } of files) {
      const place = join(folder, `resumed-${name}`);
      await linkOrCopy(join(this.path, numbered('states', epoch), name), place);
      places.set(path, place);
    }
    return places;
  }

  /** From here on the run goes on from this checkpoint, whatever happens. @throws ERR_IO */
  async decide(checkpoint: DurableCheckpoint): Promise<void> {
    const path = join(this.path, numbered('checkpoint', checkpoint.epoch));
    const isFirst = await createFile(this.path, path, encodeCheckpoint(checkpoint));
    if (!isFirst)
      throw new PipelineError('ERR_RESUME_BUSY', `${path} was written by somebody else`, {
        file: path,
        hint: 'one process at a time may run a resume id',
      });
  }

  /** Removes what older checkpoints named. */
  async forgetBefore(epoch: number): Promise<void> {
    for (const name of await readdir(this.path)) {
      const number = (CHECKPOINT.exec(name) ?? STATES.exec(name))?.[1];
      if (number !== undefined && Number(number) < epoch)
        await rm(join(this.path, name), { recursive: true, force: true });
    }
  }
}

const TEMPORARY = '.tmp';

function numbersOf(names: readonly string[], pattern: RegExp): number[] {
  return names
    .flatMap((name) => pattern.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

function busy(id: string, path: string, holder: string): PipelineError {
  return new PipelineError('ERR_RESUME_BUSY', `the resume id "${id}" is held by ${holder}`, {
    file: path,
    hint: 'wait for the other run to end, or give this one another id',
  });
}

/** A whole file under its name, on the disk. @returns false when the name is taken */
async function createFile(folder: string, path: string, bytes: Uint8Array): Promise<boolean> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}${TEMPORARY}`;
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    const isFirst = await linkIfAbsent(folder, temporary, path);
    if (isFirst) await syncFolder(folder);
    return isFirst;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** States are only appended to, so that a second name is as good as a copy; over file systems it has to be one. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  await rm(to, { force: true });
  try {
    await link(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw error;
    await copyFile(from, to, constants.COPYFILE_EXCL);
  }
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
