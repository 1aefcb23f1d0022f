/** The compiled kernels over an arena, one instance a thread. */
import type { Arena, SharedMemory } from '../memory/contract.ts';
import { wrapAggregates } from './compiled-aggregates.ts';
import { instantiate } from './module.ts';
import type { Kernels } from './vector-contract.ts';
import { createReferenceKernels } from './reference-kernels.ts';

const byMemory = new WeakMap<SharedMemory, Kernels>();

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
  const exports = instantiate(arena.memory);
  const kernels: Kernels = { ...createReferenceKernels(arena), ...wrapAggregates(exports, memory) };
  byMemory.set(arena.memory, kernels);
  return kernels;
}
