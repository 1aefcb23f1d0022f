/**
 * Errors, folders, the arena and the handles of batches: what every thread needs before anything else. An entry of its own,
 * because each module costs start-up time. No promise of stability.
 */
export { handOn, openBatch, releaseDescriptor, retainDescriptor } from './batch/shared-batch.ts';
export { errorFromData, errorToData, PipelineError } from './errors.ts';
export { makeFolders } from './formats/make-folders.ts';
export { MemoryConsumer, MemoryReservation } from './memory/consumer.ts';
export { OWNER_COUNT } from './memory/layout.ts';
export { type MemoryHolding, MemoryPool } from './memory/pool.ts';
export { MAIN_SCOPE, type PoolConsumer, type PoolPlace } from './memory/pool-contract.ts';
export { attachArena, createArena, processArena } from './memory/process-arena.ts';
export { releaseOwners } from './memory/release-owners.ts';
export { parseDuration } from './schema/durations.ts';
export { formatBytes, parseBytes } from './schema/sizes.ts';
