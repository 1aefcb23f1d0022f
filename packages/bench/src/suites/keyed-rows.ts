/** Ordered rows with keys: times in equal steps, keys and values by multiples of primes, values multiples of 1/64. The same rows for peers, as SQL. */

/** Microseconds since 1970 at which all of them begin. */
const START_US = 1_704_067_200_000_000;
/** Rows of a batch in shared memory. */
export const BATCH_ROWS = 131_072;

/** Of how many rows, and which. */
export interface KeyedRows {
  rows: number;
  stepUs: number;
  /** Of the first row, after the beginning. Default 0. */
  laterUs?: number;
  keys: number;
  prime: number;
  /** Name of the column of values. */
  value: string;
}

/** The rows as columns, batch by batch. */
export function* keyedBatches(
  of: KeyedRows,
): Generator<{ [column: string]: BigInt64Array | Int32Array | Float64Array }> {
  const { rows, stepUs, laterUs = 0, keys, prime } = of;
  for (let from = 0; from < rows; from += BATCH_ROWS) {
    const count = Math.min(BATCH_ROWS, rows - from);
    const ts = new BigInt64Array(count);
    const key = new Int32Array(count);
    const value = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      const row = from + i;
      ts[i] = BigInt(START_US + laterUs + row * stepUs);
      key[i] = (row * prime) % keys;
      value[i] = ((row * 31) % 997) / 64;
    }
    yield { ts, key, [of.value]: value };
  }
}

/** The rows as DuckDB makes them. */
export function keyedSql({ rows, stepUs, laterUs = 0, keys, prime, value }: KeyedRows): string {
  return `SELECT make_timestamp((${START_US + laterUs} + i * ${stepUs})::BIGINT) AS ts, ((i * ${prime}) % ${keys})::INT AS key,
    ((i * 31) % 997)::DOUBLE / 64 AS ${value} FROM range(${rows}) t(i)`;
}
