/** W4: as-of join of ordered rows in shared memory by key, aggregated by hours. */
import { agg, createPipeline, fromShared, type SharedTable, shareTable } from '@spillway/core';
import { run } from '@spillway/workers';
import type { Figure } from '../measure/figure.ts';
import { boundOf } from '../measure/hardware.ts';
import type { Asked } from './asked.ts';
import { besidePeers } from './peers-beside.ts';

const START_US = 1_704_067_200_000_000;
const TRADE_STEP_US = 2_000;
/** Quotes are a tenth as many, and lie between trades. */
const QUOTE_STEP_US = 20_000;
const QUOTE_LATER_US = 500;
const KEYS = 1000;
const BATCH_ROWS = 131_072;

const TRADES = { ts: 'timestamp[us]', key: 'int32', price: 'float64' } as const;
const QUOTES = { ts: 'timestamp[us]', key: 'int32', bid: 'float64' } as const;

/** Rows of a table: times in equal steps, keys and values by multiples of primes, values multiples of 1/64. */
function* parts(rows: number, stepUs: number, laterUs: number, prime: number, name: string) {
  for (let from = 0; from < rows; from += BATCH_ROWS) {
    const count = Math.min(BATCH_ROWS, rows - from);
    const ts = new BigInt64Array(count);
    const key = new Int32Array(count);
    const value = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      const row = from + i;
      ts[i] = BigInt(START_US + laterUs + row * stepUs);
      key[i] = (row * prime) % KEYS;
      value[i] = ((row * 31) % 997) / 64;
    }
    yield { ts, key, [name]: value };
  }
}

const tableOf = (rows: number, stepUs: number, laterUs: number, prime: number, name: string): string =>
  `SELECT make_timestamp((${START_US + laterUs} + i * ${stepUs})::BIGINT) AS ts, ((i * ${prime}) % ${KEYS})::INT AS key,
    ((i * 31) % 997)::DOUBLE / 64 AS ${name} FROM range(${rows}) t(i)`;

/** The tables of so many trades, and a tenth as many quotes. */
export async function shareTradesAndQuotes(rows: number): Promise<[trades: SharedTable, quotes: SharedTable]> {
  const options = { batchRows: BATCH_ROWS };
  const trades = await shareTable(TRADES, parts(rows, TRADE_STEP_US, 0, 7919, 'price') as never, options);
  const quoteParts = parts(rows / 10, QUOTE_STEP_US, QUOTE_LATER_US, 7907, 'bid');
  return [trades, await shareTable(QUOTES, quoteParts as never, options)];
}

/** The job once. */
export async function joinOnce(trades: SharedTable, quotes: SharedTable, workers: number): Promise<unknown[][]> {
  const p = createPipeline({ memoryLimit: '512MiB' });
  const joined = p.joinStream(
    {
      trades: p.source(fromShared<typeof TRADES>(trades, { orderedOn: 'ts', name: 'trades' })),
      quotes: p.source(fromShared<typeof QUOTES>(quotes, { orderedOn: 'ts', name: 'quotes' })),
    },
    { strategy: 'asof', left: 'trades', on: 'ts', by: ['key'] },
  );
  const columns = { n: agg.count(), matched: agg.count('bid'), bid: agg.sum('bid'), price: agg.sum('price') };
  const { hourly } = joined.aggStream({ orderedOn: 'ts', aggregations: { hourly: { every: '1h', columns } } });
  const sink = hourly.collect();
  return (await run([sink], { workers }).rows(sink)).map(({ n, matched, bid, price }) => [n, matched, bid, price]);
}

const ROW_BYTES = 20;

/** The asked rows are those of the left side, 10 million in the design. */
export async function joinShared(asked: Asked): Promise<Figure[]> {
  const { rows, threads, hardware } = asked;
  const quoteRows = rows / 10;
  const [trades, quotes] = await shareTradesAndQuotes(rows);
  const workload = {
    name: 'W4',
    what: 'as-of join by key with a tenth as many rows, by hours',
    rows,
    tables: {
      trades: tableOf(rows, TRADE_STEP_US, 0, 7919, 'price'),
      quotes: tableOf(quoteRows, QUOTE_STEP_US, QUOTE_LATER_US, 7907, 'bid'),
    },
    sql: `SELECT count(*), count(bid), sum(bid), sum(price) FROM (SELECT t.ts, price, bid FROM trades t ASOF LEFT JOIN quotes q
      ON t.key = q.key AND t.ts >= q.ts) GROUP BY epoch_us(ts) // 3600000000 ORDER BY epoch_us(ts) // 3600000000`,
    polars: 'joined',
    run: () => joinOnce(trades, quotes, threads),
    goals: { duckdb: 30, polars: 10 },
    bound: boundOf('memory read once', (rows + quoteRows) * ROW_BYTES, hardware.memoryRead),
  };
  try {
    return await besidePeers(workload, asked);
  } finally {
    trades.release();
    quotes.release();
  }
}
