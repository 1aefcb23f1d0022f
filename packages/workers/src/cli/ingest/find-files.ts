/** The files that the command line names: paths and patterns. */
import { stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { PipelineError } from '@spillway/core';
import { expandPaths } from '@spillway/core/words';

/** The commonest ending in a folder, to name a pattern with. */
async function patternIn(folder: string): Promise<string> {
  const { readdir } = await import('node:fs/promises');
  const counts = new Map<string, number>();
  for (const name of await readdir(folder)) counts.set(extname(name), (counts.get(extname(name)) ?? 0) + 1);
  counts.delete('');
  const [commonest] = [...counts].sort(([, a], [, b]) => b - a);
  return `'${join(folder, `*${commonest?.[0] ?? '.csv'}`)}'`;
}

/** Absolute paths, in order. @throws ERR_FILE_NOT_FOUND, ERR_IO for a folder */
export async function findFiles(names: readonly string[], cwd: string): Promise<string[]> {
  const paths = await expandPaths(names, cwd);
  for (const path of paths) {
    const isFolder = await stat(path).then(
      (found) => found.isDirectory(),
      () => false, // That it is not there, or not ours to read, is told when it is opened.
    );
    if (!isFolder) continue;
    throw new PipelineError('ERR_IO', `${path} is a folder`, {
      file: path,
      hint: `name files, or a pattern in quotes: ${await patternIn(path)}`,
    });
  }
  return paths;
}
