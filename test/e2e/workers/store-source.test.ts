import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { agg, col, createPipeline, openStore, readStore, type Source, type Store } from '@spillway/core';
import { createArena, rowsToBatch, writeCommit, writeParquetFile } from '@spillway/core/internal';
import { type RunOptions, run } from '@spillway/workers';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const OPTIONS: RunOptions = { workers: 2, debug: true };
const key = { symbol: 'AAPL' };
const schema = { ts: 'timestamp[us, UTC]', n: 'int32', tag: 'dictionary<utf8>' } as const;
const HOUR = 3_600_000_000n;
const row = (i: number) => ({ ts: BigInt(i) * HOUR, n: i, tag: `t${i % 3}` });

async function storeOf(rows: number): Promise<Store> {
  const store = await openStore(temporaryFolder());
  const all = Array.from({ length: rows }, (_, i) => row(i));
  await store.write(key, all, { schema, orderedOn: 'ts', rowGroupTarget: '1d' });
  return store;
}

/** Adds a file as another program does: out of order, and without what only we write. */
async function appendAsOther(store: Store, rows: readonly object[]): Promise<void> {
  const { path, version, fields } = await store.dataset(key);
  const arena = createArena();
  const batch = rowsToBatch(arena, 0, fields, rows as Record<string, unknown>[]);
  const options = {
    path: join(path, 'other.parquet'),
    fields,
    compression: 'snappy',
    rowGroupRows: 10,
    arena,
  } as const;
  const { bytes } = await writeParquetFile([batch], options);
  const add = { path: 'other.parquet', partitionValues: {}, size: bytes, modificationTime: 1, dataChange: true };
  await writeCommit(path, version + 1, [{ add }]);
}

const p = createPipeline({ memoryLimit: '256MiB' });

async function collected(source: Source): Promise<unknown[]> {
  const sink = p.source(source).collect();
  const job = run(sink, OPTIONS);
  await job.done;
  return (await job.table(sink)).toArray().map((each) => each.toJSON());
}

describe('a dataset as a source', () => {
  it('gives its rows in order, with the types that they were written with', async () => {
    const dataset = await (await storeOf(100)).dataset(key);
    const found = (await collected(readStore(dataset))) as { n: number; tag: string }[];
    expect(found.map(({ n, tag }) => [n, tag])).toEqual(Array.from({ length: 100 }, (_, i) => [i, `t${i % 3}`]));
  });

  it('a range reads only its files, and only its rows', async () => {
    const dataset = await (await storeOf(100)).dataset(key);
    const source = readStore(dataset, { from: '1970-01-02T06:00:00Z', to: '1970-01-03', columns: ['n'] });
    expect(source.spec).toMatchObject({ paths: [dataset.files()[1]?.path] });
    expect(await collected(source)).toEqual(Array.from({ length: 18 }, (_, i) => ({ n: 30 + i })));
    expect(await collected(readStore(dataset, { from: '1999-01-01' }))).toEqual([]);
  });

  it('needs no sort before an aggregate, and writes back into its store', async () => {
    const store = await storeOf(96);
    const days = () =>
      p
        .source(readStore(dataset, { schema: { ts: schema.ts, n: schema.n } }))
        .filter(col('n').ge(24))
        .aggStream({ orderedOn: 'ts', aggregations: { daily: { every: '1d', columns: { sum: agg.sum('n') } } } });
    let dataset = await store.dataset(key);
    await run(days().daily.toStore(store, { freq: '1d' }), OPTIONS).done;
    expect((await store.dataset({ freq: '1d' })).rows).toBe(3);
    // A correction, and the same job once more: bins replace what they were.
    await store.write(key, [{ ...row(25), n: 1000 }], { duplicatesOn: ['ts'] });
    dataset = await store.dataset(key);
    await run(days().daily.toStore(store, { freq: '1d' }), OPTIONS).done;
    const sums: number[] = [];
    for await (const batch of (await store.dataset({ freq: '1d' })).read())
      for (const { sum } of batch) sums.push(Number(sum));
    const plain = [1, 2, 3].map((day) => Array.from({ length: 24 }, (_, i) => day * 24 + i).reduce((a, b) => a + b, 0));
    expect(sums).toEqual([(plain[0] as number) + 975, plain[1], plain[2]]);
  });

  it('is the version that was opened, whatever is written meanwhile', async () => {
    const store = await storeOf(10);
    const source = readStore(await store.dataset(key), { columns: ['n'] });
    await store.write(key, [row(50)]);
    expect(await collected(source)).toHaveLength(10);
  });

  it('with files of another program in between, in order, in batches of the size asked for', async () => {
    const store = await storeOf(100);
    await appendAsOther(store, [row(150), row(20), row(20), row(-3)]);
    const dataset = await store.dataset(key);
    const from = '1970-01-01T12:00:00Z';
    const numbers = async (source: Source) => (await collected(source)).map((each) => (each as { n: number }).n);
    const all = [-3, ...Array.from({ length: 100 }, (_, i) => i), 20, 20, 150].sort((a, b) => a - b);
    expect(await numbers(readStore(dataset, { columns: ['ts', 'n'] }))).toEqual(all);
    expect(await numbers(readStore(dataset, { columns: ['n'], from }))).toEqual(all.filter((n) => n >= 12));
    const batches = p.source(readStore(dataset, { batchRows: 40 })).memoryBuffer({ iterMax: 2 });
    const job = run(batches.collect(), OPTIONS);
    const { stages } = await job.done;
    expect(stages.find(({ name }) => name === 'memoryBuffer')?.flushes).toMatchObject({ iterations: 1, end: 1 });
  });

  it('a changed byte is noticed', async () => {
    const dataset = await (await storeOf(10)).dataset(key);
    const path = dataset.files()[0]?.path ?? '';
    const bytes = readFileSync(path);
    bytes.writeUInt8(bytes.readUInt8(60) ^ 1, 60);
    writeFileSync(path, bytes);
    await expect(collected(readStore(dataset))).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT', file: path });
  });

  it('wrong options are refused', async () => {
    const dataset = await (await storeOf(2)).dataset(key);
    expect(() => readStore({} as never)).toThrow(expect.objectContaining({ code: 'ERR_OPTIONS' }));
    expect(() => readStore(dataset, { columns: ['m'] })).toThrow(
      expect.objectContaining({ code: 'ERR_COLUMN_UNKNOWN' }),
    );
    expect(() => readStore(dataset, { from: 'now' })).toThrow(expect.objectContaining({ code: 'ERR_VALUE' }));
    expect(() => readStore(dataset, { limit: 1 } as never)).toThrow(expect.objectContaining({ code: 'ERR_OPTIONS' }));
  });
});
