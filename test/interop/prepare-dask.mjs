/**
 * Makes the virtual environment of Dask, `.venv-dask/` beside the checkout's files, and installs Debian's package of it, the oldest that we support,
 * where this can be done.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGES = ['distributed==2026.8.0', 'dask[dataframe]==2026.8.0', 'pyarrow==26.0.1'];

const root = fileURLToPath(new URL('../..', import.meta.url));
const venv = join(root, '.venv-dask');
const python = join(venv, 'bin', 'python');

function run(command, args) {
  return spawnSync(command, args, { stdio: ['ignore', 2, 2], timeout: 300_000 }).status === 0;
}

const isThere = existsSync(python) && run(python, ['-c', 'import distributed, dask.dataframe, pyarrow']);
if (!isThere && !(run('python3', ['-m', 'venv', venv]) && run(python, ['-m', 'pip', 'install', '-q', ...PACKAGES]))) {
  console.error('the Python packages of Dask cannot be installed');
  process.exit(1);
}

const hasDebians = () => existsSync('/usr/bin/python3') && run('/usr/bin/python3', ['-c', 'import distributed']);
const install = () => run('apt-get', ['install', '-y', '-q', '--no-install-recommends', 'python3-distributed']);
if (!hasDebians() && !install() && !(run('apt-get', ['update', '-q']) && install()))
  console.error("Debian's package of Dask cannot be installed: the tests with it are left out");
