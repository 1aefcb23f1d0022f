/** What a command has around it. Tests give their own, so that most of them need no process. */
import { once } from 'node:events';

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

/** Results on standard output, as fast as they are taken. */
export class Results {
  readonly #output: Output;
  #isClosed = false;

  constructor(output: Output) {
    this.#output = output;
    output.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      this.#isClosed = true;
    });
  }

  get isTerminal(): boolean {
    return this.#output.isTTY === true;
  }

  /** @throws ClosedOutput */
  async write(chunk: string | Uint8Array): Promise<void> {
    if (this.#isClosed) throw new ClosedOutput();
    if (this.#output.write(chunk)) return;
    try {
      await once(this.#output, 'drain');
    } catch {
      // Its listener has seen the error too, and knows which ones are no surprise.
    }
    if (this.#isClosed) throw new ClosedOutput();
  }

  line(text: string): Promise<void> {
    return this.write(`${text}\n`);
  }
}
