import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

import { PipelineError } from '../errors.ts';

/**
 * Makes a folder and those above it that are missing. One after the other, because `mkdir` with `recursive` never comes back from a folder
 * that says of what is to be made in it that it is not there, as `/proc` does.
 * @returns those that were made, the outermost first
 * @throws ERR_IO (a folder that takes no others), what the file system says
 */
export function makeFolders(folder: string, mode?: number): string[] {
  const above = dirname(folder);
  const made = existsSync(above) || above === folder ? [] : makeFolders(above, mode);
  try {
    mkdirSync(folder, { mode });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return made;
    if (code !== 'ENOENT' || !existsSync(above)) throw error;
    throw new PipelineError('ERR_IO', `${folder} cannot be made: ${above} takes no folders`, {
      file: folder,
      cause: error,
      hint: 'name a folder on a disk',
    });
  }
  return [...made, folder];
}

/** The folder, or the nearest one above it that is there. */
export function folderThatIs(folder: string): string {
  const above = dirname(folder);
  return existsSync(folder) || above === folder ? folder : folderThatIs(above);
}
