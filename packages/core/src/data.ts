/** Making and reading batches, and checking their order: what sources and sinks need beside `base.ts`. No promise of stability. */
export { concatBatches } from './batch/concat-batches.ts';
export { cutBatch } from './batch/cut-batch.ts';
export { floorBytes } from './batch/largest-batch.ts';
export { emptyBatch, withInputs } from './batch/make-batch.ts';
export { copyIn, copyOut } from './batch/plain-batch.ts';
export { batchToRows } from './batch/read-values.ts';
export { type GivenRows, RowSizes, rowTooLarge } from './batch/row-sizes.ts';
export { rowsToBatch } from './batch/rows-to-batch.ts';
export { sharedTableBatches } from './batch/shared-table.ts';
export { sliceBatch } from './batch/slice-batch.ts';
export { OrderCheck } from './formats/order-check.ts';
export { compareOrdered, disorderError, orderedValue } from './formats/ordered-value.ts';
export { parseType } from './schema/parse-type.ts';
