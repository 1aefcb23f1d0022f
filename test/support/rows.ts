/** Rows for pipelines in tests. */

/** Rows `{ value }` counting up from `from`. */
export function valueRows(count: number, from = 0): { value: bigint }[] {
  return Array.from({ length: count }, (_, index) => ({ value: BigInt(from + index) }));
}

/** The column `value` of rows, as numbers. */
export function valuesOf(rows: readonly Record<string, unknown>[]): number[] {
  return rows.map((row) => Number(row['value']));
}
