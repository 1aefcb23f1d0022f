import type { Kernels } from './vector-contract.ts';

/** A twin: the kernel of that name with the memory as its first argument. What the arguments mean stands with the kernel. */
export type Twin<K extends keyof Kernels> = Kernels[K] extends (...args: infer A) => infer R
  ? (view: DataView, ...args: A) => R
  : never;
