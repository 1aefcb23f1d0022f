/** What the compiler refuses, and with which sentence. Checked by the build, never run. */
import {
  agg,
  col,
  createPipeline,
  defineFold,
  defineOp,
  fromIterable,
  lit,
  type PipelineTypeError,
  readParquet,
  type Stream,
} from '@spillway/core';
import { expectTypeOf } from 'vitest';

const clean = defineOp(import.meta.url, {
  input: { price: 'float64' },
  output: 'same',
  options: { maxPrice: 'number' },
  create: () => ({ process: () => null }),
});
const total = defineFold(import.meta.url, {
  input: { price: 'float64' },
  output: { sum: 'float64' },
  init: () => 0,
  update: (sum) => sum,
  finish: (sum) => ({ sum: [sum] }),
});
const p = createPipeline().register({ clean });
const schema = { ts: 'timestamp[us]', symbol: 'utf8', price: 'float64', qty: 'int32' } as const;
const trades = p.source(fromIterable(schema, []));
const names = trades.select('symbol');

// @ts-expect-error there is no column "prise" in this stream
trades.filter(col('prise').gt(0));
// @ts-expect-error filter takes a condition, this expression is float64
trades.filter(col('price').add(1));
// @ts-expect-error mul has no meaning for utf8 and int64
trades.withColumns({ x: col('symbol').mul(2) });
// @ts-expect-error utf8 does not compare with int64
trades.filter(col('symbol').gt(2));
// @ts-expect-error this takes bools, not float64
trades.filter(col('price').and(col('price').gt(0)));
// @ts-expect-error dt takes a timestamp or a date, not float64
trades.select({ hour: col('price').dt.hour() });
// @ts-expect-error a null literal alone has no type
trades.select({ x: lit(null) });
// @ts-expect-error 'prise' is not one of the columns
trades.select('ts', 'prise');
// @ts-expect-error there is no column "prise" in this stream
trades.rename({ prise: 'price' });
// @ts-expect-error there is no column "prise" in this stream
trades.cast({ prise: 'float32' });
// @ts-expect-error there is no column "prise" in this stream
trades.lag({ before: 'prise' });
// @ts-expect-error 'symbl' is not one of the columns
trades.lead({ next: 'price' }, { by: 'symbl' });
// @ts-expect-error "price" has no elements: it is float64
trades.flatten('price');
// @ts-expect-error 'prise' is not one of the columns
trades.distinct({ by: 'prise' });
// @ts-expect-error a function is not an expression
trades.filter((row: { price: number }) => row.price > 0);

// @ts-expect-error 'prise' is not one of the columns
trades.sort({ by: 'prise' });
// @ts-expect-error nor here
trades.sort({ by: ['ts', { column: 'prise', descending: true }] });

// @ts-expect-error this op does not fit the stream: it needs a column "price" of type float64
names.clean({ maxPrice: 1 });
// @ts-expect-error the same for an op that is not registered
names.map(clean, { maxPrice: 1 });
// @ts-expect-error and for a fold
names.memoryAccumulate(total);
// @ts-expect-error maxPrice is missing
trades.clean({});
// @ts-expect-error maxPrice is a number
trades.clean({ maxPrice: '1' });
// @ts-expect-error there is no such option
trades.clean({ maxPrice: 1, maxPrize: 2 });
// @ts-expect-error there is no such op
trades.polish();
// @ts-expect-error there is no such trigger
trades.memoryBuffer({ itermax: 3 });

const everyHour = { every: '1h' } as const;
// @ts-expect-error sum takes numbers, "symbol" is utf8
trades.aggStream({ orderedOn: 'ts', aggregations: { h: { ...everyHour, columns: { s: agg.sum('symbol') } } } });
// @ts-expect-error there is no column "prise" in this stream
trades.aggStream({ orderedOn: 'ts', aggregations: { h: { ...everyHour, columns: { s: agg.min('prise') } } } });
// @ts-expect-error the ordered column is not there
trades.aggStream({ orderedOn: 'time', aggregations: { h: { ...everyHour, columns: { n: agg.count() } } } });
const counted = { h: { ...everyHour, columns: { n: agg.count() } } };
// @ts-expect-error the key is not there
trades.aggStream({ orderedOn: 'ts', by: ['venue'], aggregations: counted });

const columns = { n: agg.count(), high: agg.max('price') } as const;
const on = { orderedOn: 'ts' } as const;
// @ts-expect-error wmean takes numbers, "symbol" is utf8
trades.aggStream({ ...on, aggregations: { h: { ...everyHour, columns: { w: agg.wmean('price', 'symbol') } } } });
// @ts-expect-error there is no column "vol" in this stream
trades.aggStream({ ...on, aggregations: { h: { ...everyHour, columns: { b: agg.argMax('price', 'vol') } } } });
// @ts-expect-error the filter is no condition
trades.aggStream({ ...on, aggregations: { h: { ...everyHour, columns, filter: col('price') } } });
// @ts-expect-error a post step sees the results, and "price" is none
trades.aggStream({ ...on, aggregations: { h: { ...everyHour, columns, post: { x: col('price').mul(2) } } } });
// @ts-expect-error a stream of snapshots is there only where they are asked for
void trades.aggStream({ ...on, aggregations: { h: { ...everyHour, columns } } }).hSnapshots;

// @ts-expect-error float65 is not a type
fromIterable({ price: 'float65' }, []);
// @ts-expect-error orderedOn names a column of the schema
fromIterable(schema, [], { orderedOn: 'time' });
// @ts-expect-error there is no such option
readParquet('x.parquet', { orderBy: 'ts' });
// @ts-expect-error an op returns rows
defineOp(import.meta.url, { output: 'same', create: () => ({ process: () => 5 }) });

// The sentence itself, as an editor shows it.
const refused = names.clean;
expectTypeOf(refused).toEqualTypeOf<
  PipelineTypeError<'this op does not fit the stream: it needs a column "price" of type float64'>
>();
// @ts-expect-error a stream of other columns
const other: Stream<{ readonly t: 'int64' }> = trades;
void other;
