/** The compiled kernels over an arena, one instance a thread. */
import type { Arena, SharedMemory } from '../memory/contract.ts';
import { wrapAggregates } from './compiled-aggregates.ts';
import { wrapVectors } from './compiled-vectors.ts';
import { instantiate, type KernelExports } from './module.ts';
import type { Kernels } from './vector-contract.ts';

const byMemory = new WeakMap<SharedMemory, Kernels>();
const exportsByMemory = new WeakMap<SharedMemory, KernelExports>();

/** What the module exports over a memory: one instance a thread. */
export function kernelExports(memory: SharedMemory): KernelExports {
  const known = exportsByMemory.get(memory);
  if (known !== undefined) return known;
  const exports = instantiate(memory);
  exportsByMemory.set(memory, exports);
  return exports;
}

/**
 * The kernels of this thread over an arena, made at the first call. Nothing of the arena is touched.
 *
 * @throws ERR_INTERNAL when the build has no kernels.
 */
export function instantiateKernels(arena: Pick<Arena, 'memory' | 'buffer'>): Kernels {
  const known = byMemory.get(arena.memory);
  if (known !== undefined) return known;
  let view = new DataView(arena.buffer);
  const memory = (): DataView => (view.buffer === arena.buffer ? view : (view = new DataView(arena.buffer)));
  const exports = kernelExports(arena.memory);
  const kernels: Kernels = { ...wrapAggregates(exports, memory), ...wrapVectors(exports) };
  byMemory.set(arena.memory, kernels);
  return kernels;
}
