/** The rows of W3 as a query of DuckDB, by number: ticks a twentieth of a second apart. */
export function ticksQuery(from: number, to: number): string {
  return `SELECT TIMESTAMP '2024-01-01' + to_microseconds(i * 50000) AS ts, 'S' || (hash(i) % 200)::VARCHAR AS symbol,
    (hash(i + 1) % 1000000)::DOUBLE / 100 AS price, (hash(i + 2) % 1000)::BIGINT AS qty FROM range(${from}, ${to}) t(i)`;
}
