import { existsSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Fields, openStore } from '@spillway/core';
import { mergeStaged } from '@spillway/core/files';
import {
  checkFileSink,
  commitSink,
  createArena,
  discardSink,
  readSnapshot,
  type StoreRunner,
} from '@spillway/core/internal';
import { describe, expect, test } from 'vitest';

import { liveFiles } from '../../../../support/duckdb.ts';
import { temporaryFolder } from '../../../../support/temporary-folder.ts';
import { type Row, readRows, stageRows, storeSpec, writeRows } from '../write-rows.ts';

const key = { freq: '1h' };
const fields: Fields = [
  { name: 'ts', type: 'timestamp[ms, UTC]', nullable: false },
  { name: 'n', type: 'int32', nullable: true },
];

function rowsFrom(first: number, count: number): Row[] {
  return Array.from({ length: count }, (_, i) => ({ ts: BigInt(first + i), n: first + i }));
}

async function stored(root: string): Promise<Row[]> {
  return readRows(await (await openStore(root)).dataset(key));
}

describe('append', () => {
  test('adds rows behind those stored, the last of which may be equal to the first', async () => {
    const root = temporaryFolder();
    await writeRows(root, key, fields, rowsFrom(0, 10));
    expect(await writeRows(root, key, fields, rowsFrom(9, 5), { mode: 'append' })).toEqual({
      version: 1,
      rows: 5,
      files: 1,
      rowsRewritten: 0,
      overlaps: false,
    });
    expect(await stored(root)).toEqual([...rowsFrom(0, 10), ...rowsFrom(9, 5)]);
  });

  test('is refused where it would overlap, and changes nothing', async () => {
    const root = temporaryFolder();
    await writeRows(root, key, fields, rowsFrom(0, 10));
    const before = readdirSync(root, { recursive: true }).sort();
    await expect(writeRows(root, key, fields, rowsFrom(8, 5), { mode: 'append' })).rejects.toMatchObject({
      code: 'ERR_STORE_OVERLAP',
      value: '1970-01-01T00:00:00.008Z',
      expected: 'at least 1970-01-01T00:00:00.009Z',
      hint: expect.stringContaining('overwrite'),
    });
    expect(readdirSync(root, { recursive: true }).sort()).toEqual(before);
  });

  test('of no rows makes no version', async () => {
    const root = temporaryFolder();
    await writeRows(root, key, fields, rowsFrom(0, 10));
    expect(await writeRows(root, key, fields, [])).toMatchObject({ version: 0, rows: 0, files: 0 });
  });

  test('of other columns is refused, before any row is written', async () => {
    const root = temporaryFolder();
    await writeRows(root, key, fields, rowsFrom(0, 1));
    const wider: Fields = [...fields, { name: 'x', type: 'float64', nullable: true }];
    await expect(checkFileSink(storeSpec(root, key), wider)).rejects.toMatchObject({
      code: 'ERR_SCHEMA',
      expected: 'ts timestamp[ms, UTC], n int32',
    });
  });

  test('in another order is refused', async () => {
    const root = temporaryFolder();
    await writeRows(root, key, fields, rowsFrom(0, 1));
    await expect(checkFileSink(storeSpec(root, key, { orderedOn: 'n' }), fields)).rejects.toMatchObject({
      code: 'ERR_SCHEMA',
    });
  });

  test('of nulls into a column without is refused', async () => {
    const root = temporaryFolder();
    const strict: Fields = fields.map((field) => ({ ...field, nullable: false }));
    await writeRows(root, key, strict, rowsFrom(0, 1));
    await expect(writeRows(root, key, fields, [{ ts: 5n, n: null }])).rejects.toMatchObject({
      code: 'ERR_SCHEMA',
      column: 'n',
    });
  });
});

describe('overwrite', () => {
  test('replaces the rows, and the columns, in one commit', async () => {
    const root = temporaryFolder();
    await writeRows(root, key, fields, rowsFrom(0, 10), { rowGroupTarget: 4 });
    const other: Fields = [{ name: 'ts', type: 'timestamp[us]', nullable: false }];
    expect(await writeRows(root, key, other, [{ ts: 7n }], { mode: 'overwrite' })).toMatchObject({
      version: 1,
      rows: 1,
      files: 1,
    });
    const dataset = await (await openStore(root)).dataset(key);
    expect(dataset.fields).toEqual(other);
    expect(await readRows(dataset)).toEqual([{ ts: 7n }]);
    expect(liveFiles(dataset.path)).toHaveLength(1);
  });

  test('the version before can still be read', async () => {
    const root = temporaryFolder();
    await writeRows(root, key, fields, rowsFrom(0, 10), { metadata: { by: 'first' } });
    await writeRows(root, key, fields, rowsFrom(3, 1), { mode: 'overwrite', metadata: { by: 'second' } });
    const before = await (await openStore(root)).dataset(key, { version: 0 });
    expect(before.metadata).toEqual({ by: 'first' });
    expect(await readRows(before)).toEqual(rowsFrom(0, 10));
  });

  test('with no rows leaves an empty dataset', async () => {
    const root = temporaryFolder();
    await writeRows(root, key, fields, rowsFrom(0, 10));
    await writeRows(root, key, fields, [], { mode: 'overwrite' });
    expect(await stored(root)).toEqual([]);
  });
});

describe('staged rows', () => {
  test('are not there before the commit, and leave nothing when they are discarded', async () => {
    const root = temporaryFolder();
    const spec = storeSpec(root, key);
    const staged = await stageRows(spec, fields, rowsFrom(0, 10));
    expect(await (await openStore(root)).has(key)).toBe(false);
    await discardSink(spec, staged.staging);
    expect(readdirSync(root)).toEqual([]);
  });

  test('leave no staging folder behind when they are committed', async () => {
    const root = temporaryFolder();
    await writeRows(root, key, fields, rowsFrom(0, 10));
    expect(readdirSync(join(root, 'freq=1h')).filter((name) => !name.endsWith('.parquet'))).toEqual(['_delta_log']);
  });

  test('rows out of order are refused with row and values', async () => {
    const root = temporaryFolder();
    await expect(
      writeRows(root, key, fields, [...rowsFrom(5, 3), ...rowsFrom(0, 1)], { batchRows: 2 }),
    ).rejects.toMatchObject({
      code: 'ERR_INPUT_UNORDERED',
      row: 3,
      column: 'ts',
      value: '1970-01-01T00:00:00.000Z',
    });
    expect(readdirSync(root)).toEqual([]);
  });

  test('files are cut at rowGroupTarget, and earlier at the memory limit', async () => {
    const root = temporaryFolder();
    await writeRows(root, { a: '1' }, fields, rowsFrom(0, 2500), { rowGroupTarget: 1000, batchRows: 300 });
    await writeRows(root, { a: '2' }, fields, rowsFrom(0, 2500), { memoryLimitBytes: 6000, batchRows: 250 });
    const store = await openStore(root);
    expect((await store.dataset({ a: '1' })).files().map((file) => file.rows)).toEqual([1000, 1000, 500]);
    expect((await store.dataset({ a: '2' })).files().map((file) => file.rows)).toEqual([500, 500, 500, 500, 500]);
  });
});

describe('several writers', () => {
  test('two appends that both fit are both kept', async () => {
    const root = temporaryFolder();
    await writeRows(root, key, fields, rowsFrom(0, 3));
    const [a, b] = [
      await stageRows(storeSpec(root, key, { mode: 'append' }), fields, rowsFrom(10, 3)),
      await stageRows(storeSpec(root, key, { mode: 'append' }), fields, rowsFrom(12, 3)),
    ];
    const table = join(root, 'freq=1h');
    // The second writer has read version 0 when the first commits version 1: linking its own version 1 fails.
    const [first, second] = await Promise.allSettled([commitSink(a), commitSink(b)]);
    const kept = [first, second].filter((outcome) => outcome.status === 'fulfilled');
    expect(kept.length).toBeGreaterThanOrEqual(1);
    for (const outcome of [first, second]) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'ERR_STORE_OVERLAP' });
    }
    expect((await readSnapshot(table))?.version).toBe(kept.length);
    expect(await stored(root)).toHaveLength(3 + 3 * kept.length);
  });

  test('many appends of equal rows: none is lost, none is half there', async () => {
    const root = temporaryFolder();
    const same = [{ ts: 5n, n: 1 }];
    const staged = await Promise.all(Array.from({ length: 8 }, () => stageRows(storeSpec(root, key), fields, same)));
    const summaries = await Promise.all(staged.map((each) => commitSink(each)));
    expect(summaries.map((summary) => summary.version).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    const dataset = await (await openStore(root)).dataset(key);
    expect(dataset.files()).toHaveLength(8);
    expect(dataset.rows).toBe(8);
  });

  test('an overwrite that another commit came before is refused', async () => {
    const root = temporaryFolder();
    await writeRows(root, key, fields, rowsFrom(0, 3));
    const staged = await Promise.all(
      [1, 2, 3].map((i) => stageRows(storeSpec(root, key, { mode: 'overwrite' }), fields, rowsFrom(i, 1))),
    );
    const outcomes = await Promise.allSettled(staged.map((each) => commitSink(each)));
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'ERR_STORE_CONFLICT' });
    const kept = outcomes.filter((outcome) => outcome.status === 'fulfilled').length;
    expect(kept).toBeGreaterThanOrEqual(1);
    const dataset = await (await openStore(root)).dataset(key);
    expect(dataset.version).toBe(kept);
    expect(readdirSync(dataset.path).filter((name) => name.endsWith('.parquet'))).toHaveLength(1 + kept);
  });
});

describe('what a crash leaves', () => {
  test('temporary commits, staged rows and unnamed files are not seen', async () => {
    const root = temporaryFolder();
    await writeRows(root, key, fields, rowsFrom(0, 3));
    const folder = join(root, 'freq=1h');
    writeFileSync(join(folder, '_delta_log', '.00000000000000000001.json.abc.tmp'), '{"add":');
    mkdirSync(join(folder, '_staging', 'dead'), { recursive: true });
    writeFileSync(join(folder, '_staging', 'dead', '000000.parquet'), 'PAR1');
    writeFileSync(join(folder, 'part-00000-0123.parquet'), 'PAR1');
    expect(await (await openStore(root)).datasets()).toEqual([key]);
    expect(await stored(root)).toEqual(rowsFrom(0, 3));
    await writeRows(root, key, fields, rowsFrom(3, 3));
    expect(await stored(root)).toEqual(rowsFrom(0, 6));
  });

  test('a log folder without a version is no dataset yet', async () => {
    const root = temporaryFolder();
    mkdirSync(join(root, 'freq=1h', '_delta_log'), { recursive: true });
    expect(await (await openStore(root)).has(key)).toBe(false);
    await writeRows(root, key, fields, rowsFrom(0, 3));
    expect(await stored(root)).toEqual(rowsFrom(0, 3));
  });

  test('a Parquet sink leaves its file only when it is committed', async () => {
    const folder = temporaryFolder();
    const spec = {
      type: 'file',
      path: join(folder, 'out.parquet'),
      format: { kind: 'parquet', compression: 'zstd', rowGroupRows: 1000 },
    } as const;
    const staged = await stageRows(spec, fields, rowsFrom(0, 10));
    expect(existsSync(spec.path)).toBe(false);
    writeFileSync(join(folder, `.${staged.staging.split('/').at(-1)}.dead.tmp`), '');
    await discardSink(spec, staged.staging);
    expect(readdirSync(folder)).toEqual([]);
    expect(await commitSink(await stageRows(spec, fields, rowsFrom(0, 10)))).toMatchObject({ rows: 10 });
    expect(readdirSync(folder)).toEqual(['out.parquet']);
    rmSync(spec.path);
  });
});

describe('a long merge beside many short ones', () => {
  /** Merges as in this thread, once another has been quicker; where nobody may be, after half a second. */
  function slowRunner(othersDone: () => number): StoreRunner {
    return {
      async merge(task) {
        const before = othersDone();
        for (let waitedMs = 0; waitedMs < 500 && othersDone() === before; waitedMs += 5)
          await new Promise((resolve) => setTimeout(resolve, 5));
        return mergeStaged(createArena(), 0, task);
      },
      stageForeign: () => Promise.reject(new Error('there are no files of others')),
      checkpoint: () => Promise.resolve(),
    };
  }

  test('comes to its end: who was second some times has the turn, and others wait', async () => {
    const root = temporaryFolder();
    await writeRows(root, key, fields, rowsFrom(0, 100));
    const staged = await stageRows(storeSpec(root, key), fields, rowsFrom(20, 10));
    let isDone = false;
    let others = 0;
    const long = commitSink(
      staged,
      slowRunner(() => others),
    ).finally(() => {
      isDone = true;
    });
    for (; !isDone; others += 1) await writeRows(root, key, fields, rowsFrom(200 + others, 1), { mode: 'append' });
    expect(await long).toMatchObject({ rows: 10 });
    expect(others).toBeGreaterThanOrEqual(3);
    expect(await stored(root)).toHaveLength(110 + others);
    expect(readdirSync(join(root, 'freq=1h', '_delta_log')).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('a turn that its holder has left behind keeps nobody', async () => {
    const root = temporaryFolder();
    await writeRows(root, key, fields, rowsFrom(0, 10));
    const turn = join(root, 'freq=1h', '_delta_log', '.turn');
    writeFileSync(turn, '');
    const before = new Date(Date.now() - 60_000);
    utimesSync(turn, before, before);
    expect(await writeRows(root, key, fields, rowsFrom(20, 1))).toMatchObject({ version: 1 });
  });
});
