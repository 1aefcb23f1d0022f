import { createPipeline, fromIterable } from '@spillway/core';
import { run } from '@spillway/workers';
import { describe, expect, it } from 'vitest';

const TRADES = { ts: 'timestamp[ms]', symbol: 'utf8', price: 'float64' } as const;
const QUOTES = { ts: 'timestamp[us]', symbol: 'utf8', bid: 'float64' } as const;
const at = (ms: number): Date => new Date(ms);

function streams() {
  const p = createPipeline();
  const trades = p.source(
    fromIterable(TRADES, [
      [
        { ts: at(10), symbol: 'A', price: 1 },
        { ts: at(20), symbol: 'B', price: 2 },
        { ts: at(30), symbol: 'A', price: 3 },
      ],
    ]),
  );
  const quotes = p.source(
    fromIterable(QUOTES, [
      [
        { ts: 9_999n, symbol: 'A', bid: 0.5 },
        { ts: 10_000n, symbol: 'A', bid: 0.75 },
        { ts: 15_000n, symbol: 'B', bid: 1.5 },
        { ts: 30_001n, symbol: 'A', bid: 2.5 },
      ],
    ]),
  );
  return { p, trades, quotes };
}

describe.each([1, 2])('joins, with %i workers', (workers) => {
  it('several right streams are each joined to what the one before gives', async () => {
    const { p, trades, quotes } = streams();
    const limits = p.source(
      fromIterable({ ts: 'timestamp[ms]', symbol: 'utf8', bid: 'float64', most: 'int32' } as const, [
        [{ ts: at(5), symbol: 'B', bid: 9, most: 7 }],
      ]),
    );
    const sink = p
      .joinStream({ trades, quotes, limits }, {
        strategy: 'asof',
        left: 'trades',
        on: 'ts',
        by: ['symbol'],
        suffix: { limits: '_limit' },
      } as never)
      .collect();
    const rows = await run([sink], { workers, debug: true }).rows(sink);
    expect(rows.map((row) => Object.values(row).slice(2))).toEqual([
      [1, 0.75, null, null],
      [2, 1.5, 9, 7],
      [3, 0.75, null, null],
    ]);
    expect(Object.keys(rows[0] as object)).toEqual(['ts', 'symbol', 'price', 'bid', 'bid_limit', 'most']);
  });

  it('milliseconds are compared with microseconds as they are', async () => {
    const { p, trades, quotes } = streams();
    const asof = { strategy: 'asof', left: 'trades', on: 'ts', by: ['symbol'] } as const;
    const strict = p.joinStream({ trades, quotes }, { ...asof, strict: true }).collect();
    const later = p.joinStream({ trades, quotes }, { ...asof, direction: 'forward' }).collect();
    const job = run([strict, later], { workers, debug: true });
    expect((await job.rows(strict)).map(({ bid }) => bid)).toEqual([0.5, 1.5, 0.75]);
    expect((await job.rows(later)).map(({ bid }) => bid)).toEqual([0.75, null, 2.5]);
  });

  it('a full join has right rows without a match before the next left row, with what is compared', async () => {
    const { p, trades, quotes } = streams();
    const left = p.joinStream({ trades, quotes }, { strategy: 'inner', left: 'trades', on: 'ts', by: ['symbol'] });
    const full = p
      .joinStream({ quotes, trades }, { strategy: 'full', left: 'quotes', on: 'ts', by: ['symbol'] })
      .collect();
    const inner = left.collect();
    const job = run([full, inner], { workers, debug: true });
    expect((await job.rows(full)).map(({ ts, symbol, bid, price }) => [Number(ts), symbol, bid, price])).toEqual([
      [9_999, 'A', 0.5, null],
      [10_000, 'A', 0.75, 1],
      [15_000, 'B', 1.5, null],
      [20_000, 'B', null, 2],
      [30_000, 'A', null, 3],
      [30_001, 'A', 2.5, null],
    ]);
    expect((await job.rows(inner)).map(({ price, bid }) => [price, bid])).toEqual([[1, 0.75]]);
  });

  it('an interval keeps the times of both sides', async () => {
    const { p, trades, quotes } = streams();
    const sink = p
      .joinStream(
        { trades, quotes },
        { strategy: 'interval', left: 'trades', on: 'ts', interval: { from: '-5ms', to: '1us' }, suffix: '_quote' },
      )
      .collect();
    const rows = await run([sink], { workers, debug: true }).rows(sink);
    expect(rows.map(({ price, bid, ts_quote: quoted }) => [price, bid, Number(quoted)])).toEqual([
      [1, 0.5, 9_999],
      [1, 0.75, 10_000],
      [2, 1.5, 15_000],
      [3, 2.5, 30_001],
    ]);
  });
});
