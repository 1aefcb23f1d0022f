/** How large batches of some columns get, as far as it is known before there are any. */
import { classAbove, classPages, PAGE_BYTES } from '../memory/layout.ts';
import { parseType } from '../schema/parse-type.ts';
import type { Fields, TypeText } from '../schema/types.ts';

const TEXT_BYTES = 24;
const LIST_BYTES = 64;
/** Rows of a physical batch at most. */
export const PIECE_ROWS = 65_536;

function typeBytes(type: TypeText): number {
  const { physical, byteWidth } = parseType(type);
  if (physical === 'bits') return 1 / 8;
  if (physical === 'variable') return 4 + TEXT_BYTES;
  return physical === 'list' ? 4 + LIST_BYTES : byteWidth;
}

/** Logical bytes of a row, estimated. */
export function rowBytes(fields: Fields): number {
  return fields.reduce((sum, field) => sum + typeBytes(field.type) + (field.nullable ? 1 / 8 : 0), 0);
}

/** Room for one largest batch of these columns, as the arena gives it. */
export function floorBytes(fields: Fields, rows: number): number {
  return slabBytes(Math.min(rows, PIECE_ROWS) * rowBytes(fields));
}

/** So many bytes, as the arena gives them. */
export function slabBytes(bytes: number): number {
  return classPages(classAbove(Math.max(1, Math.ceil(bytes / PAGE_BYTES)))) * PAGE_BYTES;
}
