/** The demo's result for people: read back from the store, with what the run cost. */
import type { Dataset, Store } from '@spillway/core';
import { formatBytes } from '@spillway/core/internal';
import type { Summary } from '@spillway/workers';
import { grouped } from '@spillway/workers/internal';
import { COUNTED, type Counts, type DelayRow, DelaySums, delayTable, percent, worst } from './delays.ts';
import { LATE_MINUTES, LONGEST_STAY } from './pipeline.ts';

const LEAST_FLIGHTS = 5000n;
const WORST_SHOWN = 10;
const HIGHEST_SHARE = 1.1;

type StoredRow = Counts & { readonly date: number; readonly origin?: string };

/** Adds up a dataset's delays by a name that each row gives. */
async function delaysBy(dataset: Dataset, columns: string[], nameOf: (row: StoredRow) => string): Promise<DelayRow[]> {
  const sums = new DelaySums();
  for await (const batch of dataset.read({ columns: ['date', ...COUNTED, ...columns] })) {
    for (const row of batch) sums.add(nameOf(row as unknown as StoredRow), row as unknown as Counts);
  }
  return sums.rows();
}

function monthOf(date: number): string {
  return new Date(date).toLocaleString('en-US', { month: 'long', year: 'numeric', timeZone: 'UTC' });
}

function flushText({ flushes }: Summary): string {
  const reasons = Object.entries(flushes).filter(([, count]) => count > 0);
  return reasons.length === 0 ? 'none' : reasons.map(([reason, count]) => `${reason} ${count}`).join(', ');
}

function costText(summary: Summary): string {
  const { rowsIn, rowsOut, elapsedMs, peakRssBytes, idleRssBytes, memoryLimitBytes } = summary;
  const allowedBytes = idleRssBytes + memoryLimitBytes * HIGHEST_SHARE;
  return [
    `${grouped(rowsIn)} rows in ${(elapsedMs / 1000).toFixed(2)} s (${(rowsIn / elapsedMs / 1000).toFixed(2)} Mrows/s), ${grouped(rowsOut)} rows stored`,
    `Flushes: ${flushText(summary)}`,
    `Memory: peak RSS ${formatBytes(peakRssBytes)}; idle ${formatBytes(idleRssBytes)} + limit ${formatBytes(memoryLimitBytes)} × 1.10 = ${formatBytes(allowedBytes)}`,
  ].join('\n');
}

/** How many departures had an inbound flight, and what that is. */
function matchedText(rows: readonly DelayRow[]): string {
  const departures = rows.reduce((sum, { flights }) => sum + flights, 0n);
  const matched = rows.reduce((sum, { inbound }) => sum + inbound, 0n);
  return [
    `Inbound flights: ${grouped(matched)} matched of ${grouped(departures)} departures (${percent(matched, departures)})`,
    `The inbound flight is the last one to land at the airport, at most ${LONGEST_STAY} before the departure.`,
  ].join('\n');
}

/** The whole text that the demo prints. */
export async function reportText(store: Store, summary: Summary): Promise<string> {
  const weekly = await store.dataset({ per: 'origin', freq: '1w' });
  const daily = await store.dataset({ per: 'all', freq: '1d' });
  const airports = await delaysBy(weekly, ['origin'], ({ origin }) => origin ?? '');
  const months = await delaysBy(daily, [], ({ date }) => monthOf(date));
  const keys = await store.datasets();
  return [
    `\n${matchedText(months)}`,
    `\nWorst airports (at least ${grouped(LEAST_FLIGHTS)} flights; late is more than ${LATE_MINUTES} minutes)`,
    delayTable('airport', worst(airports, LEAST_FLIGHTS, WORST_SHOWN)),
    '\nBy month',
    delayTable('month', months),
    `\n${costText(summary)}`,
    `Store: ${store.root} (${keys.length} datasets, Delta tables that any reader of Parquet can open)`,
    '\nTry next:',
    '  npm start -- --memory-limit 192MiB --workers 1   the same answer in less memory on one lane',
    '  npm start -- --json                              what the run did, as data',
    '  npm run bench                                    beside DuckDB',
  ].join('\n');
}
