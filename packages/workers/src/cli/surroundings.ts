/** What a command has around it. Tests give their own, so that most of them need no process. */
import { once } from 'node:events';
import { PipelineError } from '@spillway/core/words';

/** A stream that text goes to. */
export interface Output extends NodeJS.WritableStream {
  isTTY?: boolean;
  columns?: number;
}

export interface Surroundings {
  stdin: NodeJS.ReadableStream;
  stdout: Output;
  stderr: Output;
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  /**
   * Aborted by Ctrl-C. Who asks for it has to stop by itself, leaving nothing half-written; until somebody asks, Ctrl-C ends the
   * process at once.
   */
  interruption(): AbortSignal;
}

/** Who read the results has gone: `… | head`. The command ends quietly. */
export class ClosedOutput extends Error {
  override readonly name = 'ClosedOutput';
}

function failureOf(cause: NodeJS.ErrnoException): ClosedOutput | PipelineError {
  if (cause.code === 'EPIPE') return new ClosedOutput();
  const reason = cause.code === 'ENOSPC' ? 'the disk is full' : cause.message;
  const hint = 'what is there is not whole: free space, or send the results elsewhere';
  return new PipelineError('ERR_IO', `standard output cannot be written: ${reason}`, { hint, cause });
}

/** Results on standard output, as fast as they are taken. */
export class Results {
  readonly #output: Output;
  #failure: ClosedOutput | PipelineError | undefined;

  constructor(output: Output) {
    this.#output = output;
    output.on('error', (error: NodeJS.ErrnoException) => {
      this.#failure ??= failureOf(error);
    });
  }

  get isTerminal(): boolean {
    return this.#output.isTTY === true;
  }

  /** @throws ClosedOutput, ERR_IO */
  async write(chunk: string | Uint8Array): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#output.write(chunk)) return;
    try {
      await once(this.#output, 'drain');
    } catch {
      // Its listener has seen the error too, and knows what it means.
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Waits until all is written. @throws ERR_IO */
  async finish(): Promise<void> {
    const error = await new Promise<Error | null | undefined>((resolve) => void this.#output.write('', resolve));
    if (error) this.#failure ??= failureOf(error);
    if (this.#failure instanceof PipelineError) throw this.#failure;
  }

  line(text: string): Promise<void> {
    return this.write(`${text}\n`);
  }
}
