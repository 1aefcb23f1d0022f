import { createPipeline, readParquet, type Sink, type StoreHandle } from '@spillway/core';
import { flightsFile } from '../demo/flights-file.ts';
import { markLate } from '../demo/mark-late.ts';
import { DELAYS, ENDS, intoStore, LATE_MINUTES, periods } from '../demo/pipeline.ts';

const COLUMNS = { date: 'timestamp[us]', delay: 'int64', distance: 'int64', origin: 'utf8' } as const;

/** The demo's job without the flights that came in before: one pass over a file, nothing sorted or joined. */
export function delaysJob(store: StoreHandle, memoryLimit: number): Sink[] {
  const flights = createPipeline({ memoryLimit })
    .register({ markLate })
    .source(readParquet(flightsFile(), { name: 'flights', orderedOn: 'date', schema: COLUMNS }))
    .markLate({ minutes: LATE_MINUTES });
  const all = flights.aggStream({
    name: 'overAll',
    orderedOn: 'date',
    memoryLimit: '512KiB',
    aggregations: periods(DELAYS, ENDS),
  });
  const byOrigin = flights.aggStream({
    name: 'byOrigin',
    orderedOn: 'date',
    by: ['origin'],
    memoryLimit: '2MiB',
    aggregations: periods(DELAYS),
  });
  return [...intoStore(store, 'all', all), ...intoStore(store, 'origin', byOrigin)];
}
