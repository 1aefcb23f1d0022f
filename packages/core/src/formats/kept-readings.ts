/**
 * What was read of files, for whoever reads them again. A reading counts as long as its file is the same and has not changed: the device, number,
 * size and times that the system gives are compared each time, some two microseconds.
 */
import { statSync } from 'node:fs';

/**
 * Times of files go in steps, of up to ten milliseconds on Linux: what changes twice in one shows it once. A file that young is read again
 * the next time.
 */
const SETTLED_MS = 50;

/** State of a file at an instant. */
export interface FileStamp {
  text: string;
  /** Any later change shows in a stamp. */
  isSettled: boolean;
}

/** Undefined where the file cannot be looked at: reading it says why. */
export function stampOf(path: string, nowMs: number = Date.now()): FileStamp | undefined {
  try {
    const found = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (found === undefined) return undefined;
    return {
      text: `${found.dev}:${found.ino}:${found.size}:${found.mtimeNs}:${found.ctimeNs}`,
      isSettled: nowMs - Number(found.ctimeNs / 1_000_000n) >= SETTLED_MS,
    };
  } catch {
    return undefined;
  }
}

interface Reading<T> {
  stamp: string;
  value: T;
  bytes: number;
}

/** Those that were asked for last, up to a number of bytes. Values are shared: nobody changes them. */
export class KeptReadings<T> {
  readonly #mostBytes: number;
  readonly #now: () => number;
  /** Those asked for longest ago first. */
  readonly #readings: Map<string, Reading<T>> = new Map();
  #bytes = 0;

  /** @param now milliseconds since 1970 */
  constructor(mostBytes: number, now: () => number = Date.now) {
    this.#mostBytes = mostBytes;
    this.#now = now;
  }

  /** About what the readings take. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * What was read of a file, or is read now.
   * @param bytesOf about what a value takes
   * @throws what `read` throws
   */
  async get(path: string, read: () => Promise<T>, bytesOf: (value: T) => number): Promise<T> {
    const stamp = stampOf(path, this.#now());
    const known = this.#readings.get(path);
    this.#drop(path);
    if (known !== undefined && known.stamp === stamp?.text) {
      this.#keep(path, known);
      return known.value;
    }
    // Looked at before it is read: what changes meanwhile is another state then.
    const value = await read();
    if (stamp?.isSettled === true) this.#keep(path, { stamp: stamp.text, value, bytes: bytesOf(value) });
    return value;
  }

  #drop(path: string): void {
    const known = this.#readings.get(path);
    if (known === undefined) return;
    this.#bytes -= known.bytes;
    this.#readings.delete(path);
  }

  #keep(path: string, reading: Reading<T>): void {
    this.#drop(path);
    if (reading.bytes > this.#mostBytes) return;
    this.#readings.set(path, reading);
    this.#bytes += reading.bytes;
    for (const oldest of this.#readings.keys()) {
      if (this.#bytes <= this.#mostBytes) return;
      this.#drop(oldest);
    }
  }
}
