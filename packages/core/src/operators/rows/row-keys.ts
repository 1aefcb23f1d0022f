/**
 * Values of some columns of a row as one text, equal for rows that are equal: for steps that take columns of any type. −0 is 0, NaN equals
 * itself, null equals null, and text is text, with a dictionary or without.
 */
import type { Batch, Column } from '../../batch/contract.ts';
import { columnReader } from '../../batch/read-values.ts';
import type { Arena } from '../../memory/contract.ts';
import type { Fields } from '../../schema/types.ts';

/** Positions of columns by name; all where none is named. */
export function positionsOf(fields: Fields, names: readonly string[]): number[] {
  return names.length === 0
    ? fields.map((_, index) => index)
    : names.map((name) => fields.findIndex((field) => field.name === name));
}

/** Reads keys of the rows of one batch, as long as that is held. */
export function keyReader(arena: Arena, batch: Batch, positions: readonly number[]): (row: number) => string {
  const readers = positions.map((position) => columnReader(arena, batch.columns[position] as Column));
  const [only] = readers;
  if (readers.length === 1 && only !== undefined) return (row) => keyOf(only(row));
  return (row) => {
    let key = '';
    for (const read of readers) key += keyOf(read(row));
    return key;
  };
}

/** The keys of all rows of a batch. */
export function keysOf(arena: Arena, batch: Batch, positions: readonly number[]): string[] {
  const keyOf = keyReader(arena, batch, positions);
  return Array.from({ length: batch.rows }, (_, row) => keyOf(row));
}

/** Texts and lists begin with their length, so that no two rows of different values look alike. */
function keyOf(value: unknown): string {
  if (value === null) return 'n;';
  if (typeof value === 'string') return `${value.length}:${value}`;
  if (typeof value === 'number') return `${value === 0 ? 0 : value};`;
  if (value instanceof Uint8Array) return `b${value.length}:${Buffer.from(value).toString('latin1')}`;
  if (!Array.isArray(value)) return `${String(value)};`;
  return `[${value.length}:${value.map(keyOf).join('')}`;
}
