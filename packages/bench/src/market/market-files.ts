import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { createPipeline, type Sink } from '@spillway/core';
import { run } from '@spillway/workers';
import { arrivingQuotes, trades } from '../generators/market-sources.ts';

/** How much of the made-up market there is. */
export interface MarketSize {
  days: number;
  /** Of each day, at most 23,400. */
  seconds: number;
}

/** Four days: 10.5 GB as CSV. */
export const FULL_MARKET: MarketSize = { days: 4, seconds: 23_400 };
export const SMALL_MARKET: MarketSize = { days: 2, seconds: 600 };

const MARKET = { seed: 42, symbols: 200, quotesPerSecond: 2000 };
/** One quote in twenty arrives up to five seconds late. */
const LATE_US = 5_000_000;
/** What other engines write by themselves. */
const ROW_GROUP_ROWS = 122_880;

/** Patterns of the files in a market's folder: quotes in the order in which they arrived, trades in the order of their time. */
export const MARKET_FILES = { quotes: 'quotes-*.parquet', trades: 'trades-*.parquet' } as const;

/** Makes the files of a market that are not there yet, one a day. */
export async function makeMarketFiles(folder: string, { days, seconds }: MarketSize): Promise<void> {
  const p = createPipeline({ memoryLimit: '1GiB' });
  for (let firstDay = 0; firstDay < days; firstDay += 1) {
    const options = { ...MARKET, firstDay, days: 1, seconds };
    await makeFile(join(folder, `quotes-${firstDay}.parquet`), (path) =>
      p.source(arrivingQuotes, { ...options, lateUs: LATE_US }).toParquet(path, WRITTEN),
    );
    await makeFile(join(folder, `trades-${firstDay}.parquet`), (path) =>
      p.source(trades, options).toParquet(path, WRITTEN),
    );
  }
}

const WRITTEN = { compression: 'zstd', rowGroupRows: ROW_GROUP_ROWS } as const;

async function makeFile(path: string, write: (path: string) => Sink): Promise<void> {
  if (existsSync(path)) return;
  const unfinished = `${path}.part`;
  await run([write(unfinished)]).done;
  renameSync(unfinished, path);
}
