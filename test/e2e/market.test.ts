import { arrivingQuotes, arrivingTrades, quotes, trades } from '@spillway/bench/generators/market-sources';
import { agg, col, createPipeline, type Sink } from '@spillway/core';
import { runReference } from '@spillway/core/internal';
import { run } from '@spillway/workers';
import { describe, expect, it } from 'vitest';

const MARKET = { seed: 42, symbols: 20, quotesPerSecond: 60, days: 2, seconds: 60, splitSeconds: 7 };

/** Each trade with the last quote of its symbol, and the money over the middle by symbol and minute. */
function priced(strategy: 'asof' | 'inner'): Sink {
  const p = createPipeline({ memoryLimit: '256MiB' });
  const joined = p.joinStream(
    { trades: p.source(trades, MARKET), quotes: p.source(quotes, MARKET) },
    {
      strategy,
      left: 'trades',
      on: 'ts',
      by: strategy === 'asof' ? ['symbol'] : [],
      suffix: '_quote',
      ...(strategy === 'asof' && { tolerance: '2s' }),
    },
  );
  return joined
    .withColumns({ over: col('price').sub(col('bid').add(col('ask')).div(2)) })
    .aggStream({
      orderedOn: 'ts',
      by: ['symbol'],
      aggregations: {
        minutes: { every: '1m', columns: { n: agg.count(), quoted: agg.count('bid'), over: agg.sum('over') } },
      },
    })
    .minutes.collect();
}

describe.each([1, 2])('a made-up market, with %i workers', (workers) => {
  it.each(['asof', 'inner'] as const)('joins trades and quotes that lanes make: %s', async (strategy) => {
    const { outputs } = await runReference([priced(strategy)]);
    const sink = priced(strategy);
    const rows = await run([sink], { workers, debug: true }).rows(sink);
    expect(rows.length).toBeGreaterThan(strategy === 'asof' ? 20 : 5);
    expect(rows.map((row) => Object.values(row))).toEqual(outputs[0]?.batches.flat().map((row) => [...row]));
  });

  it('sorts what arrives late, then joins it', async () => {
    const late = { ...MARKET, lateUs: 5_000_000 };
    const make = (): Sink => {
      const p = createPipeline({ memoryLimit: '256MiB' });
      const inputs = {
        trades: p.source(arrivingTrades, { ...late, corrections: true }).sort({ by: ['ts', 'seq'] }),
        quotes: p.source(arrivingQuotes, late).sort({ by: 'ts' }),
      };
      return p.joinStream(inputs, { strategy: 'asof', left: 'trades', on: 'ts', by: ['symbol'] }).collect();
    };
    const { outputs } = await runReference([make()]);
    const sink = make();
    const rows = await run([sink], { workers, debug: true }).rows(sink);
    expect(rows.length).toBeGreaterThan(300);
    expect(rows.map((row) => Object.values(row).map(String))).toEqual(
      outputs[0]?.batches.flat().map((row) => row.map(String)),
    );
  });

  it('gives rows as they arrive', async () => {
    const make = (): Sink =>
      createPipeline({ memoryLimit: '128MiB' })
        .source(arrivingTrades, { ...MARKET, quotesPerSecond: 900, lateUs: 3_000_000, corrections: true })
        .collect();
    const { outputs } = await runReference([make()]);
    const sink = make();
    const rows = await run([sink], { workers, debug: true }).rows(sink);
    expect(rows.map((row) => Object.values(row).map(String))).toEqual(
      outputs[0]?.batches.flat().map((row) => row.map(String)),
    );
  });
});
