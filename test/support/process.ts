import { spawn } from 'node:child_process';

/** What a child process left behind. */
export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** How to start a child process, and what to do with it while it runs. */
export interface StartOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** Sent once the output contains `afterText`, or at once without it. */
  kill?: { signal: NodeJS.Signals; afterText?: string };
}

/** Runs a program to its end, without standard input, and collects what it prints. */
export function runProgram(command: string, args: readonly string[], options: StartOptions = {}): Promise<Finished> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  let isKilled = false;
  const killWhenDue = (): void => {
    const { kill } = options;
    if (kill === undefined || isKilled || !(output.stdout + output.stderr).includes(kill.afterText ?? '')) return;
    isKilled = true;
    child.kill(kill.signal);
  };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
      killWhenDue();
    });
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('spawn', killWhenDue);
    child.once('close', (code, signal) => resolve({ code, signal, ...output }));
  });
}

/** Runs a script in a Node of its own. */
export function runNode(args: readonly string[], options: StartOptions = {}): Promise<Finished> {
  return runProgram(process.execPath, args, options);
}
