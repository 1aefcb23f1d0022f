import { createPipeline, readCsv, type Sink, type StoreHandle } from '@spillway/core';

export const CSV_KEY = { table: 'ticks' } as const;

/** The job of W3: CSV files of ordered ticks into a dataset, anew. */
export function csvJob(
  csv: string | readonly string[],
  store: StoreHandle,
  memoryLimit: number | string = '256MiB',
): Sink {
  const schema = { ts: 'timestamp[us]', symbol: 'utf8', price: 'float64', qty: 'int64' } as const;
  return createPipeline({ memoryLimit: memoryLimit as '256MiB' })
    .source(readCsv(csv, { orderedOn: 'ts', schema }))
    .toStore(store, { key: CSV_KEY, mode: 'overwrite' });
}
