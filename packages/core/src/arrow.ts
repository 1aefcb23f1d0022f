/** Between batches and apache-arrow, loaded where Arrow data comes in or goes out. No promise of stability. */
export { arrowToBatches } from './batch/arrow-to-batches.ts';
export { batchToArrowCopy, plainToArrow } from './batch/batch-to-arrow.ts';
export { lendBatch } from './batch/lent-batch.ts';
export { fieldsFromArrow, fieldsToArrow } from './schema/arrow-schema.ts';
export { loadArrow } from './schema/load-arrow.ts';
