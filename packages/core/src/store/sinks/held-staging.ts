/** Staged rows that a job with a resume id goes on with: a checkpoint may name them long before a dataset has them, so that nobody else may clear them away. */
import { readFile, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';

import { DurableFile } from '../../formats/durable-file.ts';

/** Beside the staged files: says whose they are. */
export const HOLDER_FILE = '_holder.json';

/** The folder of checkpoints that staged files belong to; undefined when nothing says so. */
async function holderOf(staging: string): Promise<string | undefined> {
  try {
    const { folder } = JSON.parse(await readFile(join(staging, HOLDER_FILE), 'utf8')) as { folder: string };
    return resolve(staging, folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Keeps what is staged in a folder from `vacuum`, as long as there is the folder of checkpoints that name it.
 * @throws ERR_IO
 */
export async function holdStaging(staging: string, checkpoints: string): Promise<void> {
  const file = await DurableFile.create(join(staging, HOLDER_FILE));
  try {
    await file.write(Buffer.from(JSON.stringify({ folder: relative(staging, checkpoints) })));
    await file.seal();
    await file.commit();
  } catch (error) {
    await file.discard();
    throw error;
  }
}

/** Whether somebody may go on with what is staged in a folder. What cannot be read may be. */
export async function isHeld(staging: string): Promise<boolean> {
  try {
    const holder = await holderOf(staging);
    if (holder === undefined) return false;
    await stat(holder);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}
