import type { TypeText } from '../schema/types.ts';
import type { Column } from './contract.ts';
import { childType } from './layout.ts';

/** A column of no rows, which needs no memory. */
export function emptyColumn(type: TypeText): Column {
  const of = childType(type);
  return {
    type,
    length: 0,
    nullCount: 0,
    validity: 0,
    values: 0,
    valueBytes: 0,
    offsets: 0,
    child: of === undefined ? undefined : emptyColumn(of),
    slabs: [],
  };
}
