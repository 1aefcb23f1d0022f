/**
 * Shared memory and batches, without what computes on them: an entry of its own, because every thread loads it before its
 * first row, and each module costs start-up time. No promise of stability.
 */
export type * from './internal.ts';
export { errorFromData, errorToData, PipelineError } from './errors.ts';
export { arrowToBatches } from './batch/arrow-to-batches.ts';
export { batchToArrow, batchToArrowCopy, plainToArrow } from './batch/batch-to-arrow.ts';
export { concatBatches } from './batch/concat-batches.ts';
export { withInputs } from './batch/make-batch.ts';
export { copyIn, copyOut } from './batch/plain-batch.ts';
export { batchToRows } from './batch/read-values.ts';
export { rowsToBatch } from './batch/rows-to-batch.ts';
export { handOn, openBatch, releaseDescriptor } from './batch/shared-batch.ts';
export { sharedTableBatches } from './batch/shared-table.ts';
export { sliceBatch } from './batch/slice-batch.ts';
export { OrderCheck } from './formats/order-check.ts';
export { compareOrdered, disorderError, orderedValue } from './formats/ordered-value.ts';
export { OWNER_COUNT } from './memory/layout.ts';
export { attachArena, processArena } from './memory/process-arena.ts';
export { releaseOwners } from './memory/release-owners.ts';
export { fieldsToArrow } from './schema/arrow-schema.ts';
export { parseDuration } from './schema/durations.ts';
export { loadArrow } from './schema/load-arrow.ts';
export { parseType } from './schema/parse-type.ts';
export { parseBytes } from './schema/sizes.ts';
