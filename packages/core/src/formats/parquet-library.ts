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

/** What a user of an instance does with it. */
export type LibraryUse = 'read' | 'write';

/** One instance of the library. Several reads and writes may use it at a time, interleaved. */
export interface ParquetLibrary {
  readonly api: ParquetApi;
  /** Its memory as it is now; any call into the library may move it. */
  memory(): ArrayBuffer;
  /** Announces a user; the function that comes back takes leave. */
  enter(use: LibraryUse): () => void;
  /** Resolves while the instance works; else rejects with `LibraryPanic`, when it is the user's turn. */
  check(use: LibraryUse): Promise<void>;
  /** Awaits what the library returned; rejects with `LibraryPanic` when the instance dies meanwhile. */
  guard<T>(work: Promise<T>, use: LibraryUse): Promise<T>;
}

/** The instance died: bytes it could not make sense of, or memory it could not get. It is replaced at the next use. */
export class LibraryPanic extends Error {
  override readonly name = 'LibraryPanic';
  /** Others used the instance too: who broke it is not known. */
  readonly wasShared: boolean;

  constructor(wasShared: boolean, cause: unknown) {
    super('the Parquet library stopped', { cause });
    this.wasShared = wasShared;
  }
}

/** How long writers wait for readers to find out who broke the instance. */
const BLAME_MS = 2000;

class Instance implements ParquetLibrary {
  readonly api: ParquetApi;
  #panic: LibraryPanic | undefined;
  readonly #users = { read: 0, write: 0 };
  readonly #waiting = { read: new Set<(reason: Error) => void>(), write: new Set<(reason: Error) => void>() };

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

  enter(use: LibraryUse): () => void {
    this.#users[use] += 1;
    return () => {
      this.#users[use] -= 1;
      const panic = this.#panic;
      // A turn later, so that the last reader's own error is out before.
      if (panic !== undefined && this.#users.read === 0) setImmediate(() => this.#reject('write', panic));
    };
  }

  /**
   * Rejects everything that waits. Readers first: each tries its file again, alone, and the one whose file it was says
   * so; a writer could only say that its encoder is gone.
   */
  fail(cause: unknown): LibraryPanic {
    if (this.#panic !== undefined) return this.#panic;
    const panic = new LibraryPanic(this.#users.read + this.#users.write > 1, cause);
    this.#panic = panic;
    if (current === this) current = undefined;
    this.#reject('read', panic);
    if (this.#users.read === 0) this.#reject('write', panic);
    else setTimeout(() => this.#reject('write', panic), BLAME_MS);
    return panic;
  }

  #reject(use: LibraryUse, reason: Error): void {
    for (const reject of this.#waiting[use]) reject(reason);
    this.#waiting[use].clear();
  }

  check(use: LibraryUse): Promise<void> {
    if (this.#panic === undefined) return Promise.resolve();
    if (use === 'read' || this.#users.read === 0) return Promise.reject(this.#panic);
    return new Promise((_, reject) => void this.#waiting[use].add(reject));
  }

  async guard<T>(work: Promise<T>, use: LibraryUse): Promise<T> {
    if (this.#panic !== undefined) await this.check(use);
    const waiting = this.#waiting[use];
    return new Promise<T>((resolve, reject) => {
      waiting.add(reject);
      work.then(
        (value) => {
          waiting.delete(reject);
          resolve(value);
        },
        (reason: unknown) => {
          // A panic in a synchronous call comes as the engine's own error; it rejects this promise with the others.
          if (isTrap(reason)) return void this.fail(reason);
          waiting.delete(reject);
          reject(reason instanceof Error ? reason : new Error(String(reason)));
        },
      );
    });
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

/** An instance that nobody else uses, for finding out whose bytes broke the shared one. */
export function privateParquetLibrary(): ParquetLibrary {
  return new Instance();
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
    throw (library as Instance).fail(error);
  }
}
