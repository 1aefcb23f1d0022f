/** What `@spillway/workers` needs of core and users do not. No promise of stability. */

export * from './arrow-files.ts';
export {
  allocBatch,
  allocColumn,
  type BatchDraft,
  type BufferPlan,
  type DraftColumn,
  finishColumn,
} from './batch/alloc-batch.ts';
export { arrowToBatches, type FromArrowOptions } from './batch/arrow-to-batches.ts';
export { batchToArrow, batchToArrowCopy, plainToArrow } from './batch/batch-to-arrow.ts';
export { copyBits, countSetBits, fillBits, isBitSet, setBit } from './batch/bitmap.ts';
export { compactBatch } from './batch/compact-batch.ts';
export { concatBatches } from './batch/concat-batches.ts';
export type * from './batch/contract.ts';
export { cutBatch } from './batch/cut-batch.ts';
export { emptyColumn } from './batch/empty-column.ts';
export type { BatchKeeper } from './batch/lent-batch.ts';
export { columnLogicalBytes } from './batch/logical-bytes.ts';
export { emptyBatch, makeBatch, withFields, withInputs } from './batch/make-batch.ts';
export { copyIn, copyOut, type PlainBatch, type PlainColumn } from './batch/plain-batch.ts';
export { batchToRows, columnReader, type ValueReader } from './batch/read-values.ts';
export { type GivenRows, RowSizes, rowTooLarge } from './batch/row-sizes.ts';
export { rowsToBatch } from './batch/rows-to-batch.ts';
export { arenaOf, handOn, openBatch, releaseDescriptor, retainDescriptor } from './batch/shared-batch.ts';
export { SHARED_TABLE_OWNER, sharedTableBatches, sharedTableCount } from './batch/shared-table.ts';
export { sliceBatch, sliceColumn } from './batch/slice-batch.ts';
export { decodeUtf8, encodeStrings } from './batch/utf8.ts';
export type { RowValues } from './batch/value-origin.ts';
export { type CompiledExpression, columnsOf, compileExpression } from './expressions/compile.ts';
export * from './expressions/describe.ts';
export { type EvaluationContext, releaseColumn } from './expressions/frame.ts';
export type * from './expressions/node.ts';
export * from './expressions/typing.ts';
export type { ArrowFile } from './formats/arrow-ipc/arrow-format.ts';
export { readArrowInfo } from './formats/arrow-ipc/arrow-info.ts';
export type { ColumnBounds } from './formats/column-bounds.ts';
export { joinCrc32 } from './formats/crc32-join.ts';
export type { CsvFormat, JsonFormat, TextFile, TextFormat } from './formats/csv/csv-format.ts';
export { type CsvHead, readCsvHead } from './formats/csv/csv-head.ts';
export { fieldText, isQuoted, plainRows } from './formats/csv/plain-rows.ts';
export { plainValue } from './formats/csv/plain-values.ts';
export { fileError } from './formats/file-error.ts';
export { expandPaths } from './formats/glob.ts';
export { plannedFooter } from './formats/kept-footers.ts';
export { KeptReadings } from './formats/kept-readings.ts';
export { plainLines } from './formats/ndjson/plain-lines.ts';
export { OrderCheck } from './formats/order-check.ts';
export {
  compareOrdered,
  disorderError,
  isOrderable,
  type OrderedValue,
  orderedValue,
  showOrdered,
} from './formats/ordered-value.ts';
export type { WriteParquetOptions } from './formats/parquet-encoder.ts';
export * from './formats/parquet-info.ts';
export { dropParquetLibrary, parquetLibrary, parquetLibraryBytes } from './formats/parquet-library.ts';
export { ChunkPages } from './formats/parquet-native/chunk-pages.ts';
export { canReadNatively, NativeReader } from './formats/parquet-native/native-reader.ts';
export {
  borrowMemory as borrowPageMemory,
  returnMemory as returnPageMemory,
} from './formats/parquet-native/page-memory.ts';
export { readParquetRows, selectParquetFields } from './formats/parquet-reader.ts';
export type { ReadParquetRequest, ReadParquetResult } from './formats/parquet-request.ts';
export { ParquetWriter, type WrittenParquet, writeParquetFile } from './formats/parquet-writer.ts';
export type * from './kernels/aggregate-contract.ts';
export { OVERFLOW_RECORD_BYTES, SUM_STATE_BYTES } from './kernels/aggregate-contract.ts';
export { instantiateKernels } from './kernels/compiled-kernels.ts';
export { CONVERT, INDEX, VALUE_KIND, VALUE_STATUS } from './kernels/csv-layout.ts';
export * from './kernels/exact-sum.ts';
export { JSON_BAD_KIND, JSON_ROWS } from './kernels/json-layout.ts';
export { KeyTable } from './kernels/key-table.ts';
export { adoptKernelModule, type KernelModule, kernelModule } from './kernels/module.ts';
export { QuantileBuckets } from './kernels/quantiles.ts';
export { createReferenceKernels } from './kernels/reference-kernels.ts';
export * from './kernels/sum-state.ts';
export { estimateUnique, hashWords, registerOf, zerosOf } from './kernels/unique-sketch.ts';
export type * from './kernels/vector-contract.ts';
export { KEY_TABLE_HEADER_BYTES, TAKE_NOTHING } from './kernels/vector-contract.ts';
export { POISON } from './memory/arena.ts';
export * from './memory/consumer.ts';
export type * from './memory/contract.ts';
export { OWNER_COUNT, PAGE_BYTES } from './memory/layout.ts';
export * from './memory/pool.ts';
export * from './memory/pool-contract.ts';
export { poolBytes } from './memory/pool-layout.ts';
export { type ArenaOptions, attachArena, createArena, processArena, resetArena } from './memory/process-arena.ts';
export { releaseOwners } from './memory/release-owners.ts';
export {
  createAggregateFinal,
  createAggregatePartial,
  createAggregateWhole,
} from './operators/aggregate/create-aggregate.ts';
export {
  aggregateOutputFields,
  PARTIAL_FIELDS,
  partialFields,
} from './operators/aggregate/output-fields.ts';
export type { LimitPlace } from './operators/auto-limit.ts';
export { AutoLimit } from './operators/auto-limit.ts';
export { buildChain } from './operators/chain.ts';
export type * from './operators/chain-contract.ts';
export type * from './operators/contract.ts';
export * from './operators/fold-definition.ts';
export { PIECE_ROWS } from './operators/held-batches.ts';
export * from './operators/op-definition.ts';
export { recoveryOf, restoreOperators, saveOperators } from './operators/recovery.ts';
export type * from './operators/snapshot-contract.ts';
export { type SavedChain, SnapshotFiles, SnapshotSource } from './operators/snapshot-files.ts';
export * from './operators/source-definition.ts';
export { hasTriggers, TriggerCounter } from './operators/triggers.ts';
export { gridOf } from './operators/windows/grid.ts';
export { selectRank } from './operators/windows/select-rank.ts';
export type * from './partition/contract.ts';
export { type CutOptions, cutPlan } from './partition/cut-plan.ts';
export { readPlanText, writePlanText } from './partition/plan-text.ts';
export { type Range, shareOut } from './partition/share-out.ts';
export { buildLogicalPlan } from './plan/build.ts';
export { callbackOf, feederOf, registerCallback, registerFeeder } from './plan/endpoints.ts';
export type * from './plan/endpoints-contract.ts';
export type * from './plan/logical.ts';
export type * from './plan/physical.ts';
export { interpret as interpretExpression } from './plan/reference/interpret.ts';
export {
  type ReferenceFlush,
  type ReferenceOptions,
  type ReferenceOutput,
  type ReferenceResult,
  runReference,
} from './plan/reference/run.ts';
export {
  arrowOfRows,
  type Row as ReferenceRow,
  rowsOfArrow,
  type Value as ReferenceValue,
} from './plan/reference/values.ts';
export { fileProbes, resolvePlan } from './plan/resolve.ts';
export type { PlanProbes, ResolvedNode, ResolvedPlan, TimingDependence } from './plan/resolved.ts';
export { cutStages, planStages } from './plan/stages.ts';
export { fieldsFromArrow, fieldsToArrow, typeFromArrow, typeToArrow } from './schema/arrow-schema.ts';
export { type Duration, formatDuration, parseDuration, unitNanoseconds } from './schema/durations.ts';
export { fieldIndex, fieldsFromShape, findField, type SchemaShape, sameColumns } from './schema/fields.ts';
export { parseClockTime, parseIsoTime } from './schema/iso-time.ts';
export { type ArrowModule, loadArrow } from './schema/load-arrow.ts';
export { nameHint, nearestName } from './schema/nearest-name.ts';
export { KERNEL_TYPE_ARRAYS, KERNEL_TYPE_BYTES } from './schema/number-types.ts';
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
export { type Bytes, formatBytes, parseBytes } from './schema/sizes.ts';
export type * from './spill/contract.ts';
export { localAccount, nodeDisk, sharedAccount } from './spill/disk.ts';
export { LaneSpill, type LaneSpillOptions } from './spill/lane-spill.ts';
export { isStale, runFolder, sweepStaleFolders } from './spill/run-folder.ts';
export { commitFiles } from './store/commit/commit.ts';
export type { CommitRequest, CommitSummary, StoreRunner } from './store/commit/commit-contract.ts';
export type { DatasetFile, StagedFile } from './store/files/dataset-file.ts';
export { periodsOf } from './store/files/row-group-target.ts';
export { keyToPath, pathToKey, showKey } from './store/keys/key-path.ts';
export { SchemaKeys } from './store/keys/key-schema.ts';
export { writeCommit } from './store/log/commit-file.ts';
export type { DeltaAction, Snapshot } from './store/log/delta-actions.ts';
export { readSnapshot, readWholeSnapshot } from './store/log/delta-log.ts';
export type { MergedRegion, MergeTask } from './store/merge/merge-files.ts';
export { type MergeRegion, planMerge } from './store/merge/merge-plan.ts';
export { type OpdmdContent, type OpdmdGroup, readOpdmd, writeOpdmd } from './store/oups/opdmd-file.ts';
export { PythonObject } from './store/oups/pickle.ts';
export { readPickledDict } from './store/oups/read-pickle.ts';
export { writePickledDict } from './store/oups/write-pickle.ts';
export type { ForeignTask } from './store/read/foreign-files.ts';
export { ForeignSort } from './store/read/foreign-sort.ts';
export type { FileSink, FileSinkOptions, FileSinkSpec, SinkMark, StagedSink } from './store/sinks/contract.ts';
export { openFileSink } from './store/sinks/file-sink.ts';
export { holdStaging } from './store/sinks/held-staging.ts';
export { checkFileSink, commitSink, datasetFolder, discardSink, stagingPath } from './store/sinks/sink-commit.ts';
export * from './text.ts';
