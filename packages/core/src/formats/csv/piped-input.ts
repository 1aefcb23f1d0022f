/**
 * What can be read only once, from its start to its end: standard input, and files that are pipes. Its beginning is looked at when a plan is
 * resolved, as often as asked; all of it is taken by the run. A process has one of each.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { PipelineError } from '../../errors.ts';

/** How `readCsv` and others call standard input; in messages it has this name as well. */
export const STANDARD_INPUT = '-';

class PipedInput {
  readonly #path: string;
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #held: Buffer[] = [];
  #heldBytes = 0;
  #hasEnded = false;
  #isTaken = false;

  constructor(path: string) {
    this.#path = path;
    const stream = path === STANDARD_INPUT ? process.stdin : createReadStream(path);
    this.#source = (stream as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  }

  /** The first bytes, and whether they are all. */
  async start(bytes: number): Promise<{ start: Buffer; isWhole: boolean }> {
    this.#refuseTaken();
    while (this.#heldBytes <= bytes && !this.#hasEnded) {
      const { value, done } = await this.#source.next();
      if (done === true) this.#hasEnded = true;
      else this.#hold(Buffer.from(value));
    }
    const whole = Buffer.concat(this.#held);
    return { start: whole.subarray(0, bytes), isWhole: this.#hasEnded && whole.length <= bytes };
  }

  /** All of it, once. */
  async *all(): AsyncGenerator<Uint8Array> {
    this.#refuseTaken();
    this.#isTaken = true;
    try {
      yield* this.#held.splice(0);
      while (!this.#hasEnded) {
        const { value, done } = await this.#source.next();
        if (done === true) this.#hasEnded = true;
        else yield value;
      }
    } finally {
      // Whoever writes into a pipe that nobody reads any more is told so.
      await this.#source.return?.();
    }
  }

  #hold(part: Buffer): void {
    this.#held.push(part);
    this.#heldBytes += part.length;
  }

  #refuseTaken(): void {
    if (!this.#isTaken) return;
    throw new PipelineError('ERR_IO', `${nameOf(this.#path)} was read to its end before`, {
      file: this.#path,
      hint: 'what comes through a pipe is there once: write it to a file to read it again',
    });
  }
}

const inputs = new Map<string, PipedInput>();

/** The input behind a path that is a pipe. */
export function pipedInput(path: string): PipedInput {
  const input = inputs.get(path) ?? new PipedInput(path);
  inputs.set(path, input);
  return input;
}

/** Whether a path can be read only once. */
export async function isPiped(path: string): Promise<boolean> {
  if (path === STANDARD_INPUT) return true;
  const found = await stat(path);
  return found.isFIFO() || found.isSocket() || found.isCharacterDevice();
}

function nameOf(path: string): string {
  return path === STANDARD_INPUT ? 'standard input' : path;
}
