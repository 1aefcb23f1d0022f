export * from './errors.ts';
export type * from './schema/types.ts';
export {
  defineFold, defineOp, defineSource,
  type FoldConfig, type FoldDefinition, type OpConfig, type OpContext, type OpDefinition, type OpInstance, type OpResult,
  type SourceConfig, type SourceDefinition, type SourceInstance,
} from './operators/definition.ts';
export { col, coalesce, lit, when } from './expressions/col.ts';
export { DateParts, Expression, type Operand, TextFunctions } from './expressions/builder.ts';
export type { AnyShape, PipelineTypeError } from './expressions/types.ts';
