import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createPipeline, fromIterable, openStore, type PipelineError, readParquet } from '@spillway/core';
import { processArena } from '@spillway/core/internal';
import { type RestartEvent, type Run, type RunOptions, run } from '@spillway/workers';
import { afterEach, expect, it } from 'vitest';
import { dies, diesCounting } from '#fixtures/crashes';
import { numbers, throwsLater } from '#fixtures/faults';
import { valueRows, valuesOf } from '../../support/rows.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const SCHEMA = { value: 'int64' } as const;
const ROWS = 3000;

const pipeline = () => createPipeline({ memoryLimit: '256MiB' }).register({ dies, diesCounting, throwsLater });
const options = (): RunOptions & { spillDirectory: string } => ({
  workers: 2,
  debug: true,
  spillDirectory: join(temporaryFolder(), 'spill'),
});
const crash = (at: number, how = 'exit', times = 1) => ({ at, how, times, marker: join(temporaryFolder(), 'died') });
const given = () => fromIterable(SCHEMA, valueRows(ROWS), { orderedOn: 'value', batchRows: 10 });
const all = (count = ROWS): number[] => Array.from({ length: count }, (_, value) => value);

function restartsOf(job: Run): RestartEvent[] {
  const events: RestartEvent[] = [];
  job.on('restart', (event) => events.push(event));
  return events;
}

afterEach(() => {
  expect(processArena().usedSlabs()).toBe(0);
});

it.each(['exit', 'throw', 'heap'])('goes on after a worker died by %s: every row once, in order', async (how) => {
  const sink = pipeline().source(given()).dies(crash(1234, how)).collect();
  const used = options();
  const job = run(sink, used);
  const events = restartsOf(job);
  expect(await job.done).toMatchObject({ ok: true, rowsIn: ROWS, rowsOut: ROWS, restarts: 1 });
  expect(valuesOf(await job.rows(sink))).toEqual(all());
  expect(events).toMatchObject([{ stage: 'dies', restarts: 1, error: { code: 'ERR_WORKER_DIED' } }]);
  expect(readdirSync(used.spillDirectory)).toEqual([]);
});

it('goes on with rows that lanes make, and with the state of an op', async () => {
  const sink = pipeline()
    .source(numbers, { splits: 30, each: 100 })
    .dies(crash(777))
    .diesCounting(crash(2048))
    .collect();
  const job = run(sink, options());
  expect((await job.done).restarts).toBe(2);
  const rows = await job.rows(sink);
  expect(valuesOf(rows)).toEqual(all());
  expect(rows.at(-1)).toEqual({ value: 2999n, total: BigInt((2999 * 3000) / 2) });
});

it('gives what was pushed once more, and asks for nothing twice', async () => {
  const p = pipeline();
  const input = p.pushSource(SCHEMA, { orderedOn: 'value' });
  const sink = input.stream.dies(crash(500)).collect();
  const job = run(sink, options());
  for (let value = 0; value < 1000; value++) await input.emit([{ value: BigInt(value) }]);
  input.end();
  expect(await job.done).toMatchObject({ rowsIn: 1000, restarts: 1 });
  expect(valuesOf(await job.rows(sink))).toEqual(all(1000));
});

it('a loop over the results gets every row once', async () => {
  const sink = pipeline().source(given()).dies(crash(2000)).memoryBuffer({ iterMax: 7 }).toIterable();
  const job = run(sink, options());
  const values: number[] = [];
  for await (const batch of sink) values.push(...Array.from(batch.getChild('value')?.toArray() ?? [], Number));
  expect(values).toEqual(all());
  expect((await job.done).restarts).toBe(1);
});

it('what was staged is dropped: a store has every row once, in one commit', async () => {
  const root = join(temporaryFolder(), 'store');
  const store = await openStore(root);
  const path = join(temporaryFolder(), 'rows.parquet');
  const rows = pipeline().source(given()).dies(crash(2500));
  const job = run(
    [rows.toStore(store, { key: { name: 'x' }, orderedOn: 'value', rowGroupTarget: 300 }), rows.toParquet(path)],
    options(),
  );
  expect((await job.done).restarts).toBe(1);
  const files = await (await store.dataset({ name: 'x' })).files();
  expect(files.map((file) => file.rows)).toEqual(Array.from({ length: 10 }, () => 300));

  const again = pipeline()
    .source(readParquet(path, { orderedOn: 'value' }))
    .dies(crash(2999))
    .collect();
  const read = run(again, options());
  expect((await read.done).restarts).toBe(1);
  expect(valuesOf(await read.rows(again))).toEqual(all());
});

it('an op that says nothing of its state fails the run, which says what to declare', async () => {
  const sink = pipeline().source(given()).dies(crash(10)).throwsLater().collect();
  const error = await run(sink, options()).done.catch((reason: PipelineError) => reason);
  expect(error).toMatchObject({
    code: 'ERR_WORKER_DIED',
    hint: expect.stringContaining('declare op "throwsLater" stateless, or give it snapshot and restore'),
  });
});

it('restarts: 0 fails the run at the first death', async () => {
  const job = run(pipeline().source(given()).dies(crash(10)).collect(), { ...options(), restarts: 0 });
  await expect(job.done).rejects.toMatchObject({ code: 'ERR_WORKER_DIED', stage: 'dies' });
  expect(job.summary()).toMatchObject({ ok: false, restarts: 0 });
});

it('gives up after as many restarts as it may make', async () => {
  const job = run(
    pipeline()
      .source(given())
      .dies(crash(10, 'exit', 99))
      .collect(),
    { ...options(), restarts: 1 },
  );
  await expect(job.done).rejects.toMatchObject({ code: 'ERR_WORKER_DIED', hint: expect.stringContaining('restarts') });
  expect(job.summary().restarts).toBe(1);
});
