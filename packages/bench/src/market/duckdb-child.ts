/** DuckDB's side of the market workload, in a process of its own: FOLDER RESULT SCRATCH LIMIT. */
import { join } from 'node:path';
import { openDuckDb, quote } from '../peers/duckdb.ts';
import { MARKET_FILES } from './market-files.ts';

const [folder = '', result = '', scratch = '', limit = ''] = process.argv.slice(2);
const files = (name: keyof typeof MARKET_FILES): string => quote(join(folder, MARKET_FILES[name]));

/**
 * Quotes of a symbol at one microsecond are many, and which of them an ASOF join takes is not said. Time and place in its day's file as one
 * number make them differ: a day has fewer than 48 million quotes, and four days of 48 million places stay below 2^64.
 */
const PLACES = 48_000_000;
const FIRST_US = Date.UTC(2024, 0, 2) * 1000;

const QUERY = `
  WITH quotes AS (
    SELECT symbol, ((epoch_us(ts) - ${FIRST_US})::UBIGINT * ${PLACES} + file_row_number::UBIGINT) AS place, bid, ask
    FROM read_parquet(${files('quotes')}, file_row_number = true)
  ), trades AS (
    SELECT symbol, ts, price, size, ((epoch_us(ts) - ${FIRST_US})::UBIGINT * ${PLACES} + ${PLACES - 1}) AS place
    FROM read_parquet(${files('trades')})
  )
  SELECT time_bucket(INTERVAL 1 MINUTE, ts) AS ts, symbol, count(*) AS n, count(bid) AS quoted, sum(size)::BIGINT AS volume,
    sum(price - (bid + ask) / 2) AS over, min(bid) AS bid, max(ask) AS ask
  FROM (SELECT trades.*, quotes.bid, quotes.ask FROM trades ASOF LEFT JOIN quotes
    ON trades.symbol = quotes.symbol AND trades.place >= quotes.place)
  GROUP BY ALL ORDER BY ts, symbol`;

try {
  const db = await openDuckDb(2);
  await db.run(`SET memory_limit = ${quote(limit)}`);
  await db.run(`SET temp_directory = ${quote(scratch)}`);
  await db.run(`COPY (${QUERY}) TO ${quote(result)} (FORMAT parquet)`);
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
