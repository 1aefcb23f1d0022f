/** What `@spillway/workers` needs of core and users do not. No promise of stability. */
export type * from './batch/contract.ts';
export type * from './memory/contract.ts';
export type * from './operators/contract.ts';
export type * from './plan/logical.ts';
export type * from './plan/physical.ts';
export * from './operators/definition.ts';
export {
  aggregateOutputFields,
  PARTIAL_FIELDS,
  partialFields,
  type AggregateSpec,
} from './operators/aggregate/output-fields.ts';
export type * from './plan/endpoints-contract.ts';
export type * from './kernels/aggregate-contract.ts';
export { OVERFLOW_RECORD_BYTES, SUM_STATE_BYTES } from './kernels/aggregate-contract.ts';
export * from './kernels/exact-sum.ts';
export * from './kernels/sum-state.ts';
export { createReferenceKernels } from './kernels/reference-kernels.ts';
export * from './formats/parquet-info.ts';
export { attachArena, createArena, processArena, resetArena, type ArenaOptions } from './memory/process-arena.ts';
export { POISON } from './memory/arena.ts';
export { PAGE_BYTES } from './memory/layout.ts';
export { fieldIndex, fieldsFromShape, findField, sameColumns, type SchemaShape } from './schema/fields.ts';
export { formatDuration, parseDuration, unitNanoseconds, type Duration } from './schema/durations.ts';
export { nameHint, nearestName } from './schema/nearest-name.ts';
export {
  isFloat,
  isInteger,
  isNumeric,
  isTemporal,
  isText,
  isTimestamp,
  parseType,
  tryParseType,
} from './schema/parse-type.ts';
export { formatBytes, parseBytes, type Bytes } from './schema/sizes.ts';
export type * from './kernels/vector-contract.ts';
export { KEY_TABLE_HEADER_BYTES, TAKE_NOTHING } from './kernels/vector-contract.ts';
export { KeyTable } from './kernels/key-table.ts';
export * from './expressions/describe.ts';
export type * from './expressions/node.ts';
export * from './expressions/typing.ts';
export {
  allocBatch,
  allocColumn,
  finishColumn,
  type BatchDraft,
  type BufferPlan,
  type DraftColumn,
} from './batch/alloc-batch.ts';
export { copyBits, countSetBits, fillBits, isBitSet, setBit } from './batch/bitmap.ts';
export { concatBatches } from './batch/concat-batches.ts';
export { emptyColumn } from './batch/empty-column.ts';
export { columnLogicalBytes } from './batch/logical-bytes.ts';
export { emptyBatch, makeBatch, withFields, withInputs } from './batch/make-batch.ts';
export { copyIn, copyOut, type PlainBatch, type PlainColumn } from './batch/plain-batch.ts';
export { batchToRows, columnReader, type ValueReader } from './batch/read-values.ts';
export { rowsToBatch } from './batch/rows-to-batch.ts';
export type { RowValues } from './batch/value-origin.ts';
export { arenaOf, handOn, openBatch, releaseDescriptor, retainDescriptor } from './batch/shared-batch.ts';
export { sliceBatch, sliceColumn } from './batch/slice-batch.ts';
export { decodeUtf8, encodeStrings } from './batch/utf8.ts';
export { parseClockTime, parseIsoTime } from './schema/iso-time.ts';
export {
  isOrderable,
  orderedValue,
  compareOrdered,
  disorderError,
  showOrdered,
  type OrderedValue,
} from './formats/ordered-value.ts';
export { OrderCheck } from './formats/order-check.ts';
export { dropParquetLibrary, parquetLibraryBytes } from './formats/parquet-library.ts';
export {
  readParquetRows,
  selectParquetFields,
  type ReadParquetRequest,
  type ReadParquetResult,
} from './formats/parquet-reader.ts';
export { arrowToBatches, type FromArrowOptions } from './batch/arrow-to-batches.ts';
export { batchToArrow, batchToArrowCopy, plainToArrow } from './batch/batch-to-arrow.ts';
export { fieldsFromArrow, fieldsToArrow, typeFromArrow, typeToArrow } from './schema/arrow-schema.ts';
export { loadArrow, type ArrowModule } from './schema/load-arrow.ts';
export { buildLogicalPlan } from './plan/build.ts';
export { callbackOf, feederOf, registerCallback, registerFeeder } from './plan/endpoints.ts';
export { columnsOf, compileExpression, type CompiledExpression } from './expressions/compile.ts';
export { type EvaluationContext, releaseColumn } from './expressions/frame.ts';
export { hasTriggers, TriggerCounter } from './operators/triggers.ts';
export { SHARED_TABLE_OWNER, sharedTableBatches, sharedTableCount } from './batch/shared-table.ts';
export { OWNER_COUNT } from './memory/layout.ts';
export { releaseOwners } from './memory/release-owners.ts';
export type * from './operators/chain-contract.ts';
export { instantiateKernels } from './kernels/compiled-kernels.ts';
export { adoptKernelModule, kernelModule, type KernelModule } from './kernels/module.ts';
export {
  createAggregateFinal,
  createAggregatePartial,
  createAggregateWhole,
} from './operators/aggregate/create-aggregate.ts';
export type { ColumnBounds } from './formats/column-bounds.ts';
export {
  ParquetWriter,
  writeParquetFile,
  type WriteParquetOptions,
  type WrittenParquet,
} from './formats/parquet-writer.ts';
export { expandPaths } from './formats/glob.ts';
export { fileProbes, resolvePlan } from './plan/resolve.ts';
export type { PlanProbes, ResolvedNode, ResolvedPlan, TimingDependence } from './plan/resolved.ts';
export { cutStages, planStages } from './plan/stages.ts';
export { buildChain } from './operators/chain.ts';
export { PIECE_ROWS } from './operators/held-batches.ts';
export {
  type ReferenceFlush, type ReferenceOptions, type ReferenceOutput, type ReferenceResult, runReference,
} from './plan/reference/run.ts';
export { interpret as interpretExpression } from './plan/reference/interpret.ts';
export { arrowOfRows, type Row as ReferenceRow, rowsOfArrow, type Value as ReferenceValue } from './plan/reference/values.ts';
export { commitFiles, type CommitRequest, type CommitSummary } from './store/commit.ts';
export type { DatasetFile, StagedFile } from './store/dataset-file.ts';
export { readSnapshot, writeCommit, type DeltaAction, type Snapshot } from './store/delta-log.ts';
export { type FileSink, type FileSinkOptions, type FileSinkSpec, openFileSink, type StagedSink } from './store/file-sink.ts';
export { keyToPath, pathToKey, showKey } from './store/key-path.ts';
export { checkFileSink, commitSink, datasetFolder, discardSink, stagingPath } from './store/sink-commit.ts';
