import { join } from 'node:path';
import { agg, col, createPipeline, readParquet, type Sink, type StoreHandle } from '@spillway/core';
import { MARKET_FILES } from './market-files.ts';

/** Where the result lies in its store. */
export const MINUTES_KEY = { freq: '1m' } as const;

/** Each trade with the last quote of its symbol; by symbol and minute what was paid over the middle. Quotes come unsorted. */
export function marketJob(folder: string, store: StoreHandle, memoryLimit: number): Sink[] {
  const p = createPipeline({ memoryLimit });
  const quotes = p
    .source(
      readParquet(join(folder, MARKET_FILES.quotes), {
        name: 'quotes',
        schema: { ts: 'timestamp[us]', symbol: 'dictionary<utf8>', bid: 'float64', ask: 'float64' },
      }),
    )
    .sort({ by: 'ts' });
  const trades = p.source(
    readParquet(join(folder, MARKET_FILES.trades), {
      name: 'trades',
      orderedOn: 'ts',
      schema: { ts: 'timestamp[us]', symbol: 'dictionary<utf8>', price: 'float64', size: 'int32' },
    }),
  );
  const { minutes } = p
    .joinStream({ trades, quotes }, { strategy: 'asof', left: 'trades', on: 'ts', by: ['symbol'] })
    .withColumns({ over: col('price').sub(col('bid').add(col('ask')).div(2)) })
    .aggStream({
      orderedOn: 'ts',
      by: ['symbol'],
      aggregations: {
        minutes: {
          every: '1m',
          columns: {
            n: agg.count(),
            quoted: agg.count('bid'),
            volume: agg.sum('size'),
            over: agg.sum('over'),
            bid: agg.min('bid'),
            ask: agg.max('ask'),
          },
        },
      },
    });
  return [minutes.toStore(store, { key: MINUTES_KEY, mode: 'overwrite' })];
}
