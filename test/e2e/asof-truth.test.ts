/** The accepted answers of as-of joins of the data beside the checkout: every direction, strict or not, within tolerances. */
import { fileURLToPath } from 'node:url';
import { agg, col, createPipeline, fromIterable, type JoinOptions, readParquet, type Sink } from '@spillway/core';
import { run } from '@spillway/workers';
import { describe, expect, it } from 'vitest';
import { csvRows, microsOf, numberOf } from '#support/csv-rows';
import { sharedCases } from '#support/shared-cases';

const shared = sharedCases();
type Given = Record<string, unknown>;

function input(...parts: string[]): Record<string, string>[] {
  return csvRows(shared?.path(...parts) as string);
}

function truth(name: string): Record<string, string>[] {
  return input('cases', 'truth', `${name}.csv`);
}

/** A file of the data sets that come as a package. */
function vega(name: string): string {
  return fileURLToPath(new URL(`../data/${name}`, import.meta.resolve('vega-datasets')));
}

type How = Pick<JoinOptions, 'direction' | 'strict' | 'tolerance'>;

/** Runs sinks together and gives the rows of each. */
async function rowsOf<K extends string>(sinks: Record<K, Sink>, workers: number): Promise<Record<K, Given[]>> {
  const job = run(Object.values<Sink>(sinks), { workers });
  const entries = Object.entries<Sink>(sinks).map(async ([name, sink]) => [name, await job.rows(sink)] as const);
  return Object.fromEntries(await Promise.all(entries)) as Record<K, Given[]>;
}

/** Texts, numbers and microseconds of rows, null where the accepted answer has nothing. */
function column(rows: readonly Given[], name: string): unknown[] {
  return rows.map((row) => {
    const value = row[name] ?? null;
    return typeof value === 'bigint' ? Number(value) : value;
  });
}

function accepted(rows: readonly Record<string, string>[], name: string, read: (text: string) => unknown): unknown[] {
  return rows.map((row) => (row[name] === '' ? null : read(row[name] as string)));
}

const micros = (text: string): number => Number(microsOf(text));

describe.skipIf(shared === undefined).each([1, 2])('with %i workers', (workers) => {
  it('q04: earthquakes of Southern California with those of the north before, after and nearest', async () => {
    const p = createPipeline();
    const quakes = (net: string) =>
      input('data', 'earthquakes_by_updated.csv')
        .filter((row) => row['net'] === net)
        .map((row) => ({ ts: microsOf(row['time']), id: row['id'] as string }))
        .sort((a, b) => Number(a.ts - b.ts));
    const source = (net: string) =>
      p.source(fromIterable({ ts: 'timestamp[us]', id: 'utf8' }, [quakes(net)], { orderedOn: 'ts' }));
    const streams = { south: source('ci'), north: source('nc') };
    const joined = (how: How) =>
      p.joinStream(streams, { strategy: 'asof', left: 'south', on: 'ts', suffix: '_north', ...how }).collect();
    const rows = await rowsOf(
      {
        b: joined({}),
        f: joined({ direction: 'forward' }),
        n: joined({ direction: 'nearest' }),
        b10: joined({ tolerance: '10m' }),
        f10: joined({ direction: 'forward', tolerance: '10m' }),
      },
      workers,
    );
    const expected = truth('q04_asof_ci_nc');
    const text = (value: string): string => value;
    expect(column(rows.b, 'id')).toEqual(accepted(expected, 'id', text));
    for (const [name, found] of Object.entries(rows))
      expect(column(found, 'id_north'), name).toEqual(accepted(expected, `${name}_id`, text));
  });

  it('w04: prices of stocks with the index of the trading day before, after and nearest', async () => {
    const p = createPipeline();
    const day = (text: string | undefined): number => Date.parse(`${text} UTC`) / 86_400_000;
    const prices = csvRows(vega('stocks.csv')).map((row, rn) => ({
      d: day(row['date']),
      rn,
      symbol: row['symbol'] as string,
      price: Number(row['price']),
    }));
    const days = csvRows(vega('sp500-2000.csv')).map((row) => ({ d: day(row['date']), close: Number(row['close']) }));
    const stocks = p
      .source(fromIterable({ d: 'date32', rn: 'int32', symbol: 'utf8', price: 'float64' }, [prices]))
      .sort({ by: ['d', 'rn'] });
    const index = p
      .source(fromIterable({ d: 'date32', close: 'float64' }, [days], { orderedOn: 'd' }))
      .withColumns({ day: col('d').cast('int32') });
    const joined = (how: How) =>
      p
        .joinStream({ stocks, index }, { strategy: 'asof', left: 'stocks', on: 'd', ...how })
        .sort({ by: 'rn' })
        .collect();
    const rows = await rowsOf(
      {
        b: joined({}),
        f: joined({ direction: 'forward' }),
        n: joined({ direction: 'nearest' }),
        b2: joined({ tolerance: '2d' }),
        f2: joined({ direction: 'forward', tolerance: '2d' }),
      },
      workers,
    );
    const expected = truth('w04_stocks_asof_sp500');
    expect(column(rows.b, 'rn')).toEqual(accepted(expected, 'rn', Number));
    expect(column(rows.b, 'close')).toEqual(accepted(expected, 'b_close', Number));
    expect(column(rows.f, 'close')).toEqual(accepted(expected, 'f_close', Number));
    for (const [name, found] of Object.entries(rows))
      expect(column(found, 'day'), name).toEqual(accepted(expected, `${name}_d`, day));
  });
});

describe.skipIf(shared === undefined)('f11, f11b: flights from Seattle with the weather of the hour', () => {
  /** Nine joins of one file's rows in one run. */
  it('is what was accepted, for January by flight, for half a year by day', async () => {
    const p = createPipeline({ memoryLimit: '1GiB' });
    const shape = { date: 'timestamp[us]', delay: 'int64', origin: 'utf8' } as const;
    const flights = p
      .source(readParquet(vega('flights-3m.parquet'), { orderedOn: 'date', schema: shape }))
      .filter(col('origin').eq('SEA'));
    const january = flights.filter(col('date').lt('2001-02-01'));
    const hours = input('data', 'seattle-weather-hourly-normals.csv').map((row) => ({
      hour: microsOf(row['date']?.replace('2010', '2001')),
      temperature: numberOf(row['temperature']),
      pressure: numberOf(row['pressure']),
    }));
    const normals = p
      .source(
        fromIterable({ hour: 'timestamp[us]', temperature: 'float64', pressure: 'float64' }, [hours], {
          orderedOn: 'hour',
        }),
      )
      .withColumns({ found: col('hour').cast('int64') });
    const joinedTo = (flown: typeof flights, how: How) =>
      p.joinStream(
        { flown, normals },
        { strategy: 'asof', left: 'flown', on: { flown: 'date', normals: 'hour' }, ...how },
      );
    const { days } = joinedTo(flights, {}).aggStream({
      orderedOn: 'date',
      aggregations: {
        days: {
          every: '1d',
          columns: {
            n: agg.count(),
            matched: agg.count('found'),
            sum_delay: agg.sum('delay'),
            sum_temp: agg.sum('temperature'),
            min_temp: agg.min('temperature'),
            max_pressure: agg.max('pressure'),
          },
        },
      },
    });
    const forward = { direction: 'forward' } as const;
    const nearest = { direction: 'nearest' } as const;
    const { byDay, ...byFlight } = await rowsOf(
      {
        byDay: days.collect(),
        b: joinedTo(january, {}).collect(),
        bs: joinedTo(january, { strict: true }).collect(),
        f: joinedTo(january, forward).collect(),
        fs: joinedTo(january, { ...forward, strict: true }).collect(),
        b30: joinedTo(january, { tolerance: '30m' }).collect(),
        f10: joinedTo(january, { ...forward, tolerance: '10m' }).collect(),
        n: joinedTo(january, nearest).collect(),
        n15: joinedTo(january, { ...nearest, tolerance: '15m' }).collect(),
      },
      2,
    );
    const expected = truth('f11_asof_sea_normals_jan');
    expect(column(byFlight.b, 'delay')).toEqual(accepted(expected, 'delay', Number));
    expect(column(byFlight.b, 'temperature')).toEqual(accepted(expected, 'b_temp', Number));
    expect(column(byFlight.f, 'temperature')).toEqual(accepted(expected, 'f_temp', Number));
    for (const [name, found] of Object.entries(byFlight))
      expect(column(found, 'found'), name).toEqual(accepted(expected, `${name}_ts`, micros));
    const daily = truth('f11b_asof_sea_daily');
    for (const name of ['n', 'matched', 'sum_delay', 'min_temp', 'max_pressure'])
      expect(column(byDay, name), name).toEqual(accepted(daily, name, Number));
    const sums = accepted(daily, 'sum_temp', Number) as number[];
    for (const [index, sum] of column(byDay, 'sum_temp').entries())
      expect(Math.abs((sum as number) - (sums[index] as number))).toBeLessThanOrEqual(1e-11 * Math.abs(sum as number));
  });
});
