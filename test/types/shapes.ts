/**
 * What streams know of their columns at compile time. Checked by the build, never run: a wrong inference does not
 * compile, and neither does a misuse that the compiler lets pass (`@ts-expect-error` is then an error itself).
 */
import {
  type AnyShape,
  agg,
  coalesce,
  col,
  createPipeline,
  defineAggregate,
  defineFold,
  defineOp,
  defineSource,
  fromIterable,
  fromShared,
  lit,
  openStore,
  readParquet,
  type Stream,
  shareTable,
  when,
} from '@spillway/core';
import { expectTypeOf } from 'vitest';

// biome-ignore lint/suspicious/noExplicitAny: of any registered ops
type ShapeOf<T> = T extends Stream<infer S, any> ? S : never;

const clean = defineOp(import.meta.url, {
  input: { price: 'float64' },
  output: 'same',
  options: { maxPrice: 'number', mode: ['strict', 'loose', undefined], note: 'string?' },
  stateless: true,
  create: (options) => {
    expectTypeOf(options).toEqualTypeOf<{
      maxPrice: number;
      mode?: 'strict' | 'loose' | undefined;
      note?: string | undefined;
    }>();
    return {
      process: (batch) => {
        expectTypeOf(batch.getChild('price')?.get(0)).toEqualTypeOf<number | null | undefined>();
        return batch;
      },
    };
  },
});
const tag = defineOp(import.meta.url, {
  output: 'same',
  adds: { tag: 'utf8' },
  create: () => ({ process: () => ({ tag: ['x'] }) }),
});
const reshape = defineOp(import.meta.url, {
  input: { price: 'float64' },
  output: { low: 'float64', high: 'float64' },
  create: () => ({ process: () => null }),
});
const total = defineFold(import.meta.url, {
  input: { price: 'float64' },
  output: { sum: 'float64' },
  options: { scale: 'number?' },
  init: () => 0,
  update: (sum, batch) => sum + batch.numRows,
  finish: (sum) => ({ sum: [sum] }),
});
const product = defineAggregate(import.meta.url, {
  output: 'float32',
  options: { scale: 'number' },
  init: () => 1,
  update: (state, value: number) => state * value,
  finish: (state, { scale }) => {
    expectTypeOf(scale).toEqualTypeOf<number>();
    return state * scale;
  },
});
const ticks = defineSource(import.meta.url, {
  schema: { ts: 'timestamp[us]', price: 'float64' },
  orderedOn: 'ts',
  options: { splits: 'integer' },
  splits: (options) => options.splits,
  create: () => ({ read: () => null }),
});

const p = createPipeline({ memoryLimit: '256MiB' }).register({ clean, tag, reshape });
const schema = { ts: 'timestamp[us]', symbol: 'utf8', price: 'float64', qty: 'int32' } as const;
type Trades = typeof schema;
const trades = p.source(readParquet('trades/*.parquet', { orderedOn: 'ts', schema }));

// Sources.
expectTypeOf<ShapeOf<ReturnType<typeof windows>>>().toEqualTypeOf<Trades>();
expectTypeOf<ShapeOf<ReturnType<typeof numbered>>>().toEqualTypeOf<{
  readonly ts: 'timestamp[us]';
  readonly symbol: 'utf8';
  readonly price: 'float64';
  readonly qty: 'int32';
  readonly window: 'int64';
}>();
expectTypeOf<ShapeOf<ReturnType<typeof cast>>>().toEqualTypeOf<{
  readonly ts: 'timestamp[us]';
  readonly symbol: 'dictionary<utf8>';
  readonly price: 'float32';
  readonly qty: 'int32';
}>();
const cast = () => trades.cast({ price: 'float32', symbol: 'dictionary<utf8>' });
expectTypeOf<ShapeOf<ReturnType<typeof renamed>>>().toEqualTypeOf<{
  readonly ts: 'timestamp[us]';
  readonly name: 'utf8';
  readonly price: 'float64';
  readonly qty: 'int32';
}>();
const renamed = () => trades.rename({ symbol: 'name' });
expectTypeOf<ShapeOf<ReturnType<typeof lagged>>['before']>().toEqualTypeOf<'float64'>();
expectTypeOf<ShapeOf<ReturnType<typeof leading>>['next']>().toEqualTypeOf<'float64'>();
const leading = () => trades.lead({ next: 'price' }, { by: 'symbol', rows: 2 });
const lagged = () => trades.lag({ before: 'price' }, { by: 'symbol' });
expectTypeOf<ShapeOf<ReturnType<typeof differences>>>().toEqualTypeOf<{
  readonly ts: 'timestamp[us]';
  readonly symbol: 'utf8';
  readonly price: 'float64';
  readonly qty: 'int32';
  readonly since: 'duration[us]';
  readonly more: 'int64';
}>();
expectTypeOf<ShapeOf<ReturnType<typeof rolled>>>().toEqualTypeOf<{
  readonly ts: 'timestamp[us]';
  readonly symbol: 'utf8';
  readonly price: 'float64';
  readonly qty: 'int32';
  readonly average: 'float64';
  readonly volume: 'int64';
}>();
const rolled = () => trades.rolling({ average: agg.mean('price'), volume: agg.sum('qty') }, { rows: 20, by: 'symbol' });
const differences = () => trades.diff({ since: 'ts', more: 'qty' });
expectTypeOf<ShapeOf<ReturnType<typeof same>>>().toEqualTypeOf<Trades>();
const same = () =>
  trades
    .limit(5)
    .slice(1, null, 2)
    .distinct({ by: 'symbol' })
    .partition(3)
    .partition('ts')
    .dropNulls('price')
    .fillNulls({ qty: 0 });
expectTypeOf<ShapeOf<ReturnType<typeof flat>>>().toEqualTypeOf<{ readonly id: 'int32'; readonly tags: 'utf8' }>();
const flat = () => p.source(fromIterable({ id: 'int32', tags: 'list<utf8>' }, [])).flatten('tags');
const windows = () => trades.slidingWindow(10, { every: 5 });
const numbered = () => trades.slidingWindow(10, { number: 'window' });
const inOrder = () => trades.sort({ by: ['ts', { column: 'price', descending: true }] });
expectTypeOf<ShapeOf<typeof trades>>().toEqualTypeOf<Trades>();
expectTypeOf<ShapeOf<ReturnType<typeof pruned>>>().toEqualTypeOf<{
  readonly ts: 'timestamp[us]';
  readonly price: 'float64';
}>();
const pruned = () => p.source(readParquet('x.parquet', { schema, columns: ['ts', 'price'] }));
const open = p.source(readParquet('x.parquet'));
expectTypeOf<ShapeOf<typeof open>>().toEqualTypeOf<AnyShape>();
expectTypeOf<ShapeOf<ReturnType<typeof generated>>>().toEqualTypeOf<{
  readonly ts: 'timestamp[us]';
  readonly price: 'float64';
}>();
const generated = () => p.source(ticks, { splits: 4 });
const shared = p.source(fromShared(await shareTable(schema, []), { orderedOn: 'ts' }));
expectTypeOf<ShapeOf<ReturnType<typeof inOrder>>>().toEqualTypeOf<Trades>();
expectTypeOf<ShapeOf<typeof shared>>().toEqualTypeOf<Trades>();
const iterated = p.source(fromIterable(schema, [], { orderedOn: 'ts' }));
expectTypeOf<ShapeOf<typeof iterated>>().toEqualTypeOf<Trades>();
const pushed = p.pushSource({ t: 'int64' });
expectTypeOf<ShapeOf<typeof pushed.stream>>().toEqualTypeOf<{ readonly t: 'int64' }>();

// Expressions.
const computed = trades.select({
  a: col('price').mul(col('qty')),
  b: col('qty').mul(2),
  c: col('qty').mul(2.5),
  d: col('qty').div(2),
  e: col('ts').sub(col('ts')),
  f: col('ts').dt.hour(),
  g: col('symbol').str.upper(),
  h: col('symbol').str.length(),
  i: when(col('price').gt(2), 1, 2.5),
  j: coalesce(col('qty'), 0),
  k: col('price').isNull().or(col('symbol').eq('A')),
  l: col('qty').cast('float32'),
  m: lit(5n),
  n: col('qty').neg(),
  o: col('price').round(),
  q: col('ts').ge('2026-01-01'),
});
expectTypeOf<ShapeOf<typeof computed>>().toEqualTypeOf<{
  readonly a: 'float64';
  readonly b: 'int64';
  readonly c: 'float64';
  readonly d: 'float64';
  readonly e: 'duration[us]';
  readonly f: 'int32';
  readonly g: 'utf8';
  readonly h: 'int32';
  readonly i: 'float64';
  readonly j: 'int64';
  readonly k: 'bool';
  readonly l: 'float32';
  readonly m: 'int64';
  readonly n: 'int64';
  readonly o: 'float64';
  readonly q: 'bool';
}>();
const picked = trades.select('ts', 'price');
expectTypeOf<ShapeOf<typeof picked>>().toEqualTypeOf<{ readonly ts: 'timestamp[us]'; readonly price: 'float64' }>();
const replaced = trades
  .select('price', 'qty')
  .withColumns({ qty: col('qty').cast('int64'), notional: col('price').mul(col('qty')) });
expectTypeOf<ShapeOf<typeof replaced>>().toEqualTypeOf<{
  readonly price: 'float64';
  readonly qty: 'int64';
  readonly notional: 'float64';
}>();
const unknown = open.withColumns({ x: col('anything').mul(2) }).filter(col('else').gt(0));
expectTypeOf<ShapeOf<typeof unknown>>().toEqualTypeOf<AnyShape>();

// Registered ops and folds.
expectTypeOf<ShapeOf<ReturnType<typeof cleaned>>>().toEqualTypeOf<Trades>();
const cleaned = () => trades.clean({ maxPrice: 1e6, iterMax: 3 });
expectTypeOf<ShapeOf<ReturnType<typeof tagged>>>().toEqualTypeOf<{
  readonly ts: 'timestamp[us]';
  readonly tag: 'utf8';
}>();
const tagged = () => trades.select('ts').tag();
expectTypeOf<ShapeOf<ReturnType<typeof reshaped>>>().toEqualTypeOf<{
  readonly low: 'float64';
  readonly high: 'float64';
}>();
const reshaped = () => trades.map(reshape, { rows: 100 });
expectTypeOf<ShapeOf<ReturnType<typeof folded>>>().toEqualTypeOf<{ readonly sum: 'float64' }>();
const folded = () => trades.memoryAccumulate(total, { scale: 2, iterMax: 5, resetOnFlush: false });

// Options checked by a function: its parameter is what the user passes, its result what `create` gets.
const parsed = defineOp(import.meta.url, {
  output: 'same',
  options: (raw: { limit: number | string }) => ({ limit: Number(raw.limit) }),
  create: (options) => {
    expectTypeOf(options).toEqualTypeOf<{ limit: number }>();
    return { process: (batch) => batch };
  },
});
trades.map(parsed, { limit: '5', iterMax: 2 });

// Aggregates, in the form of the design.
const { hourly, daily } = trades.clean({ maxPrice: 1e6 }).aggStream({
  orderedOn: 'ts',
  by: ['symbol'],
  memoryLimit: '150MiB',
  accumulate: true,
  aggregations: {
    hourly: { every: '1h', columns: { open: agg.first('price'), high: agg.max('price'), volume: agg.sum('qty') } },
    daily: {
      every: '1d',
      timeZone: 'America/New_York',
      columns: { close: agg.last('price'), n: agg.count(), mean: agg.mean('qty') },
    },
  },
});
expectTypeOf<ShapeOf<typeof hourly>>().toEqualTypeOf<{
  readonly ts: 'timestamp[us]';
  readonly symbol: 'utf8';
  readonly open: 'float64';
  readonly high: 'float64';
  readonly volume: 'int64';
}>();
expectTypeOf<ShapeOf<typeof daily>>().toEqualTypeOf<{
  readonly ts: 'timestamp[us]';
  readonly symbol: 'utf8';
  readonly close: 'float64';
  readonly n: 'int64';
  readonly mean: 'float64';
}>();
const everyFunction = trades.aggStream({
  orderedOn: 'ts',
  aggregations: {
    monthly: {
      every: '1mo',
      timeZone: 'Europe/Berlin',
      filter: col('price').gt(0),
      snapshots: { every: '1d' },
      columns: {
        total: agg.sum('qty', { overflow: 'float64' }),
        wrapped: agg.sum('qty', { overflow: 'wrap' }),
        vwap: agg.wmean('price', 'qty'),
        best: agg.argMax('symbol', 'price'),
        median: agg.median('qty'),
        high: agg.quantile('price', 0.9),
        nearly: agg.quantileApprox('price', 0.9),
        symbols: agg.nUnique('symbol'),
        roughly: agg.nUniqueApprox('symbol'),
        product: agg.custom(product, 'price', { scale: 2 }),
      },
      post: { spread: col('high').sub(col('median')), median: col('median').cast('float32') },
    },
  },
});
interface EveryFunction {
  readonly ts: 'timestamp[us]';
  readonly total: 'float64';
  readonly wrapped: 'int64';
  readonly vwap: 'float64';
  readonly best: 'utf8';
  readonly high: 'float64';
  readonly nearly: 'float64';
  readonly symbols: 'int64';
  readonly roughly: 'int64';
  readonly product: 'float32';
  readonly spread: 'float64';
  readonly median: 'float32';
}
expectTypeOf<{
  readonly [K in keyof ShapeOf<typeof everyFunction.monthly>]: ShapeOf<typeof everyFunction.monthly>[K];
}>().toEqualTypeOf<{
  readonly [K in keyof EveryFunction]: EveryFunction[K];
}>();
expectTypeOf<ShapeOf<typeof everyFunction.monthlySnapshots>>().toEqualTypeOf<ShapeOf<typeof everyFunction.monthly>>();
const store = await openStore('./market');
hourly.toStore(store, { freq: '1h' });
hourly.toStore(store, { key: { freq: '1h' }, mode: 'overwrite' });
const chained = hourly.filter(col('volume').gt(0)).tag({ iterMax: 2 }).memoryBuffer({ rows: 5 });
expectTypeOf<ShapeOf<typeof chained>>().toHaveProperty('tag').toEqualTypeOf<'utf8'>();

// A function over streams of a shape keeps the registered ops.
function lastPrice<S extends Stream<Trades>>(stream: S): S {
  return stream;
}
lastPrice(createPipeline().source(fromIterable(schema, [])));
