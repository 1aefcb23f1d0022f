import { agg, createPipeline, readParquet, type Sink, type StoreHandle, type Stream } from '@spillway/core';
import { flightsFile } from './flights-file.ts';
import { markLate } from './mark-late.ts';

/** Minutes from which on a flight counts as late. */
export const LATE_MINUTES = 15;

const FLIGHT_COLUMNS = { date: 'timestamp[us]', delay: 'int64', distance: 'int64', origin: 'utf8' } as const;

const COLUMNS = {
  n: agg.count(),
  sum_delay: agg.sum('delay'),
  mean_delay: agg.mean('delay'),
  min_delay: agg.min('delay'),
  max_delay: agg.max('delay'),
  first_delay: agg.first('delay'),
  last_delay: agg.last('delay'),
  sum_distance: agg.sum('distance'),
  sd_delay: agg.std('delay'),
  n_late: agg.sum('late'),
};

const HOURLY_COLUMNS = { ...COLUMNS, first_origin: agg.first('origin'), last_origin: agg.last('origin') };

/** The demo's job as sinks for `run`: flights → late or not → hours, days and weeks, over all and by origin → store. */
export function flightsJob(store: StoreHandle, memoryLimitBytes: number, file: string = flightsFile()): Sink[] {
  const flights = createPipeline({ memoryLimit: memoryLimitBytes })
    .register({ markLate })
    .source(readParquet(file, { name: 'flights', orderedOn: 'date', schema: FLIGHT_COLUMNS }))
    .markLate({ minutes: LATE_MINUTES });
  const all = flights.aggStream({
    name: 'overAll',
    orderedOn: 'date',
    memoryLimit: '512KiB',
    aggregations: {
      hourly: { every: '1h', columns: HOURLY_COLUMNS },
      daily: { every: '1d', columns: COLUMNS },
      weekly: { every: '1w', columns: COLUMNS },
    },
  });
  const byOrigin = flights.aggStream({
    name: 'byOrigin',
    orderedOn: 'date',
    by: ['origin'],
    memoryLimit: '2MiB',
    aggregations: {
      hourly: { every: '1h', columns: COLUMNS },
      daily: { every: '1d', columns: COLUMNS },
      weekly: { every: '1w', columns: COLUMNS },
    },
  });
  const into = (stream: Pick<Stream, 'toStore'>, per: string, freq: string): Sink =>
    stream.toStore(store, { name: `${per} ${freq}`, key: { per, freq }, mode: 'overwrite' });
  return [
    into(all.hourly, 'all', '1h'),
    into(all.daily, 'all', '1d'),
    into(all.weekly, 'all', '1w'),
    into(byOrigin.hourly, 'origin', '1h'),
    into(byOrigin.daily, 'origin', '1d'),
    into(byOrigin.weekly, 'origin', '1w'),
  ];
}
