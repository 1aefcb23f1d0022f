/** Example: an op of one's own as a step of a pipeline. */
import { join } from 'node:path';
import { createPipeline, readCsv } from '@spillway/core';
import { run } from '@spillway/workers';
import { worth } from './ops.ts';

/** Writes the trades of a folder, with what each was worth, as lines of JSON in gzip. */
export async function writeWorth(folder: string): Promise<void> {
  const trades = createPipeline()
    .register({ worth })
    .source(
      readCsv(join(folder, 'trades-*.csv'), {
        orderedOn: 'ts',
        schema: { ts: 'timestamp[us, UTC]', symbol: 'utf8', price: 'float64', qty: 'int64' },
      }),
    );
  await run([trades.worth({ most: 1000 }).toNdjson(join(folder, 'worth.ndjson.gz'))]).done;
}
