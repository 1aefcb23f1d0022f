/** Sorting for the reference executor: all rows in memory, compared one with another. */
import type { Fields } from '../../schema/types.ts';
import type { SortKey } from '../logical.ts';
import type { Row, Value } from './values.ts';

/** Numbers with NaN above all and -0 as 0; texts by their bytes. */
function compareValues(a: Value, b: Value): number {
  if (typeof a === 'number' && typeof b === 'number') {
    if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
    return a < b ? -1 : a > b ? 1 : 0;
  }
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b));
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b);
  return (a as bigint) < (b as bigint) ? -1 : (a as bigint) > (b as bigint) ? 1 : 0;
}

/** The rows in order; rows with equal keys as they came. */
export function sortRows(rows: readonly Row[], by: readonly SortKey[], fields: Fields): Row[] {
  const keys = by.map((key) => ({ ...key, index: fields.findIndex((field) => field.name === key.column) }));
  return [...rows].sort((left, right) => {
    for (const { index, descending, nulls } of keys) {
      const [a, b] = [left[index] as Value, right[index] as Value];
      const order =
        a === null || b === null
          ? (Number(a === null) - Number(b === null)) * (nulls === 'first' ? -1 : 1)
          : compareValues(a, b) * (descending ? -1 : 1);
      if (order !== 0) return order;
    }
    return 0;
  });
}
