/**
 * What was read of files, for whoever reads them again. A reading counts as long as its file is the same and has not changed: the device, number,
 * size and times that the system gives are compared each time, some two microseconds.
 */
import { statSync } from 'node:fs';

import { KeptValues } from './kept-values.ts';

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

/** Undefined where there is no file. @throws what the system says */
export function stampIfThere(path: string, nowMs: number = Date.now()): FileStamp | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (found === undefined) return undefined;
  return {
    text: `${found.dev}:${found.ino}:${found.size}:${found.mtimeNs}:${found.ctimeNs}`,
    isSettled: nowMs - Number(found.ctimeNs / 1_000_000n) >= SETTLED_MS,
  };
}

/** Undefined where the file cannot be looked at: reading it says why. */
export function stampOf(path: string, nowMs: number = Date.now()): FileStamp | undefined {
  try {
    return stampIfThere(path, nowMs);
  } catch {
    return undefined;
  }
}

interface Reading<T> {
  stamp: string;
  value: T;
}

/** Those that were asked for last, up to a number of bytes. Values are shared: nobody changes them. */
export class KeptReadings<T> {
  readonly #now: () => number;
  readonly #readings: KeptValues<Reading<T>>;

  /** @param now milliseconds since 1970 */
  constructor(mostBytes: number, now: () => number = Date.now) {
    this.#readings = new KeptValues(mostBytes);
    this.#now = now;
  }

  /** About what the readings take. */
  get bytes(): number {
    return this.#readings.bytes;
  }

  /**
   * What was read of a file, or is read now.
   * @param bytesOf about what a value takes
   * @throws what `read` throws
   */
  async get(path: string, read: () => Promise<T>, bytesOf: (value: T) => number): Promise<T> {
    const stamp = stampOf(path, this.#now());
    const known = this.#readings.get(path);
    if (known !== undefined && known.stamp === stamp?.text) return known.value;
    this.#readings.drop(path);
    // Looked at before it is read: what changes meanwhile is another state then.
    const value = await read();
    if (stamp?.isSettled === true) this.#readings.keep(path, { stamp: stamp.text, value }, bytesOf(value));
    return value;
  }
}
