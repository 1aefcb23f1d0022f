import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { col, createPipeline, fromIterable, fromShared, readParquet, shareTable } from '@spillway/core';
import { processArena } from '@spillway/core/internal';
import { type Progress, type RunOptions, run } from '@spillway/workers';
import { expect, it } from 'vitest';
import { numbers } from '#fixtures/faults';
import { describeBatch, plus, sizes } from '#fixtures/ops';
import { valueRows, valuesOf } from '../../support/rows.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const SCHEMA = { value: 'int64' } as const;
const OPTIONS: RunOptions = { workers: 2, debug: true };
const pipeline = () => createPipeline({ memoryLimit: '128MiB' }).register({ plus, describeBatch, sizes });
const count = (rows: number, from = 0): number[] => Array.from({ length: rows }, (_, row) => from + row);

it('gives rows to a function, batch by batch, and waits for it', async () => {
  const p = pipeline();
  const seen: number[][] = [];
  let running = 0;
  const sink = p.source(fromIterable(SCHEMA, valueRows(100), { batchRows: 10 })).forEach(
    async (rows) => {
      running += 1;
      expect(running).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 1));
      seen.push(valuesOf(rows));
      running -= 1;
    },
    { takes: 'rows' },
  );
  const summary = await run(sink, OPTIONS).done;
  expect(seen).toEqual(count(10).map((batch) => count(10, batch * 10)));
  expect(summary).toMatchObject({ ok: true, rowsIn: 100, rowsOut: 100 });
});

it('fails the run with what the function throws', async () => {
  const sink = pipeline()
    .source(fromIterable(SCHEMA, valueRows(10)))
    .forEach(() => {
      throw new RangeError('no more');
    });
  await expect(run(sink, OPTIONS).done).rejects.toMatchObject({
    stage: 'forEach',
    message: expect.stringContaining('no more'),
    cause: { name: 'RangeError', message: 'no more' },
  });
});

it('is read with for await while it runs, at the speed of the reader', async () => {
  const p = pipeline();
  let made = 0;
  function* rows(): Generator<{ value: number }[]> {
    for (; made < 1000; made += 1) yield [{ value: made }];
  }
  const sink = p.source(fromIterable(SCHEMA, rows())).plus({ n: 1 }).toIterable();
  const job = run(sink, OPTIONS);
  const values: number[] = [];
  for await (const batch of sink) {
    if (values.length === 0) expect(made).toBeLessThan(500);
    values.push(...[...(batch.getChild('value') ?? [])].map(Number));
  }
  expect(values).toEqual(count(1000, 1));
  expect((await job.done).rowsOut).toBe(1000);
});

it('fails a loop over its rows when the run fails', async () => {
  const sink = pipeline()
    .source(fromIterable(SCHEMA, [{ value: 1 }, { value: 'x' }]))
    .toIterable();
  const job = run(sink, OPTIONS);
  const read = async (): Promise<void> => {
    for await (const batch of sink) expect(batch).toBeUndefined();
  };
  await expect(read()).rejects.toMatchObject({ code: 'ERR_VALUE', row: 1 });
  await expect(job.done).rejects.toMatchObject({ code: 'ERR_VALUE' });
});

it('takes rows from Node streams and async generators', async () => {
  const p = pipeline();
  async function* later(): AsyncGenerator<{ value: number }> {
    for (let value = 0; value < 50; value += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      yield { value };
    }
  }
  const sinks = [Readable.from(count(50).map((value) => ({ value }))), later()].map((items) =>
    p
      .source(fromIterable(SCHEMA, items, { batchRows: 8 }))
      .plus({ n: 0 })
      .collect(),
  );
  const job = run(sinks, OPTIONS);
  await job.done;
  for (const sink of sinks) expect(valuesOf(await job.rows(sink))).toEqual(count(50));
});

it('writes a Parquet file that is whole or not there, and reads it by batches of its own size', async () => {
  const folder = temporaryFolder();
  const path = join(folder, 'values.parquet');
  const p = pipeline();
  const write = run(
    p.source(fromIterable(SCHEMA, valueRows(1000), { batchRows: 100 })).toParquet(path, { rowGroupRows: 300 }),
    OPTIONS,
  );
  expect(existsSync(path)).toBe(false);
  expect(await write.done).toMatchObject({ rowsOut: 1000 });
  expect(readdirSync(folder)).toEqual(['values.parquet']);

  const batches = p
    .source(readParquet(path, { orderedOn: 'value', schema: SCHEMA, batchRows: 70 }))
    .describeBatch()
    .collect();
  const rows = p
    .source(readParquet(path, { orderedOn: 'value', schema: SCHEMA, batchRows: 70 }))
    .filter(col('value').lt(600))
    .collect();
  const progress: Progress[] = [];
  const read = run([batches, rows], { ...OPTIONS, onProgress: (seen) => progress.push(seen) });
  expect(await read.done).toMatchObject({ rowsIn: 2000, rowsOut: 15 + 600 });
  expect((await read.rows(batches)).map((row) => [Number(row['rows']), Number(row['first'])])).toEqual(
    count(15).map((batch) => [batch === 14 ? 20 : 70, batch * 70]),
  );
  expect(valuesOf(await read.rows(rows))).toEqual(count(600));
  expect(progress.at(-1)?.sources[0]).toMatchObject({ rows: 1000, totalRows: 1000 });
});

it('leaves no file when the run fails after rows were written', async () => {
  const folder = temporaryFolder();
  const p = pipeline();
  const items = [...valueRows(5000), { value: 'x' }];
  const sink = p
    .source(fromIterable(SCHEMA, items, { batchRows: 100 }))
    .toParquet(join(folder, 'values.parquet'), { rowGroupRows: 200 });
  await expect(run(sink, OPTIONS).done).rejects.toMatchObject({ code: 'ERR_VALUE', row: 5000 });
  expect(readdirSync(folder)).toEqual([]);
});

it('reads a table that lies in shared memory again and again, and verifies its order unless told not to', async () => {
  const p = pipeline();
  const table = await shareTable(SCHEMA, [valueRows(1000), valueRows(500, 900)], { batchRows: 64 });
  try {
    for (let round = 0; round < 2; round += 1) {
      const sink = p.source(fromShared<typeof SCHEMA>(table)).plus({ n: 0 }).collect();
      const job = run(sink, OPTIONS);
      await job.done;
      expect(valuesOf(await job.rows(sink))).toEqual([...count(1000), ...count(500, 900)]);
    }
    const ordered = p
      .source(fromShared<typeof SCHEMA>(table, { orderedOn: 'value' }))
      .plus({ n: 0 })
      .collect();
    await expect(run(ordered, OPTIONS).done).rejects.toMatchObject({
      code: 'ERR_INPUT_UNORDERED',
      row: 1000,
      value: '900',
    });
    const trusted = p
      .source(fromShared<typeof SCHEMA>(table, { orderedOn: 'value', orderTrusted: true }))
      .plus({ n: 0 })
      .collect();
    expect((await run(trusted, OPTIONS).done).rowsOut).toBe(1500);
  } finally {
    table.release();
  }
  expect(processArena().usedSlabs()).toBe(0);
});

it.each([0, 1])('takes an input of %i rows', async (rows) => {
  const p = pipeline();
  const sink = p
    .source(fromIterable(SCHEMA, valueRows(rows), { orderedOn: 'value' }))
    .plus({ n: 1 })
    .collect();
  const job = run(sink, OPTIONS);
  expect(await job.done).toMatchObject({ rowsIn: rows, rowsOut: rows });
  expect((await job.table(sink)).schema.fields.map((field) => field.name)).toEqual(['value']);
});

it('cuts what a registered source gives into batches of bounded size', async () => {
  const sink = pipeline().source(numbers, { splits: 2, each: 70_000 }).sizes().collect();
  const job = run(sink, OPTIONS);
  expect(valuesOf(await job.rows(sink))).toEqual([65_536, 4464, 65_536, 4464]);
});
