import { existsSync, readdirSync } from 'node:fs';
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
  await expect(run(sinks(48 * HOUR), OPTIONS).done).rejects.toMatchObject({ code: 'ERR_STORE_OVERLAP' });
});

it('commits nothing when the run fails', async () => {
  const root = join(temporaryFolder(), 'store');
  const store = await openStore(root);
  const sink = pipeline()
    .source(fromIterable(SCHEMA, rowsOf(100), { orderedOn: 'ts', batchRows: 10 }))
    .throwAt({ at: 333 })
    .toStore(store, { key: { freq: 'raw' }, orderedOn: 'ts', rowGroupRows: 50 });
  await expect(run(sink, OPTIONS).done).rejects.toMatchObject({ code: 'ERR_OP_FAILED', stage: 'throwAt' });
  expect(existsSync(join(root, 'freq=raw'))).toBe(false);
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
