import type { DuckDBConnection } from '@duckdb/node-api';
import { mix } from '../generators/mix.ts';

/** DuckDB in this process, in memory, as the peer of a benchmark. */
export interface DuckDb {
  version: string;
  run(sql: string): Promise<void>;
  /** Rows as arrays of plain values. */
  rows(sql: string): Promise<unknown[][]>;
  close(): void;
}

/** Opens an empty in-memory database with so many threads. */
export async function openDuckDb(threads: number): Promise<DuckDb> {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(':memory:', { threads: String(threads) });
  const connection: DuckDBConnection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  const [[version] = []] = (await connection.runAndReadAll('SELECT version()')).getRows();
  return {
    version: String(version),
    run: async (sql) => void (await connection.run(sql)),
    rows: async (sql) => (await connection.runAndReadAll(sql)).getRows(),
    close: () => {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** A text as a SQL literal. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

const MASK = 4294967295;

/** Makes the table `series`: the rows of `orderedSeries(seed, 0, rows)`, computed by DuckDB itself. */
export async function createSeriesTable(db: DuckDb, seed: number, rows: number): Promise<void> {
  const rounds = [
    'CREATE OR REPLACE MACRO mix1(x) AS xor(x, x >> 16)',
    `CREATE OR REPLACE MACRO mix2(x) AS xor((x * ${0x7feb352d}) & ${MASK}, ((x * ${0x7feb352d}) & ${MASK}) >> 15)`,
    `CREATE OR REPLACE MACRO mix3(x) AS xor((x * ${0x846ca68b}) & ${MASK}, ((x * ${0x846ca68b}) & ${MASK}) >> 16)`,
  ];
  for (const round of rounds) await db.run(round);
  await db.run(`CREATE OR REPLACE TABLE series AS
    SELECT make_timestamp((1704067200000000 + i * 500000 + (bits % 500) * 1000)::BIGINT) AS ts, ((bits >> 9) % 6401)::DOUBLE / 64 AS value
    FROM (SELECT i, mix3(mix2(mix1(((i + ${mix(seed)}) & ${MASK})::UBIGINT))) AS bits FROM range(${rows}) t(i))`);
}

const SERIES_ROLL_UP =
  'sum(total) AS total, min(low) AS low, max(high) AS high, sum(n) AS n, arg_min(open, bin) AS open, arg_max(close, bin) AS close';

/**
 * Hour, day and week aggregates of `series` into the tables `hourly`, `daily` and `weekly`: the fastest correct form of
 * several tried (bins by integer division, coarse ones rolled up from the hours). Its plain double sum is exact here
 * because the values are multiples of 1/64.
 *
 * @param from what stands behind FROM
 */
export async function aggregateSeries(db: DuckDb, from = 'series'): Promise<void> {
  await db.run(`CREATE OR REPLACE TEMP TABLE hourly AS SELECT epoch_us(ts) // 3600000000 AS bin,
    sum(value) AS total, min(value) AS low, max(value) AS high, count(value) AS n, arg_min(value, ts) AS open, arg_max(value, ts) AS close
    FROM ${from} GROUP BY 1`);
  await db.run(
    `CREATE OR REPLACE TEMP TABLE daily AS SELECT bin // 24 AS bin, ${SERIES_ROLL_UP} FROM hourly GROUP BY 1`,
  );
  // 1970-01-01 was a Thursday: weeks from Monday start four days later.
  await db.run(
    `CREATE OR REPLACE TEMP TABLE weekly AS SELECT (bin - 4) // 7 AS bin, ${SERIES_ROLL_UP} FROM daily GROUP BY 1`,
  );
}

const SERIES_BIN_START = {
  hourly: 'bin * 3600000000',
  daily: 'bin * 86400000000',
  weekly: '(bin * 7 + 4) * 86400000000',
};

/** Writes the tables that `aggregateSeries` made to `FOLDER/NAME.parquet`. */
export async function copySeriesOut(db: DuckDb, folder: string): Promise<void> {
  for (const [name, start] of Object.entries(SERIES_BIN_START))
    await db.run(
      `COPY (SELECT make_timestamp(${start}) AS ts, * EXCLUDE (bin) FROM ${name} ORDER BY bin) TO ${quote(`${folder}/${name}.parquet`)} (FORMAT parquet)`,
    );
}

const FLIGHT_AGGREGATES = `count(*) AS n, sum(delay)::BIGINT AS sum_delay, sum(delay * delay)::BIGINT AS squares, min(delay) AS min_delay,
  max(delay) AS max_delay, arg_min(delay, rn) AS first_delay, arg_max(delay, rn) AS last_delay, min(rn) AS first_rn, max(rn) AS last_rn,
  sum(distance)::BIGINT AS sum_distance, sum((delay > 15)::INT)::BIGINT AS n_late`;
const FLIGHT_ROLL_UP = `sum(n)::BIGINT AS n, sum(sum_delay)::BIGINT AS sum_delay, sum(squares)::BIGINT AS squares, min(min_delay) AS min_delay,
  max(max_delay) AS max_delay, arg_min(first_delay, first_rn) AS first_delay, arg_max(last_delay, last_rn) AS last_delay,
  min(first_rn) AS first_rn, max(last_rn) AS last_rn, sum(sum_distance)::BIGINT AS sum_distance, sum(n_late)::BIGINT AS n_late`;
const FLIGHT_RESULT = `n, sum_delay, sum_delay / n AS mean_delay, min_delay, max_delay, first_delay, last_delay, sum_distance,
  CASE WHEN n > 1 THEN sqrt((squares - sum_delay::DOUBLE * sum_delay / n) / (n - 1)) END AS sd_delay, n_late`;

/** Names of the six results of the flights job. */
export const FLIGHT_RESULTS = ['hourly', 'daily', 'weekly', 'hourly_origin', 'daily_origin', 'weekly_origin'] as const;

/**
 * The demo's job: six aggregates of the flights file, each written to `FOLDER/NAME.parquet`. Everything is rolled up from
 * hours by origin, which is faster here than six passes over the rows.
 */
export async function aggregateFlights(db: DuckDb, file: string, folder: string): Promise<void> {
  const table = (name: string, query: string): Promise<void> =>
    db.run(`CREATE OR REPLACE TEMP TABLE ${name} AS ${query} GROUP BY ALL`);
  const flights = `(SELECT *, file_row_number AS rn FROM read_parquet(${quote(file)}, file_row_number = true))`;
  await table(
    'hourly_origin',
    `SELECT epoch_us(date) // 3600000000 AS bin, origin, ${FLIGHT_AGGREGATES} FROM ${flights}`,
  );
  await table('daily_origin', `SELECT bin // 24 AS bin, origin, ${FLIGHT_ROLL_UP} FROM hourly_origin`);
  await table('weekly_origin', `SELECT (bin - 4) // 7 AS bin, origin, ${FLIGHT_ROLL_UP} FROM daily_origin`);
  const origins = 'arg_min(origin, first_rn) AS first_origin, arg_max(origin, last_rn) AS last_origin';
  await table('hourly', `SELECT bin, ${FLIGHT_ROLL_UP}, ${origins} FROM hourly_origin`);
  await table('daily', `SELECT bin // 24 AS bin, ${FLIGHT_ROLL_UP} FROM hourly`);
  await table('weekly', `SELECT (bin - 4) // 7 AS bin, ${FLIGHT_ROLL_UP} FROM daily`);
  for (const name of FLIGHT_RESULTS) await db.run(copyOut(name, folder));
}

const BIN_START: Record<string, string> = {
  hourly: 'bin * 3600000000',
  daily: 'bin * 86400000000',
  weekly: '(bin * 7 + 4) * 86400000000',
};

function copyOut(name: string, folder: string): string {
  const [period = '', by] = name.split('_');
  const key = by === undefined ? '' : ', origin';
  const extra = name === 'hourly' ? ', first_origin, last_origin' : '';
  const columns = `make_timestamp(${BIN_START[period]}) AS date${key}, ${FLIGHT_RESULT}${extra}`;
  return `COPY (SELECT ${columns} FROM ${name} ORDER BY date${key}) TO ${quote(`${folder}/${name}.parquet`)} (FORMAT parquet)`;
}
