/** The flights as they would come in: month by month, each taken by a run that goes on with the one before, and a day corrected afterwards. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  col,
  createPipeline,
  lit,
  openStore,
  readParquet,
  type Sink,
  type Store,
  type StoreHandle,
  when,
} from '@spillway/core';
import { run, type Summary } from '@spillway/workers';
import { grouped, type TextColumn } from '@spillway/workers/internal';
import { indentedTable } from '../report/indented-table.ts';
import { markLate } from './mark-late.ts';
import { BATCH_ROWS, DELAYS, ENDS, FLIGHT_COLUMNS, LATE_MINUTES, periods } from './pipeline.ts';

/** Beginnings of the parts that the flights come in, and the end: the last flights leave soon after the midnight that June ends with. */
export const MONTHS: readonly string[] = ['2001-01', '2001-02', '2001-03', '2001-04', '2001-05', '2001-06', '2001-08'];
const RESUME_ID = 'month-by-month';
/** The day that is corrected: at one airport clocks were a quarter of an hour fast. */
const CORRECTED = { day: '2001-03-14', next: '2001-03-15', origin: 'ORD', minutes: 15 } as const;

const TABLE: readonly TextColumn[] = [
  { title: 'month', align: 'left' },
  { title: 'flights', align: 'right' },
  { title: 'rows stored', align: 'right' },
  { title: 'time', align: 'right' },
];

interface MonthsOptions {
  memoryLimitBytes: number;
  workers: number;
}

const flightsOf = (files: string | readonly string[], memoryLimitBytes: number) =>
  createPipeline({ memoryLimit: memoryLimitBytes })
    .register({ markLate })
    .source(readParquet(files, { name: 'flights', orderedOn: 'date', schema: FLIGHT_COLUMNS, batchRows: BATCH_ROWS }));

/** Cuts a file of flights where `bounds` say, into files of their own. @returns their paths */
export async function writeParts(
  file: string,
  folder: string,
  bounds: readonly string[],
  { memoryLimitBytes, workers }: MonthsOptions,
): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const flights = flightsOf(file, memoryLimitBytes);
  const paths = bounds.slice(0, -1).map((from) => join(folder, `flights-${from}.parquet`));
  const sinks = paths.map((path, part) => {
    const [from, to] = [bounds[part] as string, bounds[part + 1] as string];
    const isInside = col('date')
      .ge(lit(timeOf(from)))
      .and(col('date').lt(lit(timeOf(to))));
    return flights.filter(isInside).toParquet(path);
  });
  await run(sinks, { workers, handleSignals: true, history: false }).done;
  return paths;
}

function timeOf(day: string): string {
  return day.length === 7 ? `${day}-01T00:00:00` : `${day}T00:00:00`;
}

/** Hours, days and weeks, over all and by origin: everything that the demo computes of single flights. */
export function monthlyJob(store: StoreHandle, files: readonly string[], memoryLimitBytes: number): Sink[] {
  const flights = flightsOf(files, memoryLimitBytes).markLate({ minutes: LATE_MINUTES });
  return ['all', 'origin'].flatMap((per) => {
    const { hourly, daily, weekly } = flights.aggStream({
      orderedOn: 'date',
      by: per === 'origin' ? ['origin'] : [],
      aggregations: periods(DELAYS, ENDS),
    });
    return [
      hourly.toStore(store, { key: { per, freq: '1h' } }),
      daily.toStore(store, { key: { per, freq: '1d' } }),
      weekly.toStore(store, { key: { per, freq: '1w' } }),
    ];
  });
}

/** One run for each part, each going on with the one before; the last one ends the input. */
export async function feedParts(
  store: StoreHandle,
  paths: readonly string[],
  { memoryLimitBytes, workers }: MonthsOptions,
  onRun: (summary: Summary, part: number) => void = () => {},
): Promise<void> {
  for (const part of paths.keys()) {
    const isLast = part === paths.length - 1;
    const job = run(monthlyJob(store, paths.slice(0, part + 1), memoryLimitBytes), {
      workers,
      resume: RESUME_ID,
      inputEnds: isLast ? 'final' : 'more',
      handleSignals: true,
      history: false,
    });
    onRun(await job.done, part);
  }
}

/** A day of one airport once more: its row replaces the one that is stored. */
async function correctDay(store: Store, files: readonly string[], { memoryLimitBytes, workers }: MonthsOptions) {
  const { day, next, origin, minutes } = CORRECTED;
  const isDay = col('date')
    .ge(lit(timeOf(day)))
    .and(col('date').lt(lit(timeOf(next))));
  const flights = flightsOf(files, memoryLimitBytes)
    .filter(isDay)
    .withColumns({ delay: when(col('origin').eq(origin), col('delay').sub(minutes), col('delay')) })
    .markLate({ minutes: LATE_MINUTES });
  const { daily } = flights.aggStream({
    orderedOn: 'date',
    by: ['origin'],
    aggregations: { daily: { every: '1d', columns: DELAYS } },
  });
  await run(daily.toStore(store, { key: { per: 'origin', freq: '1d' } }), {
    workers,
    handleSignals: true,
    history: false,
  }).done;
}

async function dayOf(store: Store): Promise<{ rows: number; day: { n: bigint; sum_delay: bigint } | undefined }> {
  const { day, next, origin } = CORRECTED;
  const dataset = await store.dataset({ per: 'origin', freq: '1d' });
  let found: { n: bigint; sum_delay: bigint } | undefined;
  for await (const batch of dataset.read({
    from: timeOf(day),
    to: timeOf(next),
    columns: ['origin', 'n', 'sum_delay'],
  }))
    for (const row of batch) if (row['origin'] === origin) found = { n: row['n'], sum_delay: row['sum_delay'] };
  return { rows: dataset.files().reduce((sum, { rows }) => sum + rows, 0), day: found };
}

/** Feeds the months, corrects a day, and tells what came of it. What it makes lies in a folder of its own, and goes. */
export async function monthsText(file: string, options: MonthsOptions): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'spillway-months-'));
  try {
    return await feedAndCorrect(await openStore(join(folder, 'store')), file, join(folder, 'files'), options);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function feedAndCorrect(store: Store, file: string, folder: string, options: MonthsOptions): Promise<string> {
  const paths = await writeParts(file, folder, MONTHS, options);
  const table: string[][] = [];
  await feedParts(store, paths, options, ({ rowsIn, rowsOut, elapsedMs }, part) => {
    table.push([MONTHS[part] as string, grouped(rowsIn), grouped(rowsOut), `${(elapsedMs / 1000).toFixed(2)} s`]);
  });
  const before = await dayOf(store);
  await correctDay(store, paths, options);
  const after = await dayOf(store);
  const { day, origin, minutes } = CORRECTED;
  return [
    '\nMonth by month, a run each, going on where the last one stopped: open weeks are kept until their last day has come',
    indentedTable(TABLE, table),
    `\nCorrected: ${origin} on ${day}, delays ${minutes} minutes less`,
    `  before ${grouped(before.day?.n ?? 0n)} flights, ${grouped(before.day?.sum_delay ?? 0n)} minutes; ${grouped(before.rows)} rows in the dataset`,
    `  after  ${grouped(after.day?.n ?? 0n)} flights, ${grouped(after.day?.sum_delay ?? 0n)} minutes; ${grouped(after.rows)} rows in the dataset`,
  ].join('\n');
}
