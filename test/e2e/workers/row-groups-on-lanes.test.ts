import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  agg,
  col,
  createPipeline,
  explain,
  fromIterable,
  openStore,
  readParquet,
  readStore,
  type Sink,
} from '@spillway/core';
import { processArena, runReference } from '@spillway/core/internal';
import { type RestartEvent, type RunOptions, run } from '@spillway/workers';
import { afterEach, expect, it } from 'vitest';
import { dies } from '#fixtures/crashes';
import { type SeededRandom, seededRandom } from '../../support/random.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const SHAPE = { ts: 'timestamp[us]', value: 'int64' } as const;
const MINUTE_US = 60_000_000n;

afterEach(() => {
  expect(processArena().usedSlabs()).toBe(0);
});

const options = (workers = 2): RunOptions & { spillDirectory: string } => ({
  workers,
  debug: true,
  spillDirectory: join(temporaryFolder(), 'spill'),
});

function* minutes(from: number, rows: number): Generator<{ ts: bigint; value: bigint }> {
  for (let row = from; row < from + rows; row++) yield { ts: BigInt(row) * MINUTE_US, value: BigInt(row) };
}

/** A file for each number of rows, one going on from the other, of small row groups. */
async function writeFiles(sizes: readonly number[], rowGroupRows: number): Promise<string> {
  const folder = temporaryFolder();
  mkdirSync(folder, { recursive: true });
  let from = 0;
  for (const [file, rows] of sizes.entries()) {
    const source = fromIterable(SHAPE, minutes(from, rows), { orderedOn: 'ts' });
    const path = join(folder, `part-${file}.parquet`);
    await run(createPipeline().source(source).toParquet(path, { rowGroupRows }), options(1)).done;
    from += rows;
  }
  return join(folder, '*.parquet');
}

interface Crash {
  at: number;
  how: string;
  times: number;
  marker: string;
}

/** Hours of what is left of the rows, so that lanes make states of what they read. */
function hours(paths: string, batchRows: number, crash?: Crash): Sink {
  const source = createPipeline({ memoryLimit: '256MiB' })
    .register({ dies })
    .source(readParquet(paths, { orderedOn: 'ts', schema: SHAPE, batchRows }));
  const rows = crash === undefined ? source : source.dies(crash);
  return rows
    .filter(col('value').mod(7).ne(3))
    .aggStream({
      orderedOn: 'ts',
      aggregations: {
        hourly: {
          every: '1h',
          columns: { n: agg.count(), total: agg.sum('value'), first: agg.first('value'), last: agg.last('value') },
        },
      },
    })
    .hourly.collect();
}

async function rowsOfReference(sink: Sink): Promise<unknown[][] | undefined> {
  const { outputs } = await runReference([sink]);
  return outputs[0]?.batches.flat().map((row) => [...row]);
}

const valuesOf = (rows: readonly object[]): unknown[][] => rows.map((row) => Object.values(row));

const someSizes = (random: SeededRandom): number[] =>
  Array.from({ length: random.integer(2, 6) }, () => random.pick([1, 2, 59, 60, 300, random.integer(1, 900)]));

it('lanes that read row groups give what the reference gives, however rows are cut', async () => {
  const random = seededRandom();
  for (let turn = 0; turn < 5; turn++) {
    const files = await writeFiles(someSizes(random), random.integer(1, 200));
    const batchRows = random.pick([1, 7, 64, 1000]);
    const { physical } = await explain(hours(files, batchRows), { workers: 2 });
    expect(physical.stages[0]?.input).toMatchObject({ kind: 'splits', source: { type: 'parquet' } });
    const sink = hours(files, batchRows);
    const job = run(sink, options(random.integer(2, 3)));
    expect(valuesOf(await job.rows(sink))).toEqual(await rowsOfReference(hours(files, batchRows)));
  }
});

it.each([1, 2])('goes on where a lane died that was reading, %i times', async (times) => {
  const files = await writeFiles([500, 400, 300, 800], 100);
  const expected = await rowsOfReference(hours(files, 50));
  const sink = hours(files, 50, { at: 930, how: 'exit', times, marker: join(temporaryFolder(), 'died') });
  const job = run(sink, options());
  const events: RestartEvent[] = [];
  job.on('restart', (event) => events.push(event));
  expect(valuesOf(await job.rows(sink))).toEqual(expected);
  expect(events).toHaveLength(times);
  expect((await job.done).rowsIn).toBe(2000);
});

it('the first file that does not go on from the one before is named, with its row and both values', async () => {
  const files = await writeFiles([200, 200], 50);
  const folder = join(files, '..');
  const paths = [join(folder, 'part-1.parquet'), join(folder, 'part-0.parquet')];
  const sink = createPipeline()
    .source(readParquet(paths, { orderedOn: 'ts', schema: SHAPE, batchRows: 20 }))
    .aggStream({ orderedOn: 'ts', aggregations: { hourly: { every: '1h', columns: { n: agg.count() } } } })
    .hourly.collect();
  const error = await run(sink, options()).done.catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'ERR_INPUT_UNORDERED', file: paths[1], row: 0, column: 'ts' });
});

it('codec threads read where lanes have no room for pages, and the answer is the same', async () => {
  const files = await writeFiles([3000], 1000);
  const roomy = await explain(hours(files, 500), { workers: 2 });
  const most = roomy.physical.minimumBytes;
  const sink = hours(files, 500);
  const { physical } = await explain(hours(files, 500), { workers: 2, memoryLimitBytes: most - 1 });
  expect(physical.stages[0]?.input.kind).toBe('edge');
  const job = run(sink, { ...options(), memoryLimit: most - 1 });
  expect(valuesOf(await job.rows(sink))).toEqual(await rowsOfReference(hours(files, 500)));
});

const WIDE = {
  ts: 'timestamp[us]',
  value: 'int64',
  price: 'float64',
  size: 'int32',
  name: 'utf8',
  isBuy: 'bool',
} as const;

/** The reference has all integers in 64 bits. */
const inNumbers = (rows: readonly unknown[][]): unknown[][] =>
  rows.map((row) => row.map((value) => (typeof value === 'bigint' ? Number(value) : value)));

/** Hours of a dataset with columns of every layout, many of them null. */
async function hoursOfDataset(random: SeededRandom, rows: number): Promise<() => Sink> {
  const store = await openStore(join(temporaryFolder(), 'store'));
  const given = Array.from({ length: rows }, (_, row) => ({
    ts: BigInt(row) * MINUTE_US,
    value: BigInt(random.integer(-1e9, 1e9)),
    price: random.pick([0.25, 17, random.anyFloat()]),
    size: random.chance(0.3) ? null : random.integer(0, 100_000),
    name: random.chance(0.2) ? null : random.pick(['a', 'bc', 'a name that is longer than sixteen bytes']),
    isBuy: random.chance(0.5),
  }));
  const source = createPipeline().source(fromIterable(WIDE, given, { orderedOn: 'ts' }));
  const key = { name: 'wide' };
  await run(source.toStore(store, { key, rowGroupTarget: random.pick([100, 1000, 40_000]) }), options(1)).done;
  const dataset = await store.dataset(key);
  const columns = {
    n: agg.count('size'),
    sum: agg.sum('value'),
    open: agg.first('price'),
    high: agg.max('size'),
    who: agg.last('name'),
    buys: agg.last('isBuy'),
  };
  return () =>
    createPipeline({ memoryLimit: '256MiB' })
      .source(readStore(dataset, { schema: WIDE, batchRows: 4096 }))
      .filter(col('value').mod(5).ne(1))
      .aggStream({ orderedOn: 'ts', aggregations: { hourly: { every: '1h', columns } } })
      .hourly.collect();
}

it('pages of a dataset are taken apart in the arena, also in what the plan says that it needs at least', async () => {
  const random = seededRandom();
  for (const rows of [1, 3000, 70_000]) {
    const hourly = await hoursOfDataset(random, rows);
    const { physical } = await explain(hourly(), { workers: 2 });
    expect(physical.stages[0]?.input).toMatchObject({ kind: 'splits', source: { type: 'parquet' } });
    const sink = hourly();
    const job = run(sink, { ...options(), memoryLimit: physical.minimumBytes });
    expect(inNumbers(valuesOf(await job.rows(sink)))).toEqual(inNumbers((await rowsOfReference(hourly())) ?? []));
  }
});
