/**
 * OUPS's cases of aggregating a stream run by run. It gives its open bin at the end of a run, less the last row, and again in the next; with us a
 * bin is given once, when no later row can change it, so that the bin of the last row is what differs.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { agg, col, createPipeline, openStore, readCsv, type Store } from '@spillway/core';
import { type RunOptions, run } from '@spillway/workers';
import { describe, expect, test } from 'vitest';
import { seedCheck } from '#fixtures/seed-check';

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

interface SeedCase {
  input: { runs: { seed_chunks: SeedFrame[] }[] };
  expected: {
    after_each_run: {
      store: Record<
        string,
        { data: { columns: Record<string, { values: unknown[] }> }; preBuffer: { seed_val: number } }
      >;
      error?: { message: string };
    }[];
  };
}
interface SeedFrame {
  columns: { ts: { values: string[] }; val: { values: number[] }; filter_on: { values: boolean[] } };
}

const SEED_SCHEMA = { ts: 'timestamp[us]', val: 'int64', filter_on: 'bool' } as const;

function seedRows({ columns: { ts, val, filter_on } }: SeedFrame) {
  return ts.values.map((time, i) => ({
    ts: `${time}Z`,
    val: val.values[i] ?? 0,
    filter_on: filter_on.values[i] ?? false,
  }));
}

/** Two aggregations of rows that an op of the user's has looked at, each of the rows that its filter leaves. */
function checkedJob(store: Store, position: number) {
  const input = createPipeline({ memoryLimit: '256MiB' })
    .register({ seedCheck })
    .pushSource(SEED_SCHEMA, { orderedOn: 'ts', position });
  const rows = input.stream.seedCheck({ refused: Date.parse('2020-01-01T00:47:00Z') * 1000 });
  const fine = { first: agg.first('val'), last: agg.last('val'), seed: agg.last('seed') };
  const { agg_2T: minutes, agg_60T: hours } = rows.aggStream({
    orderedOn: 'ts',
    accumulate: false,
    aggregations: {
      agg_2T: { every: '2m', empty: 'null', filter: col('filter_on'), columns: fine },
      agg_60T: {
        every: '1h',
        filter: col('filter_on').not(),
        columns: { first: agg.first('val'), max: agg.max('val') },
      },
    },
  });
  const sinks = [
    minutes.toStore(store, { key: { name: 'agg_2T' }, rowGroupTarget: 6 }),
    hours.toStore(store, { key: { name: 'agg_60T' }, rowGroupTarget: 6 }),
  ];
  return { input, sinks };
}

/** Columns of a dataset, as the case has them, and the rows of its groups. */
async function storedIn(
  store: Store,
  name: string,
): Promise<{ columns: Record<string, unknown[]>; rowGroups: number[] }> {
  const columns: Record<string, unknown[]> = {};
  if (!(await store.has({ name }))) return { columns, rowGroups: [] };
  const dataset = await store.dataset({ name });
  const plain = (value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value);
  for await (const batch of dataset.read())
    for (const row of batch)
      for (const { name: column } of dataset.fields) {
        const value = column === 'ts' ? new Date(Number(row[column])).toISOString().slice(0, 19) : plain(row[column]);
        columns[column] = [...(columns[column] ?? []), value];
      }
  return { columns, rowGroups: dataset.files().map((file) => file.rows) };
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

  test('05: an op that refuses a chunk leaves what came before it stored, and the next run goes on from there', async () => {
    const { input, expected } = oupsCase('aggstream-05-pre-exception-then-restart') as SeedCase;
    const [[valid, refused] = [], [corrected] = []] = input.runs.map((each) => each.seed_chunks.map(seedRows));
    const store = await openStore(join(temporaryFolder(), 'store'));
    const used: RunOptions = { workers: 2, resume: 'checked', checkpointEvery: '10ms', barrierEvery: '10ms' };

    const first = checkedJob(store, 0);
    const job = run(first.sinks, used);
    const isStored = new Promise<void>((resolve) => {
      job.on('barrier', ({ durable }) => {
        if (durable !== undefined) void store.has({ name: 'agg_2T' }).then((has) => has && resolve());
      });
    });
    await first.input.emit(valid ?? []);
    await isStored;
    const failed = expect(job.done).rejects.toMatchObject({
      message: expect.stringContaining("as first value in 'ts' column"),
    });
    await first.input.emit(refused ?? []);
    await failed;
    const [before, after] = expected.after_each_run;
    // OUPS stores its open bin too; with us that of the last row waits for the next run.
    const minutes = await storedIn(store, 'agg_2T');
    const wanted = before?.store['agg_2T']?.data.columns ?? {};
    for (const name of ['ts', 'first', 'last'])
      expect(minutes.columns[name], name).toEqual(wanted[name]?.values.slice(0, -1));
    expect(minutes.columns['seed']?.[0]).toBe(before?.store['agg_2T']?.preBuffer.seed_val);
    expect(await storedIn(store, 'agg_60T')).toEqual({ columns: {}, rowGroups: [] });

    const second = checkedJob(store, valid?.length ?? 0);
    const resumed = run(second.sinks, used);
    await second.input.emit(corrected ?? []);
    second.input.end();
    await resumed.done;
    for (const [name, { data, preBuffer }] of Object.entries(after?.store ?? {})) {
      const { columns } = await storedIn(store, name);
      for (const [column, { values }] of Object.entries(data.columns))
        expect(columns[column], `${name}.${column}`).toEqual(values);
      if (name === 'agg_2T') expect(columns['seed']?.at(-1)).toBe(preBuffer.seed_val);
    }
  });
});
