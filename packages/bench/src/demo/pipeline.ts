import {
  agg,
  coalesce,
  col,
  createPipeline,
  readParquet,
  type Sink,
  type StoreHandle,
  type Stream,
} from '@spillway/core';
import { flightsFile } from './flights-file.ts';
import { markLate } from './mark-late.ts';

/** Minutes from which on a flight counts as late. */
export const LATE_MINUTES = 15;

/** A flight is the inbound one of all that leave its airport so long after it, until another one lands there. */
export const LONGEST_STAY = '6h';

export const FLIGHT_COLUMNS = {
  date: 'timestamp[us]',
  delay: 'int64',
  distance: 'int64',
  origin: 'utf8',
  destination: 'utf8',
} as const;

/** Half of what is usual: the sort and the join own room for some batches each, which the smallest limit is made of. */
export const BATCH_ROWS = 32_768;

/** What is computed of the delays of every hour, day and week. */
export const DELAYS = {
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

/** Over all airports, the hours also say where the first and the last flight left. */
export const ENDS = { first_origin: agg.first('origin'), last_origin: agg.last('origin') };

const COLUMNS = {
  ...DELAYS,
  n_inbound: agg.count('inbound_delay'),
  sum_inbound_delay: agg.sum('inbound_delay'),
  mean_inbound_delay: agg.mean('inbound_delay'),
  n_both_late: agg.sum('both_late'),
};

/** The same columns of every hour, day and week; the hours may have some more. */
export function periods<C, E = object>(columns: C, ofHours?: E): Periods<C, E> {
  return {
    hourly: { every: '1h', columns: { ...columns, ...ofHours } as C & E },
    daily: { every: '1d', columns },
    weekly: { every: '1w', columns },
  };
}

// Not an interface: those have no index signature, which aggregations need.
type Periods<C, E> = {
  hourly: { every: '1h'; columns: C & E };
  daily: { every: '1d'; columns: C };
  weekly: { every: '1w'; columns: C };
};

/** When a flight lands, as far as its distance tells. */
const LANDED = col('date').add(col('distance').div(8).cast('int64').add(30).mul(60).cast('duration[s]'));

/** Every departure of the file, with the delay of the flight that came in last to its airport. */
function connections(memoryLimitBytes: number, file: string) {
  const p = createPipeline({ memoryLimit: memoryLimitBytes }).register({ markLate });
  const flights = p
    .source(readParquet(file, { name: 'flights', orderedOn: 'date', schema: FLIGHT_COLUMNS, batchRows: BATCH_ROWS }))
    .markLate({ minutes: LATE_MINUTES });
  const arrivals = flights
    .select({ landed: LANDED, airport: col('destination'), inbound_delay: col('delay'), inbound_late: col('late') })
    // Long flights land behind short ones that left later. Of flights that land together the later one in the file stays behind.
    .sort({ by: 'landed' });
  return p
    .joinStream(
      { departures: flights.select('date', 'delay', 'distance', 'origin', 'late'), arrivals },
      {
        name: 'inbound',
        strategy: 'asof',
        left: 'departures',
        on: { departures: 'date', arrivals: 'landed' },
        by: [{ departures: 'origin', arrivals: 'airport' }],
        tolerance: LONGEST_STAY,
      },
    )
    .withColumns({ both_late: coalesce(col('late').mul(col('inbound_late')), 0) });
}

/**
 * The demo's job as sinks for `run`: flights → late or not → with the flight that came in before → hours, days and weeks, over all and by
 * origin → store.
 */
export function flightsJob(store: StoreHandle, memoryLimitBytes: number, file: string = flightsFile()): Sink[] {
  const flights = connections(memoryLimitBytes, file);
  const all = flights.aggStream({
    name: 'overAll',
    orderedOn: 'date',
    memoryLimit: '512KiB',
    aggregations: periods(COLUMNS, ENDS),
  });
  const byOrigin = flights.aggStream({
    name: 'byOrigin',
    orderedOn: 'date',
    by: ['origin'],
    memoryLimit: '2MiB',
    aggregations: periods(COLUMNS),
  });
  return [...intoStore(store, 'all', all), ...intoStore(store, 'origin', byOrigin)];
}

type Storable = Pick<Stream, 'toStore'>;

/** Sinks that replace the datasets of hours, days and weeks. */
export function intoStore(
  store: StoreHandle,
  per: string,
  { hourly, daily, weekly }: { hourly: Storable; daily: Storable; weekly: Storable },
): Sink[] {
  const into = (stream: Storable, freq: string): Sink =>
    stream.toStore(store, { name: `${per} ${freq}`, key: { per, freq }, mode: 'overwrite' });
  return [into(hourly, '1h'), into(daily, '1d'), into(weekly, '1w')];
}
