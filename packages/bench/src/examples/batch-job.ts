/** Example: a library call in a larger batch job. CSV in, one row an hour and symbol out, as a file that other programs read. */
import { join } from 'node:path';
import { agg, createPipeline, readCsv } from '@spillway/core';
import { run } from '@spillway/workers';

/** Writes `hourly.parquet` from the trades in a folder. Returns how many rows were read and written. */
export async function hourlyBars(folder: string): Promise<{ rowsIn: number; rowsOut: number }> {
  const trades = createPipeline({ memoryLimit: '128MiB' }).source(
    readCsv(join(folder, 'trades-*.csv'), {
      orderedOn: 'ts',
      schema: { ts: 'timestamp[us, UTC]', symbol: 'utf8', price: 'float64', qty: 'int64' },
    }),
  );
  const { hourly } = trades.aggStream({
    orderedOn: 'ts',
    by: ['symbol'],
    aggregations: {
      hourly: {
        every: '1h',
        columns: { open: agg.first('price'), high: agg.max('price'), close: agg.last('price'), volume: agg.sum('qty') },
      },
    },
  });
  const { rowsIn, rowsOut } = await run([hourly.toParquet(join(folder, 'hourly.parquet'))]).done;
  return { rowsIn, rowsOut };
}
