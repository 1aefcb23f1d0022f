import { PipelineError } from '../errors.ts';
import { formatBytes } from '../schema/sizes.ts';
import { SharedArena } from './arena.ts';
import type { Arena, ArenaHandle, SharedMemory } from './contract.ts';
import { ARENA_MAGIC, Control, PAGE_BYTES, Page } from './layout.ts';

export interface ArenaOptions {
  /** Address space to reserve, at most (and by default) 4 GiB. Less is taken where the process may not reserve so much. */
  maximumBytes?: number;
  /** Poison what is released and catch double releases. Costs time and some memory. */
  debug?: boolean;
}

const WASM_PAGE_BYTES = 65_536;
const LARGEST_BYTES = 2 ** 32;
const SMALLEST_BYTES = 2 ** 20;

/** `WebAssembly.Memory`, by shape: the types of this project have no DOM library. */
interface MemoryConstructor {
  new (descriptor: { initial: number; maximum: number; shared: true }): SharedMemory;
}

/**
 * Of fixed size from the start: reserving costs address space only, and a buffer that never grows keeps every view valid
 * in every thread.
 */
function reserve(maximumBytes: number): SharedMemory {
  const { Memory } = (globalThis as unknown as { WebAssembly: { Memory: MemoryConstructor } }).WebAssembly;
  let bytes = Math.min(maximumBytes, LARGEST_BYTES);
  for (;;) {
    const pages = Math.ceil(bytes / WASM_PAGE_BYTES);
    try {
      return new Memory({ initial: pages, maximum: pages, shared: true });
    } catch (cause) {
      bytes /= 2;
      if (bytes >= SMALLEST_BYTES) continue;
      throw new PipelineError(
        'ERR_MEMORY_EXHAUSTED',
        `no ${formatBytes(SMALLEST_BYTES)} of address space could be reserved`,
        {
          cause,
          hint: 'raise the limit on virtual memory (ulimit -v)',
        },
      );
    }
  }
}

function format(memory: SharedMemory): void {
  const words = new Int32Array(memory.buffer, 0, PAGE_BYTES / 4);
  // The last page of a full 4 GiB stays unused: a kernel's end pointer there would wrap to 0.
  const pages = Math.floor(memory.buffer.byteLength / PAGE_BYTES) - (memory.buffer.byteLength >= LARGEST_BYTES ? 1 : 0);
  const firstPage = 1 + Math.ceil((pages * Page.words * 4) / PAGE_BYTES);
  const generation = (words[Control.generation] as number) + 1;
  const threads = words[Control.threads] as number;
  words.fill(0);
  words[Control.pages] = pages;
  words[Control.firstPage] = firstPage;
  words[Control.freshPage] = firstPage;
  words[Control.threads] = threads;
  words[Control.limitHigh] = 0x1fffff;
  words[Control.limitLow] = -1;
  words[Control.magic] = ARENA_MAGIC;
  Atomics.store(words, Control.generation, generation);
}

/**
 * Reserves a memory and makes an empty arena in it. Nothing of it is resident until slabs are used.
 * @throws ERR_MEMORY_EXHAUSTED when not even 1 MiB of address space can be had.
 */
export function createArena(options: ArenaOptions = {}): Arena {
  const memory = reserve(options.maximumBytes ?? LARGEST_BYTES);
  format(memory);
  const arena = new SharedArena({ memory, debug: options.debug ?? false });
  arena.i32[Control.highPage] = arena.i32[Control.firstPage] as number;
  return arena;
}

/** This thread's view of an arena made in another thread. */
export function attachArena(handle: ArenaHandle): Arena {
  return new SharedArena(handle);
}

/**
 * Makes the arena empty, whatever was in use, and the limit infinite: after a crash, when no thread that knew its slabs
 * works any more. Threads that stay attached may go on allocating; pointers they kept are void.
 */
export function resetArena(arena: Arena): void {
  const highPage = arena.i32[Control.highPage] as number;
  format(arena.memory);
  arena.i32[Control.highPage] = highPage;
}

let shared: Arena | undefined;

/** The one arena of this process, made at the first call. Main thread only; workers attach to its `handle`. */
export function processArena(): Arena {
  shared ??= createArena({ debug: process.env['SPILLWAY_DEBUG_ARENA'] === '1' });
  return shared;
}
