/** W4: as-of join of ordered rows in shared memory by key, aggregated by hours. */
import { agg, createPipeline, fromShared, type SharedTable, shareTable } from '@spillway/core';
import { run } from '@spillway/workers';
import type { Figure } from '../measure/figure.ts';
import { boundOf } from '../measure/hardware.ts';
import type { Asked } from './asked.ts';
import { BATCH_ROWS, type KeyedRows, keyedBatches, keyedSql } from './keyed-rows.ts';
import { besidePeers } from './peers-beside.ts';

const KEYS = 1000;

/** Rows of the left side. */
const tradesOf = (rows: number): KeyedRows => ({ rows, stepUs: 2_000, keys: KEYS, prime: 7919, value: 'price' });
/** A tenth as many, which lie between them. */
const quotesOf = (trades: number): KeyedRows => ({
  rows: trades / 10,
  stepUs: 20_000,
  laterUs: 500,
  keys: KEYS,
  prime: 7907,
  value: 'bid',
});

const TRADES = { ts: 'timestamp[us]', key: 'int32', price: 'float64' } as const;
const QUOTES = { ts: 'timestamp[us]', key: 'int32', bid: 'float64' } as const;

/** The tables of so many trades, and a tenth as many quotes. */
export async function shareTradesAndQuotes(rows: number): Promise<[trades: SharedTable, quotes: SharedTable]> {
  const options = { batchRows: BATCH_ROWS };
  const trades = await shareTable(TRADES, keyedBatches(tradesOf(rows)) as never, options);
  return [trades, await shareTable(QUOTES, keyedBatches(quotesOf(rows)) as never, options)];
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
  const [trades, quotes] = await shareTradesAndQuotes(rows);
  const workload = {
    name: 'W4',
    what: 'as-of join by key with a tenth as many rows, by hours',
    rows,
    tables: { trades: keyedSql(tradesOf(rows)), quotes: keyedSql(quotesOf(rows)) },
    sql: `SELECT count(*), count(bid), sum(bid), sum(price) FROM (SELECT t.ts, price, bid FROM trades t ASOF LEFT JOIN quotes q
      ON t.key = q.key AND t.ts >= q.ts) GROUP BY epoch_us(ts) // 3600000000 ORDER BY epoch_us(ts) // 3600000000`,
    polars: 'joined',
    run: () => joinOnce(trades, quotes, threads),
    goals: { duckdb: 30, polars: 10 },
    bound: boundOf('memory read once', 1.1 * rows * ROW_BYTES, hardware.memoryRead),
  };
  try {
    return await besidePeers(workload, asked);
  } finally {
    trades.release();
    quotes.release();
  }
}
