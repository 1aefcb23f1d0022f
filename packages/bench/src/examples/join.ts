/** Example: two inputs of different formats, joined as of the time of each trade. */
import { join } from 'node:path';
import { createPipeline, readCsv, readNdjson } from '@spillway/core';
import { run } from '@spillway/workers';

/** Trades with the last bid before each. */
export async function tradesWithBids(folder: string): Promise<readonly object[]> {
  const p = createPipeline({ memoryLimit: '256MiB' });
  const trades = p.source(
    readCsv(join(folder, 'trades-*.csv'), {
      orderedOn: 'ts',
      schema: { ts: 'timestamp[us, UTC]', symbol: 'utf8', price: 'float64' },
    }),
  );
  const quotes = p.source(
    readNdjson(join(folder, 'quotes-*.ndjson'), {
      orderedOn: 'ts',
      schema: { ts: 'timestamp[us, UTC]', symbol: 'utf8', 'quote.bid': 'float64' },
    }),
  );
  const joined = p.joinStream(
    { trades, quotes },
    { strategy: 'asof', left: 'trades', on: 'ts', by: ['symbol'], tolerance: '5m' },
  );
  const sink = joined.collect();
  const job = run([sink]);
  await job.done;
  return job.rows(sink);
}
