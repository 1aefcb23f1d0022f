/** Accepted answers that steps over rows give: rolling windows, and rows of which the last of each key stays. */
import { fileURLToPath } from 'node:url';
import { agg, createPipeline, fromIterable, readParquet, type Sink } from '@spillway/core';
import { run } from '@spillway/workers';
import { describe, expect, it } from 'vitest';
import { csvRows, microsOf, numberOf, textOf } from '#support/csv-rows';
import { sharedCases } from '#support/shared-cases';

const shared = sharedCases();
type Given = Record<string, unknown>;

function vega(name: string): string {
  return fileURLToPath(new URL(`../data/${name}`, import.meta.resolve('vega-datasets')));
}

const truth = (name: string): Record<string, string>[] =>
  csvRows(shared?.path('cases', 'truth', `${name}.csv`) as string);

/** Floats within 1e-11, times in microseconds, all else as it stands. */
function expectRows(
  rows: readonly Given[],
  expected: readonly Record<string, string>[],
  times: readonly string[],
): void {
  expect(rows.length).toBe(expected.length);
  for (const [index, wanted] of expected.entries()) {
    for (const [name, text] of Object.entries(wanted)) {
      const got = rows[index]?.[name];
      const place = `row ${index}, ${name}`;
      if (times.includes(name)) expect(got, place).toBe(microsOf(text));
      else if (text === '') expect(got ?? null, place).toBeNull();
      else if (typeof got === 'number')
        expect(Math.abs(got - Number(text)), place).toBeLessThanOrEqual(1e-11 * Math.abs(got));
      else expect(String(got), place).toBe(text);
    }
  }
}

async function rowsOf(sink: Sink, workers: number): Promise<Given[]> {
  return run([sink], { workers }).rows(sink);
}

describe.skipIf(shared === undefined).each([1, 2])('with %i workers', (workers) => {
  it('w03: the last 20 days, and those of a week', async () => {
    const days = csvRows(vega('sp500-2000.csv')).map((row) => ({
      d: microsOf(row['date']),
      close: Number(row['close']),
    }));
    const source = createPipeline().source(
      fromIterable({ d: 'timestamp[us]', close: 'float64' }, [days], { orderedOn: 'd' }),
    );
    const rolled = source
      .rolling({ r20_mean: agg.mean('close'), r20_max: agg.max('close') }, { rows: 20, minRows: 20 })
      .rolling({ t7_n: agg.count(), t7_mean: agg.mean('close'), t7_min: agg.min('close') }, { period: '7d', on: 'd' });
    expectRows(await rowsOf(rolled.collect(), workers), truth('w03_sp500_rolling'), ['d']);
  });

  it('s02: of storms at one time the last row', async () => {
    const shape = {
      time: 'timestamp[us]',
      name: 'utf8',
      lat: 'float64',
      long: 'float64',
      status: 'utf8',
      category: 'utf8',
      wind: 'int64',
      pressure: 'int64',
      rn: 'int32',
    } as const;
    const storms = csvRows(shared?.path('data', 'storms.csv') as string).map((row, rn) => ({
      time: microsOf(row['time']),
      name: textOf(row['name']),
      lat: numberOf(row['lat']),
      long: numberOf(row['long']),
      status: textOf(row['status']),
      category: textOf(row['category']),
      wind: numberOf(row['wind']),
      pressure: numberOf(row['pressure']),
      rn,
    }));
    const last = createPipeline()
      .source(fromIterable(shape, [storms]))
      .sort({ by: { column: 'rn', descending: true } })
      .distinct({ by: ['time', 'name'] })
      .sort({ by: ['time', 'rn'] });
    expectRows(await rowsOf(last.collect(), workers), truth('s02_storm_dedupe'), ['time']);
  });

  it('f15: of flights at one time between two airports the last row, by day', async () => {
    const path = vega('flights-3m.parquet');
    const flights = createPipeline({ memoryLimit: '512MiB' }).source(readParquet(path, { orderedOn: 'date' }));
    const aggregations = {
      last: { every: '1min', columns: { n: agg.count(), delay: agg.last('delay'), distance: agg.last('distance') } },
    };
    const { last } = flights.aggStream({ orderedOn: 'date', by: ['origin', 'destination'], aggregations });
    const { days } = last.aggStream({
      orderedOn: 'date',
      aggregations: {
        days: {
          every: '1d',
          columns: { n: agg.count(), sum_delay: agg.sum('delay'), sum_distance: agg.sum('distance') },
        },
      },
    });
    const rows = await rowsOf(days.rename({ date: 'bucket' } as never).collect(), workers);
    expectRows(rows, truth('f15_dedupe_full_daily'), ['bucket']);
  });
});
