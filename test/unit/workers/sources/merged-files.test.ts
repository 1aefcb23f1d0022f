import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { agg, createPipeline, readArrow, readCsv, readNdjson, readParquet, type Source } from '@spillway/core';
import { runReference } from '@spillway/core/internal';
import { run } from '@spillway/workers';
import { Int64, RecordBatchFileWriter, Table, Utf8, vectorFromArray } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { quote, sql } from '#support/duckdb';
import { type SeededRandom, seededRandom } from '#support/random';
import { temporaryFolder } from '#support/temporary-folder';

interface Row {
  ts: bigint;
  from: string;
}

/** Rows of some files, each in order; equal times within and between them. */
function randomFiles(random: SeededRandom, files: number, rows: number): Row[][] {
  return Array.from({ length: files }, (_, file) => {
    let ts = BigInt(random.integer(0, rows));
    return Array.from({ length: random.integer(0, rows) }, (__, row) => {
      ts += BigInt(random.integer(0, 3));
      return { ts, from: `${file}:${row}` };
    });
  });
}

const WRITERS: Record<string, (path: string, rows: readonly Row[]) => void | Promise<unknown>> = {
  csv: (path, rows) => writeFileSync(path, `ts,from\n${rows.map(({ ts, from }) => `${ts},${from}\n`).join('')}`),
  ndjson: (path, rows) => writeFileSync(path, rows.map(({ ts, from }) => `{"ts":${ts},"from":"${from}"}\n`).join('')),
  arrow: (path, rows) => {
    const columns = {
      ts: vectorFromArray(
        rows.map(({ ts }) => ts),
        new Int64(),
      ),
      from: vectorFromArray(
        rows.map(({ from }) => from),
        new Utf8(),
      ),
    };
    writeFileSync(path, RecordBatchFileWriter.writeAll(new Table(columns)).toUint8Array(true));
  },
  parquet: (path, rows) => {
    const values = rows.map(({ ts, from }) => `(${ts}, '${from}')`).join(', ');
    const table = rows.length > 0 ? `(VALUES ${values}) t(ts, "from")` : '(SELECT 0 AS ts, \'\' AS "from" WHERE false)';
    return sql(`COPY (SELECT ts::BIGINT AS ts, "from" FROM ${table}) TO ${quote(path)} (FORMAT parquet)`);
  },
};

const OPTIONS = { orderedOn: 'ts', overlap: 'merge', schema: { ts: 'int64', from: 'utf8' } } as const;
type Columns = { ts: 'int64'; from: 'utf8' };
const READERS: Record<string, (paths: string[]) => Source<Columns>> = {
  csv: (paths) => readCsv(paths, OPTIONS),
  ndjson: (paths) => readNdjson(paths, OPTIONS),
  arrow: (paths) => readArrow(paths, OPTIONS),
  parquet: (paths) => readParquet(paths, OPTIONS),
};

async function writeFiles(format: string, files: readonly (readonly Row[])[]): Promise<string[]> {
  const folder = temporaryFolder();
  const paths = files.map((_, index) => join(folder, `${index}.${format}`));
  for (const [index, rows] of files.entries()) await WRITERS[format]?.(paths[index] as string, rows);
  return paths;
}

async function rowsOf(source: Source<Columns>, workers: number): Promise<unknown[]> {
  const sink = createPipeline({ memoryLimit: '512MiB' }).source(source).collect();
  const job = run([sink], { workers });
  await job.done;
  return job.rows(sink);
}

describe('files that overlap', () => {
  it.each(['csv', 'ndjson', 'arrow', 'parquet'] as const)('of %s are one ordered stream', async (format) => {
    const files = randomFiles(seededRandom(), 4, 300);
    files[1] = [];
    const paths = await writeFiles(format, files);
    // A stable sort: of equal rows the first file's are first.
    const expected = files.flat().sort((left, right) => (left.ts < right.ts ? -1 : left.ts > right.ts ? 1 : 0));
    for (const workers of [1, 2])
      expect(await rowsOf((READERS[format] as (typeof READERS)[string])(paths), workers)).toEqual(expected);
  });

  it('are aggregated as the reference executor does, also where nothing else reads the ordered column', async () => {
    const paths = await writeFiles('parquet', randomFiles(seededRandom(), 3, 2000));
    const build = () => {
      const rows = createPipeline().source(readParquet(paths, OPTIONS));
      const { bins } = rows.aggStream({
        ...{ orderedOn: 'ts', aggregations: { bins: { every: 100, columns: { n: agg.count() } } } },
      });
      return [bins.collect(), rows.select('from').collect()];
    };
    const { outputs } = await runReference(build());
    const sinks = build();
    const job = run(sinks, { workers: 2 });
    await job.done;
    for (const [index, sink] of sinks.entries()) {
      const rows = (await job.rows(sink as never)) as object[];
      expect(rows.map((row) => Object.values(row))).toEqual(outputs[index]?.batches.flat());
    }
  });

  it('are refused, with a hint, where that is not asked for', async () => {
    const rows = [3n, 1n].map((ts) => [{ ts, from: 'x' }]);
    const options = { ...OPTIONS, overlap: 'refuse' } as const;
    const readers = { csv: readCsv<typeof options>, parquet: readParquet<typeof options> };
    for (const [format, read] of Object.entries(readers)) {
      const paths = await writeFiles(format, rows);
      await expect(rowsOf(read(paths, options), 1)).rejects.toMatchObject({
        ...{ code: 'ERR_INPUT_UNORDERED', file: paths[1] },
        hint: expect.stringContaining("overlap: 'merge'"),
      });
    }
  });

  it('need an ordered column', () => {
    expect(() => readCsv('a.csv', { overlap: 'merge' })).toThrow(/overlap is given without orderedOn/);
    expect(() => readCsv('a.csv', { ...OPTIONS, onBadRow: { rejects: 'bad.csv' } })).toThrow(/file of rejects/);
  });

  it('are not too many', async () => {
    const paths = await writeFiles(
      'csv',
      Array.from({ length: 65 }, () => []),
    );
    await expect(rowsOf(readCsv(paths, OPTIONS), 1)).rejects.toThrow(/65 files cannot be merged/);
  });
});
