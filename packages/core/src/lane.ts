/** What a lane of a running stage needs beside `data.ts`: kernels and operators. No promise of stability. */
export { compactBatch } from './batch/compact-batch.ts';
export { instantiateKernels } from './kernels/compiled-kernels.ts';
export { packetBytes } from './operators/aggregate/piece-rows.ts';
export { buildChain } from './operators/chain.ts';
export { recoveryOf, restoreOperators, saveOperators } from './operators/recovery.ts';
export { resolveSource } from './operators/source-definition.ts';
export { madeBytes } from './plan/batch-rows.ts';
export { givesUnderPressure } from './plan/reclaim.ts';
