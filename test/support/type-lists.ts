/** Lists of column types that random tests draw from, and columns of many types: each folder's own needs go on top. */
import type { Shape, TypeText } from '@spillway/core';

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

/** Columns of types that other programs store in ways of their own. */
export const MIXED_SHAPE = {
  ts: 'timestamp[us, UTC]',
  naive: 'timestamp[ms]',
  n: 'int64',
  small: 'uint16',
  huge: 'uint64',
  x: 'float64',
  s: 'utf8',
  tag: 'dictionary<utf8>',
  day: 'date32',
  ok: 'bool',
} as const satisfies Shape;
