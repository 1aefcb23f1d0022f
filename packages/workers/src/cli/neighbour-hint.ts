/** What may have been meant by a path that is not there. */
import { readdir } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { nearestName } from '@spillway/core/words';

/** @param path absolute */
export async function neighbourHint(path: string, cwd: string): Promise<string> {
  const folder = dirname(path);
  try {
    const nearest = nearestName(basename(path), await readdir(folder));
    if (nearest !== undefined) return `did you mean ${join(relative(cwd, folder), nearest)}?`;
    return `${folder} is there, but has nothing of that name`;
  } catch {
    // Not a folder, or not ours to read.
    return folder === path ? 'check the path' : `${folder} is not there either: check the path`;
  }
}
