/** CSV to an ordered store from one file, from one five times as long, and from as many rows in small files: none is to be much slower. */
import assert from 'node:assert';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { openStore, type Store } from '@spillway/core';
import { run, type Summary } from '@spillway/workers';
import { median } from '../measure/alternate.ts';
import type { Figure } from '../measure/figure.ts';
import { type DuckDb, openDuckDb, quote } from '../peers/duckdb.ts';
import type { Asked } from './asked.ts';
import { CSV_KEY, csvJob } from './csv-job.ts';
import { ticksQuery } from './ticks-text.ts';

const MEBIBYTE = 2 ** 20;
const LIMIT_BYTES = 256 * MEBIBYTE;
/** About 5 MB of text. */
const SMALL_ROWS = 133_500;
const TIMES_LONGER = 5;
const LEAST_SHARE = 0.8;

interface Form {
  what: string;
  rows: number;
  paths: string[];
}

async function writeRows(db: DuckDb, path: string, from: number, to: number): Promise<void> {
  await db.run(`COPY (${ticksQuery(from, to)}) TO ${quote(path)} (FORMAT csv, HEADER)`);
}

async function makeForms(db: DuckDb, folder: string, rows: number): Promise<Form[]> {
  const long = rows * TIMES_LONGER;
  const small = join(folder, 'small');
  mkdirSync(small);
  const paths = Array.from({ length: Math.ceil(long / SMALL_ROWS) }, (_, number) =>
    join(small, `${String(number).padStart(5, '0')}.csv`),
  );
  const [one, five] = [join(folder, 'one.csv'), join(folder, 'five.csv')];
  await writeRows(db, one, 0, rows);
  await writeRows(db, five, 0, long);
  for (const [number, path] of paths.entries())
    await writeRows(db, path, number * SMALL_ROWS, Math.min(long, (number + 1) * SMALL_ROWS));
  return [
    { what: 'one file', rows, paths: [one] },
    { what: `one file ${TIMES_LONGER} times as long`, rows: long, paths: [five] },
    { what: 'as many rows in files of 5 MB', rows: long, paths },
  ];
}

async function write({ paths, rows }: Form, store: Store, workers: number): Promise<Summary> {
  const summary = await run([csvJob(paths, store, LIMIT_BYTES)], { workers }).done;
  assert.equal(summary.rowsOut, rows);
  await store.vacuum(CSV_KEY, { retention: 0 });
  return summary;
}

/** Rows a second by each form, the median of some rounds in turns, and the highest peak beyond idle. */
export async function manyFiles({ rows, threads, dataFolder, isFull }: Asked): Promise<Figure[]> {
  const folder = mkdtempSync(join(dataFolder, 'files-'));
  const db = await openDuckDb(threads);
  try {
    const forms = await makeForms(db, folder, rows);
    const store = await openStore(join(folder, 'store'));
    const speeds = forms.map((): number[] => []);
    let peakBytes = 0;
    for (let round = 0; round < (isFull ? 3 : 5); round += 1) {
      for (const [index, form] of forms.entries()) {
        const { elapsedMs, peakRssBytes, idleRssBytes } = await write(form, store, threads);
        speeds[index]?.push((form.rows * 1000) / elapsedMs);
        peakBytes = Math.max(peakBytes, peakRssBytes - idleRssBytes);
      }
    }
    const medians = speeds.map(median);
    const size = (statSync(forms[0]?.paths[0] as string).size / 1e6).toFixed(0);
    const figures = forms.map(({ what, rows: ofForm }, index): Figure => {
      const ours = medians[index] as number;
      const common = { workload: 'files', what: `CSV to a store: ${what}`, rows: ofForm, ours, unit: '1/s' } as const;
      if (index === 0) return { ...common, what: `${common.what} of ${size} MB` };
      return { ...common, ratio: ours / (medians[0] as number), target: { atLeastRatio: LEAST_SHARE } };
    });
    const peak = { what: 'peak beyond idle at 256 MiB', ours: peakBytes / MEBIBYTE, target: { atMost: 282 } };
    return [...figures, { workload: 'files', rows: rows * TIMES_LONGER, unit: 'MiB', ...peak }];
  } finally {
    db.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
