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
export { isFloat, isInteger, isNumeric, isTemporal, isText, isTimestamp, parseType, tryParseType } from './schema/parse-type.ts';
export { formatBytes, parseBytes, type Bytes } from './schema/sizes.ts';
export type * from './kernels/vector-contract.ts';
export { KEY_TABLE_HEADER_BYTES, TAKE_NOTHING } from './kernels/vector-contract.ts';
export { KeyTable } from './kernels/key-table.ts';
export * from './expressions/describe.ts';
export type * from './expressions/node.ts';
export * from './expressions/typing.ts';
