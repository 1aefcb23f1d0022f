/**
 * The descriptor of a batch, as 32-bit words: header, one record for each column and each child of a column (children
 * follow their parent), the slabs that the descriptor holds a reference on, and the slabs of each column.
 *
 * A descriptor never changes once its batch is made, except for its count of references.
 */
import { parseType } from '../schema/parse-type.ts';
import type { Fields, TypeText } from '../schema/types.ts';

export const DESCRIPTOR_MAGIC = 0x42544348;

export const Header = {
  magic: 0,
  /** Changed by atomic operations only. */
  references: 1,
  rows: 2,
  inputs: 3,
  /** Columns of the batch, and records with their children. */
  columns: 4,
  records: 5,
  /** Entries of the two lists of slabs. */
  held: 6,
  listed: 7,
  /** The slab that the descriptor itself lies in; released last. */
  block: 8,
  words: 16,
} as const;

export const Record = {
  length: 0,
  nullCount: 1,
  validity: 2,
  values: 3,
  valueBytes: 4,
  offsets: 5,
  /** Entries of this column in the second list of slabs. */
  slabFrom: 6,
  slabCount: 7,
  words: 8,
} as const;

/** Type of the dictionary of a dictionary column or of the elements of a list; undefined for the others. */
export function childType(type: TypeText): TypeText | undefined {
  const parsed = parseType(type);
  return parsed.physical === 'dictionary' ? 'utf8' : parsed.of;
}

export function recordCount(type: TypeText): number {
  const child = childType(type);
  return child === undefined ? 1 : 1 + recordCount(child);
}

const counts = new WeakMap<Fields, number>();

/** Records of a batch with these fields. */
export function recordsOf(fields: Fields): number {
  let count = counts.get(fields);
  if (count === undefined) {
    count = fields.reduce((sum, field) => sum + recordCount(field.type), 0);
    counts.set(fields, count);
  }
  return count;
}

export function descriptorBytes(records: number, held: number, listed: number): number {
  return (Header.words + records * Record.words + held + listed) * 4;
}
