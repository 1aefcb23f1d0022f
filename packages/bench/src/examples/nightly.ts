/** Example: an ingestion that runs every night and goes on where it stopped, also where it was killed. */
import { join } from 'node:path';
import { agg, createPipeline, openStore, readCsv } from '@spillway/core';
import { run } from '@spillway/workers';

/** Adds the days that have come since the last night to the bars in `store`. Open bins wait for the next night. */
export async function nightly(folder: string): Promise<number> {
  const store = await openStore(join(folder, 'store'));
  const { hourly } = createPipeline({ memoryLimit: '128MiB' })
    .source(
      readCsv(join(folder, 'trades-*.csv'), {
        orderedOn: 'ts',
        schema: { ts: 'timestamp[us, UTC]', symbol: 'utf8', price: 'float64', qty: 'int64' },
      }),
    )
    .aggStream({
      orderedOn: 'ts',
      by: ['symbol'],
      aggregations: { hourly: { every: '1h', columns: { close: agg.last('price'), volume: agg.sum('qty') } } },
    });
  const { rowsIn } = await run([hourly.toStore(store, { freq: '1h' })], { resume: 'nightly', inputEnds: 'more' }).done;
  return rowsIn;
}
