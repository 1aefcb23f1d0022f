/**
 * Makes the virtual environment of the Python library OUPS, `.venv-oups/` beside the checkout's files. It asks for Python 3.13:
 * where there is none, this says so, exits with 0, and the tests against the library are skipped.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NEWEST = '2025.12.1';
/** The oldest that the package index has; without its dependencies, which are the same. */
const OLDEST = '2025.9.5';

const root = fileURLToPath(new URL('../..', import.meta.url));
const venv = join(root, '.venv-oups');
const python = join(venv, 'bin', 'python');

function run(command, args) {
  return spawnSync(command, args, { stdio: ['ignore', 2, 2], timeout: 300_000 }).status === 0;
}

function isNewEnough(command) {
  const check = ['-c', 'import sys, venv; sys.exit(sys.version_info < (3, 13))'];
  return spawnSync(command, check, { stdio: 'ignore', timeout: 60_000 }).status === 0;
}

/** Pythons that a version manager keeps beside each other, newest first. */
function managed() {
  const versions = join(process.env.PYENV_ROOT ?? join(homedir(), '.pyenv'), 'versions');
  if (!existsSync(versions)) return [];
  return readdirSync(versions)
    .sort()
    .reverse()
    .map((version) => join(versions, version, 'bin', 'python'));
}

function install() {
  const base = ['python3.13', 'python3.14', 'python3', ...managed()].find(isNewEnough);
  if (base === undefined) {
    console.error('there is no Python 3.13: the tests against OUPS are skipped');
    return true;
  }
  const pip = ['-m', 'pip', 'install', '-q'];
  return (
    run(base, ['-m', 'venv', venv]) &&
    run(python, [...pip, `oups==${NEWEST}`]) &&
    run(python, [...pip, '--no-deps', '--target', join(venv, 'oldest'), `oups==${OLDEST}`])
  );
}

const isThere = existsSync(join(venv, 'oldest', 'oups')) && run(python, ['-c', 'import oups']);
if (!isThere && !install()) {
  console.error('the Python library OUPS cannot be installed');
  process.exit(1);
}
