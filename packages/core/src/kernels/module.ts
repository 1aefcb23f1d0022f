/**
 * The compiled kernels' module: read from beside this file once a thread, or handed over by the thread that started this one.
 * Compiling takes a few milliseconds, instantiating a fraction of one.
 */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { PipelineError } from '../errors.ts';
import type { SharedMemory } from '../memory/contract.ts';

/** A compiled `WebAssembly.Module`, by name only, so that published types need no DOM library. It goes through `postMessage`. */
export interface KernelModule {
  readonly [Symbol.toStringTag]?: string;
}

/** Exported functions by name. Pointers are taken modulo 2^32. */
export type KernelExports = Readonly<Record<string, (...args: (number | bigint)[]) => number | bigint>>;

interface WebAssemblyNamespace {
  Module: {
    new (bytes: Uint8Array): KernelModule;
    exports(module: KernelModule): { name: string; kind: string }[];
    imports(module: KernelModule): { module: string; name: string; kind: string }[];
  };
  compile(bytes: Uint8Array): Promise<KernelModule>;
  Instance: new (module: KernelModule, imports: { env: { memory: SharedMemory } }) => { exports: KernelExports };
}

const { Module, Instance, compile } = (globalThis as unknown as { WebAssembly: WebAssemblyNamespace }).WebAssembly;

const KERNELS = new URL('../kernels.wasm', import.meta.url);

let isPreloading = false;
let threadModule: KernelModule | undefined;

/**
 * The module of this thread. Post it to a worker and give it to `adoptKernelModule` there: then it is compiled once a process.
 * @throws ERR_INTERNAL when the build has no kernels.
 */
export function kernelModule(): KernelModule {
  if (threadModule === undefined) {
    let bytes: Uint8Array;
    try {
      bytes = readFileSync(KERNELS);
    } catch (cause) {
      throw new PipelineError('ERR_INTERNAL', 'the compiled kernels are missing', {
        file: KERNELS.pathname,
        hint: 'build the project, or reinstall the package',
        cause,
      });
    }
    threadModule = new Module(bytes);
  }
  return threadModule;
}

/**
 * Begins to compile the module beside this thread, for the threads that it starts: whoever compiles the same bytes while it is being done, or
 * afterwards, gets what comes of it. Does nothing where it is there, and leaves what goes wrong to `kernelModule`.
 */
export function preloadKernels(): void {
  if (threadModule !== undefined || isPreloading) return;
  isPreloading = true;
  readFile(KERNELS)
    .then((bytes) => compile(bytes))
    .then(
      (module) => {
        threadModule ??= module;
      },
      () => {},
    );
}

/** Takes a module compiled by another thread as this thread's own. */
export function adoptKernelModule(module: KernelModule): void {
  threadModule = module;
}

/** Instantiates the module over a memory. Nothing is written to it. */
export function instantiate(memory: SharedMemory): KernelExports {
  return new Instance(kernelModule(), { env: { memory } }).exports;
}
