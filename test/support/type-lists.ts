/** Lists of column types that random tests draw from: each folder's own needs go on top. */
import type { TypeText } from '@spillway/core';

/** Types whose values have one order, in every unit that differs in size. */
export const SCALAR_TYPES = [
  'bool',
  'int8',
  'int16',
  'int32',
  'int64',
  'uint8',
  'uint16',
  'uint32',
  'uint64',
  'float32',
  'float64',
  'utf8',
  'binary',
  'date32',
  'date64',
  'time32[s]',
] as const satisfies readonly TypeText[];
