/** From sinks to stages: what the coordinator needs beside `lane.ts`. No promise of stability. */

export { floorBytes, rowBytes } from './batch/largest-batch.ts';
export { preloadKernels } from './kernels/module.ts';
export { poolBytes } from './memory/pool-layout.ts';
export { boundedSources } from './plan/bounded-sources.ts';
export { hasUserCode, type MemorySplit, splitMemory, WHOLE_LIBRARY_BYTES } from './plan/budget.ts';
export { buildLogicalPlan } from './plan/build.ts';
export { mostDeliveredRows } from './plan/delivered-rows.ts';
export { callbackOf, feederOf } from './plan/endpoints.ts';
export { ENOUGH } from './plan/endpoints-contract.ts';
export { distanceToSink, type Gives, givesUnderPressure } from './plan/reclaim.ts';
export { resolvePlan } from './plan/resolve.ts';
export { fitStages, planStages } from './plan/stages.ts';
