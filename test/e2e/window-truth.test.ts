/** The accepted answers for aggregations over windows, of the data beside the checkout. */
import { fileURLToPath } from 'node:url';
import {
  type AggregationOptions,
  agg,
  createPipeline,
  fromIterable,
  readParquet,
  type Sink,
  type Stream,
} from '@spillway/core';
import { run } from '@spillway/workers';
import { describe, expect, it } from 'vitest';
import { csvRows, microsOf, numberOf, textOf } from '#support/csv-rows';
import { sharedCases } from '#support/shared-cases';

const shared = sharedCases();
const p = createPipeline({ memoryLimit: '256MiB' });

type Given = Record<string, unknown>;

function input(...parts: string[]): Record<string, string>[] {
  return csvRows(shared?.path(...parts) as string);
}

/** Rows of a file, in the order of `ts` and then of the file. */
function inOrder(rows: readonly Given[]): Given[] {
  return rows
    .map((row, rn) => ({ ...row, rn }))
    .sort((left: Given, right: Given) =>
      left['ts'] === right['ts']
        ? (left['rn'] as number) - (right['rn'] as number)
        : (left['ts'] as bigint) < (right['ts'] as bigint)
          ? -1
          : 1,
    );
}

function withoutPlace(row: Given): Given {
  const { rn, ...rest } = row;
  return rn === undefined ? row : rest;
}

function batches(rows: readonly Given[]): Given[][] {
  return Array.from({ length: Math.ceil(rows.length / 1000) }, (_, index) =>
    rows.slice(1000 * index, 1000 * index + 1000),
  );
}

function source(shape: Record<string, string>, rows: readonly Given[]): Stream {
  return p.source(
    fromIterable(shape as never, batches(rows) as never, { orderedOn: 'ts' as never }),
  ) as unknown as Stream;
}

function flights(path: string): Stream {
  const file = readParquet(path, { orderedOn: 'date' });
  return p.source(file) as unknown as Stream;
}

/** A file of the data sets that come as a package. */
function vega(name: string): string {
  return fileURLToPath(new URL(`../data/${name}`, import.meta.resolve('vega-datasets')));
}

const week1 = (): Stream => flights(shared?.path('data', 'flights_2001w1.parquet') as string);
const allFlights = (): Stream => flights(vega('flights-3m.parquet'));

/** Runs one aggregation and gives its rows. */
async function rowsOf(
  stream: Stream,
  orderedOn: string,
  by: string[],
  options: AggregationOptions,
  workers: number,
): Promise<Given[]> {
  const { a } = stream.aggStream({ orderedOn, by, aggregations: { a: options } }) as unknown as { a: Stream };
  const sink: Sink = a.collect();
  return run([sink], { workers }).rows(sink);
}

/** Compares columns of rows with those of an accepted answer: texts and whole numbers as they are, others within 1e-11. */
function expectColumns(
  rows: readonly Given[],
  truth: readonly Record<string, string>[],
  columns: Record<string, string>,
): void {
  expect(rows.length).toBe(truth.length);
  for (const [index, expected] of truth.entries()) {
    const row = rows[index] as Given;
    for (const [own, name] of Object.entries(columns)) {
      const place = `row ${index}, ${own}`;
      const wanted = expected[name] as string;
      const got = row[own];
      if (wanted === '') expect(got, place).toBeNull();
      else if (/^\d{4}-\d\d-\d\d/.test(wanted)) expect(timeOf(got), place).toBe(microsOf(wanted));
      else if (typeof got === 'number')
        expect(Math.abs(got - Number(wanted)), place).toBeLessThanOrEqual(1e-11 * Math.abs(got));
      else expect(String(got), place).toBe(wanted);
    }
  }
}

function timeOf(value: unknown): bigint {
  if (value instanceof Date) return BigInt(value.getTime()) * 1000n;
  return typeof value === 'number' ? BigInt(value) * 86_400_000_000n : (value as bigint);
}

const delays = {
  n: agg.count(),
  sum_delay: agg.sum('delay'),
  mean_delay: agg.mean('delay'),
  min_delay: agg.min('delay'),
  max_delay: agg.max('delay'),
  first_delay: agg.first('delay'),
  last_delay: agg.last('delay'),
  first_ts: agg.first('date'),
  last_ts: agg.last('date'),
};

function same(...names: string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, name]));
}

function truth(name: string): Record<string, string>[] {
  return input('cases', 'truth', `${name}.csv`);
}

describe.skipIf(shared === undefined).each([1, 2])('with %i workers', (workers) => {
  it('f01b: hours, those without flights too', async () => {
    const rows = await rowsOf(
      allFlights(),
      'date',
      [],
      {
        every: '1h',
        empty: 'null',
        columns: { n: delays.n, sum_delay: delays.sum_delay, max_delay: delays.max_delay },
      },
      workers,
    );
    expectColumns(rows, truth('f01b_hourly_global_filled'), { date: 'bucket', ...same('n', 'sum_delay', 'max_delay') });
  });

  it('f07b: every hundred flights of an airport', async () => {
    const rows = await rowsOf(week1(), 'date', ['origin'], { rows: 100, columns: delays }, workers);
    const expected = truth('f07b_rows_100_origin_w1').sort(
      (left, right) =>
        Number(microsOf(left['label']) - microsOf(right['label'])) ||
        Buffer.compare(Buffer.from(left['origin'] ?? ''), Buffer.from(right['origin'] ?? '')),
    );
    expectColumns(rows, expected, {
      date: 'label',
      ...same('origin', 'last_ts', 'n', 'sum_delay', 'min_delay', 'max_delay', 'first_delay', 'last_delay'),
    });
  });

  it('f08: windows of an hour every 15 minutes', async () => {
    const rows = await rowsOf(week1(), 'date', [], { every: '15m', period: '1h', columns: delays }, workers);
    expectColumns(rows, truth('f08_sliding_1h_15m_global_w1'), {
      date: 'bucket',
      ...same('n', 'sum_delay', 'mean_delay', 'min_delay', 'max_delay'),
    });
  });

  it('f10: sessions without a gap of more than an hour', async () => {
    const rows = await rowsOf(allFlights(), 'date', [], { gap: '60m', columns: delays }, workers);
    expectColumns(rows, truth('f10_sessions_global_60m'), {
      date: 'start_ts',
      last_ts: 'end_ts',
      ...same('n', 'sum_delay', 'first_delay', 'last_delay'),
    });
  });

  it('n01: local days of New York, by airport', async () => {
    const given = inOrder(
      input('data', 'nyc13_weather.csv').map((row) => ({
        ts: microsOf(row['time_hour']),
        origin: row['origin'],
        ...Object.fromEntries(['pressure', 'wind_gust', 'precip', 'temp'].map((name) => [name, numberOf(row[name])])),
      })),
    );
    const shape = {
      ts: 'timestamp[us]',
      origin: 'utf8',
      pressure: 'float64',
      wind_gust: 'float64',
      precip: 'float64',
      temp: 'float64',
    };
    const rows = await rowsOf(
      source(shape, given.map(withoutPlace)),
      'ts',
      ['origin'],
      {
        every: '1d',
        timeZone: 'America/New_York',
        columns: {
          n: agg.count(),
          n_pressure: agg.count('pressure'),
          mean_pressure: agg.mean('pressure'),
          max_gust: agg.max('wind_gust'),
          sum_precip: agg.sum('precip'),
          min_temp: agg.min('temp'),
        },
      },
      workers,
    );
    const local = new Intl.DateTimeFormat('sv-SE', { timeZone: 'America/New_York' });
    const named = rows.map((row) => ({ ...row, day: local.format(Number(timeOf(row['ts']) / 1000n)) }));
    expect(named.map(({ day }) => day)).toEqual(truth('n01_nyc_daily_origin_local').map((row) => row['local_day']));
    expectColumns(
      named,
      truth('n01_nyc_daily_origin_local'),
      same('origin', 'n', 'n_pressure', 'mean_pressure', 'max_gust', 'sum_precip', 'min_temp'),
    );
  });

  const quakes = (): Given[] =>
    inOrder(
      input('data', 'earthquakes_by_updated.csv').map((row) => ({
        ts: microsOf(row['time']),
        id: row['id'],
        net: row['net'],
        place: textOf(row['place']),
        mag: numberOf(row['mag']),
      })),
    ).map(withoutPlace);
  const quakeShape = { ts: 'timestamp[us]', id: 'utf8', net: 'utf8', place: 'utf8', mag: 'float64' };

  it('q01: earthquakes by hour and network', async () => {
    const rows = await rowsOf(
      source(quakeShape, quakes()),
      'ts',
      ['net'],
      {
        every: '1h',
        columns: {
          n: agg.count(),
          mean_mag: agg.mean('mag'),
          min_mag: agg.min('mag'),
          max_mag: agg.max('mag'),
          first_id: agg.first('id'),
          last_place: agg.last('place'),
        },
      },
      workers,
    );
    expectColumns(rows, truth('q01_hourly_net'), {
      ts: 'bucket',
      ...same('net', 'n', 'mean_mag', 'min_mag', 'max_mag', 'first_id', 'last_place'),
    });
  });

  it('q03: earthquakes without a pause of more than ten minutes', async () => {
    const rows = await rowsOf(
      source(quakeShape, quakes()),
      'ts',
      [],
      {
        gap: '10m',
        columns: {
          end: agg.last('ts'),
          n: agg.count(),
          max_mag: agg.max('mag'),
          first_id: agg.first('id'),
          last_id: agg.last('id'),
        },
      },
      workers,
    );
    expectColumns(rows, truth('q03_sessions_10m'), {
      ts: 'start_ts',
      end: 'end_ts',
      ...same('n', 'max_mag', 'first_id', 'last_id'),
    });
  });

  const storms = (): Given[] =>
    inOrder(
      input('data', 'storms.csv').map((row) => ({
        ts: microsOf(row['time']),
        name: row['name'],
        status: row['status'],
        ...Object.fromEntries(['wind', 'pressure', 'ts_diam', 'hu_diam'].map((name) => [name, numberOf(row[name])])),
      })),
    ).map(withoutPlace);
  const stormShape = {
    ts: 'timestamp[us]',
    name: 'utf8',
    status: 'utf8',
    wind: 'int32',
    pressure: 'int32',
    ts_diam: 'float64',
    hu_diam: 'float64',
  };

  it('s01: storms are what one name has without a gap of more than a day', async () => {
    const rows = await rowsOf(
      source(stormShape, storms()),
      'ts',
      ['name'],
      {
        gap: '24h',
        columns: {
          end: agg.last('ts'),
          n: agg.count(),
          max_wind: agg.max('wind'),
          min_pressure: agg.min('pressure'),
          n_diam: agg.count('ts_diam'),
          mean_diam: agg.mean('ts_diam'),
        },
      },
      workers,
    );
    const expected = truth('s01_storm_sessions_24h').sort(
      (left, right) =>
        Number(microsOf(left['start_ts']) - microsOf(right['start_ts'])) ||
        Buffer.compare(Buffer.from(left['name'] ?? ''), Buffer.from(right['name'] ?? '')),
    );
    expectColumns(rows, expected, {
      ts: 'start_ts',
      end: 'end_ts',
      ...same('name', 'n', 'max_wind', 'min_pressure', 'n_diam', 'mean_diam'),
    });
  });

  it('s03: weeks of storms by status', async () => {
    const rows = await rowsOf(
      source(stormShape, storms()),
      'ts',
      ['status'],
      {
        every: '1w',
        columns: {
          n: agg.count(),
          max_wind: agg.max('wind'),
          mean_pressure: agg.mean('pressure'),
          n_hu: agg.count('hu_diam'),
          sum_hu: agg.sum('hu_diam'),
          first_name: agg.first('name'),
          last_name: agg.last('name'),
        },
      },
      workers,
    );
    expectColumns(rows, truth('s03_storm_weekly_status'), {
      ts: 'bucket',
      ...same('status', 'n', 'max_wind', 'mean_pressure', 'n_hu', 'sum_hu', 'first_name', 'last_name'),
    });
  });

  const sp500 = (): Given[] =>
    csvRows(vega('sp500-2000.csv')).map((row) => ({
      ts: Number(microsOf(row['date']) / 86_400_000_000n),
      ...Object.fromEntries(['open', 'high', 'low', 'close', 'volume'].map((name) => [name, Number(row[name])])),
    }));
  const ohlc = {
    n: agg.count(),
    open: agg.first('open'),
    high: agg.max('high'),
    low: agg.min('low'),
    close: agg.last('close'),
    volume: agg.sum('volume'),
  };
  const sp500Shape = {
    ts: 'date32',
    open: 'float64',
    high: 'float64',
    low: 'float64',
    close: 'float64',
    volume: 'int64',
  };

  it.each([
    ['w01_sp500_weekly_ohlc', '1w', 'week'],
    ['w02_sp500_monthly_ohlc', '1mo', 'month'],
  ])('%s: open, high, low, close', async (name, every, label) => {
    const rows = await rowsOf(source(sp500Shape, sp500()), 'ts', [], { every, columns: ohlc }, workers);
    expectColumns(rows, truth(name), { ts: label, ...same('n', 'open', 'high', 'low', 'close', 'volume') });
  });

  const weather = (): Given[] =>
    inOrder(
      input('data', 'weather.csv').map((row) => ({
        ts: Number(microsOf(row['date']) / 86_400_000_000n),
        location: row['location'],
        weather: row['weather'],
        ...Object.fromEntries(['precipitation', 'temp_max', 'temp_min'].map((name) => [name, Number(row[name])])),
      })),
    ).map(withoutPlace);
  const weatherShape = {
    ts: 'date32',
    location: 'utf8',
    weather: 'utf8',
    precipitation: 'float64',
    temp_max: 'float64',
    temp_min: 'float64',
  };

  it('w05: months of weather by place', async () => {
    const rows = await rowsOf(
      source(weatherShape, weather()),
      'ts',
      ['location'],
      {
        every: '1 month',
        columns: {
          n: agg.count(),
          sum_precip: agg.sum('precipitation'),
          mean_tmax: agg.mean('temp_max'),
          min_tmin: agg.min('temp_min'),
          max_tmax: agg.max('temp_max'),
          first_weather: agg.first('weather'),
          last_weather: agg.last('weather'),
        },
      },
      workers,
    );
    expectColumns(rows, truth('w05_weather_month_location'), {
      ts: 'month',
      ...same('location', 'n', 'sum_precip', 'mean_tmax', 'min_tmin', 'max_tmax', 'first_weather', 'last_weather'),
    });
  });

  it('w06: seven days, every day, by place', async () => {
    const rows = await rowsOf(
      source(weatherShape, weather()),
      'ts',
      ['location'],
      {
        every: '1d',
        period: '7d',
        columns: { n: agg.count(), sum_precip: agg.sum('precipitation'), max_tmax: agg.max('temp_max') },
      },
      workers,
    );
    expectColumns(rows, truth('w06_weather_sliding_7d_1d'), {
      ts: 'bucket',
      ...same('location', 'n', 'sum_precip', 'max_tmax'),
    });
  });
});
