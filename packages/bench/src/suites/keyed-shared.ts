/** W6: hours by key of ordered rows in shared memory, and what they come to over all keys. */
import { agg, createPipeline, fromShared, type SharedTable, shareTable } from '@spillway/core';
import { run } from '@spillway/workers';
import { type Figure, rowsText } from '../measure/figure.ts';
import { boundOf } from '../measure/hardware.ts';
import type { Asked } from './asked.ts';
import { BATCH_ROWS, type KeyedRows, keyedBatches, keyedSql } from './keyed-rows.ts';
import { besidePeers } from './peers-beside.ts';

const SHAPE = { ts: 'timestamp[us]', key: 'int32', value: 'float64' } as const;

const eventsOf = (rows: number, keys: number): KeyedRows => ({
  rows,
  stepUs: 2_000,
  keys,
  prime: 7919,
  value: 'value',
});

/** A table of so many rows and keys. */
export function shareEvents(rows: number, keys: number): Promise<SharedTable> {
  return shareTable(SHAPE, keyedBatches(eventsOf(rows, keys)) as never, { batchRows: BATCH_ROWS });
}

/** The job once. */
export async function aggregateOnce(table: SharedTable, workers: number): Promise<unknown[][]> {
  const value = {
    total: agg.sum('value'),
    low: agg.min('value'),
    high: agg.max('value'),
    n: agg.count('value'),
    open: agg.first('value'),
    close: agg.last('value'),
  };
  const { states } = createPipeline({ memoryLimit: '3GiB' })
    .source(fromShared<typeof SHAPE>(table, { orderedOn: 'ts' }))
    .aggStream({ orderedOn: 'ts', by: ['key'], aggregations: { states: { every: '1h', columns: value } } });
  const columns = {
    keys: agg.count(),
    n: agg.sum('n'),
    total: agg.sum('total'),
    low: agg.min('low'),
    high: agg.max('high'),
    open: agg.sum('open'),
    close: agg.sum('close'),
  };
  const { hours } = states.aggStream({ orderedOn: 'ts', aggregations: { hours: { every: '1h', columns } } });
  const sink = hours.collect();
  const rows = await run([sink], { workers }).rows(sink);
  return rows.map(({ keys, n, total, low, high, open, close }) => [keys, n, total, low, high, open, close]);
}

const SQL = `SELECT count(*), sum(n), sum(total), min(low), max(high), sum(open), sum(close) FROM (SELECT epoch_us(ts) // 3600000000 AS hour,
  sum(value) AS total, min(value) AS low, max(value) AS high, count(value) AS n, arg_min(value, ts) AS open, arg_max(value, ts) AS close
  FROM events GROUP BY hour, key) GROUP BY hour ORDER BY hour`;

const ROW_BYTES = 20;

const KEY_COUNTS = [
  { keys: 200, goal: 5 },
  { keys: 1_000_003, goal: 1.5 },
] as const;

/** By few keys and by many; 10 million rows in the design. */
export async function aggregateByKey(asked: Asked): Promise<Figure[]> {
  const { rows, threads, hardware } = asked;
  const figures: Figure[] = [];
  for (const { keys, goal } of KEY_COUNTS) {
    const table = await shareEvents(rows, keys);
    const workload = {
      name: 'W6',
      what: `hours by ${rowsText(keys)} keys`,
      rows,
      tables: { events: keyedSql(eventsOf(rows, keys)) },
      sql: SQL,
      polars: 'keyed',
      run: () => aggregateOnce(table, threads),
      goals: { duckdb: goal, polars: goal },
      bound: boundOf('memory read once', rows * ROW_BYTES, hardware.memoryRead),
    };
    try {
      figures.push(...(await besidePeers(workload, asked)));
    } finally {
      table.release();
    }
  }
  return figures;
}
