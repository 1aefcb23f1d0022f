/** What a folder of a store holds, hidden entries apart. */
import { readdir } from 'node:fs/promises';
import { PipelineError } from '../errors.ts';
import { fileError } from '../formats/file-error.ts';

/** Names of its files and, in order, of its folders; undefined where there is no such folder. @throws ERR_STORE_UNSUPPORTED for a file, ERR_IO */
export async function listFolder(path: string): Promise<{ files: string[]; folders: string[] } | undefined> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    const visible = entries.filter((entry) => !entry.name.startsWith('.'));
    return {
      files: visible.filter((entry) => !entry.isDirectory()).map((entry) => entry.name),
      folders: visible
        .filter((entry) => entry.isDirectory())
        .map((entry) => entry.name)
        .sort(),
    };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    if (error instanceof Error && 'code' in error && error.code === 'ENOTDIR') {
      throw new PipelineError('ERR_STORE_UNSUPPORTED', `${path} is a file, not a store`, {
        file: path,
        hint: 'name a folder',
      });
    }
    throw await fileError(path, error);
  }
}
