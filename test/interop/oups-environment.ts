import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const venv = join(root, '.venv-oups');

/** Vitest's global set-up of the interop tests: the Python library OUPS, where there is a Python for it. */
export default function prepareOups(): void {
  const { status } = spawnSync(process.execPath, [join(root, 'test', 'interop', 'prepare-oups.mjs')], {
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('OUPS cannot be installed: see the messages above');
}

/** Whether the library could be installed. */
export function hasOups(): boolean {
  return existsSync(join(venv, 'oldest', 'oups'));
}

/** Runs the script of the library, in one of its versions, with one command; gives what it printed as JSON. */
export function oups(version: 'newest' | 'oldest', command: string, input: object): unknown {
  const script = join(root, 'test', 'interop', 'oups_library.py');
  const path = version === 'oldest' ? { PYTHONPATH: join(venv, 'oldest') } : {};
  const { status, stdout, stderr } = spawnSync(join(venv, 'bin', 'python'), [script, command], {
    input: JSON.stringify(input),
    encoding: 'utf8',
    env: { ...process.env, ...path },
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}
