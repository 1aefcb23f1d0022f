/** Peers written in Python: a Python with a library in it, made at the first use, and a process of it that answers line by line. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const call = promisify(execFile);

/** A script beside the sources: TypeScript's compiler does not copy it. */
export function pythonScript(name: string): string {
  return fileURLToPath(new URL(`../../src/peers/${name}`, import.meta.url));
}

/**
 * A Python with packages in it.
 *
 * @param folder where it is kept, under `name`, for the next time
 * @param base the command of the Python that it is made of
 * @throws when there is no Python, or nowhere to get the packages from
 */
export async function pythonWith(
  folder: string,
  name: string,
  packages: readonly string[],
  base = 'python3',
): Promise<string> {
  const environment = join(folder, name);
  const python = join(environment, 'bin', 'python');
  const ready = join(environment, 'ready');
  if (existsSync(ready)) return python;
  await call(base, ['-m', 'venv', '--clear', environment]);
  await call(python, ['-m', 'pip', 'install', '--quiet', ...packages]);
  await call(python, ['-c', `open(${JSON.stringify(ready)}, 'w').close()`]);
  return python;
}

/** A process that answers each line with a line. */
export interface PythonProcess {
  /** What it said first, when it was ready. */
  greeting: string;
  ask(line: string): Promise<string>;
  /** Ends its input and waits for its end. */
  close(): Promise<void>;
}

/** @throws when it ends before it has answered */
export async function openPython(
  python: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<PythonProcess> {
  const child: ChildProcess = spawn(python, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  await once(child, 'spawn');
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const line = await lines.next();
    if (line.done === true) throw new Error(`${args[0]} ended: its message is above`);
    return line.value;
  };
  return {
    greeting: await next(),
    ask: (line) => {
      child.stdin?.write(`${line}\n`);
      return next();
    },
    close: async () => {
      child.stdin?.end();
      if (child.exitCode === null) await once(child, 'close');
    },
  };
}
