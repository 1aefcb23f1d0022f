import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { agg, createPipeline, fromIterable, openStore } from '@spillway/core';
import { type RunOptions, run } from '@spillway/workers';
import { expect, it } from 'vitest';
import { throwAt } from '#fixtures/ops';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const SCHEMA = { ts: 'timestamp[ms]', value: 'int64' } as const;
const OPTIONS: RunOptions = { workers: 2, debug: true };
const HOUR = 3_600_000;

const rowsOf = (hours: number, from = 0): { ts: number; value: number }[] =>
  Array.from({ length: hours * 4 }, (_, index) => ({ ts: from + (index * HOUR) / 4, value: index }));

const pipeline = () => createPipeline({ memoryLimit: '256MiB' }).register({ throwAt });

it('stores two granularities, each in one commit, and appends what follows', async () => {
  const root = join(temporaryFolder(), 'store');
  const store = await openStore(root);
  const sinks = (from: number) => {
    const { hourly, daily } = pipeline()
      .source(fromIterable(SCHEMA, rowsOf(48, from), { orderedOn: 'ts', batchRows: 7 }))
      .aggStream({
        orderedOn: 'ts',
        aggregations: {
          hourly: { every: '1h', columns: { n: agg.count(), sum: agg.sum('value') } },
          daily: { every: '1d', columns: { last: agg.last('value') } },
        },
      });
    return [hourly.toStore(store, { freq: '1h' }), daily.toStore(store, { freq: '1d' })];
  };
  expect(await run(sinks(0), OPTIONS).done).toMatchObject({ ok: true, rowsIn: 192, rowsOut: 50 });
  await run(sinks(48 * HOUR), OPTIONS).done;
  const dataset = await store.dataset({ freq: '1h' });
  expect(readdirSync(root).sort()).toEqual(['freq=1d', 'freq=1h']);
  expect(dataset).toBeDefined();
  expect(existsSync(join(root, 'freq=1h', '_staging'))).toBe(false);
  // The same bins once more take the place of those before.
  await run(sinks(48 * HOUR), OPTIONS).done;
  expect((await store.dataset({ freq: '1h' })).rows).toBe(96);
});

it('merges rows between those stored, the last of equal ones staying', async () => {
  const root = join(temporaryFolder(), 'store');
  const store = await openStore(root);
  const write = (rows: { ts: number; value: number }[], mode: 'merge' | 'append' = 'merge') =>
    run(
      pipeline()
        .source(fromIterable(SCHEMA, rows, { orderedOn: 'ts', batchRows: 9 }))
        .toStore(store, { key: { freq: 'raw' }, mode, duplicatesOn: ['ts'], rowGroupTarget: 40 }),
      OPTIONS,
    ).done;
  await write(rowsOf(100));
  const corrections = Array.from({ length: 30 }, (_, i) => ({ ts: 40 * HOUR + (i * HOUR) / 8, value: -1 - i }));
  await write(corrections);
  await expect(write(corrections, 'append')).rejects.toMatchObject({ code: 'ERR_STORE_OVERLAP' });
  const found: { ts: number; value: number }[] = [];
  for await (const batch of (await store.dataset({ freq: 'raw' })).read())
    for (const { ts, value } of batch) found.push({ ts: Number(ts), value: Number(value) });
  const expected = new Map([...rowsOf(100), ...corrections].map(({ ts, value }) => [ts, value]));
  expect(found).toEqual([...expected].sort(([a], [b]) => a - b).map(([ts, value]) => ({ ts, value })));
});

it('commits nothing when the run fails', async () => {
  const root = join(temporaryFolder(), 'store');
  const store = await openStore(root);
  const sink = pipeline()
    .source(fromIterable(SCHEMA, rowsOf(100), { orderedOn: 'ts', batchRows: 10 }))
    .throwAt({ at: 333 })
    .toStore(store, { key: { freq: 'raw' }, orderedOn: 'ts', rowGroupTarget: 50 });
  await expect(run(sink, OPTIONS).done).rejects.toMatchObject({ code: 'ERR_OP_FAILED', stage: 'throwAt' });
  expect(existsSync(join(root, 'freq=raw'))).toBe(false);
});

it('a first run that fails leaves no folder that it has made, and every one that was there', async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'there', 'before'), { recursive: true });
  for (const place of [['there', 'before'], ['there', 'made', 'by us'], ['new']]) {
    const store = await openStore(join(folder, ...place));
    const rows = pipeline()
      .source(fromIterable(SCHEMA, rowsOf(50), { orderedOn: 'ts', batchRows: 5 }))
      .throwAt({ at: 190 });
    const options = { key: { freq: 'raw' }, orderedOn: 'ts', rowGroupTarget: 20 } as const;
    const sinks = [rows.toStore(store, options), rows.toParquet(join(folder, ...place, 'files', 'rows.parquet'))];
    await expect(run(sinks, OPTIONS).done).rejects.toMatchObject({ code: 'ERR_OP_FAILED' });
  }
  expect(readdirSync(folder, { recursive: true }).sort()).toEqual(['there', join('there', 'before')]);
});

it('a write that fails leaves no folder either', async () => {
  const folder = temporaryFolder();
  const store = await openStore(join(folder, 'deep', 'store'));
  const unordered = [...rowsOf(20_000), { ts: 0, value: 0 }];
  await expect(
    store.write({ freq: 'raw' }, unordered, { schema: SCHEMA, orderedOn: 'ts', rowGroupTarget: 1000 }),
  ).rejects.toMatchObject({ code: 'ERR_INPUT_UNORDERED' });
  expect(readdirSync(folder)).toEqual([]);
});

it('an abort that comes while datasets are committed is too late: all are, and the job says so', async () => {
  const root = join(temporaryFolder(), 'store');
  const store = await openStore(root);
  const rows = pipeline().source(fromIterable(SCHEMA, rowsOf(4), { orderedOn: 'ts' }));
  const names = Array.from({ length: 8 }, (_, index) => `n${index}`);
  const job = run(
    names.map((name) => rows.toStore(store, { name })),
    OPTIONS,
  );
  const abortAtFirst = (): void => {
    if (existsSync(join(root, 'name=n0', '_delta_log'))) return job.abort();
    setImmediate(abortAtFirst);
  };
  abortAtFirst();
  expect(await job.done).toMatchObject({ ok: true, rowsOut: 16 * names.length });
  expect(readdirSync(root).sort()).toEqual(names.map((name) => `name=${name}`));
});
