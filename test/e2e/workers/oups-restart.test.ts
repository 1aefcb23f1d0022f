/**
 * OUPS's cases of aggregating a stream run by run. It gives its open bin at the end of a run, less the last row, and again in the next; with us a
 * bin is given once, when no later row can change it, so that the bin of the last row is what differs.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { agg, col, createPipeline, openStore, readCsv, type Store } from '@spillway/core';
import { run } from '@spillway/workers';
import { describe, expect, test } from 'vitest';

import { oupsCase } from '../../support/oups-cases.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

interface Frame {
  columns: { ts: { values: string[] }; val: { values: number[] } };
}
interface Runs {
  runs: { seed_chunks: Frame[] }[];
}
type Sums = Record<string, { ts: string[]; sum: number[] }>;
interface Stored {
  after_each_run: { store: Record<string, { data: { columns: Record<'ts' | 'sum', { values: unknown[] }> } }> }[];
}

/** Rows of a run, in order. */
function rowsOf({ seed_chunks: chunks }: Runs['runs'][number]): string[] {
  return chunks.flatMap(({ columns: { ts, val } }) => ts.values.map((time, i) => `${time},${val.values[i]}`));
}

/** Sums by hours of all rows, and of those with values from 2 and from 3 on. */
async function aggregate(store: Store, files: string, inputEnds: 'more' | 'final'): Promise<void> {
  const rows = createPipeline({ memoryLimit: '256MiB' }).source(
    readCsv(files, { orderedOn: 'ts', schema: { ts: 'timestamp[us]', val: 'int64' } }),
  );
  const columns = { sum: agg.sum('val') };
  const hours = (least: number) =>
    rows
      .filter(col('val').ge(least))
      .aggStream({ orderedOn: 'ts', name: `from${least}`, aggregations: { hourly: { every: '1h', columns } } });
  const sinks = [0, 2, 3].map((least) => hours(least).hourly.toStore(store, { least: String(least) }));
  await run(sinks, { workers: 2, resume: 'hours', inputEnds }).done;
}

async function sumsIn(store: Store, names: Record<string, string>): Promise<Sums> {
  const sums: Sums = {};
  for (const [name, least] of Object.entries(names)) {
    const found: { ts: string[]; sum: number[] } = { ts: [], sum: [] };
    if (await store.has({ least }))
      for await (const batch of (await store.dataset({ least })).read())
        for (const row of batch) {
          found.ts.push(new Date(Number(row['ts'])).toISOString().slice(0, 19));
          found.sum.push(Number(row['sum']));
        }
    sums[name] = found;
  }
  return sums;
}

/** What the case expects after a run, without the bin of the last row, which is still open. */
function expectedSums({ after_each_run: after }: Stored, index: number, last: string): Sums {
  const bin = `${last.slice(0, 13)}:00:00`;
  const entries = Object.entries(after[index]?.store ?? {}).map(([name, { data }]) => {
    const times = data.columns.ts.values as string[];
    const kept = times.map((_, i) => i).filter((i) => times[i] !== bin);
    return [name, { ts: kept.map((i) => times[i]), sum: kept.map((i) => data.columns.sum.values[i]) }];
  });
  return Object.fromEntries(entries) as Sums;
}

async function feed(runs: Runs['runs'], expected: Stored, names: Record<string, string>): Promise<void> {
  const folder = join(temporaryFolder(), 'rows');
  mkdirSync(folder);
  const store = await openStore(join(temporaryFolder(), 'store'));
  let given = 0;
  for (const [i, each] of runs.entries()) {
    const rows = rowsOf(each);
    writeFileSync(join(folder, `${i}.csv`), `ts,val\n${rows.slice(given).join('\n')}\n`);
    given = rows.length;
    const isLast = i === runs.length - 1;
    await aggregate(store, join(folder, '*.csv'), isLast ? 'final' : 'more');
    const last = (rows.at(-1) ?? '').split(',')[0] ?? '';
    const found = await sumsIn(store, names);
    // Bins that are closed may wait for the next flush as well; what is there is final.
    for (const [name, wanted] of Object.entries(expectedSums(expected, i, last))) {
      const { ts = [], sum = [] } = found[name] ?? {};
      const count = isLast ? wanted.ts.length : Math.min(ts.length, wanted.ts.length);
      const closed = { ts: wanted.ts.slice(0, count), sum: wanted.sum.slice(0, count) };
      expect({ ts: ts.slice(0, count), sum: sum.slice(0, count) }, `${name}, run ${i}`).toEqual(closed);
      expect(ts.length - count, `${name}, run ${i}: only the open bin may come besides`).toBe(isLast ? 1 : 0);
    }
    if (isLast) finalSums(rows, names, found);
  }
}

/** The last run closes all bins, with the last row in them. */
function finalSums(rows: readonly string[], names: Record<string, string>, found: Sums): void {
  for (const [name, least] of Object.entries(names)) {
    const values = rows.map((row) => Number(row.split(',')[1])).filter((value) => value >= Number(least));
    expect(
      found[name]?.sum.reduce((a, b) => a + b, 0),
      name,
    ).toBe(values.reduce((a, b) => a + b, 0));
  }
}

const one = oupsCase('aggstream-01-sum-1h-three-runs-restart') as { input: Runs[]; expected: Stored[] } | undefined;
const three = oupsCase('aggstream-03-filters-and-no-filter') as { input: Runs; expected: Stored } | undefined;

describe.skipIf(one === undefined)('OUPS aggstream', () => {
  test('01: three runs, each with more rows', async () => {
    const [input, expected] = [one?.input[0], one?.expected[0]];
    await feed(input?.runs ?? [], expected ?? { after_each_run: [] }, { agg_res: '0' });
  });

  test('03: filtered and not, in two runs', async () => {
    await feed(three?.input.runs ?? [], three?.expected ?? { after_each_run: [] }, {
      agg_res: '0',
      key_a: '2',
      key_b: '3',
    });
  });
});
