import { existsSync, mkdirSync, promises, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import {
  agg,
  col,
  createPipeline,
  fromIterable,
  openStore,
  readArrow,
  readCsv,
  readParquet,
  readStore,
  type Store,
} from '@spillway/core';
import { processArena } from '@spillway/core/internal';
import { type RunOptions, run, type Summary } from '@spillway/workers';
import { type RecordBatch, Table } from 'apache-arrow';
import { afterEach, expect, it } from 'vitest';
import { dies, diesCounting } from '#fixtures/crashes';
import { numbers, waits } from '#fixtures/faults';
import { digestTable } from '#support/digest';
import { valueRows } from '../../support/rows.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const SCHEMA = { value: 'int64' } as const;
const pipeline = () => createPipeline({ memoryLimit: '256MiB' }).register({ dies, diesCounting, waits });
const options = (): RunOptions => ({ workers: 2, debug: true, spillDirectory: join(temporaryFolder(), 'spill') });

afterEach(() => {
  expect(processArena().usedSlabs()).toBe(0);
});

const newStore = (): Promise<Store> => openStore(join(temporaryFolder(), 'store'));

/** Rows of a dataset, and a digest of them. */
async function content(store: Store, name: string): Promise<{ digest: string; rows: number }> {
  const batches: RecordBatch[] = [];
  for await (const batch of (await store.dataset({ name })).read()) batches.push(batch);
  const table = new Table(batches);
  return { digest: digestTable(table), rows: table.numRows };
}

/** Files of numbers that go on from each other. */
async function writeParts(folder: string, sizes: readonly number[], from = 0, kind = 'parquet'): Promise<void> {
  mkdirSync(folder, { recursive: true });
  let first = sizes.slice(0, from).reduce((sum, size) => sum + size, 0);
  for (const [part, size] of sizes.entries()) {
    if (part < from) continue;
    const path = join(folder, `part-${part}.${kind}`);
    const rows = valueRows(size, first);
    if (kind === 'csv') writeFileSync(path, `value\n${rows.map(({ value }) => `${value}\n`).join('')}`);
    else {
      const made = pipeline().source(fromIterable(SCHEMA, rows, { batchRows: 130 }));
      await run(kind === 'arrow' ? made.toArrow(path) : made.toParquet(path, { rowGroupRows: 700 }), options()).done;
    }
    first += size;
  }
}

/** The main aggregations of a folder of files, into a store. */
function job(store: Store, folder: string, kind = 'parquet') {
  const files = join(folder, `*.${kind}`);
  const source =
    kind === 'csv'
      ? readCsv(files, { orderedOn: 'value', schema: SCHEMA, batchRows: 256 })
      : (kind === 'arrow' ? readArrow : readParquet)(files, { orderedOn: 'value', schema: SCHEMA, batchRows: 256 });
  const rows = pipeline()
    .source(source)
    .withColumns({ key: col('value').mod(5) });
  const { fine, coarse } = rows.aggStream({
    orderedOn: 'value',
    by: ['key'],
    aggregations: {
      fine: { every: 300, columns: { n: agg.count(), sum: agg.sum('value'), first: agg.first('value') } },
      coarse: { every: 2100, columns: { last: agg.last('value'), mean: agg.mean('value') } },
    },
  });
  return [
    fine.toStore(store, { key: { name: 'fine' }, rowGroupTarget: 50 }),
    coarse.toStore(store, { key: { name: 'coarse' } }),
    rows.memoryBuffer({ iterMax: 3 }).toStore(store, { key: { name: 'rows' }, orderedOn: 'value' }),
  ];
}

const NAMES = ['fine', 'coarse', 'rows'];
const all = async (store: Store): Promise<unknown[]> => Promise.all(NAMES.map((name) => content(store, name)));

it.each(['parquet', 'csv', 'arrow'])('feeding files one by one equals feeding all at once: %s', async (kind) => {
  const folder = join(temporaryFolder(), 'files');
  const sizes = [2000, 1500, 10, 3333];
  const [whole, parts] = [await newStore(), await newStore()];
  let summary: Summary | undefined;
  for (const part of sizes.keys()) {
    await writeParts(folder, sizes.slice(0, part + 1), part, kind);
    const inputEnds = part === sizes.length - 1 ? 'final' : 'more';
    const used = { ...options(), workers: part % 2 === 0 ? 2 : 1 };
    summary = await run(job(parts, folder, kind), { ...used, resume: 'daily', inputEnds }).done;
    expect(summary.sources[0]?.rows).toBe(sizes[part]);
  }
  await run(job(whole, folder, kind), options()).done;
  expect(await all(parts)).toEqual(await all(whole));
  // Nothing new: the run that closed it tells again what it did.
  const again = await run(job(parts, folder, kind), { ...options(), resume: 'daily' }).done;
  // What is measured to the very end comes after the checkpoint that closes the job.
  const { elapsedMs: _, peakRssBytes: __, advice: ___, ...told } = summary as Summary;
  expect(again).toMatchObject(told);
  await writeParts(folder, [...sizes, 5], sizes.length, kind);
  await expect(run(job(parts, folder, kind), { ...options(), resume: 'daily' }).done).rejects.toMatchObject({
    code: 'ERR_RESUME_CLOSED',
  });
});

it('a run that failed goes on from its last checkpoint', async () => {
  const store = await newStore();
  const marker = join(temporaryFolder(), 'died');
  const until = join(temporaryFolder(), 'checkpoint');
  const build = (target: Store, at: number) =>
    pipeline()
      .source(numbers, { splits: 300, each: 10 })
      .waits({ ms: 20, until })
      .diesCounting({ at, how: 'exit', times: 1, marker })
      .toStore(target, { key: { name: 'rows' }, orderedOn: 'value' });
  const used: RunOptions = { ...options(), resume: 'numbers', checkpointEvery: '20ms', barrierEvery: '10ms' };
  const first = run(build(store, 2500), { ...used, restarts: 0 });
  let checkpoints = 0;
  first.on('barrier', ({ durable }) => {
    if (durable === undefined) return;
    checkpoints += 1;
    writeFileSync(until, '');
  });
  await expect(first.done).rejects.toMatchObject({ code: 'ERR_WORKER_DIED' });
  expect(checkpoints).toBeGreaterThan(0);
  const { rowsIn } = await run(build(store, 2500), used).done;
  expect(rowsIn).toBeLessThan(3000);
  const whole = await newStore();
  await run(build(whole, -1), options()).done;
  // The plan names the row at which it dies: it is the same for both runs of the id.
  expect(await content(store, 'rows')).toEqual(await content(whole, 'rows'));
});

it('rows that a program gives again are passed over, and it may say where it goes on', async () => {
  const store = await newStore();
  const rows = valueRows(1000);
  const feed = (from: number, to: number, position?: number) => {
    const given = rows.slice(from, to);
    const source = fromIterable(SCHEMA, given, {
      orderedOn: 'value',
      batchRows: 64,
      ...(position !== undefined && { position }),
    });
    return pipeline()
      .source(source)
      .diesCounting({ at: -1, how: 'exit', times: 0, marker: '' })
      .toStore(store, { key: { name: 'rows' }, orderedOn: 'value' });
  };
  await run(feed(0, 300), { ...options(), resume: 'fed', inputEnds: 'more' }).done;
  await run(feed(0, 500), { ...options(), resume: 'fed', inputEnds: 'more' }).done;
  await run(feed(450, 800, 450), { ...options(), resume: 'fed', inputEnds: 'more' }).done;
  await expect(run(feed(900, 1000, 900), { ...options(), resume: 'fed' }).done).rejects.toMatchObject({
    code: 'ERR_RESUME_SOURCE',
  });
  await run(feed(800, 1000, 800), { ...options(), resume: 'fed' }).done;
  const sink = pipeline()
    .source(readStore(await store.dataset({ name: 'rows' })))
    .collect();
  const stored = await run(sink, options()).rows(sink);
  expect(stored.map(({ value }) => value)).toEqual(rows.map(({ value }) => value));
  expect(stored.at(-1)).toEqual({ value: 999n, total: 499_500n });
});

it('one process holds an id, another plan is refused, and so are files that have changed', async () => {
  const folder = join(temporaryFolder(), 'files');
  const store = await newStore();
  await writeParts(folder, [500, 500]);
  const used: RunOptions = { ...options(), resume: 'id', inputEnds: 'more' };
  const both = await Promise.allSettled([run(job(store, folder), used).done, run(job(store, folder), used).done]);
  const refused = both.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
  expect(refused).toMatchObject([{ code: 'ERR_RESUME_BUSY' }]);
  const other = pipeline()
    .source(readParquet(join(folder, '*.parquet'), { schema: SCHEMA }))
    .toStore(store, { key: { name: 'rows' }, orderedOn: 'value' });
  await expect(run(other, used).done).rejects.toMatchObject({ code: 'ERR_RESUME_PLAN' });
  // Another time of change is none of the content.
  utimesSync(join(folder, 'part-0.parquet'), 1, 1);
  await run(job(store, folder), used).done;
  await writeParts(folder, [400]);
  await expect(run(job(store, folder), used).done).rejects.toMatchObject({
    code: 'ERR_RESUME_SOURCE',
    file: join(folder, 'part-0.parquet'),
  });
  const names = readdirSync(join(store.root, '_resume', 'id'));
  expect(names.filter((name) => !name.startsWith('states'))).toEqual([expect.stringMatching(/^checkpoint-/)]);
});

it('rows that a checkpoint has and their dataset has not outlast a vacuum, and are merged with what came meanwhile', async () => {
  const store = await newStore();
  const key = { name: 'rows' };
  const feed = (from: number, position: number) => {
    const source = fromIterable(SCHEMA, valueRows(100, from), { orderedOn: 'value', position });
    return pipeline().source(source).toStore(store, { key, orderedOn: 'value' });
  };
  const used: RunOptions = { ...options(), resume: 'id', inputEnds: 'more' };
  await run(feed(0, 0), used).done;
  const { link } = promises;
  promises.link = (from, to) =>
    String(to).includes('_delta_log')
      ? Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }))
      : link(from, to);
  syncBuiltinESMExports();
  try {
    await expect(run(feed(100, 100), used).done).rejects.toMatchObject({ code: 'ERR_IO' });
  } finally {
    promises.link = link;
    syncBuiltinESMExports();
  }
  expect(await store.vacuum(key, { retention: 0 })).toMatchObject({ files: 0 });
  await store.write(key, valueRows(10, 120), { schema: SCHEMA, orderedOn: 'value' });
  await run(feed(200, 200), { ...used, inputEnds: 'final' }).done;
  const dataset = await store.dataset(key);
  expect(await dataset.verify()).toMatchObject({ ok: true, rows: 310 });
  expect(readdirSync(join(store.root, 'name=rows')).includes('_staging')).toBe(false);
});

it('a file becomes visible when the input has ended', async () => {
  const folder = join(temporaryFolder(), 'files');
  const path = join(temporaryFolder(), 'rows.parquet');
  const build = () =>
    pipeline()
      .source(readParquet(join(folder, '*.parquet'), { orderedOn: 'value', schema: SCHEMA }))
      .toParquet(path);
  const used: RunOptions = { ...options(), resume: 'file', resumeDirectory: join(temporaryFolder(), 'resume') };
  await writeParts(folder, [300, 200], 0);
  await run(build(), { ...used, inputEnds: 'more' }).done;
  expect(existsSync(path)).toBe(false);
  await writeParts(folder, [300, 200, 100], 2);
  await run(build(), used).done;
  const sink = pipeline().source(readParquet(path)).collect();
  const read = await run(sink, options()).rows(sink);
  expect(read.map(({ value }) => Number(value))).toEqual(Array.from({ length: 600 }, (_, value) => value));
});
