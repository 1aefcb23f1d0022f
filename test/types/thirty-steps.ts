/** A pipeline of thirty steps: every one infers its columns from the one before. Checked by the build, never run. */
import { agg, col, createPipeline, fromIterable, when } from '@spillway/core';
import { expectTypeOf } from 'vitest';

const p = createPipeline();
const trades = p.source(
  fromIterable({ ts: 'timestamp[us]', symbol: 'utf8', price: 'float64', qty: 'int32', venue: 'dictionary<utf8>' }, []),
);
const quotes = p.source(fromIterable({ ts: 'timestamp[us]', symbol: 'utf8', bid: 'float64', ask: 'float64' }, []));

const cleaned = trades
  .filter(col('price').gt(0))
  .withColumns({ notional: col('price').mul(col('qty')) })
  .withColumns({ hour: col('ts').dt.hour(), side: when(col('qty').lt(0), 'sell', 'buy') })
  .rename({ venue: 'place' })
  .cast({ qty: 'int64' })
  .dropNulls('symbol')
  .fillNulls({ price: 0 })
  .lag({ before: 'price' }, { by: 'symbol' })
  .diff({ change: 'price', since: 'ts' }, { by: 'symbol' })
  .rolling({ average: agg.mean('price'), volume: agg.sum('qty') }, { rows: 20, by: 'symbol' })
  .distinct({ by: ['ts', 'symbol', 'price'] })
  .sort({ by: ['ts', 'symbol'] });

const joined = p
  .joinStream({ cleaned, quotes }, { strategy: 'asof', left: 'cleaned', on: 'ts', by: ['symbol'], tolerance: '5s' })
  .withColumns({ middle: col('bid').add(col('ask')).div(2) })
  .withColumns({ over: col('price').sub(col('middle')) })
  .filter(col('over').isNotNull().and(col('side').eq('buy')))
  .lead({ next: 'over' })
  .withColumns({ rise: col('next').sub(col('over')) })
  .partition(100)
  .slice(10, null, 2);

const { minutes } = joined.aggStream({
  orderedOn: 'ts',
  by: ['symbol'],
  aggregations: {
    minutes: {
      every: '1m',
      columns: { n: agg.count(), over: agg.mean('over'), high: agg.max('price'), last: agg.last('side') },
      post: { each: col('over').div(col('n')) },
    },
  },
});
const { days } = minutes
  .filter(col('n').gt(1))
  .withColumns({ weight: col('n').cast('float64') })
  .select({ ts: col('ts'), symbol: col('symbol'), over: col('over'), weight: col('weight'), high: col('high') })
  .aggStream({
    orderedOn: 'ts',
    by: ['symbol'],
    aggregations: { days: { every: '1d', columns: { over: agg.wmean('over', 'weight'), high: agg.max('high') } } },
  });
const result = days
  .rename({ over: 'mean_over' })
  .withColumns({ month: col('ts').dt.month() })
  .select('ts', 'symbol', 'mean_over', 'high', 'month')
  .cast({ month: 'int8' })
  .sort({ by: { column: 'high', descending: true } })
  .limit(10);

expectTypeOf<NonNullable<(typeof result)['shape']>>().toEqualTypeOf<{
  readonly ts: 'timestamp[us]';
  readonly symbol: 'utf8';
  readonly mean_over: 'float64';
  readonly high: 'float64';
  readonly month: 'int8';
}>();
