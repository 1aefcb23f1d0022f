import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A Python that has `distributed`. */
export interface DaskPython {
  /** Where it comes from. */
  name: string;
  python: string;
}

/** Vitest's global set-up of the tests with Dask: its Python packages. */
export default function prepareDask(): void {
  const { status } = spawnSync(process.execPath, [join(root, 'test', 'interop', 'prepare-dask.mjs')], {
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('Dask cannot be installed: see the messages above');
}

function hasDistributed(python: string): boolean {
  return spawnSync(python, ['-c', 'import distributed'], { stdio: 'ignore', timeout: 60_000 }).status === 0;
}

/** The package index's newest; and Debian's, where there is one. */
export function daskPythons(): DaskPython[] {
  const newest = { name: 'the package index', python: join(root, '.venv-dask', 'bin', 'python') };
  const debian = { name: 'Debian', python: '/usr/bin/python3' };
  return hasDistributed(debian.python) ? [newest, debian] : [newest];
}
