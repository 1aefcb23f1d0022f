import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { agg, type CsvOptions, col, createPipeline, readCsv, type Shape } from '@spillway/core';
import { runReference } from '@spillway/core/internal';
import { run } from '@spillway/workers';
import { describe, expect, it } from 'vitest';
import { oddFiles, TOLD } from '../../../support/odd-files.ts';
import { seededRandom } from '../../../support/random.ts';
import { sharedCases } from '../../../support/shared-cases.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

async function readRows(
  paths: string | string[],
  options: CsvOptions = {},
  workers = 2,
): Promise<Record<string, unknown>[]> {
  const sink = createPipeline({ memoryLimit: '256MiB' }).source(readCsv(paths, options)).collect();
  const job = run([sink], { workers });
  await job.done;
  return (await job.rows(sink)) as Record<string, unknown>[];
}

function fileOf(text: string | Buffer, name = 'rows.csv'): string {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, text);
  return path;
}

/** Some megabytes of ticks: more than one chunk, with quoted texts that hold line ends. */
function ticks(rows: number): string {
  const random = seededRandom();
  const lines = ['ts,symbol,price,note'];
  for (let row = 0; row < rows; row++) {
    const note = random.chance(0.05) ? '"two\nlines, ""quoted"""' : 'plain';
    const time = new Date(1_704_067_200_000 + row * 250).toISOString();
    lines.push(`${time},${random.pick(['A', 'B', 'C'])},${(random.next() * 100).toFixed(3)},${note}`);
  }
  return `${lines.join('\n')}\n`;
}

describe('readCsv', () => {
  it('gives what the reference executor gives, on one lane and on several', async () => {
    const path = fileOf(ticks(60_000));
    const schema = { ts: 'timestamp[us]', symbol: 'utf8', price: 'float64', note: 'utf8' } as const;
    const build = () => {
      const source = createPipeline().source(readCsv(path, { orderedOn: 'ts', schema, batchRows: 10_000 }));
      const aggregations = {
        hourly: { every: '1h', columns: { n: agg.count(), last: agg.last('price'), sum: agg.sum('price') } },
      };
      return source
        .filter(col('note').eq('plain').not())
        .aggStream({ orderedOn: 'ts', by: ['symbol'], aggregations })
        .hourly.collect();
    };
    const { outputs } = await runReference([build()]);
    for (const workers of [1, 2, 4]) {
      const sink = build();
      const job = run([sink], { workers });
      await job.done;
      expect((await job.rows(sink)).map((row) => Object.values(row))).toEqual(outputs[0]?.batches.flat());
    }
  });

  it('cuts logical batches by rows of the source, across files and chunks', async () => {
    const paths = [30_000, 5, 41_000].map((rows) => fileOf(ticks(rows)));
    const sizes: number[] = [];
    const sink = createPipeline()
      .source(readCsv(paths, { columns: ['price'], batchRows: 7_000 }))
      .memoryBuffer({ iterMax: 4 })
      .forEach((batch) => void sizes.push(batch.numRows));
    await run([sink], { workers: 2 }).done;
    expect(sizes).toEqual([28_000, 28_000, 15_005]);
  });

  it('finds columns by name, in files with other orders of columns', async () => {
    const paths = [fileOf('a,b,c\n1,x,2\n'), fileOf('c,extra,a\n4,,3\n')];
    expect(await readRows(paths, { schema: { c: 'int8', a: 'int64' } })).toEqual([
      { c: 2, a: 1n },
      { c: 4, a: 3n },
    ]);
  });

  it('guesses types and the delimiter from a sample', async () => {
    const path = fileOf('when;what;size;ok;zip\n2024-01-05;"a;b";1.5;true;01234\n2024-01-06;;2;false;99999\n');
    expect(await readRows(path)).toEqual([
      { when: 19_727, what: 'a;b', size: 1.5, ok: true, zip: '01234' },
      { when: 19_728, what: null, size: 2, ok: false, zip: '99999' },
    ]);
  });

  it('names the file, the row and both values where the order is lost between two chunks', async () => {
    const rows = Array.from({ length: 200_000 }, (_, row) => `${row === 150_000 ? 7 : row},x`);
    const path = fileOf(`t,v\n${rows.join('\n')}\n`);
    await expect(readRows(path, { orderedOn: 't' })).rejects.toMatchObject({
      code: 'ERR_INPUT_UNORDERED',
      file: path,
      row: 150_000,
      value: '7',
    });
  });

  it('tells the first of several bad rows, whichever lane meets one first', async () => {
    const rows = Array.from({ length: 300_000 }, (_, row) =>
      row > 40_000 && row % 1000 === 0 ? `x${row},1` : `${row},1`,
    );
    const path = fileOf(`t,v\n${rows.join('\n')}\n`);
    const reading = readRows(path, { schema: { t: 'int64', v: 'int64' } });
    await expect(reading).rejects.toMatchObject({ code: 'ERR_VALUE', row: 41_000, column: 't', value: 'x41000' });
    await expect(reading).rejects.toThrow(/line 41002: column "t": "x41000" is no int64/);
  });
});

describe('bad rows', () => {
  /** 60,000 rows in two chunks, of which every thousandth is no number and every 1,500th has a field too many. */
  const lines = Array.from({ length: 60_000 }, (_, row) => {
    if (row % 1000 === 7) return `none${row},${'x'.repeat(30)}`;
    return row % 1500 === 8 ? `${row},"y",z` : `${row},${'x'.repeat(30)}`;
  });
  const text = `t,v\n${lines.join('\n')}\n`;
  const schema = { t: 'int64', v: 'utf8' } as const;

  it('are left out, counted and told', async () => {
    const sink = createPipeline()
      .source(readCsv(fileOf(text), { schema, orderedOn: 't', onBadRow: 'skip-and-report', name: 'ticks' }))
      .collect();
    const job = run([sink], { workers: 2 });
    const told: number[] = [];
    job.on('badRows', ({ source, rows }) => told.push(...rows.map(({ line }) => (source === 'ticks' ? line : -1))));
    const { sources, rowsOut } = await job.done;
    expect(sources).toMatchObject([{ name: 'ticks', badRows: 100 }]);
    expect(rowsOut).toBe(59_900);
    const expected = lines.flatMap((_, row) => (row % 1000 === 7 || row % 1500 === 8 ? [row + 2] : []));
    expect(told.sort((a, b) => a - b)).toEqual(expected);
  });

  it('are written to a file of rejects, in order', async () => {
    const rejects = join(temporaryFolder(), 'rejects.csv');
    const path = fileOf(text);
    const rows = await readRows(path, { schema, onBadRow: { rejects } });
    expect(rows.length).toBe(59_900);
    const written = readFileSync(rejects, 'utf8').split('\n');
    expect(written.length).toBe(102);
    expect(written.slice(0, 3)).toEqual([
      'file,line,reason,text',
      `"${path}",9,"column ""t"": ""none7"" is no int64","none7,${'x'.repeat(30)}"`.replace(`"${path}"`, path),
      `${path},10,3 fields where 2 are expected,"8,""y"",z"`,
    ]);
  });

  it('fail the run when there are more than were allowed', async () => {
    const reading = readRows(fileOf(text), { schema, onBadRow: 'skip-and-report', maxBadRows: 20 });
    await expect(reading).rejects.toMatchObject({ code: 'ERR_FILE_FORMAT' });
    await expect(reading).rejects.toThrow(/more than 20 rows are bad/);
  });
});

describe('compressed files', () => {
  it('are read as their text is, between files that are not', async () => {
    const text = ticks(12_000);
    const folder = temporaryFolder();
    const paths = ['a.csv', 'b.csv.gz', 'c.csv.gz'].map((name, index) => {
      const path = join(folder, name);
      // Several members are one text.
      const [head, rest] = [text.slice(0, 5000), text.slice(5000)].map((part) => gzipSync(part)) as [Buffer, Buffer];
      writeFileSync(path, index === 0 ? text : Buffer.concat([head, rest]));
      return path;
    });
    const plain = await readRows(paths[0] as string, { columns: ['price', 'note'] });
    expect(await readRows(paths, { columns: ['price', 'note'] })).toEqual([...plain, ...plain, ...plain]);
  });

  it('that are cut off, or compressed in another way, are refused by name', async () => {
    const packed = gzipSync(ticks(20_000));
    const cut = fileOf(packed.subarray(0, packed.length - 1000), 'cut.csv.gz');
    await expect(readRows(cut)).rejects.toMatchObject({ code: 'ERR_FILE_FORMAT', file: cut });
    const other = fileOf(Buffer.from('425a6839314159', 'hex'), 'other.csv.bz2');
    await expect(readRows(other)).rejects.toThrow(/compressed by bzip2/);
  });

  it('name the line of the text in refusals', async () => {
    const path = fileOf(gzipSync('t,v\n1,2\n3,4,5\n'), 'bad.csv.gz');
    await expect(readRows(path)).rejects.toThrow(`${path}, line 3: 3 fields where 2 are expected`);
  });
});

const odd = oddFiles().filter(({ format }) => format === 'csv');

describe.skipIf(odd.length === 0)('files that other readers stumble over', () => {
  const folder = sharedCases()?.path('bad', 'csv') ?? '';

  it.each(odd)('$file: $why', async ({ file, path, expect: expected }) => {
    let outcome: number | string;
    try {
      outcome = (await readRows(path, TOLD[file] ?? {})).length;
    } catch (error) {
      outcome = String((error as { code?: string }).code);
    }
    if (expected.rows !== undefined) expect(outcome).toBe(expected.rows);
    else if (expected.error === true) expect(outcome).toMatch(/^ERR_(FILE_FORMAT|VALUE|SCHEMA)$/);
    else expect(typeof outcome === 'number' || outcome.startsWith('ERR_')).toBe(true);
  });

  it('names the line of what is wrong', async () => {
    const line = /line (\d+)/;
    for (const [file, expected] of [
      ['own_unclosed_quote.csv', 2],
      ['own_trailing_comma.csv', 2],
      ['own_bad_utf8.csv', 2],
      ['duckdb_error_too_little.csv', 7],
      ['duckdb_small_mix.csv', 3],
      ['duckdb_basic.csv', 5],
      ['duckdb_bad_escape.csv', 3],
      ['duckdb_multiple_errors.csv', 4],
      ['dt_530_fread.txt', 2],
      ['dt_536_fread_fill_1.txt', 6],
      ['own_bad_date.csv', 3],
      ['own_big_ints.csv', 3],
      ['own_mixed_ts_formats.csv', 4],
    ] as const) {
      const error = await readRows(join(folder, file), TOLD[file] ?? {}).catch((thrown: unknown) => thrown as Error);
      expect([file, Number(line.exec((error as Error).message)?.[1])]).toEqual([file, expected]);
    }
  });

  const int64 = { schema: { ts: 'date32', v: 'int64' } satisfies Shape };
  it('keeps int64 exact', async () => {
    const first = readFileSync(join(folder, 'own_big_ints.csv'), 'utf8').split('\n').slice(0, 2).join('\n');
    expect(await readRows(fileOf(first), int64)).toEqual([{ ts: 19_723, v: 9007199254740993n }]);
  });
});
