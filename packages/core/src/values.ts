/** Values of columns as text: what the command line prints. No promise of stability. */
export type { Batch, Column } from './batch/contract.ts';
export { columnReader, type ValueReader } from './batch/read-values.ts';
export { textFormatter } from './expressions/cast-text.ts';
export { showOrdered } from './formats/ordered-value.ts';
export { csvHeader, rowTextOf, rowWriter } from './formats/row-text.ts';
export type { Arena } from './memory/contract.ts';
export { createArena } from './memory/process-arena.ts';
export { isNumeric, isTemporal, isTimestamp, parseType } from './schema/parse-type.ts';
