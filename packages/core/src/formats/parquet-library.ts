/**
 * The library that decodes and encodes Parquet pages (parquet-wasm), one instance a thread, loaded when first needed.
 *
 * Two properties of it decide what is here. A panic leaves an instance unusable, so it must be replaceable; and a panic
 * inside its asynchronous functions happens in a microtask of its own, where it would end the thread as an uncaught
 * exception while the promise that waits for it stays pending for ever. Both are solved by loading the library's module
 * ourselves: a second load is a second instance, and the `queueMicrotask` it sees is ours, which turns a panic into a
 * rejection of everything that waits on that instance.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { compileFunction } from 'node:vm';
import type * as parquetWasm from 'parquet-wasm';

export type ParquetApi = typeof parquetWasm;
export type DecodedBatch = parquetWasm.RecordBatch;
export type OpenParquetFile = parquetWasm.ParquetFile;

/** One instance of the library. */
export interface ParquetLibrary {
  readonly api: ParquetApi;
  /** Its memory as it is now; any call into the library may move it. */
  memory(): ArrayBuffer;
  /** Awaits what the library returned; rejects with `LibraryPanic` when the instance dies meanwhile. */
  guard<T>(work: Promise<T>): Promise<T>;
}

/** The instance died: bytes it could not make sense of, or memory it could not get. It is replaced at the next use. */
export class LibraryPanic extends Error {
  override readonly name = 'LibraryPanic';
}

class Instance implements ParquetLibrary {
  readonly api: ParquetApi;
  #panic: LibraryPanic | undefined;
  readonly #waiting = new Set<(reason: Error) => void>();

  constructor() {
    this.api = loadModule((task) => {
      queueMicrotask(() => {
        try {
          task();
        } catch (error) {
          this.fail(error);
        }
      });
    });
  }

  memory(): ArrayBuffer {
    return (this.api.wasmMemory() as unknown as { buffer: ArrayBuffer }).buffer;
  }

  fail(cause: unknown): void {
    this.#panic ??= new LibraryPanic('the Parquet library stopped', { cause });
    if (current === this) current = undefined;
    for (const reject of this.#waiting) reject(this.#panic);
    this.#waiting.clear();
  }

  guard<T>(work: Promise<T>): Promise<T> {
    if (this.#panic !== undefined) return Promise.reject(this.#panic);
    return new Promise<T>((resolve, reject) => {
      this.#waiting.add(reject);
      const settle =
        <V>(then: (value: V) => void) =>
        (value: V): void => {
          this.#waiting.delete(reject);
          then(value);
        };
      work.then(
        settle(resolve),
        settle((reason: Error) => reject(this.#isPanic(reason) ? this.#panic : reason)),
      );
    });
  }

  /** A panic in a synchronous call comes as the engine's own error. */
  #isPanic(reason: unknown): boolean {
    if (!isTrap(reason)) return false;
    this.fail(reason);
    return true;
  }
}

let current: Instance | undefined;

function isTrap(error: unknown): error is Error {
  return error instanceof Error && error.name === 'RuntimeError';
}

function loadModule(queue: (task: () => void) => void): ParquetApi {
  const require = createRequire(import.meta.url);
  const file = require.resolve('parquet-wasm');
  const load = compileFunction(
    readFileSync(file, 'utf8'),
    ['exports', 'require', 'module', '__filename', '__dirname', 'queueMicrotask'],
    {
      filename: file,
    },
  ) as (...args: unknown[]) => void;
  const module = { exports: {} };
  load(module.exports, createRequire(file), module, file, dirname(file), queue);
  return module.exports as ParquetApi;
}

/** This thread's instance. The first call takes 30 ms and about 28 MiB; batches in flight add to that. */
export function parquetLibrary(): ParquetLibrary {
  current ??= new Instance();
  return current;
}

/** Bytes of this thread's instance, 0 when none is loaded. They do not shrink; `dropParquetLibrary` gives them back. */
export function parquetLibraryBytes(): number {
  return current?.memory().byteLength ?? 0;
}

/** Forgets this thread's instance, whose memory goes with the next collection. Nothing may be using it. */
export function dropParquetLibrary(): void {
  current = undefined;
}

/** Runs a synchronous call into the library. @throws LibraryPanic when it panicked */
export function callLibrary<T>(library: ParquetLibrary, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (!isTrap(error)) throw error;
    (library as Instance).fail(error);
    throw new LibraryPanic('the Parquet library stopped', { cause: error });
  }
}
