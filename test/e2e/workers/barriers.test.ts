import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { agg, col, createPipeline, fromIterable, openStore, readParquet, readStore } from '@spillway/core';
import { processArena } from '@spillway/core/internal';
import { type BarrierEvent, type RestartEvent, type Run, type RunOptions, run } from '@spillway/workers';
import { closeIdlePools } from '@spillway/workers/internal';
import { afterEach, expect, it } from 'vitest';
import { dies, diesCounting } from '#fixtures/crashes';
import { numbers, waits } from '#fixtures/faults';
import { valueRows, valuesOf } from '../../support/rows.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const SCHEMA = { value: 'int64' } as const;
const ROWS = 2000;

const pipeline = () => createPipeline({ memoryLimit: '256MiB' }).register({ dies, diesCounting, waits });
const options = (): RunOptions & { spillDirectory: string } => ({
  workers: 2,
  debug: true,
  barrierEvery: '10ms',
  spillDirectory: join(temporaryFolder(), 'spill'),
});
const crash = (at: number, how = 'exit', times = 1) => ({ at, how, times, marker: join(temporaryFolder(), 'died') });
const given = () => fromIterable(SCHEMA, valueRows(ROWS), { orderedOn: 'value', batchRows: 10 });
const all = (count = ROWS): number[] => Array.from({ length: count }, (_, value) => value);

/**
 * What a run waits with each batch, until some barriers are complete: the crash that comes later finds one, however long a thread waits for
 * a core.
 */
const slowly = (): { ms: number; until: string } => ({ ms: 20, until: join(temporaryFolder(), 'barriers') });
const BARRIERS = 3;

function watch(job: Run, until: string): { barriers: BarrierEvent[]; restarts: RestartEvent[] } {
  const seen: { barriers: BarrierEvent[]; restarts: RestartEvent[] } = { barriers: [], restarts: [] };
  job.on('barrier', (event) => {
    if (seen.barriers.push(event) === BARRIERS) writeFileSync(until, '');
  });
  job.on('restart', (event) => seen.restarts.push(event));
  return seen;
}

afterEach(() => {
  expect(processArena().usedSlabs()).toBe(0);
});

it('goes on from the last barrier: states, positions and what was collected', async () => {
  const pace = slowly();
  const used = options();
  const sink = pipeline().source(given()).waits(pace).memoryBuffer({ iterMax: 7 }).diesCounting(crash(1750)).collect();
  const job = run(sink, used);
  const seen = watch(job, pace.until);
  expect(await job.done).toMatchObject({ rowsIn: ROWS, rowsOut: ROWS, restarts: 1 });
  const rows = await job.rows(sink);
  expect(valuesOf(rows)).toEqual(all());
  expect(rows.at(-1)?.['total']).toBe(BigInt((ROWS * (ROWS - 1)) / 2));
  expect(seen.barriers.length).toBeGreaterThan(0);
  expect(seen.restarts[0]?.epoch).toBeGreaterThan(0);
  expect(existsSync(used.spillDirectory) ? readdirSync(used.spillDirectory) : []).toEqual([]);
});

it('lanes go on with the split that comes next', async () => {
  const pace = slowly();
  const sink = pipeline().source(numbers, { splits: 200, each: 10 }).waits(pace).dies(crash(1800)).collect();
  const job = run(sink, options());
  const seen = watch(job, pace.until);
  expect((await job.done).restarts).toBe(1);
  expect(valuesOf(await job.rows(sink))).toEqual(all());
  expect(seen.restarts[0]?.epoch).toBeGreaterThan(0);
});

it.each([
  ['keys', 'one lane'],
  ['keys', 'two lanes'],
  ['no keys', 'two lanes'],
])('open bins go on: with %s, on %s', async (keys, lanes) => {
  const build = (at: number, pace: ReturnType<typeof slowly>) => {
    const p = pipeline();
    const rows = p.source(numbers, { splits: 200, each: 10 }).waits(pace).dies(crash(at));
    const keyed = rows.withColumns({ key: col('value').mod(7).cast('utf8') });
    const { fine, coarse } = keyed.aggStream({
      orderedOn: 'value',
      by: keys === 'keys' ? ['key'] : [],
      ...(lanes === 'one lane' && { ownStage: true }),
      aggregations: {
        fine: { every: 300, columns: { n: agg.count(), sum: agg.sum('value'), first: agg.first('value') } },
        coarse: { every: 1500, columns: { last: agg.last('value'), mean: agg.mean('value') } },
      },
    });
    return [fine.collect(), coarse.collect()] as const;
  };
  const answers: unknown[] = [];
  for (const at of [-1, 1888]) {
    const pace = slowly();
    const sinks = build(at, pace);
    const job = run(sinks, { ...options(), workers: lanes === 'one lane' ? 1 : 2 });
    const seen = watch(job, pace.until);
    await job.done;
    answers.push([await job.rows(sinks[0]), await job.rows(sinks[1])]);
    if (at > 0) expect(seen.restarts.map(({ epoch }) => epoch > 0)).toEqual([true]);
  }
  expect(answers[1]).toEqual(answers[0]);
});

it('files are read from the row group that comes next, a program is not asked for what it gave', async () => {
  const path = join(temporaryFolder(), 'rows.parquet');
  await run(pipeline().source(given()).toParquet(path, { rowGroupRows: 100 }), options()).done;
  const pace = slowly();
  const p = pipeline();
  const read = p
    .source(readParquet(path, { orderedOn: 'value', batchRows: 10 }))
    .waits(pace)
    .dies(crash(1666));
  const input = p.pushSource(SCHEMA, { orderedOn: 'value' });
  const sinks = [read.collect(), input.stream.diesCounting(crash(900)).collect()];
  const job = run(sinks, options());
  const seen = watch(job, pace.until);
  for (let value = 0; value < 1000; value++) {
    await input.emit([{ value: BigInt(value) }]);
    if (value % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  input.end();
  // Both may die at the same time.
  expect((await job.done).restarts).toBeGreaterThan(0);
  expect(valuesOf(await job.rows(sinks[0] as (typeof sinks)[number]))).toEqual(all());
  const pushed = await job.rows(sinks[1] as (typeof sinks)[number]);
  expect(valuesOf(pushed)).toEqual(all(1000));
  expect(pushed.at(-1)?.['total']).toBe(499_500n);
  expect(seen.restarts.some(({ epoch }) => epoch > 0)).toBe(true);
});

it('a loop over the results gets every row once', async () => {
  const pace = slowly();
  const sink = pipeline().source(given()).waits(pace).dies(crash(1500)).memoryBuffer({ iterMax: 7 }).toIterable();
  const job = run(sink, options());
  const seen = watch(job, pace.until);
  const values: number[] = [];
  for await (const batch of sink) values.push(...Array.from(batch.getChild('value')?.toArray() ?? [], Number));
  expect(values).toEqual(all());
  await job.done;
  expect(seen.restarts[0]?.epoch).toBeGreaterThan(0);
});

it('stores and files keep what was staged: every row once', async () => {
  const pace = slowly();
  const store = await openStore(join(temporaryFolder(), 'store'));
  const path = join(temporaryFolder(), 'rows.parquet');
  const rows = pipeline()
    .source(given())
    .waits(pace)
    .withColumns({ minute: col('value').sub(col('value').mod(60)) })
    .dies(crash(1750));
  const job = run(
    [
      rows.toStore(store, { key: { name: 'x' }, orderedOn: 'value', rowGroupTarget: 300 }),
      rows.toStore(store, { key: { name: 'y' }, orderedOn: 'minute', duplicatesOn: ['minute'] }),
      rows.toParquet(path, { rowGroupRows: 300 }),
    ],
    options(),
  );
  const seen = watch(job, pace.until);
  expect((await job.done).restarts).toBe(1);
  expect(seen.restarts[0]?.epoch).toBeGreaterThan(0);
  const dataset = await store.dataset({ name: 'x' });
  expect(dataset.files().reduce((sum, file) => sum + file.rows, 0)).toBe(ROWS);
  const p = pipeline();
  const stored = p.source(readStore(dataset)).collect();
  const last = p.source(readStore(await store.dataset({ name: 'y' }))).collect();
  const read = p.source(readParquet(path, { orderedOn: 'value' })).collect();
  const reading = run([stored, last, read], options());
  expect(valuesOf(await reading.rows(stored))).toEqual(all());
  expect(valuesOf(await reading.rows(read))).toEqual(all());
  expect(valuesOf(await reading.rows(last))).toEqual(all().filter((value) => value % 60 === 59 || value === ROWS - 1));
});

it('the death of a thread that writes files is made good', async () => {
  const pace = slowly();
  await closeIdlePools();
  const threads: Worker[] = [];
  const onWorker = (worker: Worker): void => void threads.push(worker);
  process.on('worker', onWorker);
  const path = join(temporaryFolder(), 'rows.parquet');
  const rows = pipeline().source(given()).waits(pace);
  const job = run(rows.toParquet(path, { rowGroupRows: 300 }), { ...options(), workers: 1 });
  const seen = watch(job, pace.until);
  job.on('barrier', ({ epoch }) => {
    if (epoch === 1) void threads.at(-1)?.terminate();
  });
  expect((await job.done).restarts).toBe(1);
  process.off('worker', onWorker);
  expect(seen.restarts[0]).toMatchObject({ kind: 'crash', stage: 'toParquet', error: { code: 'ERR_WORKER_DIED' } });
  const read = pipeline()
    .source(readParquet(path, { orderedOn: 'value' }))
    .collect();
  const reading = run(read, options());
  expect(valuesOf(await reading.rows(read))).toEqual(all());
});

it('a join of two sources goes on with the rows that it holds', async () => {
  const answers: unknown[] = [];
  for (const at of [-1, 1800]) {
    const pace = slowly();
    const p = pipeline();
    const left = p
      .source(numbers, { splits: 200, each: 10 })
      .waits(at < 0 ? { ms: 0 } : pace)
      .withColumns({ key: col('value').mod(3) })
      .dies(crash(at));
    const right = p
      .source(given())
      .filter(col('value').mod(5).ne(0))
      .withColumns({ key: col('value').mod(4), other: col('value') });
    const sink = p.joinStream({ left, right }, { strategy: 'inner', left: 'left', on: 'value', by: ['key'] }).collect();
    const job = run(sink, options());
    const seen = watch(job, pace.until);
    await job.done;
    answers.push(await job.rows(sink));
    if (at > 0) expect(seen.restarts.map(({ epoch }) => epoch > 0)).toEqual([true]);
  }
  expect(answers[1]).toEqual(answers[0]);
});
