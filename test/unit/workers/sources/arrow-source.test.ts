import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ArrowOptions, agg, createPipeline, readArrow } from '@spillway/core';
import { runReference } from '@spillway/core/internal';
import { run } from '@spillway/workers';
import {
  Float64,
  Int64,
  RecordBatchFileWriter,
  RecordBatchStreamWriter,
  Table,
  tableFromArrays,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../support/random.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

// Written by pyarrow 22 and polars 1: 300 rows, in record batches of 128 (files), 100 (streams) and 170 (wide) rows.
const fixtures = fileURLToPath(new URL('../../../fixtures/arrow', import.meta.url));
const ROWS = 300;
type Row = Record<string, unknown>;

async function readRows(paths: string | string[], options: ArrowOptions = {}, workers = 2): Promise<Row[]> {
  const sink = createPipeline({ memoryLimit: '256MiB' }).source(readArrow(paths, options)).collect();
  const job = run([sink], { workers });
  await job.done;
  return (await job.rows(sink)) as Row[];
}

const fixture = (name: string): string => join(fixtures, name);
const range = (make: (row: number) => Row): Row[] => Array.from({ length: ROWS }, (_, row) => make(row));

/** What the files of all types hold. */
function everyType(row: number): Row {
  return {
    ts: 1_704_067_200_000_000n + BigInt(row) * 1000n,
    num: row % 7 === 3 ? null : BigInt(row * 3 - 400),
    txt: row % 11 === 5 ? null : (row % 3 === 0 ? 'a' : 'Zürich ').repeat(row % 5),
    f: row / 8,
    b: row % 13 === 1 ? null : row % 2 === 0,
    d: row % 17 === 0 ? null : ['x', 'yy', '日本'][row % 3],
    dec: `${Math.floor(row / 100)}.${String(row % 100).padStart(2, '0')}`,
    ls: row % 9 === 2 ? null : Array.from({ length: row % 4 }, (_, index) => index),
    lst: Array.from({ length: row % 3 }, () => 'p'.repeat(row % 3)),
    day: row,
  };
}

function wide(row: number): Row {
  return {
    large: row % 5 === 2 ? null : `text ${row}`,
    view: row % 4 === 1 ? null : row % 2 === 1 ? 'short' : `a text that is longer than twelve ${row}`,
    bin: Uint8Array.of(row % 256, 255),
    ll: [row],
    u: row,
    fx: Uint8Array.from(Buffer.from('abcd')),
    dur: BigInt(row),
    tz: BigInt(row),
  };
}

describe('readArrow', () => {
  it.each(['plain.arrow', 'plain.arrows', 'lz4.arrow', 'lz4.arrows', 'zstd.arrow', 'zstd.arrows'])(
    'reads %s, whatever the logical batches are',
    async (name) => {
      for (const batchRows of [65_536, 77, 3])
        expect(await readRows(fixture(name), { batchRows })).toEqual(range(everyType));
    },
  );

  it.each(['wide-plain.arrow', 'wide-zstd.arrow'])('reads large and viewed texts of %s', async (name) => {
    const columns = ['large', 'view', 'bin', 'll', 'u', 'fx', 'dur', 'tz'];
    expect(await readRows(fixture(name), { columns, batchRows: 50 })).toEqual(range(wide));
  });

  it.each(['polars-newest.arrow', 'polars-oldest.arrow'])('reads %s', async (name) => {
    expect(await readRows(fixture(name))).toEqual(
      range((row) => ({
        ...{ ts: BigInt(row), s: row % 3 === 0 ? null : `row ${row} of a polars frame` },
        ...{ c: ['u', 'v', 'w'][row % 3], x: row * 1.5 },
      })),
    );
  });

  it('follows dictionaries that grow and that are replaced', async () => {
    const words = await readRows(fixture('deltas.arrows'), { batchRows: 2 });
    expect(words.map(({ d }) => d).join('')).toBe('babcabyzy');
  });

  it('names columns that cannot be read, unless they are left out', async () => {
    const reading = readRows(fixture('wide-plain.arrow'));
    await expect(reading).rejects.toMatchObject({ code: 'ERR_TYPE_UNSUPPORTED', column: 's' });
    await expect(reading).rejects.toThrow(/"s" of .* cannot be read: a column of type struct/);
    await expect(readRows(fixture('wide-plain.arrow'), { columns: ['half'] })).rejects.toThrow(/a column of type null/);
  });

  it('gives what the reference executor gives, from large record batches and many small ones', async () => {
    const folder = temporaryFolder();
    const rows = 150_000;
    const table = (from: number, count: number) =>
      new Table({
        t: vectorFromArray(
          Array.from({ length: count }, (_, row) => BigInt(from + row)),
          new Int64(),
        ),
        key: vectorFromArray(
          Array.from({ length: count }, (_, row) => `k${(from + row) % 7}`),
          new Utf8(),
        ),
        v: vectorFromArray(
          Array.from({ length: count }, (_, row) => (from + row) / 16),
          new Float64(),
        ),
      });
    const large = join(folder, 'a.arrow');
    writeFileSync(large, RecordBatchFileWriter.writeAll(table(0, rows)).toUint8Array(true));
    const batches = Array.from({ length: 600 }, (_, index) => table(rows + 5 * index, 5).batches).flat();
    const small = join(folder, 'b.arrows');
    writeFileSync(small, RecordBatchStreamWriter.writeAll(batches).toUint8Array(true));
    const build = () =>
      createPipeline()
        .source(readArrow([large, small], { orderedOn: 't', batchRows: 10_000 }))
        .aggStream({
          ...{ orderedOn: 't', by: ['key'] },
          aggregations: { bins: { every: 1000, columns: { n: agg.count(), sum: agg.sum('v') } } },
        })
        .bins.collect();
    const { outputs } = await runReference([build()]);
    for (const workers of [1, 2]) {
      const sink = build();
      const job = run([sink], { workers });
      await job.done;
      expect((await job.rows(sink)).map((row) => Object.values(row as Row))).toEqual(outputs[0]?.batches.flat());
    }
  });

  it('names the file, the row and both values where the order is lost', async () => {
    const path = join(temporaryFolder(), 'a.arrow');
    const t = BigInt64Array.from({ length: 100_000 }, (_, row) => BigInt(row === 70_000 ? 7 : row));
    writeFileSync(path, RecordBatchFileWriter.writeAll(tableFromArrays({ t })).toUint8Array(true));
    const reading = readRows(path, { orderedOn: 't' });
    await expect(reading).rejects.toMatchObject({ code: 'ERR_INPUT_UNORDERED', file: path, row: 70_000, value: '7' });
  });

  it('refuses files that are cut off, by name', async () => {
    for (const name of ['plain.arrow', 'plain.arrows']) {
      const bytes = readFileSync(fixture(name));
      const path = join(temporaryFolder(), name);
      for (const part of [0.3, 0.7, 0.99]) {
        writeFileSync(path, bytes.subarray(0, Math.floor(bytes.length * part)));
        await expect(readRows(path)).rejects.toMatchObject({ code: 'ERR_FILE_TRUNCATED', file: path });
      }
    }
    const path = join(temporaryFolder(), 'text.arrow');
    writeFileSync(path, 'a,b\n1,2\n');
    await expect(readRows(path)).rejects.toMatchObject({ code: 'ERR_FILE_FORMAT', file: path });
  });

  it('gives rows or a refusal for damaged files, never anything else', async () => {
    const random = seededRandom();
    const path = join(temporaryFolder(), 'damaged.arrow');
    for (let round = 0; round < 30; round++) {
      const bytes = readFileSync(
        fixture(random.pick(['plain.arrow', 'lz4.arrows', 'zstd.arrow', 'polars-newest.arrow'])),
      );
      for (let flips = random.integer(1, 6); flips > 0; flips--)
        bytes[random.integer(0, bytes.length - 1)] = random.integer(0, 255);
      writeFileSync(path, bytes);
      const outcome = await readRows(path).then(
        () => 'rows',
        (error: { code?: string }) => error.code,
      );
      expect(outcome).toMatch(/^(rows|ERR_(FILE_FORMAT|FILE_TRUNCATED|VALUE|SCHEMA|TYPE_UNSUPPORTED|MEMORY_\w+))$/);
    }
  });
});
