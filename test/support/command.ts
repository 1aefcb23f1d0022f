/** The command line in this process: what it prints, and its exit code. */
import { PassThrough, Writable } from 'node:stream';
import { commandLine, type Output } from '@spillway/workers/command-line';

export interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
}

export interface CommandOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** What standard input holds. */
  stdin?: string;
  /** Of the terminal that standard error is. Default: it is none. */
  columns?: number;
  signal?: AbortSignal;
  /** Gets standard output as it is. */
  onBytes?: (bytes: Buffer) => void;
  /** Gets what standard error has so far, whenever there is more. */
  onMessages?: (text: string) => void;
  /** What writing to standard output fails with: `EPIPE` where who reads it has gone. */
  outputError?: 'EPIPE' | 'ENOSPC';
}

function collector(
  options: Pick<CommandOptions, 'columns' | 'onBytes' | 'outputError'>,
): Output & { text: () => string } {
  const { columns, onBytes, outputError } = options;
  const chunks: Buffer[] = [];
  const stream = new Writable({
    highWaterMark: 1,
    write(chunk, _encoding, done) {
      chunks.push(Buffer.from(chunk));
      onBytes?.(Buffer.from(chunk));
      done(outputError ? Object.assign(new Error(`write ${outputError}`), { code: outputError }) : null);
    },
  });
  return Object.assign(stream, {
    text: () => Buffer.concat(chunks).toString('utf8'),
    ...(columns !== undefined && { isTTY: true, columns }),
  });
}

/** Runs one command without a process of its own. */
export async function command(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const { columns, onBytes, onMessages, outputError } = options;
  const stdout = collector({ ...(onBytes && { onBytes }), ...(outputError && { outputError }) });
  const stderr = collector({
    ...(columns !== undefined && { columns }),
    ...(onMessages && { onBytes: () => onMessages(stderr.text()) }),
  });
  const stdin = new PassThrough();
  stdin.end(options.stdin ?? '');
  const code = await commandLine(args, {
    stdin,
    stdout,
    stderr,
    env: options.env ?? {},
    cwd: options.cwd ?? process.cwd(),
    interruption: () => options.signal ?? new AbortController().signal,
  });
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}
