/**
 * Makes the virtual environment of Python that the interop tests use, `.venv/` beside the checkout's files. Exits with 0 when it
 * is there with everything in it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGES = ['deltalake==1.6.6', 'polars==2.1.0', 'pyarrow==26.0.1'];

const root = fileURLToPath(new URL('../..', import.meta.url));
const venv = join(root, '.venv');
const python = join(venv, 'bin', 'python');

function run(command, args) {
  const { status } = spawnSync(command, args, { stdio: ['ignore', 2, 2], timeout: 300_000 });
  return status === 0;
}

const isThere = existsSync(python) && run(python, ['-c', 'import deltalake, polars, pyarrow']);
if (!isThere && !(run('python3', ['-m', 'venv', venv]) && run(python, ['-m', 'pip', 'install', '-q', ...PACKAGES]))) {
  console.error('the Python packages of the interop tests cannot be installed');
  process.exit(1);
}

const canRun = () => run('promtool', ['--version']) && run('prometheus', ['--version']);
const install = () => run('apt-get', ['install', '-y', '-q', '--no-install-recommends', 'prometheus']);
if (!canRun() && !install() && !(run('apt-get', ['update', '-q']) && install())) {
  console.error('prometheus of the interop tests is not there and cannot be installed');
  process.exit(1);
}
