import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Vitest's global set-up of the interop tests: the Python packages, in an environment of their own. */
export default function preparePython(): void {
  const { status } = spawnSync(process.execPath, [join(root, 'test', 'interop', 'prepare.mjs')], { stdio: 'inherit' });
  if (status !== 0) throw new Error('the Python packages cannot be installed: see the messages above');
}

/** Runs the script of clients with one command, and gives what it printed as JSON. */
export function python(command: string, input: object): unknown {
  const script = join(root, 'test', 'interop', 'clients.py');
  const { status, stdout, stderr } = spawnSync(join(root, '.venv', 'bin', 'python'), [script, command], {
    input: JSON.stringify(input),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
  return JSON.parse(stdout);
}
