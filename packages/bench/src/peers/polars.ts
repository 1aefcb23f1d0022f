/** Polars, in a Python of its own, as the peer of a benchmark: made at the first use, kept running for one measurement after the other. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const SCRIPT = fileURLToPath(new URL('../../src/peers/polars-child.py', import.meta.url));

/** A Python with Polars in it. @throws when there is no Python, or nowhere to get Polars from */
export async function pythonWithPolars(folder: string): Promise<string> {
  const environment = join(folder, 'polars');
  const python = join(environment, 'bin', 'python');
  if (existsSync(python)) return python;
  const call = promisify(execFile);
  await call('python3', ['-m', 'venv', environment]);
  await call(python, ['-m', 'pip', 'install', '--quiet', 'polars']);
  return python;
}

/** A process that has read tables into memory and runs queries over them. */
export interface PolarsProcess {
  /** Runs a query of `polars-child.py` once; gives its rows and how long it took in there. */
  run(query: string): Promise<{ ms: number; rows: (number | null)[][] }>;
  close(): void;
}

/** Reads the Parquet files of a folder, `NAME.parquet` each, into memory. @throws as `pythonWithPolars` */
export async function openPolars(environment: string, tables: string, threads: number): Promise<PolarsProcess> {
  const python = await pythonWithPolars(environment);
  const child: ChildProcess = spawn(python, [SCRIPT, tables], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, POLARS_MAX_THREADS: String(threads) },
  });
  await once(child, 'spawn');
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const line = await lines.next();
    if (line.done === true) throw new Error('Polars ended: its message is above');
    return line.value;
  };
  await next();
  return {
    run: async (query) => {
      child.stdin?.write(`${query}\n`);
      return JSON.parse(await next()) as Awaited<ReturnType<PolarsProcess['run']>>;
    },
    close: () => void child.kill(),
  };
}
