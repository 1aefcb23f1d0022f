/** What joins know of their columns at compile time. Checked by the build, never run. */
import { type AnyShape, col, createPipeline, fromIterable, readParquet, type Stream } from '@spillway/core';
import { expectTypeOf } from 'vitest';

// biome-ignore lint/suspicious/noExplicitAny: of any registered ops
type ShapeOf<T> = T extends Stream<infer S, any> ? S : never;

const p = createPipeline();
const trades = p.source(
  fromIterable({ ts: 'timestamp[us]', symbol: 'utf8', price: 'float64', qty: 'int32' } as const, []),
);
const quotes = p.source(
  fromIterable({ ts: 'timestamp[us]', symbol: 'utf8', bid: 'float64', ask: 'float64' } as const, []),
);
const depth = p.source(fromIterable({ at: 'timestamp[us]', sym: 'utf8', price: 'float32' } as const, []));

const priced = p.joinStream(
  { trades, quotes },
  { strategy: 'asof', left: 'trades', on: 'ts', by: ['symbol'], tolerance: '5s' },
);
expectTypeOf<ShapeOf<typeof priced>>().toEqualTypeOf<{
  readonly ts: 'timestamp[us]';
  readonly symbol: 'utf8';
  readonly price: 'float64';
  readonly qty: 'int32';
  readonly bid: 'float64';
  readonly ask: 'float64';
}>();

const renamed = p.joinStream(
  { trades, depth },
  {
    strategy: 'asof',
    left: 'trades',
    on: { trades: 'ts', depth: 'at' },
    by: [{ trades: 'symbol', depth: 'sym' }],
    suffix: '_depth',
  },
);
expectTypeOf<ShapeOf<typeof renamed>>().toEqualTypeOf<{
  readonly ts: 'timestamp[us]';
  readonly symbol: 'utf8';
  readonly price: 'float64';
  readonly qty: 'int32';
  readonly price_depth: 'float32';
}>();

const file = p.source(readParquet('x.parquet'));
const open = p.joinStream({ trades, file }, { strategy: 'asof', left: 'trades', on: 'ts' });
expectTypeOf<ShapeOf<typeof open>>().toEqualTypeOf<AnyShape>();

// @ts-expect-error '"tss"' is not a column that both have
p.joinStream({ trades, quotes }, { strategy: 'asof', left: 'trades', on: 'tss' });
// @ts-expect-error depth has no column "ts"
p.joinStream({ trades, depth }, { strategy: 'asof', left: 'trades', on: 'ts' });
// @ts-expect-error there is no input "trade"
p.joinStream({ trades, quotes }, { strategy: 'asof', left: 'trade', on: 'ts' });
// @ts-expect-error both sides have a column "price": give suffix, such as '_right'
p.joinStream({ trades, depth }, { strategy: 'asof', left: 'trades', on: { trades: 'ts', depth: 'at' } });
// @ts-expect-error both sides have a column "symbol": give suffix, such as '_right'
p.joinStream({ trades, quotes }, { strategy: 'asof', left: 'trades', on: 'ts' });

// Streams side by side and one among the other.
const pc = createPipeline();
const one = pc.source(fromIterable({ ts: 'timestamp[us]', a: 'int32' }, []));
const two = pc.source(fromIterable({ b: 'utf8' }, []));
const beside = () => pc.zip({ one, two });
expectTypeOf<ReturnType<typeof beside>['shape']>().toEqualTypeOf<
  { readonly ts: 'timestamp[us]'; readonly a: 'int32'; readonly b: 'utf8' } | undefined
>();
const among = () => pc.mergeOrdered({ one, other: one.filter(col('a').gt(0)) }, { on: 'ts' });
expectTypeOf<ReturnType<typeof among>['shape']>().toEqualTypeOf<
  { readonly ts: 'timestamp[us]'; readonly a: 'int32' } | undefined
>();
export const misuses = (): unknown[] => [
  // @ts-expect-error the streams have different columns
  pc.union({ one, two }),
  // @ts-expect-error another stream has a column "ts" too: rename it
  pc.zip({ one, also: one }),
  // @ts-expect-error 'b' is not a column of the streams
  pc.mergeOrdered({ one, also: one }, { on: 'b' }),
];

const later = p.source(fromIterable({ ts: 'timestamp[ns]', symbol: 'utf8', bid: 'float32' } as const, []));
const three = p.joinStream(
  { trades, quotes, later },
  { strategy: 'asof', direction: 'nearest', left: 'trades', on: 'ts', by: ['symbol'], suffix: { later: '_later' } },
);
expectTypeOf<ShapeOf<typeof three>>().toExtend<{
  readonly ts: 'timestamp[us]';
  readonly qty: 'int32';
  readonly ask: 'float64';
}>();

const kept = p.joinStream({ trades, depth }, {
  strategy: 'semi',
  left: 'trades',
  on: { trades: 'ts', depth: 'at' },
} as const);
expectTypeOf<ShapeOf<typeof kept>>().toEqualTypeOf<ShapeOf<typeof trades>>();

const around = p.joinStream(
  { trades, quotes },
  { strategy: 'interval', left: 'trades', on: 'ts', by: ['symbol'], interval: { from: '-1s', to: 0 }, suffix: '_q' },
);
expectTypeOf<ShapeOf<typeof around>>().toEqualTypeOf<{
  readonly ts: 'timestamp[us]';
  readonly symbol: 'utf8';
  readonly price: 'float64';
  readonly qty: 'int32';
  readonly ts_q: 'timestamp[us]';
  readonly bid: 'float64';
  readonly ask: 'float64';
}>();
// @ts-expect-error an interval keeps the times of both sides: give suffix, such as '_right'
p.joinStream({ trades, quotes }, { strategy: 'interval', left: 'trades', on: 'ts', by: ['symbol'] });
// @ts-expect-error there is no strategy "outer"
p.joinStream({ trades, quotes }, { strategy: 'outer', left: 'trades', on: 'ts', by: ['symbol'] });
