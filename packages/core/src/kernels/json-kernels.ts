/** The kernel that finds the values of lines of JSON. `json-layout.ts` says what lies in its block. */
import type { Arena, Ptr } from '../memory/contract.ts';
import { kernelExports } from './compiled-kernels.ts';

/** Finds rows and values as the block at `state` (`JSON_ROWS`) says. The text has 64 readable bytes behind its end. */
export type JsonRowsKernel = (state: Ptr) => void;

/** The kernel of this thread over an arena. @throws ERR_INTERNAL when the build has no kernels */
export function jsonRowsKernel(arena: Pick<Arena, 'memory'>): JsonRowsKernel {
  const { jsonRows } = kernelExports(arena.memory) as unknown as { jsonRows: (state: number) => void };
  return (state) => jsonRows(state);
}
