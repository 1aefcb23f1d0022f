/** The Python library OUPS as the peer of a benchmark: a process that has a dataset open and merges the same rows into it again and again. */
import { execFile } from 'node:child_process';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openPython, pythonScript, pythonWith } from './python.ts';

const VERSION = '2025.12.1';
const call = promisify(execFile);

async function isNewEnough(python: string): Promise<boolean> {
  try {
    await call(python, ['-c', 'import sys, venv; sys.exit(sys.version_info < (3, 13))']);
    return true;
  } catch {
    return false;
  }
}

/** A Python with OUPS in it, made in a folder; undefined where there is no Python 3.13. @throws when there is nowhere to get it from */
async function pythonWithOups(folder: string): Promise<string | undefined> {
  const managed = join(process.env['PYENV_ROOT'] ?? join(homedir(), '.pyenv'), 'versions', '3.13.0', 'bin', 'python');
  for (const base of ['python3.13', 'python3.14', 'python3', managed])
    if (await isNewEnough(base)) return pythonWith(folder, 'oups', [`oups==${VERSION}`], base);
  return undefined;
}

/** A dataset of OUPS in a process. */
export interface OupsProcess {
  version: string;
  /** Merges the rows; gives how long it took in there. */
  merge(): Promise<number>;
  close(): Promise<void>;
}

/**
 * Opens a dataset of a store of OUPS; undefined where there is no Python for it.
 * @param environment folder for the Python with the library, kept for the next time
 * @param rows a Parquet file of the rows to merge
 */
export async function openOups(
  environment: string,
  store: { folder: string; name: string; rowGroupTarget: number },
  rows: string,
): Promise<OupsProcess | undefined> {
  const python = await pythonWithOups(environment);
  if (python === undefined) return undefined;
  const args = [pythonScript('oups-child.py'), store.folder, store.name, rows, String(store.rowGroupTarget)];
  const child = await openPython(python, args);
  return {
    version: VERSION,
    merge: async () => (JSON.parse(await child.ask('merge')) as { ms: number }).ms,
    close: () => child.close(),
  };
}
