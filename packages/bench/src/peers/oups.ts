/** The Python library OUPS as the peer of a benchmark: a process that has a dataset open and merges the same rows into it again and again. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const SCRIPT = fileURLToPath(new URL('../../src/peers/oups-child.py', import.meta.url));
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
  const environment = join(folder, 'oups');
  const python = join(environment, 'bin', 'python');
  if (existsSync(python)) return python;
  const managed = join(process.env['PYENV_ROOT'] ?? join(homedir(), '.pyenv'), 'versions', '3.13.0', 'bin', 'python');
  for (const base of ['python3.13', 'python3.14', 'python3', managed]) {
    if (!(await isNewEnough(base))) continue;
    await call(base, ['-m', 'venv', environment]);
    await call(python, ['-m', 'pip', 'install', '--quiet', `oups==${VERSION}`]);
    return python;
  }
  return undefined;
}

/** A dataset of OUPS in a process. */
export interface OupsProcess {
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
  const args = [SCRIPT, store.folder, store.name, rows, String(store.rowGroupTarget)];
  const child: ChildProcess = spawn(python, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(child, 'spawn');
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const line = await lines.next();
    if (line.done === true) throw new Error('OUPS ended: its message is above');
    return line.value;
  };
  await next();
  return {
    merge: async () => {
      child.stdin?.write('merge\n');
      return (JSON.parse(await next()) as { ms: number }).ms;
    },
    close: async () => {
      child.stdin?.end();
      await once(child, 'close');
    },
  };
}
