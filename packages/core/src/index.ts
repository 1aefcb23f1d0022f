export type { KeptBatch, LentBatch } from './batch/lent-batch.ts';
export type { SharedTable, TablePart } from './batch/shared-table.ts';
export { explain, exportOups, importOups, openOupsStore, openStore, shareTable } from './deferred.ts';
export * from './errors.ts';
export { DateParts, Expression, type Operand, TextFunctions } from './expressions/builder.ts';
export { coalesce, col, lit, when } from './expressions/col.ts';
export type { AnyShape, PipelineTypeError } from './expressions/types.ts';
export type { BadRowPolicy } from './formats/csv/csv-format.ts';
export type { OrderedValue } from './formats/ordered-value.ts';
export { type AggregateConfig, type AggregateDefinition, defineAggregate } from './operators/aggregate-definition.ts';
export { defineFold, type FoldConfig, type FoldDefinition } from './operators/fold-definition.ts';
export {
  defineOp,
  type OpConfig,
  type OpContext,
  type OpDefinition,
  type OpInstance,
  type OpResult,
} from './operators/op-definition.ts';
export { defineScan, type ScanConfig, type ScanRow } from './operators/scan-definition.ts';
export {
  defineSource,
  type SourceConfig,
  type SourceDefinition,
  type SourceInstance,
} from './operators/source-definition.ts';
export { type Aggregate, type AggregateFunctions, agg, type SumOptions } from './plan/agg-functions.ts';
export type { AggregationOptions, AggStreamOptions } from './plan/aggregates.ts';
export type { BinOptions, BinWidth, FirstDay, Instant } from './plan/bin-options.ts';
export type { CombineOptions, MergeOptions, ZipLatestOptions } from './plan/combine.ts';
export type { ExplainOptions, Explanation } from './plan/explain.ts';
export type { AnyIterable, IterableItem } from './plan/feeders.ts';
export type { ArrowSinkOptions, CsvSinkOptions, NdjsonSinkOptions, ParquetSinkOptions } from './plan/file-sinks.ts';
export type { JoinOptions } from './plan/join.ts';
export {
  createPipeline,
  type Pipeline,
  type PipelineOptions,
  type PushOptions,
  type PushSource,
} from './plan/pipeline.ts';
export { type ArrowOptions, readArrow } from './plan/read-arrow.ts';
export { type CsvOptions, readCsv } from './plan/read-csv.ts';
export { type NdjsonOptions, readNdjson } from './plan/read-ndjson.ts';
export { fromShared, type SharedOptions } from './plan/shared-source.ts';
export {
  type ForEachOptions,
  type IterableSink,
  type Sink,
  type StoreHandle,
  type StoreKey,
  type StoreSinkOptions,
} from './plan/sinks.ts';
export type { SnapshotOptions } from './plan/snapshot-options.ts';
export type { SortBy, SortOptions } from './plan/sort-options.ts';
export { fromIterable, type IterableOptions, type ParquetOptions, readParquet, type Source } from './plan/sources.ts';
export type { StageOptions, StepOptions } from './plan/stage-options.ts';
export type { LateRows, ReorderOptions } from './plan/steps/reorder.ts';
export type { RollingOptions } from './plan/steps/rolling.ts';
export type {
  DistinctOptions,
  PartitionOptions,
  PartitionUniqueOptions,
  ShiftOptions,
} from './plan/steps/row-options.ts';
export type { SlidingWindowOptions } from './plan/steps/sliding-window.ts';
export { readStore, type StoreSourceOptions } from './plan/store-source.ts';
export type { Stream } from './plan/stream.ts';
export type * from './schema/types.ts';
export type { CommitSummary, WriteMode } from './store/commit/commit-contract.ts';
export type { MetadataChange, WriteSettings } from './store/commit/write-settings.ts';
export type { Dataset, DatasetReadOptions, OrderedBound, ReadPlan } from './store/dataset.ts';
export type { DatasetFile } from './store/files/dataset-file.ts';
export type { RowGroupTarget } from './store/files/row-group-target.ts';
export type { Intersection, IntersectionOptions } from './store/intersections.ts';
export type { DatasetKey } from './store/keys/key-path.ts';
export type { KeyFieldType, KeyLevels, KeySchema } from './store/keys/key-schema.ts';
export type { OpenStoreOptions } from './store/open-store.ts';
export type { ExportOupsOptions, OupsTransfer } from './store/oups/export-oups.ts';
export type { ImportOupsOptions } from './store/oups/import-oups.ts';
export type { OpenOupsOptions, OupsDataset, OupsRowGroup, OupsStore } from './store/oups/oups-store.ts';
export type { PlainValue } from './store/oups/pickle.ts';
export type { ForeignFile } from './store/read/foreign-files.ts';
export type { OpenDatasetOptions, Store } from './store/store.ts';
export type { VacuumOptions, VacuumSummary } from './store/vacuum.ts';
export type { VerifyProblem, VerifyResult } from './store/verify-result.ts';
export type { StoreWriteOptions, WriteRows } from './store/write-rows.ts';
